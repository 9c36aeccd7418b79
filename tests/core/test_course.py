"""Which step may begin next, and what becomes of those that depend on one that is lost."""

from __future__ import annotations

import pytest

from bakehouse.core.engine.course import Course, Phase
from bakehouse.core.graph.graph import Graph
from bakehouse.core.model import Asset, Definitions, Input, ShellAction, Task
from bakehouse.core.plan import Plan, PlannedStep


def a_graph(**needs: str) -> Graph:
    """`a_graph(dough="flour eggs")`: tasks that each make the asset of their own name."""
    tasks = {
        name: Task(
            name, ShellAction("true"), inputs=tuple(Input(n, n) for n in before.split()), outputs=(name,)
        )
        for name, before in needs.items()
    }
    return Graph(Definitions("/", {name: Asset(name, task=name) for name in needs}, tasks))


def a_plan(graph: Graph, action: str = "run") -> Plan:
    return Plan(tuple(PlannedStep(name, (name,), action) for name in graph.task_order))  # type: ignore[arg-type]


def begin_all(course: Course) -> list[str]:
    taken = []
    while (task := course.take()) is not None:
        course.began(task)
        taken.append(task)
    return taken


def test_a_step_begins_when_all_it_needs_is_done() -> None:
    graph = a_graph(flour="", eggs="", dough="flour eggs", bread="dough")
    course = Course(graph)
    course.add(a_plan(graph))
    assert begin_all(course) == ["flour", "eggs"]
    course.done("flour", Phase.SUCCEEDED)
    assert begin_all(course) == []
    course.done("eggs", Phase.SUCCEEDED)
    assert begin_all(course) == ["dough"]
    course.done("dough", Phase.SPARED)
    assert begin_all(course) == ["bread"]
    course.done("bread", Phase.SUCCEEDED)
    assert course.is_over
    assert course.counts() == {
        "succeeded": 3,
        "failed": 0,
        "reused": 0,
        "spared": 1,
        "blocked": 0,
        "cancelled": 0,
    }


def test_a_failure_blocks_all_that_depends_on_it_and_nothing_else() -> None:
    graph = a_graph(flour="", eggs="", dough="flour", bread="dough", omelette="eggs")
    course = Course(graph)
    course.add(a_plan(graph))
    begin_all(course)
    blocked = course.lost("flour", Phase.FAILED)
    assert [(b.task, b.by) for b in blocked] == [("dough", "flour"), ("bread", "flour")]
    course.done("eggs", Phase.SUCCEEDED)
    assert begin_all(course) == ["omelette"]
    course.done("omelette", Phase.SUCCEEDED)
    assert course.is_over


def test_what_failed_can_be_added_again_with_what_it_blocked() -> None:
    graph = a_graph(flour="", dough="flour", bread="dough")
    course = Course(graph)
    course.add(a_plan(graph))
    begin_all(course)
    course.lost("flour", Phase.FAILED)
    assert course.add(a_plan(graph)) == ("flour", "dough", "bread")
    assert begin_all(course) == ["flour"]
    course.done("flour", Phase.SUCCEEDED)
    assert begin_all(course) == ["dough"]


def test_adding_a_forced_step_again_does_not_release_others_early() -> None:
    graph = a_graph(flour="", eggs="", dough="flour eggs")
    course = Course(graph)
    course.add(a_plan(graph))
    begin_all(course)
    course.done("flour", Phase.SUCCEEDED)
    course.add(Plan((PlannedStep("flour", ("flour",), "run"),)))
    assert begin_all(course) == ["flour"]
    course.done("flour", Phase.SUCCEEDED)
    assert begin_all(course) == [], "dough still waits for the eggs"
    course.done("eggs", Phase.SUCCEEDED)
    assert begin_all(course) == ["dough"]


@pytest.mark.case("G2")
def test_a_chain_of_a_hundred_thousand_neither_recurses_nor_crawls() -> None:
    names = [f"n{i}" for i in range(100_000)]
    graph = a_graph(**{name: names[i - 1] if i else "" for i, name in enumerate(names)})
    course = Course(graph)
    course.add(a_plan(graph))
    assert begin_all(course) == ["n0"]
    assert len(course.lost("n0", Phase.FAILED)) == 99_999
    assert course.is_over
