"""What nobody needs is removed, and nothing else: killed at any moment, and while others read."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bakehouse.core.problems import ProjectHeld
from bakehouse.core.store.collect import collect
from bakehouse.core.store.crash import GC_POINTS, VARIABLE
from bakehouse.core.store.lock import ProjectLock
from bakehouse.core.store.store import Store

PROGRAM = Path(__file__).with_name("committing.py")
SEED = int(os.environ.get("BAKEHOUSE_SEED", random.SystemRandom().randrange(10**6)))
STEPS = 8
GC = "import sys; from pathlib import Path; from bakehouse.core.store.collect import collect\n"
GC += "print(len(collect(Path(sys.argv[1]), keep=int(sys.argv[2])).items))"


def fill(folder: Path, first: int, runs: int) -> Path:
    command = [sys.executable, str(PROGRAM), str(folder), str(first), str(runs), str(STEPS)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store after four runs, each of which made every value anew, with things that dead attempts left."""
    folder = fill(tmp_path / "store", 0, 4)
    (folder / "tmp" / "dead-attempt").mkdir()
    (folder / "tmp" / "dead-attempt" / "half").write_bytes(b"x" * 1000)
    orphan = folder / "values" / "ab"
    orphan.mkdir(exist_ok=True, mode=0o700)
    (orphan / ("ab" * 32)).write_bytes(b"never committed")
    return folder


def value_files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "values").glob("??/*")}


def all_is_there(folder: Path, committing: ModuleType, generation: int = 3) -> None:
    with Store.open(folder) as store:
        assert store.problems() == [] and not store.recorded().damage
        for index in range(STEPS):
            made = store.recorded().materializations[f"value of step_{index}"]
            assert store.values.read(made.value) == committing.value_of(f"step_{index}", generation)
            attempt = store.attempt(f"step_{index}")
            assert attempt is not None and attempt.state == "succeeded"


def test_the_current_values_and_those_of_the_last_runs_stay(folder: Path, committing: ModuleType) -> None:
    assert len(value_files(folder)) == 4 * STEPS // 2 + 1
    done = collect(folder, keep=2)
    assert done.counts["value"] == 2 * STEPS // 2 + 1 and done.counts["scratch"] >= 1
    assert len(value_files(folder)) == 2 * STEPS // 2
    assert len(list((folder / "logs").glob("*/*.log"))) == 2 * STEPS
    all_is_there(folder, committing)
    collect(folder, keep=0)
    assert len(value_files(folder)) == STEPS // 2
    all_is_there(folder, committing)
    assert collect(folder, keep=0).items == ()


def test_a_value_that_no_run_of_late_made_stays_while_it_is_current(folder: Path) -> None:
    fill_one = [sys.executable, str(PROGRAM), str(folder), "9", "1", "1"]
    subprocess.run(fill_one, check=True, capture_output=True, timeout=120)
    collect(folder, keep=1)
    with Store.open(folder) as store:
        assert store.problems() == [] and len(store.recorded().materializations) == STEPS


def test_a_dry_run_says_what_the_real_one_removes_and_removes_nothing(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "ledger" not in path.name}
    would = collect(folder, keep=1, dry_run=True)
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "ledger" not in path.name}
    after[folder / "lock"] = before[folder / "lock"]
    assert after == before
    assert collect(folder, keep=1).items == would.items
    assert would.size == sum(item.size for item in would.items) > 1000


def test_a_project_that_is_held_is_left_alone(folder: Path) -> None:
    with ProjectLock.acquire(folder, "a run"), pytest.raises(ProjectHeld):
        collect(folder, keep=0)


def killed(folder: Path, crash: str) -> int:
    command = [sys.executable, "-c", GC, str(folder), "0"]
    environ = {**os.environ, VARIABLE: crash}
    return subprocess.run(command, env=environ, capture_output=True, timeout=120).returncode


@pytest.mark.case("M13")
@pytest.mark.parametrize("point", [*GC_POINTS, "gc.removed:5", "gc.removed:13"])
def test_killed_at_any_step_it_has_lost_nothing_that_is_needed(
    folder: Path, point: str, committing: ModuleType
) -> None:
    assert killed(folder, point) == -signal.SIGKILL
    all_is_there(folder, committing)
    assert killed(folder, "") == 0
    all_is_there(folder, committing)
    assert collect(folder, keep=0).items == () and len(value_files(folder)) == STEPS // 2


@pytest.mark.case("M13")
@pytest.mark.full
def test_killed_a_hundred_times_and_runs_between_nothing_is_lost(
    tmp_path: Path, committing: ModuleType
) -> None:
    chance = random.Random(SEED)
    folder = tmp_path / "store"
    for turn in range(100):
        fill(folder, turn, 1)
        with subprocess.Popen([sys.executable, "-c", GC, str(folder), "0"], stdout=subprocess.DEVNULL) as gc:
            time.sleep(chance.uniform(0, 0.4))
            gc.kill()
        all_is_there(folder, committing, turn)


READER = """
import sys
from pathlib import Path
from bakehouse.core.store.store import Store
print("reading", flush=True)
rounds = 0
with Store.open(Path(sys.argv[1]), create=False) as store:
    while not Path(sys.argv[2]).exists():
        while True:
            recorded = store.recorded()
            current = {a: m for a, m in recorded.materializations.items()}
            read = {a: store.values.check(m.value) for a, m in current.items()}
            if {a: m.seq for a, m in store.recorded().materializations.items()} == {
                a: m.seq for a, m in current.items()
            }:
                break
        assert set(read.values()) == {None} and not recorded.damage, read
        rounds += 1
print("rounds", rounds)
"""


@pytest.mark.case("M13")
def test_who_reads_meanwhile_finds_every_current_value(folder: Path, tmp_path: Path) -> None:
    over = tmp_path / "over"
    command = [sys.executable, "-c", READER, str(folder), str(over)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None and reader.stdout.readline() == "reading\n"
        for generation in range(4, 8):
            fill(folder, generation, 1)
            collect(folder, keep=0)
        over.touch()
        told = reader.stdout.read()
    assert reader.returncode == 0 and int(told.split()[1]) > 0


@pytest.fixture
def call(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Calls the program for the project in `tmp_path/project`."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bakehouse", "-C", str(tmp_path / "project"), *arguments]
        environ = {**os.environ, "BAKEHOUSE_TRUST": "1"}
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)

    return call


def test_the_command_tells_what_it_removes_and_copies_of_code_that_may_still_run_stay(
    tmp_path: Path, call: Callable[..., Any]
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "bakehouse.yaml").write_text("pipeline: bread\n")
    for turn in range(3):
        code = f"from bakehouse import asset\n\n@asset\ndef bread():\n    return {turn!r} * 1\n"
        (project / "bread.py").write_text(code)
        assert call("materialize").returncode == 0
    copies = sorted((project / ".bakehouse" / "code").iterdir())
    assert len(copies) >= 3
    assert json.loads(call("gc", "--json").stdout)["items"] == []
    for copy in copies:
        os.utime(copy, (1e9, 1e9))
    would = json.loads(call("gc", "--dry-run", "--json").stdout)
    assert would["counts"] == {"code": 2} and would["dry_run"] is True
    assert {item["kind"] for item in would["items"]} == {"code"}
    assert sum(item["size"] for item in would["items"]) == would["size"] > 0
    assert "2  copies of code" in call("gc").stdout
    assert call("gc").stdout == "nothing to remove\n"
    assert call("materialize", "--force").returncode == 0
