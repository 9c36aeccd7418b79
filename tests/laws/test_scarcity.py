"""Little of everything: descriptors, processes, file size, memory, environment, deep stacks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

YAML = """
pipeline: bread
assets:
  flour: {file: flour.csv}
  dough: {deps: [flour], python: "recipes:knead"}
  loaves: {deps: [flour], sql: "select * from flour"}
  bread: {deps: [dough], shell: 'cat "$dough" > "$OUTPUT"; echo baked'}
"""
WHOLE = {"PYTHONDONTWRITEBYTECODE": "1"}
"""Python puts a compiled module into place though a limit has cut it short: what is compiled stays out of this."""
PROGRAM = str(Path(sys.executable).with_name("bakehouse"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "bread"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(YAML)
    (folder / "recipes.py").write_text("def knead(flour): return flour.read_text()\n")
    (folder / "flour.csv").write_text("kind,kg\nrye,1\n")
    return folder


def under(limit: str, *words: str, at: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["/bin/bash", "-c", f'ulimit {limit}; exec "$@"', "limited", PROGRAM, *words]
    return subprocess.run(
        command,
        cwd=at,
        env=env | WHOLE,
        capture_output=True,
        text=True,
        timeout=240,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.case("R5")
@pytest.mark.parametrize(
    ("limit", "enough"),
    [("-n 64", True), ("-c 0", True), ("-s 256", True), ("-n 14", False), ("-n 20", False), ("-f 4", False),
     pytest.param("-f 64", None, marks=pytest.mark.full),
     pytest.param("-v 160000", None, marks=pytest.mark.full),
     pytest.param("-v 200000", None, marks=pytest.mark.full), pytest.param("-v 240000", None, marks=pytest.mark.full),
     pytest.param("-n 10", False, marks=pytest.mark.full), pytest.param("-u 30", None, marks=pytest.mark.full)],
)  # fmt: skip
def test_too_little_of_something_is_said_in_words(
    project: Path, environ: dict[str, str], limit: str, enough: bool | None
) -> None:
    done = under(limit, "materialize", at=project, env=environ)
    assert done.returncode in ({True: (0,), False: (1, 2), None: (0, 1, 2)}[enough]), done
    assert "Traceback" not in done.stdout + done.stderr, done
    if done.returncode:
        assert done.stderr.strip() or "failed:" in done.stdout, done
    again = under("-c 0", "materialize", at=project, env=environ)
    assert again.returncode == 0, "with enough of it the same project runs"


MEMORY = """
pipeline: memory
tasks:
  greedy: {outputs: [g], python: "steps:greedy"}
  killed: {outputs: [k], python: "steps:killed"}
  shelled: {outputs: [s], shell: "ulimit -v 100000; python3 -c 'bytes(10**9)'; exit $?"}
  fine: {outputs: [f], python: "steps:fine"}
"""
STEPS = """
import os, resource, signal
def greedy():
    resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
    return bytes(1 << 32)
def killed():
    os.kill(os.getpid(), signal.SIGKILL)
def fine():
    return 1
"""


@pytest.mark.case("P6")
def test_a_step_without_memory_fails_in_words_and_takes_none_along(
    project: Path, environ: dict[str, str]
) -> None:
    (project / "bakehouse.yaml").write_text(MEMORY)
    (project / "steps.py").write_text(STEPS)
    done = under("-c 0", "materialize", "--json", at=project, env=environ)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    failed = {event["task"]: event["error"] for event in told if event["event"] == "step_failed"}
    assert done.returncode == 1 and set(failed) == {"greedy", "killed", "shelled"}
    assert "MemoryError" in failed["greedy"]
    assert "killed by signal 9 (SIGKILL)" in failed["killed"]
    assert "out of memory" in failed["killed"]
    assert [event["task"] for event in told if event["event"] == "step_succeeded"] == ["fine"]


@pytest.mark.case("R8")
def test_almost_no_environment_is_enough_without_a_screen(project: Path) -> None:
    def bare(*words: str, **env: str) -> subprocess.CompletedProcess[bytes]:
        command = [PROGRAM, *words]
        return subprocess.run(
            command, cwd=project, env=env, capture_output=True, timeout=120, stdin=subprocess.DEVNULL
        )

    ran = bare("materialize", BAKEHOUSE_TRUST="1")
    assert ran.returncode == 0 and b"Traceback" not in ran.stderr, ran
    poor = {
        "LANG": "C",
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
        "TERM": "dumb",
        "COLUMNS": "20",
    }
    for words in (["ls"], [], ["graph"], ["plan"], ["why", "bread"], ["status"]):
        done = bare(*words, **poor)
        assert done.returncode == 0 and b"Traceback" not in done.stderr, (words, done)
        assert done.stdout.isascii(), words
    trusting = bare("trust")
    assert (
        trusting.returncode != 0
        and b"HOME is not set" in trusting.stderr
        and b"Traceback" not in trusting.stderr
    )


# No network file system can be mounted here: the program is told of one in the table of mounts that it reads.
MOUNTED = """
from pathlib import Path
import bakehouse.core.filesystems as filesystems
filesystems.MOUNTS = Path(__file__).with_name("mounts")
"""


@pytest.mark.case("R7")
def test_on_a_network_file_system_the_store_lies_in_ones_own_folder_or_nothing_runs(
    project: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    def mounted(on: Path, kind: str) -> dict[str, str]:
        place = str(on).replace(" ", "\\040")
        lines = ["22 1 8:1 / / rw - ext4 /dev/sda1 rw", f"23 22 0:50 / {place} rw - {kind} host:/share rw"]
        (tmp_path / "told" / "mounts").write_text("\n".join(lines) + "\n")
        return environ | {"PYTHONPATH": str(tmp_path / "told")}

    (tmp_path / "told").mkdir()
    (tmp_path / "told" / "sitecustomize.py").write_text(MOUNTED)
    done = under("-c 0", "materialize", at=project, env=mounted(project, "nfs4"))
    assert done.returncode == 0, done
    assert not (project / ".bakehouse").exists()
    (ledger,) = (tmp_path / "home" / "projects").glob("*/ledger.db")
    told = under("-c 0", "doctor", at=project, env=mounted(project, "fuse.sshfs")).stdout
    assert f"{project} lies on a network file system (fuse.sshfs), so the store is {ledger.parent}" in told
    again = under("-c 0", "materialize", "--json", at=project, env=mounted(project, "nfs4"))
    assert '"reused": 3' in again.stdout, "it is the same store the next time"
    nowhere = under("-c 0", "materialize", at=project, env=mounted(tmp_path, "cifs"))
    assert nowhere.returncode == 2 and "set BAKEHOUSE_HOME to a folder on a local disk" in nowhere.stderr
    assert "Traceback" not in nowhere.stderr
    local = under("-c 0", "materialize", at=project, env=mounted(tmp_path / "elsewhere", "nfs4"))
    assert local.returncode == 0 and (project / ".bakehouse" / "ledger.db").exists()


@pytest.mark.case("G2")
def test_no_way_through_a_long_chain_needs_a_deep_stack(tmp_path: Path, environ: dict[str, str]) -> None:
    length = 3000
    entries = {"a0": {}, **{f"a{n}": {"deps": [f"a{n - 1}"], "shell": "true"} for n in range(1, length)}}
    (tmp_path / "chain.yaml").write_text(json.dumps({"assets": entries}))
    code = (
        "import sys\nfrom bakehouse.tui.cli.program import run\nimport bakehouse.core.workbench, rich.cells\n"
    )
    code += "sys.setrecursionlimit(int(sys.argv[1])); sys.exit(run(sys.argv[2:]))\n"
    for words in (["ls", "--json"], ["plan", "--json"], ["why", f"a{length - 1}"], ["graph"],
                  ["graph", "--format", "dot"], ["ls", f"+a{length - 1}"], ["status"]):  # fmt: skip
        command = [sys.executable, "-c", code, "200", "-C", str(tmp_path / "chain.yaml"), *words]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, (words, done.stderr[-2000:])


@pytest.mark.case("G1")
@pytest.mark.full
@pytest.mark.parametrize("shape", ["chain", "star", "layered"])
def test_a_hundred_thousand_assets_are_planned(tmp_path: Path, environ: dict[str, str], shape: str) -> None:
    def deps(n: int) -> list[str]:
        if shape == "layered":
            return [f"a{n - 333 + k}" for k in (0, 1)] if n >= 333 else []
        return [] if n == 0 else [f"a{n - 1}" if shape == "chain" else "a0"]

    assets = {f"a{n}": {"deps": deps(n), "shell": "true"} for n in range(100_000)}
    (tmp_path / "many.yaml").write_text(
        "assets:\n" + "".join(f"  {k}: {json.dumps(v)}\n" for k, v in assets.items())
    )
    done = under("-c 0", "-C", str(tmp_path / "many.yaml"), "plan", "--json", at=tmp_path, env=environ)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["run"] == 100_000
