"""`kill -9` in the middle of a run: what was said to be done is done, and only the rest repeats."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

STEPS = 24
WIDTH = 4


def definitions(journal: Path) -> str:
    """Layers of steps that each write a value too large for the ledger, and note that they ran."""
    lines = ["assets:"]
    for index in range(STEPS):
        above = [
            f"n{index - WIDTH + offset}"
            for offset in (0, 1)
            if index >= WIDTH and index - WIDTH + offset >= 0
        ]
        size = 9000 + index
        command = (
            f"echo n{index} >> {journal}; sleep 0.03; "
            f'head -c {size} /dev/zero | tr "\\\\0" {chr(97 + index % 26)} > "$OUTPUT"'
        )
        lines.append(f"  n{index}: {{deps: {json.dumps(above)}, shell: {json.dumps(command)}}}")
    return "\n".join(lines) + "\n"


def start(project: Path, home: Path) -> subprocess.Popen[str]:
    environ = os.environ | {"BAKEHOUSE_TRUST": "1", "BAKEHOUSE_HOME": str(home)}
    command = [sys.executable, "-m", "bakehouse", "-C", str(project), "materialize", "--jobs", "2", "--json"]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)


def acknowledged(lines: list[str]) -> set[str]:
    done = set()
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # the line that was being written when the end came
        if event["event"] == "step_succeeded":
            done.add(event["task"])
    return done


def read_until_killed(process: subprocess.Popen[str], after: int) -> list[str]:
    """Reads the events, and kills the program once `after` of them were told."""
    assert process.stdout is not None
    lines: list[str] = []
    with process:
        for line in process.stdout:
            lines.append(line)
            if len(lines) == after:
                process.send_signal(signal.SIGKILL)
    return lines


def no_step_is_left(project: Path) -> bool:
    for process in psutil.process_iter():
        try:
            if str(project) in " ".join(process.cmdline()):
                return False
        except psutil.Error:
            continue
    return True


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_that_was_said_to_be_done_runs_twice(tmp_path: Path, seed: int) -> None:
    project, journal = tmp_path / "project", tmp_path / "journal"
    project.mkdir()
    (project / "bakehouse.yaml").write_text(definitions(journal))
    chance = random.Random(seed)
    done: set[str] = set()
    ran_before: Counter[str] = Counter()
    for _ in range(5):
        lines = read_until_killed(start(project, tmp_path / "home"), chance.randrange(2, 30))
        until = time.monotonic() + 10
        while not no_step_is_left(project) and time.monotonic() < until:
            time.sleep(0.02)
        assert no_step_is_left(project), "a step outlived the program"
        ran = Counter(journal.read_text().split()) if journal.exists() else Counter()
        again = {name for name in done if ran[name] > ran_before[name]}
        assert not again, f"{again} were said to be done and ran again"
        done |= acknowledged(lines)
        ran_before = ran
    with start(project, tmp_path / "home") as process:
        assert process.stdout is not None
        lines = process.stdout.readlines()
    assert process.returncode == 0
    ran = Counter(journal.read_text().split())
    assert not {name for name in done if ran[name] > ran_before[name]}
    assert json.loads(lines[-1])["counts"]["reused"] >= len(done)
    assert set(ran) == {f"n{index}" for index in range(STEPS)}
