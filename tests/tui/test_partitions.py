"""What is divided, on the screen: one row with its heat strip, a row for each partition when asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.model import Node, State
from bakehouse.core.workbench import Workbench
from bakehouse.tui.projection.parts import strip

YAML = """
pipeline: sales
partitions:
  month: {monthly: {start: 2013-01, end: 2013-06}}
assets:
  raw: {file: raw.csv}
  clean:
    partitions: month
    deps: [raw]
    shell: 'echo "made $PARTITION"; test "$PARTITION" != 2013-03 && echo 1 > "$OUTPUT"'
  total: {deps: [clean], shell: 'cat "$clean"/* > "$OUTPUT"'}
"""


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    root = tmp_path / "sales"
    root.mkdir()
    (root / "bakehouse.yaml").write_text(YAML)
    (root / "raw.csv").write_text("1")
    return root


Opener = Callable[..., Any]


def part(key: str, kind: str = "asset") -> Node:
    return Node(kind, f"clean\x1f{key}")  # type: ignore[arg-type]


def line_of(s: Any, name: str) -> str:
    """The row of the tree."""
    rows: list[str] = [line[:72] for line in s.text.splitlines()[2:]]
    return next((row for row in rows if f" {name} " in row), "")


async def test_one_row_tells_how_its_partitions_are_as_a_run_goes(sales: Path, screen: Opener) -> None:
    async with screen(sales, size=(120, 30)) as s:
        assert "∘∘∘∘∘∘  0/6" in line_of(s, "clean")
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        for month in ("01", "02", "03", "04"):
            s.run.tell("step_started", f"clean\x1f2013-{month}", attempt=1)
        s.run.tell("step_succeeded", "clean\x1f2013-01", seconds=1.0)
        s.run.tell("step_succeeded", "clean\x1f2013-02", seconds=1.0)
        s.run.tell("step_failed", "clean\x1f2013-03", error="no eggs", seconds=1.0)
        await s.until(lambda: "✓✓✗▸⋅⋅  2/6  2013-04" in line_of(s, "clean"), "the strip")
        assert "50%" in line_of(s, "clean")
        assert "of the run, no longer defined" not in s.text
        await s.go("clean")
        await s.sees("failed      2013-03", "running     2013-04")


async def test_each_partition_has_a_row_that_keys_work_on(sales: Path, screen: Opener) -> None:
    async with screen(sales, size=(120, 30)) as s:
        await s.press("V")
        await s.sees("not divided into partitions")
        await s.go("clean")
        await s.press("V")
        assert [row.label for row in s.rows if row.kind == "part"] == [f"2013-{n:02}" for n in range(1, 7)]
        assert s.node == Node("asset", "clean")
        await s.press("j", "j", "v", "j", "v")
        assert s.app.session.marked == {part("2013-02"), part("2013-03")}
        await s.press("m")
        await s.until(lambda: s.bench.told is not None, "the run")
        assert [step.task for step in s.run.plan.steps] == ["clean\x1f2013-02", "clean\x1f2013-03"]
        s.run.tell("step_started", "clean\x1f2013-02", attempt=1)
        s.run.tell("step_started", "clean\x1f2013-03", attempt=1)
        await s.until(lambda: "running" in line_of(s, "2013-02"), "the first to run")
        s.run.tell("step_succeeded", "clean\x1f2013-02", seconds=2.5)
        await s.until(lambda: "fresh" in line_of(s, "2013-02") and "2.5s" in line_of(s, "2013-02"), "its end")
        assert s.node == part("2013-03")
        await s.press("x")
        assert s.run.cancelled == ["clean\x1f2013-03"]
        await s.press("at")
        await s.sees("materialize clean --partition 2013-02 --partition 2013-03")
        await s.press("escape", "V")
        assert not [row for row in s.rows if row.kind == "part"]
        assert s.node == Node("asset", "clean")


async def test_a_key_on_the_whole_cancels_all_that_runs_of_it(sales: Path, screen: Opener) -> None:
    async with screen(sales) as s:
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        for month in ("01", "02"):
            s.run.tell("step_started", f"clean\x1f2013-{month}", attempt=1)
        s.run.tell("step_succeeded", "clean\x1f2013-01", seconds=1.0)
        await s.go("clean")
        await s.until(lambda: "1/6" in line_of(s, "clean"), "the first")
        await s.press("x")
        assert "clean\x1f2013-02" in s.run.cancelled and "clean\x1f2013-01" not in s.run.cancelled


async def test_a_plan_is_told_of_the_whole_and_of_each_and_can_lose_one(sales: Path, screen: Opener) -> None:
    async with screen(sales, size=(120, 30)) as s:
        await s.go("clean")
        await s.press("V", "enter")
        await s.sees("plan: ")
        assert "run" in line_of(s, "clean") and "run" in line_of(s, "2013-04")
        await s.press("j", "space")
        assert "left out" in line_of(s, "2013-01") and "left out" not in line_of(s, "clean")
        await s.press("k", "k", "space")
        await s.until(lambda: "left out" in line_of(s, "clean"), "all of it")
        await s.press("k", "space")
        assert "left out" not in line_of(s, "2013-01")


async def test_what_a_partition_printed_and_why_it_failed_is_shown(sales: Path, screen: Opener) -> None:
    async with screen(sales, size=(120, 30), bench=Workbench, clock=time.time) as s:
        await s.press("a")
        await s.sees("1 failed")
        await s.go("clean")
        await s.press("V", "j", "j", "j")
        assert s.node == part("2013-03")
        await s.press("right_square_bracket")
        await s.sees("made 2013-03")
        await s.press("right_square_bracket", "right_square_bracket")
        await s.sees("clean[2013-03]", "never made")
        await s.press("k", "left_square_bracket")
        await s.sees("clean[2013-02]")
        await s.press("t")
        assert s.node == Node("task", "clean")


@pytest.mark.parametrize("count", [1, 5, 24, 25, 100, 100_000])
def test_a_strip_shows_what_asks_for_attention_in_every_cell(count: int) -> None:
    states = [State.FRESH] * count
    states[count * 2 // 3] = State.FAILED
    cells = strip(states, 24)
    assert len(cells) == min(count, 24) and cells.count(State.FAILED) == 1
    at = cells.index(State.FAILED)
    assert at * count // len(cells) <= count * 2 // 3 < (at + 1) * count // len(cells)
