"""Ways about a large graph, the commands that keys stand for, and how many steps go on at once."""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.model import Node
from bakehouse.tui.projection.trail import Trail


def planned_by(words: list[str]) -> list[dict[str, Any]]:
    """The steps that a command of the log would carry out."""
    command = [sys.executable, "-m", *words, "--plan-only", "--json", "--trust"]
    found: list[dict[str, Any]] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[
        "steps"
    ]
    return found


DOUGH = Node("asset", "cookie_dough")


def a(name: int) -> Node:
    return Node("asset", f"n{name}")


def test_one_goes_back_where_one_jumped_from_and_forward_again() -> None:
    trail = Trail()
    for place in (1, 2, 3):
        trail.leave(a(place))
    assert [trail.back(a(4)), trail.back(a(3)), trail.back(a(2)), trail.back(a(1))] == [
        a(3),
        a(2),
        a(1),
        None,
    ]
    assert [trail.forward(a(1)), trail.forward(a(2)), trail.forward(a(3)), trail.forward(a(4))] == [
        a(2), a(3), a(4), None,
    ]  # fmt: skip
    assert trail.back(a(4)) == a(3)
    trail.leave(a(3))
    assert trail.forward(a(9)) is None


@given(st.lists(st.integers(0, 5), max_size=300))
def test_going_all_the_way_back_and_forth_ends_where_one_was(jumps: list[int]) -> None:
    trail, now = Trail(), a(99)
    for to in jumps:
        trail.leave(now)
        now = a(to)
    here, steps = now, 0
    while (node := trail.back(here)) is not None:
        here, steps = node, steps + 1
        assert steps <= 100
    while (node := trail.forward(here)) is not None:
        here = node
    assert here == now


async def test_only_the_lineage_of_a_thing_is_left(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / "two_cookies.yaml") as s:
        await s.go("peanut_cookie_dough")
        before = len(s.rows)
        await s.press("i")
        await s.until(lambda: len(s.rows) < before, "fewer rows")
        assert "chocolate_chip_cookies" not in s.names and {"peanut_cookies", "cookie_dough"} <= set(s.names)
        assert s.node == Node("asset", "peanut_cookie_dough") and "only around peanut_cookie_dough" in s.text
        await s.press("t")
        assert "add_chocolate_chips" not in [row.node.name for row in s.rows if row.node]
        await s.press("t", "escape")
        await s.until(lambda: len(s.rows) == before, "all rows")
        assert s.node == Node("asset", "peanut_cookie_dough")


async def test_the_cursor_goes_back_to_where_it_jumped_from(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / "two_cookies.yaml") as s:
        alias = next(n for n, row in enumerate(s.rows) if row.kind == "alias")
        s.app.tree_view.go(alias)
        await s.press("b")
        await s.sees("this is where it began")
        await s.press("enter")
        assert s.app.tree_view.row.kind == "node" and s.node == DOUGH
        await s.press("c", "g", "b")
        assert s.node == DOUGH
        await s.press("B")
        assert s.node != DOUGH


async def test_what_a_key_did_is_told_as_a_command_that_does_the_same(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    file = cookies / "two_cookies.yaml"
    async with screen(file) as s:
        await s.go("cookie_dough")
        await s.press("at")
        await s.sees("no key has done anything yet")
        await s.press("enter")
        await s.until(lambda: s.app.session.preview is not None, "the preview")
        await s.press("escape", "d")
        await s.until(lambda: s.bench.told is not None, "the run")
        await s.press("at")
        await s.sees("What the keys did", "materialize cookie_dough+")
        await s.press("escape", "Y")
        await s.sees("sent to the clipboard: bakehouse -C")
        said = [one.command for one in s.app.echo.said]
        planned = [step.task for step in s.run.plan.steps if step.action == "run"]
    assert said == [
        f"bakehouse -C {file} plan cookie_dough",
        f"bakehouse -C {file} materialize cookie_dough+",
    ]
    words = shlex.split(said[1])
    done = await asyncio.to_thread(planned_by, words)
    assert sorted(step["task"] for step in done if step["action"] == "run") == sorted(planned)


async def test_a_name_of_any_kind_comes_through_the_shell(tmp_path: Path, screen: Callable[..., Any]) -> None:
    name = "a b'c\"d $HOME and"
    file = tmp_path / "odd.yaml"
    file.write_text(f"assets:\n  {json.dumps(name)}: {{shell: 'true'}}\n  other: {{shell: 'true'}}\n")
    async with screen(file) as s:
        await s.press("m")
        await s.until(lambda: s.app.echo.said, "the command")
        words = shlex.split(s.app.echo.said[-1].command)
    done = await asyncio.to_thread(planned_by, words)
    assert [step["assets"] for step in done] == [[name]]


async def test_how_many_steps_go_on_at_once_can_be_changed(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / "one_cookie.yaml") as s:
        await s.press(">")
        await s.sees("nothing of this screen is running")
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        await s.press(">")
        await s.sees("3 steps at once from now on")
        await s.press("<", "<", "<")
        await s.sees("one step at a time")
        assert s.run.jobs == s.app.jobs == 1
