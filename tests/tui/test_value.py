"""The Value tab: tables of any size, trees that fold, what changed, and the way back."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.model import Node, State
from bakehouse.core.windows import Sort, Statistics
from bakehouse.tui.paint.ink import Line, line_width
from bakehouse.tui.panes.branches import Branches
from bakehouse.tui.panes.grid import Grid
from bakehouse.tui.panes.past import read_page
from bakehouse.tui.panes.value import value_lines
from bakehouse.tui.projection.keys import BY_ID, Situation, reason

Opener = Callable[..., Any]
DEFINITIONS = """
assets:
  knob: {file: knob.txt}
  many:
    sql: |
      select i as id, (i * 7919) % 300007 as mixed, case when i % 1000 = 0 then null else 'n' || (i % 50) end as name
      from range(300000) r(i)
  few: {deps: [many], metadata: {key: id}, sql: "select id, mixed * KNOB as mixed from many where id < 9 + KNOB"}
  count: {deps: [few], sql: select count(*) as rows from few}
  settings: {file: settings.json}
"""
SETTINGS = {
    "oven": {"heat": 180, "racks": list(range(60))},
    "name": "big \\x1b[31m oven",
    "on": True,
    "none": None,
}


def text(line: Line) -> str:
    return "".join(bit.text for bit in line)


def make(folder: Path, knob: int) -> None:
    (folder / "bakehouse.yaml").write_text(DEFINITIONS.replace("KNOB", str(knob)))
    program = [sys.executable, "-m", "bakehouse", "-C", str(folder), "--trust", "-q", "materialize"]
    subprocess.run(program, check=True, capture_output=True, timeout=120)


@pytest.fixture
async def kitchen(tmp_path: Path) -> Path:
    pytest.importorskip("duckdb")
    folder = tmp_path / "kitchen"
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps(SETTINGS))
    (folder / "knob.txt").write_text("1")
    for knob in (1, 2):
        await asyncio.to_thread(make, folder, knob)
    return folder


async def test_every_row_of_a_large_table_can_be_seen_and_little_of_it_is_held(
    kitchen: Path, screen: Opener
) -> None:
    async with screen(kitchen, size=(80, 24)) as s:
        await s.go("many")
        s.app.side.go_to_tab("value")
        await s.sees("300,000 rows × 3 columns", "id", "bigint", "mean 150,000")
        await s.press("tab", "G")
        await s.sees("299,999")
        grid = s.app.side.table.grid
        for at in range(0, 300_000, 9_973):
            s.app.side.table.scroll_to(y=at, animate=False, force=True)
            await s.sees(f"{at + 1:,} ")
            await s.until(lambda: grid.lacking(*s.app.side.table.in_sight) is None, "the rows in sight")
            assert "·  " not in s.text
        assert len(grid._windows) <= 12
        await s.press("l", "S", "g")
        await s.sees("mixed ▲", "mixed  ", "0 … 300,006")
        await s.until(lambda: grid.lacking(0, 20) is None, "sorted rows")
        assert [row[1] for row in grid._windows[0][:3]] == ["0", "1", "2"]
        await s.press("S")
        await s.until(lambda: grid.lacking(0, 20) is None, "rows sorted downward")
        assert grid._windows[0][0][1] == "300006" and "mixed ▼" in s.text
        await s.press("S", "l")
        await s.until(lambda: grid.lacking(0, 20) is None, "rows as they stood")
        await s.sees("name", "300 null")
        assert [row[0] for row in grid._windows[0][:3]] == ["0", "1", "2"]


async def test_the_place_in_a_table_is_kept_when_the_tree_is_built_again(
    kitchen: Path, screen: Opener
) -> None:
    async with screen(kitchen) as s:
        await s.go("many")
        s.app.side.go_to_tab("value")
        await s.sees("300,000 rows", "mean 150,0")
        await s.press("tab", "l", "ctrl+d", "ctrl+d")
        table, grid = s.app.side.table, s.app.side.table.grid
        before = table.scroll_offset.y
        assert before > 0
        s.app.show_rows()
        await s.press("j")
        await s.until(lambda: table.scroll_offset.y == before + 1, "one row further")
        assert table.grid is grid and grid.picked == 1


async def test_plain_data_is_a_tree_that_folds(kitchen: Path, screen: Opener) -> None:
    async with screen(kitchen) as s:
        await s.go("settings")
        s.app.side.go_to_tab("value")
        await s.sees("▾ oven: {2}", "heat: 180", "▸ racks: [60]", 'name: "big', "none: null")
        await s.press("tab", "j", "j", "l")
        await s.sees("▾ racks: [60]", "[0]: 0")
        await s.press("h", "h")
        await s.press("h")
        await s.sees("▸ oven: {2}")
        assert "heat" not in s.text
        await s.press("G")
        assert s.app.side.table.model.cursor == 3


async def test_while_a_value_is_read_that_of_something_else_is_not_taken_for_it(
    kitchen: Path, screen: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with screen(kitchen) as s:
        await s.go("settings")
        s.app.side.go_to_tab("value")
        await s.sees("oven: {2}")
        found, preview = threading.Event(), s.bench.preview

        def slow(name: str) -> Any:
            assert found.wait(60)
            return preview(name)

        monkeypatch.setattr(s.bench, "preview", slow)
        await s.go("few")
        await s.sees("reading the value of few …")
        assert "oven" not in s.text
        found.set()
        await s.sees("rows × ", "mixed")


async def test_what_changed_is_shown_beside_and_the_value_again(kitchen: Path, screen: Opener) -> None:
    async with screen(kitchen, size=(120, 30)) as s:
        await s.go("few")
        await s.press("D")
        await s.sees("@ 11 rows, +1", "~ id=1: mixed", "1 added", "(by id)")
        await s.press("D")
        await s.sees("11 rows × 2 columns")
        await s.go("many")
        await s.press("D")
        await s.sees("there is no earlier value")


async def test_undo_asks_and_makes_the_earlier_value_current(kitchen: Path, screen: Opener) -> None:
    async with screen(kitchen) as s:
        await s.go("few")
        s.app.side.go_to_tab("value")
        await s.sees("11 rows × 2 columns")
        await s.press("u")
        await s.sees("Undo a materialization", "Nothing runs")
        await s.press("escape")
        assert s.app.session.state_of(Node("asset", "count")) is State.FRESH
        await s.press("u")
        await s.sees("Undo a materialization")
        await s.press("y")
        await s.sees("undone: few", "10 rows × 2 columns")
        again, changed, first = s.app.session.bench.store.materializations("few")
        restored = s.app.session.bench.store.restored("few")[again.seq]
        assert restored > changed.ts > first.ts == again.ts
        listed = read_page(s.app.session.bench, (), 1, ["few"], restored, False).lines
        told = ["".join(bit.text for bit in line) for line in listed]
        assert (
            told[0].startswith("duration")
            and told[0].count("▁") + told[0].count("█") + told[0].count("▅") == 2
        )
        row = next(line for line in told if "restored" in line)
        assert row.startswith(time.strftime("%H:%M:%S", time.localtime(restored)))
        states = [s.app.session.state_of(Node("asset", name)) for name in ("few", "count")]
        assert states == [State.STALE, State.STALE], "its query has changed since, and its value"
        await s.press("u")
        await s.sees("there is nothing to undo of few")
        await s.press("U")
        await s.sees("Redo a materialization")
        await s.press("y")
        await s.sees("redone: few", "11 rows × 2 columns")
        assert s.app.session.state_of(Node("asset", "count")) is State.FRESH


@pytest.mark.parametrize(
    ("id", "now", "words"),
    [
        ("undo", Situation(row="asset", running=True), "a run holds the project"),
        ("redo", Situation(row="asset", elsewhere=True), "a run holds the project"),
        ("undo", Situation(row="source"), "given, not made"),
        ("difference", Situation(row="source"), "not kept"),
        ("sort_rows", Situation(row="asset"), "only a table"),
    ],
)
def test_keys_that_cannot_work_say_why(id: str, now: Situation, words: str) -> None:
    assert words in (reason(BY_ID[id], now) or "")


def grid(rows: int = 1000, **more: Any) -> Grid:
    columns = (("id", "bigint"), ("a name that is long", "varchar"))
    first = tuple((n, f"x{n}") for n in range(min(rows, 200)))
    return Grid((), columns, first, rows, ascii_only=more.get("ascii_only", False))


def test_rows_that_are_not_here_yet_are_dim_and_asked_for_nearest_first() -> None:
    table = grid()
    assert table.size == 256 and table.lacking(0, 30) == 0
    assert "x10" in text(table.line(table.still + 10)) and "·" in text(table.line(300))
    table.take(0, None, [(n, "x") for n in range(256)])
    assert table.lacking(0, 30) == 1, "what comes next is brought before it is asked for"
    table.take(1, None, [(n, "x") for n in range(256, 512)])
    assert table.lacking(0, 30) is None and table.lacking(600, 640) == 2
    assert text(table.line(table.still + 300)).split() == ["301", "300", "x"]


def test_rows_of_another_order_are_not_taken() -> None:
    table = grid()
    table.turn()
    table.take(0, None, [(0, "x")])
    assert table.lacking(0, 20) == 0
    table.take(0, Sort(0), [(n, "x") for n in range(256)])
    assert table.lacking(0, 20) == 1 and "▲" in text(table.line(2))


def test_many_windows_of_a_wide_table_are_not_held() -> None:
    columns = tuple((f"c{n}", "bigint") for n in range(200))
    table = Grid((), columns, (), 100_000, ascii_only=True)
    for window in range(100):
        table.take(window, None, [(0,) * 200] * table.size)
    assert sum(map(len, table._windows.values())) * 200 < 100_000


def test_a_number_is_never_cut_and_text_is() -> None:
    table = grid()
    wide = 12_345_678_901_234_567_890
    table.take(0, None, [(wide, "y" * 300)] * 256)
    line = text(table.line(table.still))
    assert str(wide) in line and "…" in line
    assert all(line_width(table.line(n)) <= table.width for n in range(2, 8))


@pytest.mark.parametrize("ascii_only", [False, True])
def test_what_a_column_holds_is_one_line(ascii_only: bool) -> None:
    table = grid(ascii_only=ascii_only)
    assert table.uncounted == 0
    table.know(0, Statistics(1000, 3, 997, 0, 1_234_567, 12.5, (1, 0, 8, 4)))
    told = text(table.line(1))
    for words in ("id", "1,234,567", "mean 12.5", "~997 distinct", "3 null"):
        assert words in told
    assert told.isascii() is ascii_only
    assert tuple(told[4:8]) == (".", " ", "@", "=") if ascii_only else "▁ █▄" in told


def test_a_long_branch_is_bounded_and_said_to_be() -> None:
    tree = Branches((), {"all": list(range(5_000))}, ascii_only=True)
    tree.unfold()
    assert tree.count == 1 + 1 + 1001
    assert "and 4,000 more" in text(tree.line(tree.count - 1))
    assert text(tree.line(1)) == "v all: [5,000]"


def test_a_very_deep_tree_can_be_walked_down() -> None:
    data: Any = 1
    for _ in range(200):
        data = [data]
    tree = Branches((), data, ascii_only=False)
    for _ in range(400):
        tree.unfold()
    assert tree.cursor == 199


def test_without_duckdb_the_tab_says_what_to_install() -> None:
    from bakehouse.core.preview import Preview

    note = "a table; to see it install duckdb: pip install 'bakehouse[duckdb]'"
    assert note in [text(line) for line in value_lines(Preview("none", note=note))]
