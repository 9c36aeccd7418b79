"""The whole screen as text, at the two sizes that matter. `BAKEHOUSE_GOLDEN=write` writes them anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parent / "golden"
SIZES = [(80, 24), (120, 40)]
SMALL = (40, 10)


async def fresh(s: Any) -> None:
    """As it opens."""


async def tasks(s: Any) -> None:
    await s.go("cookie_dough")
    await s.press("t")


async def preview(s: Any) -> None:
    await s.press("enter")
    await s.sees("plan: 3 run")


async def failed(s: Any) -> None:
    await s.press("a")
    await s.until(lambda: s.bench.told is not None, "the run")
    s.run.tell("step_started", "combine_ingredients")
    s.run.tell("step_succeeded", "combine_ingredients", seconds=2.5)
    s.run.tell("step_reused", "bake_peanut_cookies")
    s.run.tell("step_started", "add_chocolate_chips")
    s.run.tell("step_failed", "add_chocolate_chips", error="the bag is empty", seconds=1.25)
    s.run.tell("step_blocked", "bake_in_oven", by="add_chocolate_chips")
    await s.go("chocolate_chip_cookie_dough")
    await s.sees("by add_", "1 failed")


async def why(s: Any) -> None:
    await s.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
    await s.sees("where it began")


async def graph(s: Any) -> None:
    await s.go("cookie_dough")
    s.app.side.go_to_tab("graph")
    await s.sees("├─ ∘ cookie_dough")


async def both(s: Any) -> None:
    await s.go("cookie_dough")
    await s.press("T")
    await s.sees("combine ingredients")


async def help(s: Any) -> None:
    await s.press("question_mark")
    await s.sees("Help")


async def details(s: Any) -> None:
    await s.press("tab")
    await s.sees("Overview")


SCREENS = {
    "fresh": fresh,
    "tasks": tasks,
    "preview": preview,
    "failed": failed,
    "why": why,
    "graph": graph,
    "both": both,
    "help": help,
}
TAKEN = [(name, size) for name in SCREENS for size in SIZES]
TAKEN += [(name, SMALL) for name in ("fresh", "tasks", "preview", "details", "help")]


@pytest.mark.parametrize(
    ("name", "size"), TAKEN, ids=lambda at: at if isinstance(at, str) else f"{at[0]}x{at[1]}"
)
async def test_the_screen_looks_as_it_did(
    name: str, size: tuple[int, int], cookies: Path, screen: Callable[..., Any]
) -> None:
    file = cookies / ("two_cookies.yaml" if name == "failed" else "one_cookie.yaml")
    async with screen(file, size=size) as s:
        await {**SCREENS, "details": details}[name](s)
        s.app.refresh_bars()
        await s.pilot.pause()
        seen = s.text + "\n"
    golden = GOLDEN / f"{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("BAKEHOUSE_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(seen)
    assert seen == golden.read_text()


async def test_it_can_be_read_in_ascii(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / "two_cookies.yaml", ascii_only=True) as s:
        await s.go("cookie_dough")
        tree = "\n".join(s.app.tree_view.render_line(y).text for y in range(len(s.rows)))
        assert tree.isascii()
        assert "cookie_dough ^" in tree
