"""Every key in every situation: it does something, or says why not and changes nothing; the footer names what works."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bakehouse.tui.projection.footing import footer
from bakehouse.tui.projection.keymap import DEFAULT
from bakehouse.tui.projection.keys import KEYS, Situation
from bakehouse.tui.projection.status import footer_line, footer_parts, key_in_footer
from bakehouse.tui.widgets.side import TABS

TWO = "two_cookies.yaml"
LEAVES = {"edit", "stream", "suspend", "quit", "reload", "palette", "help", "settings", "commands"}
"""Keys that leave the screen or cover it; each has a test of its own."""
AT_AN_END = {
    "up",
    "down",
    "top",
    "bottom",
    "half_up",
    "half_down",
    "fold",
    "unfold",
    "fold_all",
    "unfold_all",
}
"""Keys that may find themselves at the end of their way."""
Situate = Callable[[Any], Awaitable[None]]


async def as_it_opens(s: Any) -> None:
    """On an asset that was never made."""


async def on_a_source(s: Any) -> None:
    await s.go("peanuts")


async def on_an_alias(s: Any) -> None:
    s.app.tree_view.go(next(n for n, row in enumerate(s.rows) if row.kind == "alias"))


async def on_a_task(s: Any) -> None:
    await s.press("t")


async def filtered(s: Any) -> None:
    await s.press("slash", *"dough", "enter")


async def nothing_matches(s: Any) -> None:
    await s.press("slash", *"zzz", "enter")


async def previewing(s: Any) -> None:
    await s.press("enter")
    await s.sees("plan: ")


async def running(s: Any) -> None:
    await s.press("a")
    await s.until(lambda: s.bench.told is not None, "the run")
    s.run.tell("step_started", "combine_ingredients")
    await s.go("cookie_dough")


async def failed(s: Any) -> None:
    await running(s)
    s.run.tell("step_failed", "combine_ingredients", error="no eggs", seconds=1.0)
    s.run.tell("run_finished", ok=False, counts={"failed": 1})
    await s.until(lambda: not s.app.session.running, "the end")


async def isolated(s: Any) -> None:
    await s.press("i")


async def marked(s: Any) -> None:
    await s.press("space")


def in_tab(at: int) -> Situate:
    async def situate(s: Any) -> None:
        await s.press(*["right_square_bracket"] * at, "tab")
        await s.until(lambda: s.app.side.has_focus_within, "the focus in the pane")

    return situate


SITUATIONS: Mapping[str, Situate] = {
    **{f.__name__: f for f in (as_it_opens, on_a_source, on_an_alias, on_a_task, filtered, nothing_matches)},
    **{f.__name__: f for f in (previewing, running, failed, isolated, marked)},
    **{f"in_{tab.name}": in_tab(at) for at, tab in enumerate(TABS)},
}


def standing(s: Any) -> tuple[object, ...]:
    """All that a key could change, but for what is said."""
    app, session = s.app, s.app.session
    return (
        app.tree_view.node,
        tuple((row.key, row.open) for row in s.rows),
        app.tree_view.cursor,
        app.tree_view.range_from,
        app.side.at,
        app.side.log_view.follow,
        app.side.log_view.wrap,
        app.side.inside.scroll_offset,
        app.side.log_view.timed,
        app.focused,
        app.zoomed,
        app.theme,
        len(app.screen_stack),
        app.clipboard,
        app.filter_input.has_focus,
        session.which,
        session.direction,
        session.faults_only,
        session.isolated,
        frozenset(session.marked),
        session.preview,
        session.preview and tuple(session.preview.out),
        session.run,
        getattr(session.run, "jobs", None),
        tuple(getattr(session.run, "cancelled", ())),
        len(getattr(session.run, "added", ())),
        app.side_work.values.comparing,
        getattr(app.side.roll, "_at", None),
        tuple(app.side_work.past.way),
    )


async def opened(s: Any, situation: str) -> None:
    await SITUATIONS[situation](s)
    await s.pilot.pause()
    s.app.tell("")


SHORT = ("as_it_opens", "on_a_source", "previewing", "in_log")


@pytest.mark.parametrize(
    "situation", [one if one in SHORT else pytest.param(one, marks=pytest.mark.full) for one in SITUATIONS]
)
async def test_a_key_that_does_not_work_says_why_and_changes_nothing(
    situation: str, cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / TWO) as s:
        await opened(s, situation)
        before = standing(s)
        for key, name, works in footer(s.app.situation()):
            assert works is (DEFAULT.reason(key.id, s.app.situation()) is None)
            assert works or name in ("Plan", "Make", "Open"), "what cannot work here at all is not named"
        for key in KEYS:
            why_not = DEFAULT.reason(key.id, s.app.situation())
            if why_not is None:
                continue
            s.app.tell("")
            await s.press(key.keys[0])
            assert s.app.says.words == why_not, key.id
            assert why_not[:40] in s.text, key.id
            assert standing(s) == before, key.id


APART = (
    "as_it_opens",
    "on_a_task",
    "previewing",
    "running",
    "failed",
    "in_value",
    "in_history",
    "in_log",
    "in_graph",
)
"""Situations in which other keys work than in the others, or differently."""


@pytest.mark.full
@pytest.mark.parametrize("situation", APART)
async def test_a_key_that_works_is_not_silent(
    situation: str, cookies: Path, screen: Callable[..., Any]
) -> None:
    silent = []
    async with screen(cookies / TWO) as s:
        for key in KEYS:
            if key.id in LEAVES | AT_AN_END:
                continue
            await restart(s)
            await opened(s, situation)
            if DEFAULT.reason(key.id, s.app.situation()) is not None:
                continue
            before = standing(s)
            await s.press(key.keys[0])
            for _ in range(20):
                if standing(s) != before or s.app.says.words:
                    break
                await s.pilot.pause(0.01)
            else:
                silent.append(key.id)
    assert silent == []


async def restart(s: Any) -> None:
    """Back to how the screen opened, whatever a key did."""
    while len(s.app.screen_stack) > 1:
        await s.press("escape")
    if s.app.focused in (s.app.filter_input, s.app.find_input):
        await s.press("escape")
    if s.app.session.running:
        s.run.tell("run_finished", ok=False, counts={"cancelled": 1}, status="cancelled")
        await s.until(lambda: not s.app.session.running, "the end")
    app, session = s.app, s.app.session
    session.live = session.run = session.preview = session.isolated = None
    app.side_work.values.comparing = False
    app.zoomed = False
    app.tell("")
    app.side_work.replay.leave()
    app.side_work.past.way = ()
    session.marked.clear()
    session.isolate(None)
    session.clear_filter()
    session.which = "asset"
    session.directions = {"asset": "up", "task": "down"}
    session._folds.clear()
    session.recount()
    app.side.turn_to(0)
    app.turn_to("tree")
    app.show_rows()
    app.tree_view.go(0)
    await s.pilot.pause()


async def test_keys_that_find_nothing_say_so(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / TWO) as s:
        await s.press("escape")
        await s.sees("there is nothing to go back from (q quits)")
        await nothing_matches(s)
        await s.press("n")
        await s.sees("nothing matches")


async def test_the_mouse_selects_folds_turns_tabs_scrolls_and_presses_keys(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / TWO) as s:
        lines = s.text.splitlines()

        async def click(words: str, within: int = 0) -> None:
            lines = s.text.splitlines()
            y = next(n for n, line in enumerate(lines) if words in line)
            await s.pilot.click(offset=(lines[y].index(words) + within, y))
            await s.pilot.pause()

        await click("peanut_cookie_dough")
        assert s.node is not None and s.node.name == "peanut_cookie_dough"
        before = len(s.rows)
        await click("▾ ∘ peanut_cookie_dough")
        assert len(s.rows) < before
        for title in ("Log", "Why", "Overview"):
            await click(title)
            assert s.app.side.tab.title == title
        await click("t Tasks/assets", 3)
        assert s.app.session.which == "task"
        await click("? Help")
        await s.sees("Here: the tree")
        assert "Tasks/assets  / Filter" not in s.text, "under a box the footer names no key"
        await s.pilot.click(offset=(0, 0))
        await s.until(lambda: len(s.app.screen_stack) == 1, "the box to close")
        await s.sees("? Help")
        await click(" made of" if " made of" in s.text else "leads to")
        assert len(lines) == 40


@pytest.mark.parametrize("width", [44, 60, 80, 120, 200])
def test_what_is_clicked_in_the_footer_is_what_stands_there(width: int) -> None:
    now = Situation(row="asset", outdated=1, new=2)
    words = "".join(bit.text for bit in footer_line(now, width))
    for id, bits in footer_parts(now, width):
        told = "".join(bit.text for bit in bits).rstrip()
        at = words.index(told)
        assert {key_in_footer(now, width, at + n) for n in range(len(told))} == {id}
    assert key_in_footer(now, width, 0) == "" and key_in_footer(now, width, width + 5) == ""


async def test_what_is_copied_is_text_alone(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / TWO) as s:
        await s.go("peanut_cookie_dough")
        await s.press("y")
        assert s.app.clipboard == "peanut_cookie_dough"
        await s.press("enter", "Y")
        await s.until(lambda: s.app.clipboard.startswith("bakehouse "), "the command")
        assert s.app.clipboard.isascii() and s.app.clipboard.isprintable()
