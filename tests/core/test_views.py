"""What the two views draw, the cookie lesson first, and where the cursor lands when they are flipped."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bakehouse.core.graph.graph import Graph
from bakehouse.core.graph.views import View, asset_view, counterpart, task_view
from bakehouse.core.model import Definitions, Node

Define = Callable[..., Definitions]


def edges(view: View) -> list[tuple[str, str, str]]:
    return [(edge.source.name, edge.target.name, edge.label) for edge in view.edges]


def kinds(view: View) -> list[tuple[str, str, str]]:
    return [(edge.source.name, edge.target.name, edge.kind) for edge in view.edges]


def names(view: View) -> list[str]:
    return [node.name for node in view.nodes]


# ---- the cookie lesson -----------------------------------------------------------------------


def test_the_task_view_of_the_workflow(task_cookies: Definitions) -> None:
    view = task_view(Graph(task_cookies))
    assert [(one.node.kind, one.title, one.byproduct, one.source) for one in view.nodes.values()] == [
        ("asset", "wet_ingredients", False, True),
        ("asset", "dry_ingredients", False, True),
        ("task", "gather ingredients", False, False),
        ("task", "combine ingredients", False, False),
        ("asset", "cookie_dough", True, False),
        ("task", "add chocolate chips", False, False),
        ("asset", "chocolate_chip_cookie_dough", True, False),
        ("task", "bake in oven", False, False),
        ("asset", "chocolate_chip_cookies", False, False),
    ]
    assert sorted(kinds(view)) == sorted(
        [
            ("wet_ingredients", "gather_ingredients", "data"),
            ("dry_ingredients", "gather_ingredients", "data"),
            ("gather_ingredients", "combine_ingredients", "data"),
            ("combine_ingredients", "cookie_dough", "byproduct"),
            ("combine_ingredients", "add_chocolate_chips", "data"),
            ("cookie_dough", "add_chocolate_chips", "data"),
            ("add_chocolate_chips", "chocolate_chip_cookie_dough", "byproduct"),
            ("add_chocolate_chips", "bake_in_oven", "data"),
            ("chocolate_chip_cookie_dough", "bake_in_oven", "data"),
            ("bake_in_oven", "chocolate_chip_cookies", "data"),
        ]
    )


def test_the_asset_view_of_one_cookie(one_cookie: Definitions) -> None:
    view = asset_view(Graph(one_cookie))
    assert names(view) == [
        "wet_ingredients",
        "dry_ingredients",
        "cookie_dough",
        "chocolate_chips",
        "chocolate_chip_cookie_dough",
        "chocolate_chip_cookies",
    ]
    assert edges(view) == [
        ("wet_ingredients", "cookie_dough", "gather and combine ingredients"),
        ("dry_ingredients", "cookie_dough", "gather and combine ingredients"),
        ("chocolate_chips", "chocolate_chip_cookie_dough", "combine with cookie dough"),
        ("cookie_dough", "chocolate_chip_cookie_dough", "combine with cookie dough"),
        ("chocolate_chip_cookie_dough", "chocolate_chip_cookies", "bake in oven"),
    ]


def test_the_asset_view_of_two_cookies(one_cookie: Definitions, two_cookies: Definitions) -> None:
    before, view = asset_view(Graph(one_cookie)), asset_view(Graph(two_cookies))
    assert [name for name in names(view) if name not in names(before)] == [
        "peanuts",
        "peanut_cookie_dough",
        "peanut_cookies",
    ]
    assert len(view.nodes) == 9
    assert edges(view) == [
        *edges(before),
        ("cookie_dough", "peanut_cookie_dough", "combine with cookie dough"),
        ("peanuts", "peanut_cookie_dough", "combine with cookie dough"),
        ("peanut_cookie_dough", "peanut_cookies", "bake in oven"),
    ]
    assert [one.name for one in view.roots] == [
        "wet_ingredients",
        "dry_ingredients",
        "chocolate_chips",
        "peanuts",
    ]
    assert [one.name for one in view.leaves] == ["chocolate_chip_cookies", "peanut_cookies"]


def test_the_workflow_flipped_to_its_assets(task_cookies: Definitions) -> None:
    view = asset_view(Graph(task_cookies))
    assert sorted(names(view)) == [
        "chocolate_chip_cookie_dough",
        "chocolate_chip_cookies",
        "cookie_dough",
        "dry_ingredients",
        "wet_ingredients",
    ]
    assert edges(view) == [
        ("wet_ingredients", "cookie_dough", "gather ingredients, combine ingredients"),
        ("dry_ingredients", "cookie_dough", "gather ingredients, combine ingredients"),
        ("cookie_dough", "chocolate_chip_cookie_dough", "add chocolate chips"),
        ("chocolate_chip_cookie_dough", "chocolate_chip_cookies", "bake in oven"),
    ]


def test_one_cookie_flipped_to_its_tasks(one_cookie: Definitions) -> None:
    view = task_view(Graph(one_cookie))
    tasks = [one.title for one in view.nodes.values() if one.node.kind == "task"]
    assert tasks == ["cookie dough", "chocolate chip cookie dough", "bake in oven"]
    assert [one.node.name for one in view.nodes.values() if one.byproduct] == [
        "cookie_dough",
        "chocolate_chip_cookie_dough",
    ]
    assert len(view.edges) == 10


# ---- the asset view --------------------------------------------------------------------------


def test_two_ways_between_the_same_assets_are_both_told(define: Define) -> None:
    graph = Graph(
        define(
            {
                "wash": {"inputs": ["apples"], "outputs": ["clean"]},
                "peel_them": {"inputs": ["clean"], "outputs": ["peeled"]},
                "core_them": {"inputs": ["clean"], "outputs": ["cored"]},
                "cook": {"inputs": ["peeled", "cored", "apples"], "outputs": ["sauce"]},
            },
            {"clean": {"internal": True}, "peeled": {"internal": True}, "cored": {"internal": True}},
        )
    )
    assert edges(asset_view(graph)) == [
        ("apples", "sauce", "wash, peel them, cook / wash, core them, cook / cook"),
    ]


def test_the_verb_of_the_last_task_speaks_for_the_whole_way(define: Define) -> None:
    steps = {
        "wash": {"inputs": ["apples"], "outputs": ["clean"], "verb": "wash well"},
        "cook": {"inputs": ["clean", "apples"], "outputs": ["sauce"], "verb": "make sauce of"},
    }
    graph = Graph(define(steps, {"clean": {"internal": True}}))
    assert edges(asset_view(graph)) == [("apples", "sauce", "make sauce of")]


def test_what_only_comes_after_is_no_edge_between_assets(define: Define) -> None:
    graph = Graph(define({"a": {"outputs": ["a"]}, "b": {"outputs": ["b"], "after": ["a"]}}))
    assert asset_view(graph).edges == ()
    assert kinds(task_view(graph)) == [("a", "a", "data"), ("a", "b", "after"), ("b", "b", "data")]


def test_a_task_with_several_outputs_makes_each_of_all_its_inputs(define: Define) -> None:
    graph = Graph(define({"split": {"inputs": ["a", "b"], "outputs": ["x", "y"]}}))
    assert edges(asset_view(graph)) == [(one, other, "split") for other in "xy" for one in "ab"]


def test_the_group_is_the_assets_own_or_that_of_the_task_that_makes_it(define: Define) -> None:
    steps = {"make": {"outputs": ["a", "b"], "group": "marts"}}
    view = asset_view(Graph(define(steps, {"a": {"group": "raw"}})))
    assert [(one.title, one.group) for one in view.nodes.values()] == [("a", "raw"), ("b", "marts")]


# ---- the task view ---------------------------------------------------------------------------


def test_an_internal_asset_is_not_drawn_but_still_joins_its_tasks(define: Define) -> None:
    steps = {"gather": {"outputs": ["bowl"]}, "combine": {"inputs": ["bowl", "secret"]}}
    view = task_view(Graph(define(steps, {"bowl": {"internal": True}, "secret": {"internal": True}})))
    assert names(view) == ["gather", "combine"]
    assert kinds(view) == [("gather", "combine", "data")]


def test_a_source_that_nobody_reads_is_drawn(define: Define) -> None:
    view = task_view(Graph(define({}, {"flour": {}})))
    assert [(one.title, one.byproduct, one.source) for one in view.nodes.values()] == [("flour", False, True)]


def test_after_is_not_drawn_twice_where_data_flows_anyway(define: Define) -> None:
    steps = {"make": {"outputs": ["a"]}, "use": {"inputs": ["a"], "after": ["make", "clean"]}, "clean": {}}
    view = task_view(Graph(define(steps)))
    assert kinds(view) == [
        ("make", "a", "byproduct"),
        ("make", "use", "data"),
        ("a", "use", "data"),
        ("clean", "use", "after"),
    ]


def test_edges_are_found_from_either_end(task_cookies: Definitions) -> None:
    view = task_view(Graph(task_cookies))
    bake = Node("task", "bake_in_oven")
    assert [edge.source.name for edge in view.into(bake)] == [
        "add_chocolate_chips",
        "chocolate_chip_cookie_dough",
    ]
    assert [edge.target.name for edge in view.out_of(bake)] == ["chocolate_chip_cookies"]
    assert view.out_of(Node("asset", "chocolate_chip_cookies")) == ()
    assert view.into(Node("task", "nothing such")) == ()


# ---- the flip --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "lands"),
    [
        (Node("asset", "wet_ingredients"), Node("asset", "wet_ingredients")),
        (Node("asset", "cookie_dough"), Node("task", "combine_ingredients")),
        (Node("asset", "ingredients"), Node("task", "gather_ingredients")),
        (Node("asset", "chocolate_chip_cookies"), Node("asset", "chocolate_chip_cookies")),
        (Node("task", "bake_in_oven"), Node("task", "bake_in_oven")),
        (Node("asset", "never heard of"), None),
        (Node("task", "never heard of"), None),
    ],
)
def test_from_assets_to_tasks(task_cookies: Definitions, chosen: Node, lands: Node | None) -> None:
    graph = Graph(task_cookies)
    assert counterpart(graph, chosen, task_view(graph)) == lands


@pytest.mark.parametrize(
    ("chosen", "lands"),
    [
        (Node("task", "combine_ingredients"), Node("asset", "cookie_dough")),
        (Node("task", "gather_ingredients"), Node("asset", "cookie_dough")),
        (Node("task", "bake_in_oven"), Node("asset", "chocolate_chip_cookies")),
        (Node("asset", "cookie_dough"), Node("asset", "cookie_dough")),
        (Node("asset", "wet_ingredients"), Node("asset", "wet_ingredients")),
    ],
)
def test_from_tasks_to_assets(task_cookies: Definitions, chosen: Node, lands: Node) -> None:
    graph = Graph(task_cookies)
    assert counterpart(graph, chosen, asset_view(graph)) == lands


def test_a_task_that_makes_nothing_becomes_what_it_was_made_of(define: Define) -> None:
    graph = Graph(define({"run": {"outputs": ["report"]}, "send": {"inputs": ["report"]}, "alone": {}}))
    assert counterpart(graph, Node("task", "send"), asset_view(graph)) == Node("asset", "report")
    assert counterpart(graph, Node("task", "alone"), asset_view(graph)) is None


def test_from_any_asset_there_and_back_is_where_one_was(define: Define) -> None:
    steps = {
        "render": {"inputs": ["data"], "outputs": ["report", "chart"]},
        "send": {"inputs": ["report", "chart"]},
    }
    graph = Graph(define(steps))
    assets, tasks = asset_view(graph), task_view(graph)
    assert counterpart(graph, Node("asset", "report"), tasks) == Node("task", "render")
    for node in assets.nodes:
        there = counterpart(graph, node, tasks)
        assert there is not None
        assert counterpart(graph, there, assets) == node


# ---- size ------------------------------------------------------------------------------------


def test_a_ladder_of_fifty_diamonds_does_not_explode(define: Define) -> None:
    steps: dict[str, dict[str, list[str]]] = {}
    for n in range(50):
        steps |= {
            f"left{n}": {"inputs": [f"i{n}"], "outputs": [f"l{n}"]},
            f"right{n}": {"inputs": [f"i{n}"], "outputs": [f"r{n}"]},
            f"join{n}": {"inputs": [f"l{n}", f"r{n}"], "outputs": [f"i{n + 1}"]},
        }
    internal = {
        f"{one}{n}": {"internal": True}
        for one in "ilr"
        for n in range(51)
        if f"{one}{n}" not in ("i0", "i50")
    }
    internal = {name: it for name, it in internal.items() if name not in ("l50", "r50")}
    view = asset_view(Graph(define(steps, internal)))
    ((source, target, label),) = edges(view)
    assert (source, target) == ("i0", "i50")
    assert label.endswith("join49") and "…" in label and len(label) < 500


@pytest.mark.case("G2")
def test_a_chain_of_100_000_internal_steps_is_one_edge(define: Define) -> None:
    length = 100_000
    steps = {f"t{n}": {"inputs": [f"a{n - 1}"], "outputs": [f"a{n}"]} for n in range(1, length + 1)}
    graph = Graph(define(steps, {f"a{n}": {"internal": True} for n in range(1, length)}))
    view = asset_view(graph)
    assert edges(view) == [("a0", f"a{length}", f"t1, …, t{length}")]
    assert counterpart(graph, Node("task", "t1"), view) == Node("asset", f"a{length}")
    assert len(task_view(graph).edges) == length + 1


def test_a_chain_of_internal_steps_that_each_bring_something_in(define: Define) -> None:
    length = 20_000
    steps = {f"t{n}": {"inputs": [f"a{n - 1}", f"b{n}"], "outputs": [f"a{n}"]} for n in range(1, length + 1)}
    view = asset_view(Graph(define(steps, {f"a{n}": {"internal": True} for n in range(1, length)})))
    assert len(view.edges) == length + 1
    labels = {edge.source.name: edge.label for edge in view.edges}
    assert labels[f"b{length - 1}"] == f"t{length - 1}, t{length}"


def test_fan_in_times_fan_out(define: Define) -> None:
    wide = 300
    sources = [f"s{n}" for n in range(wide)]
    through = {"gather": {"inputs": sources, "outputs": ["hub"]}}
    through |= {f"make{n}": {"inputs": ["hub"], "outputs": [f"p{n}"]} for n in range(wide)}
    view = asset_view(Graph(define(through, {"hub": {"internal": True}})))
    assert len(view.edges) == wide * wide
    assert {edge.label for edge in view.into(Node("asset", "p7"))} == {"gather, make7"}


def test_many_entries_into_one_hub_are_told_in_full(define: Define) -> None:
    wide = 300
    steps = {f"read{n}": {"inputs": [f"s{n}"], "outputs": [f"i{n}"]} for n in range(wide)}
    steps |= {"gather": {"inputs": [f"i{n}" for n in range(wide)], "outputs": ["all"]}}
    view = asset_view(Graph(define(steps, {f"i{n}": {"internal": True} for n in range(wide)})))
    assert [edge.label for edge in view.edges] == [f"read{n}, gather" for n in range(wide)]
