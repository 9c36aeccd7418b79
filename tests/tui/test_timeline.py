"""The Timeline tab: where each step of a run stood in time, at every width, live and afterwards."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.model import State
from bakehouse.core.workbench import Workbench
from bakehouse.tui.paint.ink import Line
from bakehouse.tui.panes.timeline import HEAD, scale_of, span_line, timeline_lines
from bakehouse.tui.projection.spans import Gantt, Span, make_gantt

NEEDS = {"mix": (), "bake": ("mix",), "wait": ("mix",), "serve": ("bake", "wait"), "eat": ()}
GOLDEN = Path(__file__).parent / "golden"
INSIDE = [(74, "80x24"), (96, "200x60")]
"""How wide the pane is inside at the two sizes of the screen."""


def spans() -> list[Span]:
    return [
        Span("serve", State.QUEUED, usual=4.0),
        Span("wait", State.RUNNING, 2.0, 10.0, usual=3.0, slow_after=3.5),
        Span("bake", State.FRESH, 2.0, 2.0, 9.0),
        Span("mix", State.FRESH, 0.0, 0.0, 2.0),
        Span("eat", State.QUEUED, 1.0, usual=1.0),
        Span("a_step_whose_name_is_much_longer_than_there_is_room_for_it", State.FAILED, 0.0, 0.5, 0.25),
    ]


def gantt(*, now: float = 14.0, is_over: bool = False) -> Gantt:
    return make_gantt("20260101T120000-abcdef", spans(), lambda t: NEEDS.get(t, ()), now, is_over=is_over)


def text(lines: list[Line]) -> list[str]:
    return ["".join(bit.text for bit in line) for line in lines]


def style_of(line: Line, word: str) -> str:
    return next(bit.style for bit in line if word in bit.text)


@pytest.mark.parametrize(("width", "size"), INSIDE)
def test_it_looks_as_it_did(width: int, size: str) -> None:
    pictures = [timeline_lines(gantt(), width, at="wait", ascii_only=plain) for plain in (False, True)]
    told = "\n\n".join("\n".join(line.rstrip() for line in text(lines)) for lines in pictures) + "\n"
    golden = GOLDEN / f"timeline-{size}.txt"
    if os.environ.get("BAKEHOUSE_GOLDEN") == "write":
        golden.write_text(told)
    assert told == golden.read_text()


@pytest.mark.parametrize("width", [*range(1, 60), 74, 96, 300])
def test_no_line_is_wider_than_the_pane_and_ascii_is_ascii(width: int) -> None:
    for is_over in (False, True):
        lines = text(timeline_lines(gantt(is_over=is_over), width, at="wait", ascii_only=True))[1:]
        assert all(line.isascii() for line in lines)
        if width >= 16:
            assert max(map(len, lines)) <= width
    whole = text(timeline_lines(gantt(), 74))[HEAD:]
    assert {len(line) for line in whole} == {74}


def test_steps_stand_in_the_order_of_their_start_then_those_queued_then_those_that_wait_for_others() -> None:
    assert [span.task[:6] for span in gantt().spans] == ["mix", "a_step", "bake", "wait", "eat", "serve"]


def test_a_bar_begins_and_ends_where_the_step_did_to_the_eighth_of_a_cell() -> None:
    over = gantt(now=16.0, is_over=True)
    scale = scale_of(over, 69)
    by_task = {span.task: text([span_line(over, span, scale)])[0] for span in over.spans}
    unit = scale.cells / 16.0
    bar = by_task["bake"][scale.name + 5 : scale.name + 5 + scale.cells]
    assert bar.index("█") == int(2 * unit)
    filled = bar.count("█") + sum("▏▎▍▌▋▊▉".find(c) + 1 for c in bar if c in "▏▎▍▌▋▊▉") / 8
    assert int(2 * unit) + filled == pytest.approx(11 * unit, abs=1 / 8)


@pytest.mark.parametrize("plain", [False, True])
def test_what_is_still_to_come_of_a_step_that_runs_is_faint_up_to_its_usual_end(plain: bool) -> None:
    running = Span("knead", State.RUNNING, 0.0, 0.0, usual=12.0)
    now = make_gantt("r", [running, Span("rest", State.QUEUED)], lambda t: (), 4.0, is_over=False)
    scale = scale_of(now, 80)
    line = span_line(now, running, scale, ascii_only=plain)
    bar, ghost = (next(bit for bit in line if sign in bit.text) for sign in ("#-" if plain else "█░"))
    assert ghost.style == "guide" and scale.seconds >= 12
    assert len(bar.text) + len(ghost.text) == pytest.approx(scale.at(12.0), abs=1)
    assert len(bar.text) == pytest.approx(scale.at(4.0), abs=1)
    over = replace(now, spans=(replace(running, state=State.FRESH, seconds=4.0),), is_over=True)
    assert not any("░" in bit.text for bit in span_line(over, over.spans[0], scale_of(over, 80)))


def test_the_lead_in_is_dim_and_as_long_as_the_step_was_queued() -> None:
    now = gantt()
    scale = scale_of(now, 100)
    line = span_line(now, next(s for s in now.spans if s.task == "wait"), scale)
    lead = next(bit for bit in line if "┄" in bit.text)
    assert lead.style == "guide" and len(lead.text) == int(scale.at(10.0)) - int(scale.at(2.0))


def test_the_chain_that_decides_is_marked_and_counts_what_is_still_to_come() -> None:
    found = gantt()
    assert found.critical == {"mix", "bake", "serve"} and found.length == 2.0 + 9.0 + 4.0
    marked = {line[4:].split()[0] for line in text(timeline_lines(found, 100))[HEAD:] if line[1] == "»"}
    assert marked == {"mix", "bake", "serve"}
    assert "» critical path ~15.0s" in text(timeline_lines(found, 100))[0]


def test_a_step_that_is_slow_is_amber_and_has_a_mark() -> None:
    def row(now: float) -> Line:
        found = gantt(now=now)
        return span_line(found, next(s for s in found.spans if s.task == "wait"), scale_of(found, 100))

    assert "!" not in text([row(13.4)])[0] and style_of(row(13.4), "▸") == "running"
    assert text([row(13.6)])[0].endswith(" !3.6s") and style_of(row(13.6), "▸") == "slow"


def test_while_a_run_goes_on_the_axis_stands_still_most_of_the_time() -> None:
    scales = {scale_of(gantt(now=10.0 + tenth / 10), 100).seconds for tenth in range(100)}
    assert scales == {15.0, 20.0}, "as far as what runs usually takes, and no farther until that is over"
    assert scale_of(gantt(now=13.7, is_over=True), 100).seconds == pytest.approx(13.7)


def test_the_axis_tells_the_time_of_its_ticks() -> None:
    axis = text(timeline_lines(gantt(), 100))[1]
    scale = scale_of(gantt(), 100)
    for tick in ("0s", "5s", "10s"):
        place = scale.name + 5 + int(scale.at(float(tick[:-1])))
        assert axis[place : place + 1 + len(tick)] == f"╷{tick}"


def test_ten_thousand_steps_are_drawn_a_row_at_a_time() -> None:
    many = [Span(f"step {n}", State.FRESH, float(n), float(n), 1.0) for n in range(10_000)]
    found = make_gantt("r", many, lambda task: (), 10_000.0)
    assert found.critical == frozenset()
    assert "step 9999" in text([span_line(found, found.spans[-1], scale_of(found, 80))])[0]


KITCHEN = """
assets:
  dough: {shell: 'echo 1 > "$OUTPUT"'}
  bread: {deps: [dough], shell: 'echo 2 > "$OUTPUT"'}
  salad: {shell: 'echo 3 > "$OUTPUT"'}
"""


@pytest.fixture
def kitchen(tmp_path: Path) -> Path:
    folder = tmp_path / "kitchen"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(KITCHEN)
    return folder


async def make(folder: Path, times: int = 1) -> None:
    bench = await asyncio.to_thread(Workbench.open, folder, trust=True)
    for _ in range(times):
        await bench.start(await asyncio.to_thread(bench.plan, force=True)).wait()
    await bench.aclose()


async def begin(s: Any) -> None:
    s.app.side.go_to_tab("timeline")
    await s.sees("nothing has run yet")
    await s.press("a")
    await s.until(lambda: s.bench.told is not None, "the run")
    s.run.tell("step_queued", "dough", attempt=1)
    s.run.tell("step_queued", "salad", attempt=1)
    s.run.tell("step_started", "dough", attempt=1)


def bar_of(s: Any, name: str) -> str:
    """What stands behind a step's name in the pane."""
    gantt = s.app.side.gantt
    rows = [gantt.render_line(y).text for y in range(HEAD, gantt.size.height)]
    return next((row.split(name, 1)[1].strip() for row in rows if name in row[4:]), "")


async def test_the_tab_follows_the_run_that_goes_on_and_keeps_it_when_it_is_over(
    kitchen: Path, screen: Callable[..., Any]
) -> None:
    now = [1005.0]
    async with screen(kitchen, clock=lambda: now[0]) as s:
        await begin(s)
        await s.until(lambda: "█" in bar_of(s, "dough"), "the bar of the step that runs")
        await s.until(lambda: set(bar_of(s, "salad")) == {"┄"}, "the lead-in of the step that is queued")
        assert "this run" in s.text and bar_of(s, "bread") == ""
        now[0] = 1009.0
        await s.until(lambda: bar_of(s, "dough").endswith("5.0s"), "the bar to grow with time")
        for task in ("dough", "bread", "salad"):
            s.run.tell("step_started", task, attempt=1) if task != "dough" else None
            s.run.tell("step_succeeded", task, seconds=1.0)
        s.run.tell("run_finished", ok=True, counts={"succeeded": 3})
        await s.sees("last run", "3/3 steps", "run finished: 3 ran")
        await s.until(lambda: "█" in bar_of(s, "salad"), "the bars of all steps")


async def test_the_step_under_the_cursor_is_marked_and_kept_in_view(
    tmp_path: Path, screen: Callable[..., Any]
) -> None:
    tasks = "".join(f"  step_{n:03}: {{shell: 'true'}}\n" for n in range(200))
    (tmp_path / "bakehouse.yaml").write_text(f"tasks:\n{tasks}")
    async with screen(tmp_path, size=(80, 24)) as s:
        s.app.side.go_to_tab("timeline")
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        for n in range(150):
            s.run.tell("step_started", f"step_{n:03}", attempt=1)
            s.run.tell("step_succeeded", f"step_{n:03}", seconds=0.5)
        for name in ("step_120", "step_003", "step_199"):
            await s.go(name.replace("_", " "))
            await s.until(
                lambda name=name: f"▌ ✓ {name}" in s.text or f"▌ ⋅ {name}" in s.text, f"{name} marked"
            )
        s.app.side.inside.focus()
        await s.press("g")
        await s.sees("  ✓ step_000")
        await s.press("G")
        await s.sees("▌ ⋅ step_199")


async def test_the_last_run_is_shown_where_none_goes_on(kitchen: Path, screen: Callable[..., Any]) -> None:
    await make(kitchen)
    async with screen(kitchen) as s:
        s.app.side.go_to_tab("timeline")
        await s.sees("last run", "3/3 steps")
        await s.until(lambda: bar_of(s, "bread"), "the bar of each step")
        assert {"dough", "bread", "salad"} <= {
            name for name in ("dough", "bread", "salad") if bar_of(s, name)
        }


async def test_a_step_beyond_its_own_90th_percentile_turns_amber_with_a_mark(
    kitchen: Path, screen: Callable[..., Any]
) -> None:
    await make(kitchen, 5)
    now = [1004.0]
    async with screen(kitchen, clock=lambda: now[0]) as s:
        await s.press("M")
        await s.press("y")
        await s.until(lambda: s.bench.told is not None, "the run")
        node = s.node
        s.run.tell("step_started", s.app.session.task_of(node), attempt=1)
        began = s.app.session.step_of(node).started

        def look() -> Any:
            return s.app._look(s.rows[s.app.tree_view.cursor])

        slow = max(s.app.session.durations[s.app.session.task_of(node)])
        now[0] = began + slow
        assert (look().word, look().style) == ("running", "running")
        now[0] = began + slow + 0.01
        assert (look().word, look().style, look().time_style) == ("running!", "slow", "slow bold")
        await s.sees("running!")


async def test_the_preview_and_the_ledger_say_what_it_takes(
    kitchen: Path, screen: Callable[..., Any]
) -> None:
    async with screen(kitchen, bench=Workbench) as s:
        await s.press("enter")
        await s.sees("plan: 2 run, 0 reuse, no estimate yet")
        await s.press("escape", "a")
        await s.sees("run finished: 3 ran")
        (kitchen / "bakehouse.yaml").write_text(
            KITCHEN + "  soup: {deps: [salad], shell: 'echo 4 > \"$OUTPUT\"'}\n"
        )
        await s.press("R")
        await s.sees("1 new", "3 reused · 0 to rebuild · ", "s and more: 1 step never ran")
        await s.go("soup")
        await s.press("enter")
        await s.sees("plan: 1 run, 1 reuse, ", "s and more: 1 step never ran")
        await s.press("enter")
        await s.sees("run finished: 1 ran", "1 new", "3 reused · 0 to rebuild")
        await s.until(lambda: "never ran" not in s.text, "what is made to cost nothing any more")


MONTHS = """
assets:
  orders: {partitions: {monthly: {start: 2013-01, end: 2013-12}}, shell: 'echo 1 > "$OUTPUT"'}
  year: {deps: [orders], shell: 'echo "$orders" > "$OUTPUT"'}
"""


async def test_the_partitions_of_a_step_are_one_row(tmp_path: Path, screen: Callable[..., Any]) -> None:
    (tmp_path / "bakehouse.yaml").write_text(MONTHS)
    await make(tmp_path)
    async with screen(tmp_path) as s:
        s.app.side.go_to_tab("timeline")
        await s.sees("last run", "13/13 steps", "critical path")
        await s.until(lambda: bar_of(s, "orders (12)") and bar_of(s, "year"), "a row for each")
        assert [span.task for span in s.app.side.gantt.gantt.spans] == ["orders", "year"]
        for key in ("V", "j"):
            await s.press(key)
        await s.until(lambda: "▌» ✓ orders (12)" in s.text or "▌»✓ orders (12)" in s.text, "it is marked")


async def test_a_row_of_partitions_tells_how_far_they_are(tmp_path: Path, screen: Callable[..., Any]) -> None:
    (tmp_path / "bakehouse.yaml").write_text(MONTHS)
    now = [1004.0]
    async with screen(tmp_path, clock=lambda: now[0]) as s:
        s.app.side.go_to_tab("timeline")
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        for month in ("01", "02"):
            s.run.tell("step_started", f"orders\x1f2013-{month}", attempt=1)
        s.run.tell("step_succeeded", "orders\x1f2013-01", seconds=1.0)
        await s.sees("this run", "1/13 steps", "▸ orders (12)")
        s.run.tell("step_failed", "orders\x1f2013-02", attempt=1, error="exit code 1", seconds=3.0)
        for number in range(3, 13):
            s.run.tell("step_started", f"orders\x1f2013-{number:02}", attempt=1)
            s.run.tell("step_succeeded", f"orders\x1f2013-{number:02}", seconds=1.0)
        await s.sees("12/13 steps", "✗ orders (12)")
