"""Circles in broken definitions: found fast, named short, in the user's words and at a place."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.graph.cycles import cycle_problems
from bakehouse.core.model import Definitions
from bakehouse.core.problems import number_of

Define = Callable[..., Definitions]
Edges = Iterable[tuple[str, str]]


def shorthands(define: Define, edges: Edges) -> Definitions:
    """Each name an asset with a task of the same name; an edge runs from what is needed to what needs it."""
    inputs: dict[str, list[str]] = {}
    for source, target in edges:
        inputs.setdefault(source, [])
        inputs.setdefault(target, []).append(source)
    return define({name: {"inputs": needs, "outputs": [name]} for name, needs in inputs.items()})


def ring(length: int, prefix: str = "a") -> list[tuple[str, str]]:
    return [(f"{prefix}{n}", f"{prefix}{(n + 1) % length}") for n in range(length)]


def test_nothing_to_say_about_sound_definitions(define: Define) -> None:
    assert cycle_problems(define({})) == []
    assert cycle_problems(shorthands(define, [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])) == []


def test_a_circle_of_assets_is_named_at_the_place_of_its_first_member(define: Define) -> None:
    (problem,) = cycle_problems(
        shorthands(define, [("flour", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")])
    )
    assert problem.message == "these need each other in a circle: a → b → c → a"
    assert str(problem.place) == "tasks.yaml:2:1"
    assert problem.hint == "take one arrow out, for instance the input 'c' of 'a'"


def test_an_asset_that_needs_itself(define: Define) -> None:
    (problem,) = cycle_problems(shorthands(define, [("b", "a"), ("a", "b"), ("b", "b")]))
    assert problem.message == "b needs itself: b → b"


def test_tasks_are_named_where_they_are_called_otherwise(define: Define) -> None:
    steps = {
        "mix": {"inputs": ["crumbs"], "outputs": ["dough"]},
        "bake": {"inputs": ["dough"], "outputs": ["bread"]},
        "crumbs": {"inputs": ["bread"], "outputs": ["crumbs"]},
    }
    (problem,) = cycle_problems(define(steps))
    assert problem.message == "these need each other in a circle: mix → dough → bake → bread → crumbs → mix"


def test_a_circle_of_tasks_that_only_come_after_each_other(define: Define) -> None:
    (problem,) = cycle_problems(define({"send": {"after": ["attach"]}, "attach": {"after": ["send"]}}))
    assert problem.message == "these need each other in a circle: send → attach → send"
    assert problem.hint == "take one arrow out, for instance `after: attach` of 'send'"
    (problem,) = cycle_problems(define({"send": {"after": ["send"]}}))
    assert problem.message == "send needs itself: send → send"


def test_a_task_with_the_name_of_an_asset_that_it_does_not_pass_on_is_told_apart(define: Define) -> None:
    steps = {"a": {"outputs": ["a"], "after": ["b"]}, "b": {"after": ["a"]}}
    (problem,) = cycle_problems(define(steps))
    assert problem.message == "these need each other in a circle: task:a → b → task:a"


def test_a_long_circle_names_ten_and_the_count(define: Define) -> None:
    (problem,) = cycle_problems(shorthands(define, ring(9)))
    assert problem.message.endswith("a0 → a1 → a2 → a3 → a4 → a5 → a6 → a7 → a8 → a0")
    (problem,) = cycle_problems(shorthands(define, ring(40)))
    assert problem.message.endswith("a0 → a1 → a2 → a3 → a4 → a5 → a6 → a7 → a8 → a9 → … (40 in all)")


def test_the_shortest_way_round_is_told(define: Define) -> None:
    (problem,) = cycle_problems(shorthands(define, [*ring(30), ("a20", "a17")]))
    assert problem.message.endswith("a17 → a18 → a19 → a20 → a17")


def test_references_to_nothing_do_not_matter_here(define: Define) -> None:
    broken = define({"a": {"inputs": ["b"], "outputs": ["a"], "after": ["gone"]}})
    assert cycle_problems(Definitions("/project", {}, broken.tasks)) == []


@pytest.mark.case("G3")
def test_ten_circles_are_told_and_the_rest_counted(define: Define) -> None:
    circles = [edge for n in range(50) for edge in ring(3, f"c{n}_")]
    problems = cycle_problems(shorthands(define, circles))
    assert len(problems) == 11
    assert problems[0].message.endswith("c0_0 → c0_1 → c0_2 → c0_0")
    assert problems[-1].message == "40 more circles like these are not shown"
    assert problems[-1].place.file


@pytest.mark.case("G3")
def test_a_circle_of_100_000(define: Define) -> None:
    (problem,) = cycle_problems(shorthands(define, ring(100_000)))
    assert problem.message.endswith("→ a9 → … (100000 in all)")


@pytest.mark.case("G3")
def test_two_hundred_that_all_need_each_other(define: Define) -> None:
    everything = [(f"n{a}", f"n{b}") for a in range(200) for b in range(200) if a != b]
    (problem,) = cycle_problems(shorthands(define, everything))
    assert problem.message.endswith("circle: n0 → n1 → n0")


def test_a_large_tangle_still_ends(define: Define) -> None:
    draw = random.Random(7)
    tangle = [
        *ring(20_000),
        *((f"a{draw.randrange(20_000)}", f"a{draw.randrange(20_000)}") for _ in range(20_000)),
    ]
    assert len(cycle_problems(shorthands(define, tangle))) == 1


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=24))
def test_each_problem_is_a_shortest_circle_of_its_component(
    define: Define, pairs: list[tuple[int, int]]
) -> None:
    edges = [(f"n{a}", f"n{b}") for a, b in pairs]
    graph: nx.DiGraph[str] = nx.DiGraph(edges)
    told = {}
    for problem in cycle_problems(shorthands(define, edges)):
        path = problem.message.split(": ")[1].split(" → ")
        assert path[0] == path[-1]
        assert all(graph.has_edge(a, b) for a, b in pairwise(path))
        told[_component(graph, path[0])] = len(path) - 1
    expected = {
        frozenset(one): min(map(len, nx.simple_cycles(graph.subgraph(one))))
        for one in nx.strongly_connected_components(graph)
        if len(one) > 1 or any(graph.has_edge(node, node) for node in one)
    }
    assert told == expected


def _component(graph: nx.DiGraph[str], node: str) -> frozenset[str]:
    return next(frozenset(one) for one in nx.strongly_connected_components(graph) if node in one)


@pytest.mark.parametrize("length", [2, 5])
def test_what_stands_behind_a_circle_is_not_blamed(define: Define, length: int) -> None:
    behind = [("a0", "x"), ("x", "y"), ("y", "z")]
    (problem,) = cycle_problems(shorthands(define, [*behind, *ring(length)]))
    assert not {"x", "y", "z"} & set(problem.message.split(": ")[1].split(" → "))


def test_one_more_circle_is_one() -> None:
    assert number_of(1, "step") == "1 step" and number_of(1_000, "step") == "1,000 steps"
    assert number_of(0, "copy", "copies") == "0 copies"
