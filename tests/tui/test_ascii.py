"""In ASCII mode everything that is ours is ASCII, wherever one goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from bakehouse.core.model import Node
from bakehouse.tui.projection.look import RowLook
from bakehouse.tui.tty.plainness import plain
from bakehouse.tui.widgets.side import TABS

TWO = "two_cookies.yaml"


def is_plain(s: Any, where: str) -> None:
    odd = {c for c in s.text if ord(c) >= 0x80}
    assert not odd, f"{where}: {odd}\n{s.text}"


async def walk(s: Any, where: str) -> None:
    """Every tab, with the focus in the tree and in the pane, and both ends of it."""
    for tab in TABS:
        await s.until(lambda: "reading" not in s.text, "what is read")
        is_plain(s, f"{where} {tab.name}")
        await s.press("tab", "G", "j")
        is_plain(s, f"{where} in {tab.name}")
        await s.press("g", "l", "enter", "h", "escape", "tab")
        await s.press("right_square_bracket")


BOXES = {
    "help": ["question_mark"],
    "palette": ["colon", "f", "o"],
    "palette without a match": ["colon", "z", "z", "z"],
    "force": ["M"],
    "commands": ["at"],
    "settings": ["O"],
    "filter": ["slash", "c", "exclamation_mark"],
    "undo": ["u"],
    "marks": ["space", "v", "j"],
    "left out": ["enter", "space"],
    "isolated": ["i"],
    "faults": ["f"],
    "turned": ["o"],
    "zoom": ["z"],
    "difference": ["D"],
}


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 10)])
async def test_everything_of_ours_is_ascii_everywhere(
    size: tuple[int, int], cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / TWO, size=size, ascii_only=True, clock=time.time) as s:
        is_plain(s, "opened")
        await walk(s, "before")
        await s.press("t")
        is_plain(s, "tasks")
        await s.press("t", "g")
        s.app.session.new, s.app.session.changed = frozenset({s.node}), frozenset(s.app.session.graph.order)
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        s.run.tell("step_started", "combine_ingredients")
        s.run.tell("log", "combine_ingredients", line="stirring")
        s.run.tell("progress", "combine_ingredients", fraction=0.4, note="half")
        await walk(s, "running")
        await s.press("q")
        await s.sees("under way")
        is_plain(s, "quitting")
        await s.press("escape", "X")
        await s.sees("Cancel the run")
        is_plain(s, "cancelling")
        await s.press("escape")
        s.run.tell("step_succeeded", "combine_ingredients", seconds=2.5)
        s.run.tell("step_failed", "add_chocolate_chips", error="the bag is empty\nit was full", seconds=1.25)
        s.run.tell("step_blocked", "bake_in_oven", by="add_chocolate_chips")
        s.run.tell("run_finished", ok=False, counts={"failed": 1})
        await s.until(lambda: not s.app.session.running, "the end")
        is_plain(s, "ended")
        await walk(s, "after")
        for name, keys in BOXES.items():
            await s.press(*keys)
            is_plain(s, name)
            await s.press("escape", "escape", "escape")
            while len(s.app.screen_stack) > 1:
                await s.press("escape")


async def test_a_project_that_is_not_trusted_and_one_that_is_broken_are_told_in_ascii(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / TWO, trust=False, ascii_only=True) as s:
        await s.sees("Trust this project?")
        is_plain(s, "trust")
        await s.press("escape")
        await s.sees("look only")
        (cookies / TWO).write_text("assets: {a: [}")
        await s.press("R")
        await s.sees("1 error")
        is_plain(s, "broken")


def test_what_is_foreign_stays_where_the_terminal_can_show_it_and_holds_its_place_where_not() -> None:
    assert plain("│ café 漢字 ✓") == "| café 漢字 +"
    assert plain("│ café 漢字 ✓", strict=True) == "| cafe ???? +"
    for text in ("╭─╮", "⠋ ▁▂█", "🔎 a", "漢字🎂é", "→ ⇄"):
        assert cell_len(plain(text, strict=True)) == cell_len(text)
        assert plain(text, strict=True).isascii()


async def test_a_slow_step_has_a_sign_where_there_is_no_room_for_words(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / TWO, size=(40, 24)) as s:
        tree = s.app.tree_view
        base = tree._look(s.rows[0])
        slow: RowLook = base._replace(style="slow", time_style="slow bold", word="running!")
        tree._look = lambda row: slow if row.node == Node("asset", "cookie_dough") else base
        tree.refresh()
        assert [row.label for n, row in enumerate(s.rows) if "!" in tree.render_line(n).text] == [
            row.label for row in s.rows if row.node == Node("asset", "cookie_dough")
        ]
