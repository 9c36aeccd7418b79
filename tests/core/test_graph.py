"""The graph as others ask it: neighbours, order, and what stands before and behind, to any depth."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable

import pytest

from bakehouse.core.graph.graph import Graph
from bakehouse.core.model import Definitions, Node
from bakehouse.core.problems import DefinitionError

Define = Callable[..., Definitions]


def asset(*names: str) -> set[Node]:
    return {Node("asset", name) for name in names}


def task(*names: str) -> set[Node]:
    return {Node("task", name) for name in names}


@pytest.fixture
def report(define: Define) -> Graph:
    """Two sources, a table with an internal step between, a report with a chart, and an email after it."""
    return Graph(
        define(
            {
                "clean": {"inputs": ["flights"], "outputs": ["clean_flights"]},
                "join": {"inputs": ["clean_flights", "airports"], "outputs": ["delays"]},
                "render": {"inputs": ["delays"], "outputs": ["report", "chart"]},
                "archive": {"inputs": ["report"], "outputs": []},
                "send_email": {"inputs": ["report"], "after": ["archive"]},
                "celebrate": {"after": ["send_email"]},
            },
            {"clean_flights": {"internal": True}},
        )
    )


def test_who_makes_and_reads_what(report: Graph) -> None:
    assert report.producer("delays") == "join"
    assert report.producer("flights") is None
    assert report.consumers("report") == ("archive", "send_email")
    assert report.consumers("chart") == ()


def test_a_task_waits_for_its_inputs_and_for_what_it_comes_after_each_once(define: Define) -> None:
    graph = Graph(
        define(
            {
                "make": {"outputs": ["a", "b"]},
                "clean": {},
                "use": {"inputs": ["b", "a", "raw"], "after": ["clean", "make"]},
            }
        )
    )
    assert graph.before("use") == ("make", "clean")
    assert graph.behind("make") == ("use",)
    assert graph.behind("clean") == ("use",)
    assert graph.before("make") == graph.behind("use") == ()


def test_the_ends_of_the_graph(report: Graph) -> None:
    assert report.sources() == (Node("asset", "flights"), Node("asset", "airports"))
    assert report.sinks() == (Node("asset", "chart"), Node("task", "celebrate"))


def test_the_order_is_the_users_where_that_order_can_run(report: Graph) -> None:
    assert report.task_order == tuple(report.tasks)


def test_each_task_comes_right_behind_what_it_needs_where_the_user_began_with_the_goal(
    define: Define,
) -> None:
    graph = Graph(
        define(
            {
                "serve": {"inputs": ["cookies", "milk"]},
                "pour": {"outputs": ["milk"]},
                "bake": {"inputs": ["dough"], "outputs": ["cookies"]},
                "mix": {"outputs": ["dough"]},
            }
        )
    )
    assert graph.task_order == ("mix", "bake", "pour", "serve")


def test_the_order_of_nodes_has_everything_once_and_after_what_it_needs(report: Graph) -> None:
    place = {node: number for number, node in enumerate(report.order)}
    assert len(place) == len(report.order) == len(report.assets) + len(report.tasks)
    assert all(place[earlier] < place[node] for node in report.order for earlier in report.into(node))


def test_everything_upstream_and_downstream(report: Graph) -> None:
    assert report.upstream(asset("delays")) == asset("flights", "clean_flights", "airports") | task(
        "clean", "join"
    )
    assert report.downstream(asset("report")) == task("archive", "send_email", "celebrate")
    assert report.upstream(task("celebrate")) == set(report.order) - task("celebrate") - asset("chart")
    assert report.downstream(task("clean")) == set(report.order) - task("clean") - asset(
        "flights", "airports"
    )


def test_a_start_is_part_of_the_answer_only_where_another_one_needs_it(report: Graph) -> None:
    assert asset("delays") <= report.upstream(asset("report", "delays"))
    assert not asset("report") & report.upstream(asset("report", "delays"))


def test_depth_counts_assets_and_not_the_tasks_between(report: Graph) -> None:
    assert report.upstream(asset("report"), 1) == task("render") | asset("delays")
    assert report.upstream(asset("report"), 0) == set()
    assert report.downstream(asset("delays"), 1) == task("render") | asset("report", "chart")


def test_depth_does_not_count_internal_assets(report: Graph) -> None:
    assert report.upstream(asset("delays"), 1) == task("join", "clean") | asset(
        "clean_flights", "airports", "flights"
    )


def test_depth_counts_a_task_that_only_comes_before(report: Graph) -> None:
    assert report.upstream(task("celebrate"), 1) == task("send_email")
    assert report.upstream(task("celebrate"), 2) == task("send_email", "archive") | asset("report")
    assert report.downstream(asset("report"), 1) == task("archive", "send_email", "celebrate")


def test_a_depth_beyond_the_end_is_everything(report: Graph) -> None:
    for node in report.order:
        assert report.upstream([node], 99) == report.upstream([node])
        assert report.downstream([node], 10**9) == report.downstream([node])


def test_the_same_graph_for_networkx(report: Graph) -> None:
    graph = report.networkx()
    assert list(graph) == list(report.order)
    assert graph.edges[Node("task", "archive"), Node("task", "send_email")] == {"kind": "after"}
    assert graph.edges[Node("asset", "report"), Node("task", "archive")] == {"kind": "data"}
    assert graph.number_of_edges() == 12
    assert report.networkx() is graph


def test_one_asset_read_under_two_names_is_one_reader(define: Define) -> None:
    graph = Graph(define({"compare": {"inputs": ["a", "a"]}}))
    assert graph.consumers("a") == ("compare",)
    assert graph.into(Node("task", "compare")) == (Node("asset", "a"),)


def test_what_is_not_defined_is_a_problem_with_a_place(define: Define) -> None:
    good = define({"bake": {"inputs": ["dough"], "outputs": ["cookies"]}})
    broken = Definitions("/project", {"cookies": good.assets["cookies"]}, good.tasks)
    with pytest.raises(
        DefinitionError, match=r"tasks\.yaml:1:1: task 'bake' reads 'dough', which is not defined"
    ):
        Graph(broken)
    with pytest.raises(DefinitionError, match="comes after 'mix', which is not defined"):
        Graph(define({"bake": {"after": ["mix"]}}))


def test_a_circle_is_refused_by_name(define: Define) -> None:
    with pytest.raises(DefinitionError, match="a → b → a"):
        Graph(define({"a": {"inputs": ["b"], "outputs": ["a"]}, "b": {"inputs": ["a"], "outputs": ["b"]}}))


def test_an_empty_project_is_an_empty_graph(define: Define) -> None:
    graph = Graph(define({}))
    assert (graph.order, graph.task_order, graph.sources(), graph.sinks()) == ((), (), (), ())


def chain(define: Define, length: int, reverse: bool = False) -> Definitions:
    numbers = range(length, 0, -1) if reverse else range(1, length + 1)
    return define({f"t{n}": {"inputs": [f"a{n - 1}"], "outputs": [f"a{n}"]} for n in numbers})


@pytest.mark.case("G1", "G2")
@pytest.mark.parametrize("reverse", [False, True])
def test_a_chain_of_100_000_steps_needs_no_deep_stack(define: Define, reverse: bool) -> None:
    definitions = chain(define, 100_000, reverse)
    Graph(define({})).networkx()  # the import itself nests deeper than what is allowed below
    frames = len(inspect.stack(0))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(frames + 60)
    try:
        graph = Graph(definitions)
        assert graph.task_order[0] == "t1" and graph.task_order[-1] == "t100000"
        if reverse:
            return
        assert len(graph.order) == 200_001
        assert len(graph.upstream(asset("a100000"))) == 200_000
        assert len(graph.downstream(asset("a0"))) == 200_000
        assert len(graph.upstream(asset("a100000"), 50_000)) == 100_000
        assert graph.networkx().number_of_edges() == 200_000
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.case("G1")
def test_a_million_edges(define: Define) -> None:
    sources = [f"s{n}" for n in range(1000)]
    graph = Graph(define({f"t{n}": {"inputs": sources, "outputs": [f"a{n}"]} for n in range(1000)}))
    assert len(graph.consumers("s7")) == 1000
    assert len(graph.downstream(asset("s0"))) == 2000
    assert len(graph.upstream(asset("a999"), 1)) == 1001


def test_networkx_is_only_imported_when_it_is_asked_for() -> None:
    code = (
        "import sys\n"
        "from bakehouse.core.graph.graph import Graph\n"
        "from bakehouse.core.graph import cycles, views\n"
        "from bakehouse.core import selection\n"
        "from bakehouse.core.model import Definitions\n"
        "graph = Graph(Definitions('/p', {}, {}))\n"
        "views.asset_view(graph), views.task_view(graph), cycles.cycle_problems(graph.definitions)\n"
        "assert 'networkx' not in sys.modules\n"
        "graph.networkx()\n"
        "assert 'networkx' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
