"""Steps reused one after the other share a row of the log, and come out of it as they were told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.events import Event, Kind
from bakehouse.core.store.packing import packed, unpacked
from bakehouse.core.workbench import Workbench

KINDS = st.sampled_from([Kind.STEP_REUSED, Kind.STEP_REUSED, Kind.STEP_REUSED, Kind.STEP_SPARED])
TOLD = st.lists(st.tuples(KINDS, st.integers(1, 2), st.sampled_from([1.0, 2.0])), max_size=30)


@given(TOLD)
def test_what_is_packed_comes_out_as_it_was(told: list[tuple[Kind, int, float]]) -> None:
    events, seq = [], 0
    for kind, step, ts in told:
        seq += step
        events.append(Event(seq, ts, "run", kind, f"task {seq}"))
    rows = list(packed(events))
    assert [event for row in rows for event in unpacked(row)] == events
    assert len({row.seq for row in rows}) == len(rows)


async def test_a_run_that_finds_all_fresh_writes_a_few_rows_and_tells_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "home"))
    names = [f"n{number}" for number in range(50)]
    lines = [f"  {name}: {{shell: 'true'}}" for name in names]
    (tmp_path / "bakehouse.yaml").write_text("\n".join(["assets:", *lines]))
    bench = Workbench.open(tmp_path, trust=True)
    await bench.start(bench.plan(), jobs=2).wait()
    told: list[Event] = []
    running = bench.start(bench.plan(), jobs=2, listeners=[told.append])
    await running.wait()
    assert [e.task for e in told if e.kind is Kind.STEP_REUSED] == names
    kept = bench.store.events(running.run)
    assert kept == told
    middle = told[20].seq
    assert bench.store.events(running.run, after=middle, limit=3) == told[21:24]
    assert bench.store.problems() == []
    with bench.store.reader.reading() as connection:
        rows = connection.execute("select count(*) from events where run = ?", (running.run,)).fetchone()[0]
    assert rows <= 5
    await bench.aclose()
