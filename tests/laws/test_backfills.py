"""A backfill that is killed at any moment goes on where it said it was, and ends with the same values."""

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
from typing import Any

import pytest

MONTHS = 24
YAML = """
partitions:
  month: {monthly: {start: 2012-01, end: 2013-12}}
assets:
  orders: {partitions: month, shell: 'echo "orders $PARTITION" >> journal; echo "$PARTITION" > "$OUTPUT"'}
  doubled:
    partitions: month
    deps: [orders]
    shell: 'echo "doubled $PARTITION" >> journal; cat "$orders" "$orders" > "$OUTPUT"'
  all: {deps: [doubled], shell: 'echo "all" >> journal; cat "$doubled"/* > "$OUTPUT"'}
"""
EXPECTED = "".join(f"{year}-{month:02}\n" * 2 for year in (2012, 2013) for month in range(1, 13))


class Backfill:
    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        (root / "bakehouse.yaml").write_text(YAML)
        self.command = [sys.executable, "-m", "bakehouse", "-C", str(root), "--trust"]

    def call(self, *words: str) -> list[dict[str, Any]]:
        done = subprocess.run([*self.command, *words, "--json"], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr + done.stdout
        return [json.loads(line) for line in done.stdout.splitlines()]

    def begin(self) -> subprocess.Popen[str]:
        command = [*self.command, "materialize", "--jobs", "2", "--json"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})

    @property
    def journal(self) -> Counter[str]:
        path = self.root / "journal"
        return Counter(path.read_text().splitlines()) if path.exists() else Counter()


def killed_after(backfill: Backfill, made: int, later: float) -> set[str]:
    """Runs until so many steps are said to be done, and a moment more; returns what was said to be done."""
    said: set[str] = set()
    process = backfill.begin()
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "step_succeeded":
            said.add(f"{event['task']} {event['partition']}" if event.get("partition") else event["task"])
        if len(said) >= made:
            time.sleep(later)
            break
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    for line in rest.splitlines():
        if line.endswith("}") and (event := json.loads(line))["event"] == "step_succeeded":
            said.add(f"{event['task']} {event['partition']}" if event.get("partition") else event["task"])
    return said


def holds(root: Path, seed: int, kills: int) -> None:
    dice, backfill = random.Random(seed), Backfill(root)
    said: set[str] = set()
    for _ in range(kills):
        before = backfill.journal
        now = killed_after(backfill, dice.randint(1, MONTHS // 2), dice.random() * 0.02)
        again = {step for step in said if backfill.journal[step] > before[step]}
        assert not again, f"said to be done, and done again: {sorted(again)}"
        said |= now
    before = backfill.journal
    backfill.call("materialize")
    assert not {step for step in said if backfill.journal[step] > before[step]}
    assert set(backfill.journal) == {
        *(f"{name} {line}" for name in ("orders", "doubled") for line in EXPECTED.split()),
        "all",
    }
    shown = subprocess.run([*backfill.command, "show", "all"], capture_output=True, text=True)
    assert shown.stdout == EXPECTED
    status = json.loads(
        subprocess.run([*backfill.command, "status", "--json"], capture_output=True, text=True).stdout
    )
    assert {one["fresh"] for one in status["partitions"].values()} == {MONTHS}


def test_a_backfill_that_is_killed_goes_on_where_it_said_it_was(tmp_path: Path) -> None:
    holds(tmp_path / "project", seed=1, kills=2)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2, 10))
def test_a_backfill_that_is_killed_again_and_again(tmp_path: Path, seed: int) -> None:
    holds(tmp_path / "project", seed=seed, kills=6)
