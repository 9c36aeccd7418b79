"""For any graph at all: the views are acyclic, and contract tasks away without gaining or losing lineage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.graph.graph import Graph
from bakehouse.core.graph.views import View, asset_view, counterpart, task_view
from bakehouse.core.model import Definitions, Node

Define = Callable[..., Definitions]


@st.composite
def pipelines(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tasks in an order that can run, shuffled; each reads some of what is there before it."""
    assets = [f"s{n}" for n in range(draw(st.integers(0, 3)))]
    internal: list[str] = []
    tasks: dict[str, Any] = {}
    for n in range(draw(st.integers(0, 8))):
        inputs = draw(st.lists(st.sampled_from(assets), unique=True, max_size=3)) if assets else []
        after = draw(st.lists(st.sampled_from(list(tasks)), unique=True, max_size=2)) if tasks else []
        outputs = [f"a{n}_{one}" for one in range(draw(st.integers(0, 2)))]
        internal += [one for one in outputs if draw(st.booleans())]
        tasks[f"t{n}"] = {
            "inputs": inputs,
            "outputs": outputs,
            "after": after,
            "verb": draw(st.sampled_from(["", "do"])),
        }
        assets += outputs
    shuffled = draw(st.permutations(list(tasks)))
    extra = {name: {"internal": name in internal} for name in assets}
    return {name: tasks[name] for name in shuffled}, extra


def drawn(view: View) -> nx.DiGraph[Node]:
    graph: nx.DiGraph[Node] = nx.DiGraph()
    graph.add_nodes_from(view.nodes)
    graph.add_edges_from((edge.source, edge.target) for edge in view.edges)
    return graph


def flows(definitions: Definitions) -> nx.DiGraph[Node]:
    """The data edges, straight from the definitions: no code of the product in between."""
    graph: nx.DiGraph[Node] = nx.DiGraph()
    graph.add_nodes_from(Node("asset", name) for name in definitions.assets)
    for task in definitions.tasks.values():
        graph.add_node(Node("task", task.name))
        graph.add_edges_from((Node("asset", one.asset), Node("task", task.name)) for one in task.inputs)
        graph.add_edges_from((Node("task", task.name), Node("asset", one)) for one in task.outputs)
    return graph


def visible(definitions: Definitions) -> list[Node]:
    return [Node("asset", name) for name, asset in definitions.assets.items() if not asset.internal]


def ways(definitions: Definitions, source: Node, target: Node) -> list[list[str]]:
    """The tasks on each path from one visible asset to another past no third."""
    flow = flows(definitions)
    others = set(visible(definitions)) - {source, target}
    paths = nx.all_simple_paths(flow.subgraph(set(flow) - others), source, target)
    return [[node.name for node in path if node.kind == "task"] for path in paths]


@given(pipelines())
def test_both_views_are_acyclic_and_draw_each_edge_once(define: Define, pipeline: tuple[Any, Any]) -> None:
    graph = Graph(define(*pipeline))
    for view in (asset_view(graph), task_view(graph)):
        assert nx.is_directed_acyclic_graph(drawn(view))
        ends = [(edge.source, edge.target) for edge in view.edges]
        assert len(set(ends)) == len(ends)
        assert all(source in view.nodes and target in view.nodes for source, target in ends)


@given(pipelines())
def test_what_is_found_around_a_node_is_what_all_edges_say(define: Define, pipeline: tuple[Any, Any]) -> None:
    graph = Graph(define(*pipeline))
    for view in (asset_view(graph), task_view(graph)):
        half = frozenset(list(view.nodes)[::2])
        listed = View(view.kind, dict(view.nodes), view.edges)
        kept = {node: view.nodes[node] for node in view.nodes if node in half}
        among = View(view.kind, kept, [e for e in view.edges if e.source in half and e.target in half])
        for found, said in ((view, listed), (view.only(half), among)):
            assert dict(found.nodes) == dict(said.nodes) and len(found.nodes) == len(said.nodes)
            assert (found.edges, found.roots, found.leaves) == (said.edges, said.roots, said.leaves)
            for node in (*graph.order, Node("asset", "nowhere")):
                assert (node in found.nodes) == (node in said.nodes)
                assert (found.into(node), found.out_of(node)) == (said.into(node), said.out_of(node))
                assert (found.before(node), found.behind(node)) == (said.before(node), said.behind(node))


@given(pipelines())
def test_an_asset_edge_is_a_path_past_no_other_visible_asset(
    define: Define, pipeline: tuple[Any, Any]
) -> None:
    definitions = define(*pipeline)
    labels = {(edge.source, edge.target): edge.label for edge in asset_view(Graph(definitions)).edges}
    for source in visible(definitions):
        for target in visible(definitions):
            found = ways(definitions, source, target) if source != target else []
            assert bool(found) == ((source, target) in labels)
            if found:
                assert _fits(definitions, found, labels[source, target])


def _fits(definitions: Definitions, found: list[list[str]], label: str) -> bool:
    verb = definitions.tasks[found[0][-1]].verb
    if verb:
        return label == verb
    told = {", ".join(definitions.tasks[one].title for one in way) for way in found}
    return set(label.split(" / ")) == told if len(told) <= 4 else label.endswith(" / …")


@given(pipelines())
def test_no_lineage_is_lost_or_made_up(define: Define, pipeline: tuple[Any, Any]) -> None:
    definitions = define(*pipeline)
    view, flow = drawn(asset_view(Graph(definitions))), flows(definitions)
    assets = set(visible(definitions))
    assert set(view) == assets
    for node in assets:
        assert nx.descendants(view, node) == nx.descendants(flow, node) & assets


@given(pipelines())
def test_the_task_view_keeps_every_order_between_tasks(define: Define, pipeline: tuple[Any, Any]) -> None:
    definitions = define(*pipeline)
    view, whole = drawn(task_view(Graph(definitions))), flows(definitions)
    whole.add_edges_from(
        (Node("task", one), Node("task", t.name)) for t in definitions.tasks.values() for one in t.after
    )
    tasks = {Node("task", name) for name in definitions.tasks}
    assert set(view) == tasks | set(visible(definitions))
    for node in tasks:
        assert nx.descendants(view, node) & tasks == nx.descendants(whole, node) & tasks


@given(pipelines())
def test_closures_agree_with_networkx(define: Define, pipeline: tuple[Any, Any]) -> None:
    definitions = define(*pipeline)
    graph, whole = Graph(definitions), flows(definitions)
    whole.add_edges_from(
        (Node("task", one), Node("task", t.name)) for t in definitions.tasks.values() for one in t.after
    )
    for node in whole:
        assert graph.upstream([node]) == nx.ancestors(whole, node)
        assert graph.downstream([node]) == nx.descendants(whole, node)
        assert graph.downstream([node], len(whole)) == nx.descendants(whole, node)
    assert set(graph.networkx().edges) == set(whole.edges)
    assert len(graph.order) == len(whole)
    place = {node: number for number, node in enumerate(graph.order)}
    assert all(place[a] < place[b] for a, b in whole.edges)


@given(pipelines())
def test_the_flip_lands_on_something_drawn(define: Define, pipeline: tuple[Any, Any]) -> None:
    graph = Graph(define(*pipeline))
    assets, tasks = asset_view(graph), task_view(graph)
    for node in assets.nodes:
        there = counterpart(graph, node, tasks)
        assert there is not None and there in tasks.nodes
        assert counterpart(graph, there, assets) == node
    for node in tasks.nodes:
        there = counterpart(graph, node, assets)
        assert there is None or there in assets.nodes
