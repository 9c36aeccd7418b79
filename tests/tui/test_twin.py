"""Both views side by side: one graph, two trees, and they move together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bakehouse.core.events import Kind
from bakehouse.core.model import Node

Opener = Callable[..., Any]


def twin(s: Any) -> Node | None:
    found: Node | None = s.app.side.twin.node
    return found


async def test_the_other_view_stands_beside_and_goes_along(cookies: Path, screen: Opener) -> None:
    async with screen(cookies / "task_centric.yaml", size=(140, 30)) as s:
        tasks = [node for node in s.app.session.view("task").nodes if node.kind == "task"]
        await s.press("T")
        for node in s.app.session.view("asset").nodes:
            s.app.go_to(node)
            await s.pilot.pause()
            there = twin(s)
            assert there is not None and (there == node or there in tasks), f"{node} is nowhere beside"
        await s.go("cookie_dough")
        here = s.app.tree_view.node, twin(s)
        await s.press("t")
        assert (twin(s), s.app.tree_view.node) == here, "flipped, the two change places"
        await s.press("T")
        assert s.app.side.tab.name != "twin"


async def test_moving_and_folding_beside_moves_the_tree_and_folds_there_alone(
    cookies: Path, screen: Opener
) -> None:
    async with screen(cookies / "two_cookies.yaml", size=(140, 40)) as s:
        await s.press("T", "tab", "g")
        rows = len(s.rows)
        seen = set()
        for _ in range(len(s.app.side.twin.rows)):
            await s.press("j")
            seen.add(s.app.tree_view.node)
        assert len(seen) >= 5, "the tree goes along"
        await s.press("g")
        there = len(s.app.side.twin.rows)
        await s.press("h")
        assert len(s.app.side.twin.rows) < there and len(s.rows) == rows


async def test_a_run_is_told_in_both_views(cookies: Path, screen: Opener) -> None:
    async with screen(cookies / "one_cookie.yaml", size=(160, 30)) as s:
        await s.press("T", "a")
        await s.until(lambda: s.bench.told is not None, "the run")
        first = next(step.task for step in s.run.plan.steps)
        s.run.tell(Kind.STEP_STARTED, first)
        await s.until(
            lambda: s.text.count("running") >= 2 + ("1 running" in s.text), "the step in both trees"
        )
