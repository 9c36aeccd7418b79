"""The Graph tab: the nodes around the cursor in layers, the lineage lit, and the keys that walk in it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.graph.views import View, ViewEdge, ViewNode
from bakehouse.core.model import Node
from bakehouse.tui.panes.graph import Drawing, Label, around, draw, lanes_of, lineage
from bakehouse.tui.widgets.side import TABS, titles_in


def view(edges: Sequence[str]) -> View:
    """`["a b"]` is an edge from a to b."""
    pairs = [tuple(edge.split()) for edge in edges]
    nodes = [Node("asset", name) for name in dict.fromkeys(name for pair in pairs for name in pair)]
    shown = {one: ViewNode(one, one.name, "", False, False) for one in nodes}
    joined = tuple(ViewEdge(Node("asset", a), Node("asset", b), "", "data") for a, b in pairs)
    return View("asset", shown, joined)


def drawn(edges: Sequence[str], at: str, **options: Any) -> Drawing:
    return draw(view(edges), Node("asset", at), lambda n: Label("o", "fresh", n.name, "text"), **options)


def text(drawing: Drawing) -> list[str]:
    return ["".join(bit.text for bit in line).rstrip() for line in drawing.lines]


DOUGH = ["wet dough", "dry dough", "dough cookies", "chips cookies"]


def test_what_is_made_of_what_stands_from_left_to_right() -> None:
    assert text(drawn(DOUGH, "dough")) == [
        "o wet ─┐",
        "       ├─ o dough ─┐",
        "o dry ─┘           ├─ o cookies",
        "          o chips ─┘",
    ]


def test_without_box_characters_it_is_drawn_in_plain_ones() -> None:
    lines = text(drawn(DOUGH, "dough", ascii_only=True))
    assert all(line.isascii() for line in lines) and lines[1].startswith("       +- o dough -+")


def test_only_the_lineage_of_the_cursor_is_lit() -> None:
    drawing = drawn(["flour dough", "dough bread", "dough pizza", "cheese pizza"], "bread")
    styles = {bit.text.strip(): bit.style for line in drawing.lines for bit in line}
    assert styles["bread"] == "text bold reverse"
    assert styles["dough"] == "text" and styles["pizza"] == styles["cheese"] == "muted"
    assert lineage(view(DOUGH), Node("asset", "wet")) == {
        Node("asset", n) for n in ("wet", "dough", "cookies")
    }


def test_of_a_large_graph_the_nearest_are_drawn_and_the_rest_is_counted() -> None:
    long = view([f"n{n} n{n + 1}" for n in range(500)])
    node = Node("asset", "n250")
    names = {one.name for one in around(long, node, 41)}
    assert names == {f"n{n}" for n in range(230, 271)}
    drawing = draw(long, node, lambda n: Label("o", "fresh", n.name, "text"))
    assert drawing.left_out == 501 - len(drawing.spots) and node in drawing.spots


@pytest.mark.parametrize("seed", range(20))
def test_lines_that_would_run_over_each_other_turn_in_lanes_of_their_own(seed: int) -> None:
    dice = random.Random(seed)
    drawing = drawn([f"a{n} b{m}" for n in range(8) for m in dice.sample(range(9), 2)], "a0")
    rows = drawing.layers.rows
    for gap in drawing.layers.gaps:
        ends: dict[Any, list[int]] = {}
        for hop in gap:
            ends.setdefault(hop.start, []).append(rows[hop.end])
        spans = {place: [rows[place], *reached] for place, reached in ends.items()}
        for (one, lane), (other, its) in combinations(lanes_of(gap, rows).items(), 2):
            apart = max(spans[one]) < min(spans[other]) or max(spans[other]) < min(spans[one])
            assert lane != its or apart or set(ends[one]) == set(ends[other])


def test_layers_are_kept_for_as_long_as_the_same_nodes_are_drawn() -> None:
    same = view(DOUGH)

    def again(name: str, before: Drawing | None) -> Drawing:
        return draw(same, Node("asset", name), lambda n: Label("o", "fresh", n.name, "text"), before=before)

    first = again("wet", None)
    assert again("dry", first).layers is first.layers
    assert draw(
        view(DOUGH), Node("asset", "dry"), lambda n: Label("o", "", n.name, ""), before=first
    ).layers is not (first.layers)


@pytest.mark.parametrize(
    ("at", "width", "shown"), [(0, 80, (0, 6)), (5, 24, (3, 6)), (0, 12, (0, 1)), (2, 1, (2, 3))]
)
def test_the_title_of_the_tab_that_is_shown_always_is(at: int, width: int, shown: tuple[int, int]) -> None:
    assert titles_in(["Overview", "Log", "Value", "Why", "History", "Graph"], at, width) == shown


async def test_the_keys_walk_in_the_drawing_and_the_tree_goes_along(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / "one_cookie.yaml") as s:
        await s.go("cookie_dough")
        s.app.side.go_to_tab("graph")
        await s.sees("├─ ∘ cookie_dough", "chocolate_chips")
        await s.press("tab", "l")
        await s.until(lambda: s.node == Node("asset", "chocolate_chip_cookie_dough"), "the next in line")
        await s.press("h")
        await s.until(lambda: s.node is not None and s.node.name != "chocolate_chip_cookie_dough", "one back")
        await s.press("g")
        spots: Mapping[Node, tuple[int, int, int]] = s.app.side.chart.drawing.spots
        await s.until(lambda: spots[s.node][0] == 0, "the top of the layer")


async def test_the_drawing_shows_states_as_they_come(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / "one_cookie.yaml") as s:
        s.app.side.go_to_tab("graph")
        await s.go("cookie_dough")
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        s.run.tell("step_started", s.bench.graph.producer("cookie_dough"), attempt=1, pid=1)
        await s.until(lambda: "▸ cookie_dough" in s.app.side.chart.text, "the step to run in the drawing")


def test_each_tab_has_a_name_of_its_own() -> None:
    assert len({tab.name for tab in TABS}) == len({tab.title for tab in TABS}) == len(TABS)
