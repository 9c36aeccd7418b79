"""What is gone keeps a row until that is accepted; a group says in one row how its members are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bakehouse.core.model import Node
from bakehouse.core.workbench import Workbench

Opener = Callable[..., Any]
BREAD = """
assets:
  dough: {shell: 'true'}
  bread: {deps: [dough], shell: 'true'}
"""
SHOP = """
assets:
  rye: {group: grain, shell: 'true'}
  oats: {group: grain, shell: 'false'}
  wheat: {group: grain, shell: 'true'}
  spelt: {group: grain, shell: 'true'}
  other: {shell: 'true'}
"""


async def test_what_was_removed_keeps_a_struck_row_until_that_is_accepted(
    tmp_path: Path, screen: Opener
) -> None:
    file = tmp_path / "bakehouse.yaml"
    file.write_text(BREAD)
    async with screen(tmp_path, bench=Workbench) as s:
        await s.go("bread")
        file.write_text(BREAD.replace("  bread: {deps: [dough], shell: 'true'}\n", ""))
        await s.press("R")
        await s.sees("removed since what was last accepted", "1 removed")
        assert (s.names[-1], s.rows[-1].kind) == ("bread", "ghost")
        await s.press("g", "c")
        assert s.app.tree_view.node == Node("asset", "bread")
        await s.sees("accepted (N accepts")
        await s.press("m")
        await s.sees("not defined any more")
        await s.press("t")
        await s.sees("removed since what was last accepted")
        assert s.names[-2:] == ["removed since what was last accepted", "bread"]
        await s.press("N")
        await s.until(lambda: set(s.names) == {"dough"}, "the row to go")


async def test_a_group_tells_its_worst_state_and_how_many_are_in_each_as_they_change(
    tmp_path: Path, screen: Opener
) -> None:
    (tmp_path / "bakehouse.yaml").write_text(SHOP)
    async with screen(tmp_path, bench=Workbench) as s:
        await s.press("g", "h")
        await s.sees("∘ grain  4 ", "never")
        await s.press("enter")
        assert [row.kind for row in s.rows] == ["group", "node", "node", "node", "node", "node"]
        await s.press("h")
        await s.press("j", "a")
        await s.sees("✗ grain  1 failed, 3 fresh")
        file = tmp_path / "bakehouse.yaml"
        file.write_text(SHOP.replace("  other", "  millet: {group: grain, shell: 'true'}\n  other"))
        await s.press("R")
        await s.sees("1 failed, 1 never, 3 fresh, 1 new")
        await s.press("g")
        await s.press("a")
        await s.sees("1 failed, 4 fresh, 1 new")
