"""The Why tab: the way from a stale thing up to where that began is walked, and there are two ways out."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.model import Node, State

Opener = Callable[..., Any]
BREAD = """
pipeline: bread
assets:
  flour: {file: flour.txt}
  dough: {deps: [flour], task: knead, params: {minutes: 5}, shell: 'cat "$flour" > "$OUTPUT"'}
  loaf: {deps: [dough], task: bake, shell: 'cat "$dough" > "$OUTPUT"'}
  crumbs: {deps: [loaf], task: crumble, shell: 'cat "$loaf" > "$OUTPUT"'}
"""


@pytest.fixture
async def bakery(tmp_path: Path) -> Path:
    """Everything is made; then the dough is to be kneaded for longer."""
    (tmp_path / "flour.txt").write_text("rye\n")
    (tmp_path / "bakehouse.yaml").write_text(BREAD)
    program = [sys.executable, "-m", "bakehouse", "-C", str(tmp_path), "--trust", "-q", "materialize"]
    await asyncio.to_thread(subprocess.run, program, check=True, capture_output=True)
    (tmp_path / "bakehouse.yaml").write_text(BREAD.replace("minutes: 5", "minutes: 8"))
    return tmp_path


def state(s: Any, asset: str) -> State:
    found: State = s.app.session.state_of(Node("asset", asset))
    return found


async def test_enter_on_a_cause_goes_there_and_back_again(bakery: Path, screen: Opener) -> None:
    async with screen(bakery, size=(140, 30)) as s:
        await s.go("crumbs")
        s.app.side.go_to_tab("why")
        await s.sees("upstream is stale", "loaf is out of date", "where it began", "params.minutes")
        await s.press("tab")
        await s.sees("Go there")
        await s.press("enter")
        await s.until(lambda: s.app.tree_view.node == Node("asset", "loaf"), "the cursor on the first cause")
        await s.press("j", "enter")
        await s.until(lambda: s.app.tree_view.node == Node("asset", "dough"), "the cursor where it began")
        await s.sees("params.minutes", "- 5", "+ 8", "m   makes it anew", "A   accepts")
        assert s.app.side.has_focus_within, "one can walk on"
        await s.press("b", "b")
        assert s.app.tree_view.node == Node("asset", "crumbs")


async def test_what_makes_no_difference_is_accepted_after_a_question(bakery: Path, screen: Opener) -> None:
    async with screen(bakery) as s:
        await s.go("crumbs")
        await s.press("A")
        await s.sees("it is stale because loaf is")
        await s.go("dough")
        await s.press("A")
        await s.sees("Accept as it is?", "knead", "params.minutes")
        await s.press("escape")
        assert state(s, "dough") is State.STALE
        await s.press("A")
        await s.sees("Accept as it is?")
        await s.press("y")
        await s.sees("accepted as it is: knead")
        assert {state(s, name) for name in ("dough", "loaf", "crumbs")} == {State.FRESH}
        assert s.app.echo.said[-1].command.endswith("accept dough")
        await s.press("A")
        await s.sees("nothing to accept")


async def test_the_neighbours_on_the_overview_lead_to_themselves(bakery: Path, screen: Opener) -> None:
    async with screen(bakery) as s:
        await s.go("loaf")
        s.app.side.go_to_tab("overview")
        await s.press("tab", "G", "enter")
        await s.until(lambda: s.app.tree_view.node != Node("asset", "loaf"), "the cursor at a neighbour")
        assert s.app.trail.back(s.app.tree_view.node) == Node("asset", "loaf")
