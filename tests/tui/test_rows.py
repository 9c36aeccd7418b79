"""The rows of the tree: exact for the cookies, linear for what would explode, alias rows for what is shared."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.graph.graph import Graph
from bakehouse.core.graph.views import View, ViewEdge, ViewNode, asset_view, task_view
from bakehouse.core.load.definitions import load_definitions
from bakehouse.core.load.discovery import find_project
from bakehouse.core.model import Node
from bakehouse.tui.projection.rows import (
    Direction,
    Folds,
    Rows,
    Shape,
    build,
    default_folds,
    node_key,
    prune,
    way_to,
)

COOKIES = Path(__file__).parents[2] / "pipelines" / "cookies"


def drawn(rows: Rows) -> list[str]:
    """The rows as text: fold, name, `^` on an alias, the verb, and `(…)` around what is dim."""
    out = []
    for row in rows.rows:
        mark = {True: "v ", False: "> ", None: "  "}[row.open]
        name = f"({row.label})" if row.dim else row.label
        alias = " ^" if row.kind == "alias" else " []" if row.kind == "group" else ""
        out.append("  " * row.depth + mark + name + alias + (f" <{row.verb}>" if row.verb else ""))
    return out


def cookie_graph(file: str) -> Graph:
    return Graph(load_definitions(find_project(COOKIES / file), trusted=False, store=None))


def an(name: str) -> Node:
    return Node("asset", name)


def view_of(edges: list[tuple[str, str]], groups: dict[str, str] | None = None) -> View:
    names = list(dict.fromkeys(name for edge in edges for name in edge))
    made = {target for _, target in edges}
    nodes = {an(n): ViewNode(an(n), n, (groups or {}).get(n, ""), False, n not in made) for n in names}
    return View("asset", nodes, tuple(ViewEdge(an(a), an(b), "", "data") for a, b in edges))


def full(view: View, direction: Direction = "up") -> Rows:
    return build(Shape(view, direction), Folds())


def test_one_cookie_is_told_from_the_cookie_down_to_what_it_is_made_of() -> None:
    assert drawn(full(asset_view(cookie_graph("one_cookie.yaml")))) == [
        "v chocolate_chip_cookies <bake in oven>",
        "  v chocolate_chip_cookie_dough <combine with cookie dough>",
        "    v cookie_dough <gather and combine ingredients>",
        "        wet_ingredients",
        "        dry_ingredients",
        "      chocolate_chips",
    ]


def test_two_cookies_share_the_dough_through_an_alias() -> None:
    assert drawn(full(asset_view(cookie_graph("two_cookies.yaml")))) == [
        "v chocolate_chip_cookies <bake in oven>",
        "  v chocolate_chip_cookie_dough <combine with cookie dough>",
        "    v cookie_dough <gather and combine ingredients>",
        "        wet_ingredients",
        "        dry_ingredients",
        "      chocolate_chips",
        "v peanut_cookies <bake in oven>",
        "  v peanut_cookie_dough <combine with cookie dough>",
        "      cookie_dough ^",
        "      peanuts",
    ]


def test_two_cookies_turned_round_say_what_each_thing_leads_to() -> None:
    assert drawn(full(asset_view(cookie_graph("two_cookies.yaml")), "down")) == [
        "v wet_ingredients",
        "  v cookie_dough <gather and combine ingredients>",
        "    v chocolate_chip_cookie_dough <combine with cookie dough>",
        "        chocolate_chip_cookies <bake in oven>",
        "    v peanut_cookie_dough <combine with cookie dough>",
        "        peanut_cookies <bake in oven>",
        "v dry_ingredients",
        "    cookie_dough ^ <gather and combine ingredients>",
        "v chocolate_chips",
        "    chocolate_chip_cookie_dough ^ <combine with cookie dough>",
        "v peanuts",
        "    peanut_cookie_dough ^ <combine with cookie dough>",
    ]


def test_the_task_view_runs_down_the_page_with_its_outputs_hanging_dim() -> None:
    assert drawn(full(task_view(cookie_graph("task_centric.yaml")), "down")) == [
        "v gather ingredients",
        "    wet_ingredients <reads>",
        "    dry_ingredients <reads>",
        "  v combine ingredients",
        "      (cookie_dough) <makes>",
        "    v add chocolate chips",
        "        (chocolate_chip_cookie_dough) <makes>",
        "      v bake in oven",
        "          chocolate_chip_cookies <makes>",
    ]


def test_the_task_view_turned_round_begins_at_the_last_task() -> None:
    assert drawn(full(task_view(cookie_graph("task_centric.yaml")), "up")) == [
        "v bake in oven",
        "    chocolate_chip_cookies <makes>",
        "  v add chocolate chips",
        "      (chocolate_chip_cookie_dough) <makes>",
        "    v combine ingredients",
        "        (cookie_dough) <makes>",
        "      v gather ingredients",
        "          wet_ingredients <reads>",
        "          dry_ingredients <reads>",
    ]


def test_fifty_diamonds_one_after_another_stay_small() -> None:
    edges = []
    for n in range(50):
        edges += [(f"a{n}", f"b{n}"), (f"a{n}", f"c{n}"), (f"b{n}", f"a{n + 1}"), (f"c{n}", f"a{n + 1}")]
    view = view_of(edges)
    rows = full(view)
    assert len(rows) == 1 + len(edges)
    assert Shape(view, "up").size() == len(rows)


@pytest.mark.case("G2")
def test_a_chain_of_a_hundred_thousand_is_a_hundred_thousand_rows() -> None:
    rows = full(view_of([(f"n{n}", f"n{n + 1}") for n in range(100_000)]))
    assert len(rows) == 100_001
    assert rows.rows[-1].depth == 100_000
    assert rows.of(an("n0")) == 100_000


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12)), max_size=120))
def test_every_edge_is_a_row_and_every_node_has_one_row_of_its_own(pairs: list[tuple[int, int]]) -> None:
    view = view_of(list(dict.fromkeys((f"n{low}", f"n{low + step}") for low, step in pairs)))
    for direction in ("up", "down"):
        rows = full(view, direction)
        roots = [row for row in rows.rows if row.depth == 0]
        members = sum(row.kind == "group" for row in rows.rows)
        assert len(rows) - members == len(view.edges) + len([r for r in roots if r.kind == "node"])
        assert {row.node for row in rows.rows if row.kind == "node"} == set(view.nodes)
        for at, row in enumerate(rows.rows):
            assert row.parent < at
            assert row.depth == (0 if row.parent < 0 else rows.rows[row.parent].depth + 1)


def test_a_folded_thing_hides_what_is_below_and_a_later_place_becomes_its_own() -> None:
    view = asset_view(cookie_graph("two_cookies.yaml"))
    folds = Folds().close(node_key(an("chocolate_chip_cookies")))
    assert drawn(build(Shape(view, "up"), folds)) == [
        "> chocolate_chip_cookies <bake in oven>",
        "v peanut_cookies <bake in oven>",
        "  v peanut_cookie_dough <combine with cookie dough>",
        "    v cookie_dough <gather and combine ingredients>",
        "        wet_ingredients",
        "        dry_ingredients",
        "      peanuts",
    ]


def test_many_sources_of_one_group_fold_into_one_row() -> None:
    edges = [(f"raw{n}", "all") for n in range(4)] + [("other", "all")]
    view = view_of(edges, {f"raw{n}": "raw" for n in range(4)})
    rows = full(view)
    assert drawn(rows) == [
        "v all",
        "  v raw []",
        "      raw0",
        "      raw1",
        "      raw2",
        "      raw3",
        "    other",
    ]
    group = next(row for row in rows.rows if row.kind == "group")
    assert drawn(build(Shape(view, "up"), Folds().close(group.key))) == ["v all", "  > raw []", "    other"]


def test_a_filter_keeps_the_matches_and_the_way_to_each() -> None:
    view = asset_view(cookie_graph("two_cookies.yaml"))
    rows = prune(full(view), {an("peanuts"), an("cookie_dough")})
    assert [(row.label, row.faint, row.depth, row.last) for row in rows.rows] == [
        ("chocolate_chip_cookies", True, 0, False),
        ("chocolate_chip_cookie_dough", True, 1, True),
        ("cookie_dough", False, 2, True),
        ("peanut_cookies", True, 0, True),
        ("peanut_cookie_dough", True, 1, True),
        ("peanuts", False, 2, True),
    ]
    assert rows.rows[5].parent == 4


def test_a_short_tree_is_open_and_a_long_one_shows_two_levels_and_its_faults() -> None:
    short = Shape(asset_view(cookie_graph("two_cookies.yaml")), "up")
    assert default_folds(short) == Folds()
    long = Shape(view_of([(f"n{n}", f"n{n + 1}") for n in range(300)]), "up")
    assert len(build(long, default_folds(long))) == 3
    assert build(long, default_folds(long, [an("n250")])).of(an("n250")) is not None


def test_the_way_to_a_hidden_thing_unfolds_it() -> None:
    shape = Shape(view_of([(f"n{n}", f"n{n + 1}") for n in range(300)]), "up")
    folds = Folds(0).open(*way_to(shape, an("n5")))
    assert build(shape, folds).of(an("n5")) == 295


@pytest.mark.parametrize("direction", ["up", "down"])
def test_an_empty_view_has_no_rows(direction: Direction) -> None:
    assert len(full(View("asset", {}, ()), direction)) == 0
