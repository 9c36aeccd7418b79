"""The far ends, tried before a release: a fork bomb, no more inodes, the longest paths, little memory, a million
records, a day of edits, kills and floods."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import psutil
import pytest
from harness.disks import mounted, sh
from harness.program import bakehouse
from harness.seeds import seeds
from harness.witness import Witness

from bakehouse.core.store.crash import CRASH_POINTS, VARIABLE
from bakehouse.core.store.ledger import LEDGER
from bakehouse.core.store.store import Store
from bakehouse.core.workbench import Workbench

pytestmark = pytest.mark.soak
NewWitness = Callable[..., Witness]
MINUTES = float(os.environ.get("BAKEHOUSE_SOAK_MINUTES", "60"))
"""How long the monkey goes on; a day before a release."""

BOMB = """
assets:
  bomb: {shell: 'b() { b & b & sleep 300; }; b & sleep 2; echo bomb > "$OUTPUT"'}
  fine: {shell: 'echo fine > "$OUTPUT"'}
"""
# Since Linux 6.14 a namespace of processes has a limit of its own; before, this would be the limit of the machine.
LIMITED = ["unshare", "-p", "-f", "--mount-proc", "sh", "-c"]
LIMIT = (
    'echo 400 > /proc/sys/kernel/pid_max; "$@"; code=$?; echo left $(ls -d /proc/[0-9]* | wc -l); exit $code'
)


@pytest.mark.case("P5")
def test_a_fork_bomb_under_a_limit_ends_with_its_step(tmp_path: Path, environ: dict[str, str]) -> None:
    version = tuple(map(int, os.uname().release.split("-")[0].split(".")[:2]))
    if version < (6, 14) or os.geteuid() != 0 or not sh(*LIMITED, "echo 400 > /proc/sys/kernel/pid_max"):
        pytest.skip("P5: no namespace of processes with a limit of its own")
    (tmp_path / "bakehouse.yaml").write_text(BOMB)

    def limited(*words: str) -> subprocess.CompletedProcess[str]:
        command = [*LIMITED, LIMIT, "sh", sys.executable, "-m", "bakehouse", "-C", str(tmp_path), *words]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=200)

    done = limited("materialize", "--json")
    *told, left = done.stdout.splitlines()
    assert "Traceback" not in done.stderr and done.returncode in (0, 1), done
    assert json.loads(told[-1])["event"] == "run_finished"
    assert int(left.removeprefix("left ")) <= 5, "the shell of the namespace, and what counts"
    assert limited("materialize", "fine").returncode == 0


@pytest.mark.case("R9")
@pytest.mark.parametrize("inodes", [8, 20, 30, 40, 60, 80])
def test_without_inodes_it_says_so_and_goes_on_when_there_are_more(
    inodes: int, witness: NewWitness, tmp_path: Path
) -> None:
    options = ("-t", "tmpfs", "-o", f"size=64m,nr_inodes={inodes}", "tmpfs")
    with mounted(tmp_path / "disk", *options) as disk:
        watched = witness(inside=disk, layers=2, pause=0, notes=tmp_path)
        ended = watched.program.run()
        told = ended.error + ended.errors
        assert ended.code in (0, 1, 2, 3) and "Traceback" not in told, told
        assert ended.code == 0 or told.strip()
        watched.hear(ended, f"({inodes} inodes: {told})")
        assert sh("mount", "-o", "remount,size=64m,nr_inodes=100000", str(disk))
        watched.finish(f"({inodes} inodes)")


@pytest.mark.case("R9")
@pytest.mark.spoils  # the path is too long for who replays the log afterwards
@pytest.mark.parametrize("length", [2000, 3700, 4000, 4080])
def test_the_longest_names_and_paths_work_or_are_refused_in_words(
    length: int, tmp_path: Path, environ: dict[str, str]
) -> None:
    name = "n" * 255
    os.chdir(tmp_path)
    here = len(str(tmp_path))
    try:
        while here + 256 < length:
            Path("d" * 200).mkdir()
            os.chdir("d" * 200)
            here += 201
        yaml = f"assets:\n  {name}: {{shell: 'head -c 100000 /dev/zero > \"$OUTPUT\"'}}\n"
        Path("bakehouse.yaml").write_text(yaml)
        for words in (["ls"], ["materialize"], ["status"], ["doctor"]):
            done = bakehouse(*words, at=Path(), env=environ)
            assert "Traceback" not in done.stderr and done.returncode in (0, 1, 2), done
            assert done.returncode == 0 or (done.stderr + done.stdout).strip()
    finally:
        os.chdir("/")


@pytest.mark.case("R11")
@pytest.mark.parametrize("megabytes", [100, 200, 400, 800])
def test_with_little_memory_a_large_project_is_shown_or_that_is_said(
    megabytes: int, tmp_path: Path, environ: dict[str, str]
) -> None:
    lines = (f"  a{n}: {{deps: [a{n // 2}], shell: 'true'}}\n" for n in range(1, 100_000))
    (tmp_path / "many.yaml").write_text("assets:\n  a0: {}\n" + "".join(lines))
    program = [sys.executable, "-m", "bakehouse", "-C", str(tmp_path / "many.yaml")]
    limited = ["prlimit", f"--as={megabytes << 20}", *program]
    for words in (["ls", "--json"], ["plan", "--json"]):
        done = subprocess.run([*limited, *words], env=environ, capture_output=True, text=True, timeout=280)
        assert done.returncode in (0, 1, 2), (words, done.returncode, done.stderr[-2000:])
        last = done.stderr.splitlines()[-2:]  # Python may complain before that it could not clean up
        assert done.returncode == 0 or "memory" in " ".join(last), done.stderr[-2000:]


@pytest.mark.case("M14")
@pytest.mark.spoils
def test_a_million_records_make_no_question_slower(tmp_path: Path, committing: ModuleType) -> None:
    folder = tmp_path / "store"
    committing.one_run(folder, 0, 10_000)
    asset = "value of step_77"

    def asked() -> float:
        times = []
        for _ in range(5):
            with Store.open(folder) as store:
                began = time.perf_counter()
                assert len(store.recorded().steps) == 10_000
                assert store.materializations(asset, 5) and len(store.runs(5)) == 1
                times.append(time.perf_counter() - began)
        return min(times)

    few = asked()
    connection = sqlite3.connect(folder / LEDGER)
    columns = "asset, task, 'old', ts, duration, codec, digest, size, version, type, metadata, inline"
    for turn in range(1, 101):
        connection.execute(f"insert into materializations select -seq - {turn} * 1000000000, {columns} "
                           "from materializations where seq > 0")  # fmt: skip
    connection.commit()
    assert connection.execute("select count(*) from materializations").fetchone()[0] >= 1_000_000
    connection.close()
    assert asked() < 3 * few


@pytest.mark.case("R12")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", seeds(5)[-1:])
def test_a_day_of_edits_kills_and_floods_breaks_no_law_and_wears_nothing_out(
    seed: int, witness: NewWitness
) -> None:
    """A bench that stays open looks on, as a screen would: its memory and its files are counted."""
    chance = random.Random(seed)
    watched = witness(layers=4, pause=0.005, loud=300_000)
    watched.finish()
    store = watched.project.folder / ".bakehouse"
    bench = Workbench.open(watched.project.folder, trust=True)
    me, end, turn = psutil.Process(), time.monotonic() + 60 * MINUTES, 0
    files, memory = 0, 0
    while time.monotonic() < end or turn < 12:
        told = f"(seed {seed}, turn {turn})"
        match chance.randrange(5):
            case 0:
                watched = watched.renewed(seed + turn)
            case 1:
                watched.hear(watched.program.run(kill_after=chance.uniform(0.1, 1.5)), told)
            case 2:
                point = f"{chance.choice(CRASH_POINTS)}:{chance.randrange(1, 4)}"
                watched.hear(watched.program.run(environment={VARIABLE: point}), f"{told} {point}")
            case 3:
                watched.finish(told)
            case _:
                done = bakehouse("gc", "--keep", "3", at=watched.project.folder, env=dict(os.environ))
                assert done.returncode == 0, done.stderr
                watched.look(told)
        bench.reload()
        bench.survey()
        assert (store / f"{LEDGER}-wal").stat().st_size < 64 << 20, told
        turn += 1
        if turn == 10:
            files, memory = me.num_fds(), me.memory_info().rss
    watched.finish(f"(seed {seed})")
    bench.survey()
    assert bench.store.problems() == []
    assert me.num_fds() <= files + 2, f"seed {seed}"
    assert me.memory_info().rss < memory + (64 << 20), f"seed {seed}"
    bench.store.close()
