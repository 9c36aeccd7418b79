"""A run of the past on the tree, event by event: never taken for what goes on, and nothing can be done in it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.events import Event, Kind
from bakehouse.core.model import State
from bakehouse.tui.projection.footing import footer
from bakehouse.tui.projection.keys import KEYS, Situation, is_live, reason
from bakehouse.tui.projection.live import Live
from bakehouse.tui.projection.parts import together
from bakehouse.tui.projection.replay import Replay

MILL = """
assets:
  flour: {shell: 'test -e ../slow && sleep 1; echo sifted; echo flour > "$OUTPUT"'}
  dough: {deps: [flour], shell: 'test -e ../oven || exit 3; cat "$flour" > "$OUTPUT"'}
  bread: {deps: [dough], shell: 'cat "$dough" > "$OUTPUT"'}
"""
KINDS = st.sampled_from(
    [Kind.STEP_QUEUED, Kind.STEP_STARTED, Kind.STEP_SUCCEEDED, Kind.STEP_FAILED, Kind.STEP_REUSED]
)


def events(kinds: list[tuple[Kind, str]]) -> list[Event]:
    first = Event(1, 100.0, "r", Kind.RUN_STARTED)
    return [first, *(Event(n + 2, 101.0 + n, "r", kind, task) for n, (kind, task) in enumerate(kinds))]


@given(
    st.lists(st.tuples(KINDS, st.sampled_from("abcd")), min_size=1, max_size=40),
    st.lists(st.integers(-12, 20), max_size=12),
    st.sampled_from([1, 5, 256]),
)
def test_wherever_one_steps_the_states_are_those_of_the_events_up_to_there(
    kinds: list[tuple[Kind, str]], steps: list[int], stride: int
) -> None:
    told = events(kinds)
    replay = Replay("r", told, "abcd")
    replay._stride = stride  # of a long run places on the way are kept
    for by in steps:
        replay.step(by)
        live = Live()
        for event in told[: replay.at]:
            live.apply(event)
        assert {task: replay.live.steps[task] for task in live.steps} == live.steps
        assert all(
            replay.live.steps[task].state in (State.QUEUED, State.NEVER) for task in {*"abcd"} - {*live.steps}
        )
        assert replay.now == replay.event.ts


def test_what_is_divided_stands_as_its_partitions_did_at_that_time() -> None:
    one, other = "a\x1f1", "a\x1f2"
    told = [
        (Kind.STEP_STARTED, one),
        (Kind.STEP_SUCCEEDED, one),
        (Kind.STEP_STARTED, other),
        (Kind.STEP_SUCCEEDED, other),
    ]
    replay = Replay("r", events(told), "ab")
    assert "a" not in replay.live.steps and replay.live.steps["b"].state is State.NEVER
    seen = [together(replay.live.parts["a"]).state]
    for _ in told:
        replay.step(1)
        seen.append(together(replay.live.parts["a"]).state)
    assert seen == [State.QUEUED, *[State.RUNNING] * 3, State.FRESH]
    replay.step(-2)
    assert together(replay.live.parts["a"]).state is State.RUNNING


def test_time_passes_at_the_speed_that_is_asked_for_and_stands_still_in_a_pause() -> None:
    replay = Replay("r", events([(Kind.STEP_STARTED, "a")] * 300), "a")
    assert not replay.pass_time(5) and replay.at == 1
    replay.toggle()
    assert replay.pass_time(3) and replay.at == 4
    replay.faster(1)
    assert replay.pass_time(3) and replay.at == 34
    replay.faster(5)
    assert replay.speed == 100
    replay.pass_time(100)
    assert replay.is_at_end and replay.paused
    replay.toggle()
    assert replay.at == 1 and not replay.paused


def test_no_key_that_runs_or_writes_works_in_a_replay_and_the_footer_names_none() -> None:
    now = Situation(row="asset", outdated=3, failed=2, new=2, marked=1, running=False, replaying="r1")
    for key in KEYS:
        if (key.group == "Run" and key.id not in ("more_jobs", "fewer_jobs")) or key.id in (
            "accept",
            "edit",
            "reload",
        ):
            assert "replay of run r1, not live" in (reason(key, now) or ""), key.id
    shown = {key.id for key, _, _ in footer(now)}
    assert {"event_after", "event_before", "replay", "back", "quit"} <= shown
    assert not [key.id for key, _, _ in footer(now) if is_live(key, now)]
    assert (
        reason(next(key for key in KEYS if key.id == "event_after"), replace(now, replaying="")) is not None
    )


async def mill(tmp_path: Path) -> Path:
    folder = tmp_path / "mill"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(MILL)
    program = [sys.executable, "-m", "bakehouse", "-C", str(folder), "--trust", "-q", "materialize"]
    await asyncio.to_thread(subprocess.run, program, capture_output=True)
    (tmp_path / "oven").touch()
    await asyncio.to_thread(subprocess.run, program, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_run_is_stepped_through_on_the_tree_and_left_as_it_was_found(
    tmp_path: Path, screen: Callable[..., Any], size: tuple[int, int]
) -> None:
    folder = await mill(tmp_path)
    async with screen(folder, size=size) as s:

        def state(task: str) -> State:
            return State(next(s.app.session.state_of(row.node) for row in s.rows if row.label == task))

        before = s.bench.store.max_seq()
        first = s.bench.history()[-1].run
        await s.until(lambda: s.names and state("bread") is State.FRESH, "the project as it is")
        s.app.side.go_to_tab("history")
        await s.press("p")
        await s.press("tab", "G")
        await s.until(lambda: s.app.side.roll.target == first, "the first run")
        await s.sees("p Replay")
        await s.press("p")
        await s.sees(f"replay of run {first}, not live", "paused", "event 1/", ". Next event", "Esc Leave")
        assert (state("flour"), state("bread")) == (State.QUEUED, State.QUEUED)
        seen = set()
        while not s.app.side_work.replay.shown.is_at_end:
            await s.press("full_stop")
            seen.add((state("flour"), state("dough"), state("bread")))
        assert (State.RUNNING, State.QUEUED, State.QUEUED) in seen
        assert (State.FRESH, State.RUNNING, State.QUEUED) in seen
        assert (state("dough"), state("bread")) == (State.FAILED, State.BLOCKED)
        await s.press("comma", "comma", "comma")
        assert state("bread") is not State.BLOCKED
        for key in ("m", "a", "r", "M", "d", "u", "N", "X", "R", "e", "A"):
            await s.press(key)
            await s.sees("this is a replay of run")
        s.app.tree_view.focus()
        await s.press("enter")
        await s.sees("this is a replay of run")
        assert s.bench.told is None and s.app.session.preview is None
        await s.press("greater_than_sign", "greater_than_sign", "p")
        await s.until(lambda: s.app.side_work.replay.shown.is_at_end, "it plays to its end")
        assert state("bread") is State.BLOCKED
        s.app.tree_view.go(next(n for n, row in enumerate(s.rows) if row.label == "flour"))
        s.app.side.go_to_tab("log")
        await s.sees("sifted")
        await s.press("escape")
        await s.until(lambda: s.app.side_work.replay.shown is None, "it is left")
        await s.until(lambda: state("bread") is State.FRESH, "the project as it is")
        assert "not live" not in s.text.split("\n")[0] and s.bench.store.max_seq() == before


async def test_a_run_of_another_process_ends_the_replay(tmp_path: Path, screen: Callable[..., Any]) -> None:
    folder = await mill(tmp_path)
    async with screen(folder, watching=True) as s:
        s.app.side.go_to_tab("history")
        await s.press("tab")
        await s.until(lambda: s.app.side.roll.target, "the runs")
        await s.press("p")
        await s.sees("not live")
        (tmp_path / "slow").touch()
        program = [
            sys.executable,
            "-m",
            "bakehouse",
            "-C",
            str(folder),
            "--trust",
            "-q",
            "materialize",
            "--force",
        ]
        other = await asyncio.to_thread(subprocess.Popen, program)
        await s.until(lambda: s.app.side_work.replay.shown is None, "the replay is left")
        assert await asyncio.to_thread(other.wait) == 0
        await s.until(lambda: not s.app.session.under_way, "the end of the other's run")
