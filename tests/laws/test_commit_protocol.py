"""Kill the writer at every step of the commit protocol: what was said to be done is there, and whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bakehouse.core.store.crash import CRASH_POINTS, VARIABLE
from bakehouse.core.store.store import Store

PROGRAM = Path(__file__).with_name("committing.py")
STEPS = 6
NOT_OF_THE_STORE = ("private.", "copy.", "sources.", "recover.", "folder.", "run.")
POINTS = [point for point in CRASH_POINTS if not point.startswith(NOT_OF_THE_STORE)]
ONCE = {point for point in POINTS if point.startswith("create.")}
CASES = [(point, count) for point in POINTS for count in ((1,) if point in ONCE else (1, 2, 3))]


def run(folder: Path, first: int, runs: int, crash: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, VARIABLE: crash}
    command = [sys.executable, str(PROGRAM), str(folder), str(first), str(runs), str(STEPS)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def acknowledged(output: str) -> dict[str, int]:
    acks = [line.split()[1:] for line in output.splitlines() if line.startswith("ack ")]
    return {task: int(generation) for task, generation in acks}


def check(folder: Path, acks: dict[str, int], committing: ModuleType) -> None:
    """Everything acknowledged is there; everything that is there is whole and is what its step made."""
    with Store.open(folder, create=False) as store:
        assert store.problems() == []
        recorded = store.recorded()
        assert not recorded.damage
        for task, generation in acks.items():
            assert int(recorded.steps[task].key.code["steps.generation"]) >= generation, task
        for task, record in recorded.steps.items():
            generation = int(record.key.code["steps.generation"])
            made = recorded.materializations[f"value of {task}"]
            assert made.task == task
            assert store.values.read(made.value) == committing.value_of(task, generation)


@pytest.mark.parametrize(("point", "count"), CASES, ids=[f"{point}:{count}" for point, count in CASES])
def test_killed_at_a_step_of_the_protocol_nothing_said_is_lost_and_nothing_half_believed(
    point: str, count: int, tmp_path: Path, committing: ModuleType
) -> None:
    folder = tmp_path / "store"
    killed = run(folder, 0, 4, f"{point}:{count}")
    assert killed.returncode == -signal.SIGKILL, f"{point} was never passed: {killed.stderr}"
    check(folder, acknowledged(killed.stdout), committing)

    after = run(folder, 10, 1)
    assert after.returncode == 0, after.stderr
    check(folder, {f"step_{index}": 10 for index in range(STEPS)}, committing)
    with Store.open(folder) as store:
        assert {one.status for one in store.runs(100)} <= {"succeeded", "interrupted"}
        assert [path.name for path in (folder / "tmp").iterdir() if path.name.startswith("ledger")] == []


def test_without_a_crash_all_runs_are_there_and_all_that_was_made_is_acknowledged(
    tmp_path: Path, committing: ModuleType
) -> None:
    done = run(tmp_path / "store", 0, 3)
    assert done.stdout.endswith("over\n"), done.stderr
    assert acknowledged(done.stdout) == {f"step_{index}": 2 for index in range(STEPS)}
    check(tmp_path / "store", acknowledged(done.stdout), committing)
    with Store.open(tmp_path / "store") as store:
        assert [one.status for one in store.runs()] == ["succeeded"] * 3
