"""What a node costs in things that can be counted: commits, rows and messages; more of them is slower anywhere."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.workers import crew, wire

Call = Callable[..., subprocess.CompletedProcess[str]]

NODES = 40
CHAIN = f"""
from bakehouse import asset

def node(number):
    @asset(name=f"n{{number}}", deps=[f"n{{number - 1}}"] if number else [])
    def value(**inputs):
        return number

for number in range({NODES}):
    node(number)
"""
TABLES = ("events", "materializations", "assets", "steps", "attempts", "stamps")


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    root = tmp_path / "chain"
    root.mkdir()
    (root / "bakehouse.yaml").write_text("pipeline: chain\n")
    (root / "pipeline.py").write_text(CHAIN)
    return root


def rows(root: Path) -> dict[str, int]:
    ledger = sqlite3.connect(root / ".bakehouse" / "ledger.db")
    try:
        return {name: ledger.execute(f"select count(*) from {name}").fetchone()[0] for name in TABLES}
    finally:
        ledger.close()


def at_most(commits: int) -> dict[str, str]:
    """The program dies at the commit after so many."""
    return {"BAKEHOUSE_CRASH_AT": f"ledger.committed:{commits + 1}"}


def test_a_node_costs_four_events_and_one_row_in_each_table(chain: Path, call: Call) -> None:
    done = call("materialize", at=chain)
    assert done.returncode == 0, done.stderr
    each = {"materializations": NODES, "assets": NODES, "steps": NODES, "attempts": NODES, "stamps": 0}
    assert rows(chain) == {"events": 4 * NODES + 2, **each}


def test_a_run_that_has_nothing_to_do_costs_three_events_and_three_commits_however_many_nodes(
    chain: Path, call: Call
) -> None:
    assert call("materialize", at=chain).returncode == 0
    before = rows(chain)
    done = call("materialize", at=chain, **at_most(3))
    assert done.returncode == 0, done.stderr
    assert rows(chain) == {**before, "events": before["events"] + 3}


async def test_a_step_is_one_message_back_and_orders_travel_in_batches(
    begin: Callable[..., Awaitable[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, received = [0], [0]
    send, take = crew.Worker._send, wire.Frames.feed

    def counted_send(worker: crew.Worker, data: bytes | bytearray) -> None:
        sent[0] += 1
        send(worker, data)

    def counted_feed(frames: wire.Frames, chunk: bytes) -> Any:
        for message in take(frames, chunk):
            received[0] += 1
            yield message

    monkeypatch.setattr(crew.Worker, "_send", counted_send)
    monkeypatch.setattr(wire.Frames, "feed", counted_feed)
    steps = await begin("def one():\n    return 1\n", jobs=1)
    attempts = [steps.python("one") for _ in range(NODES)]
    assert all(outcome.ok for outcome in await steps.all_outcomes(attempts))
    workers = len(set(steps.pids.values()))
    assert received[0] == NODES + workers  # each worker says once that it is ready
    assert sent[0] <= NODES // 4 + workers  # orders travel in batches
