"""The two views of the graph: the tasks in their order, and the assets with the verbs on the edges."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from ..model import Node
from .contraction import Contraction
from .graph import Graph

ViewKind = Literal["asset", "task"]
EdgeKind = Literal["data", "after", "byproduct"]


class ViewNode(NamedTuple):
    """A node as it is drawn. A by-product (drawn dim) is made and read on the way."""

    node: Node
    title: str
    group: str
    byproduct: bool
    source: bool


class ViewEdge(NamedTuple):
    """An edge as it is drawn; the label is the verb, and only the asset view has it."""

    source: Node
    target: Node
    label: str
    kind: EdgeKind


@dataclass(frozen=True)
class View:
    """What one view draws. Nodes and edges are in the order of definition."""

    kind: ViewKind
    nodes: Mapping[Node, ViewNode]
    edges: tuple[ViewEdge, ...]

    def into(self, node: Node) -> tuple[ViewEdge, ...]:
        return self._into.get(node, ())

    def out_of(self, node: Node) -> tuple[ViewEdge, ...]:
        return self._out_of.get(node, ())

    def only(self, nodes: Container[Node]) -> View:
        """The part of the view that `nodes` span."""
        kept = {node: shown for node, shown in self.nodes.items() if node in nodes}
        return View(self.kind, kept, tuple(e for e in self.edges if e.source in kept and e.target in kept))

    @cached_property
    def roots(self) -> tuple[Node, ...]:
        """The nodes that no edge leads to."""
        return tuple(node for node in self.nodes if node not in self._into)

    @cached_property
    def leaves(self) -> tuple[Node, ...]:
        """The nodes that no edge leads on from."""
        return tuple(node for node in self.nodes if node not in self._out_of)

    @cached_property
    def _into(self) -> dict[Node, tuple[ViewEdge, ...]]:
        found: dict[Node, list[ViewEdge]] = {}
        for edge in self.edges:
            found.setdefault(edge.target, []).append(edge)
        return {node: tuple(edges) for node, edges in found.items()}

    @cached_property
    def _out_of(self) -> dict[Node, tuple[ViewEdge, ...]]:
        found: dict[Node, list[ViewEdge]] = {}
        for edge in self.edges:
            found.setdefault(edge.source, []).append(edge)
        return {node: tuple(edges) for node, edges in found.items()}


# ---- the asset view --------------------------------------------------------------------------


def asset_view(graph: Graph) -> View:
    """The assets that are not internal; a → b where a path leads from a to b past no other of them."""
    nodes = {name: Node("asset", name) for name, asset in graph.assets.items() if not asset.internal}
    fed = dict(Contraction(graph).sources())
    edges = tuple(
        ViewEdge(nodes[source], node, label, "data")
        for name, node in nodes.items()
        for source, label in fed.get(graph.producer(name) or "", ())
    )
    return View("asset", {node: _asset(graph, node) for node in nodes.values()}, edges)


def _asset(graph: Graph, node: Node, byproduct: bool = False) -> ViewNode:
    asset = graph.assets[node.name]
    task = graph.producer(node.name)
    group = asset.group or (graph.tasks[task].group if task is not None else "")
    return ViewNode(node, asset.name, group, byproduct, task is None)


# ---- the task view ---------------------------------------------------------------------------


def task_view(graph: Graph) -> View:
    """All tasks, joined by their data and their `after`, with what they start from and what they make."""
    drawn: dict[Node, ViewNode] = {}
    edges: list[ViewEdge] = []
    nodes: dict[tuple[str, str], Node] = {node: node for node in graph.order}
    for node in graph.order:
        if node.kind == "task":
            task = graph.tasks[node.name]
            drawn[node] = ViewNode(node, task.title, task.group, False, False)
            edges += _into_task(graph, node, nodes)
        elif not graph.assets[node.name].internal:
            maker = graph.producer(node.name)
            byproduct = maker is not None and bool(graph.consumers(node.name))
            drawn[node] = _asset(graph, node, byproduct)
            if maker is not None:
                edges.append(ViewEdge(nodes["task", maker], node, "", "byproduct" if byproduct else "data"))
    return View("task", drawn, tuple(edges))


def _into_task(graph: Graph, node: Node, nodes: Mapping[tuple[str, str], Node]) -> list[ViewEdge]:
    found: list[ViewEdge] = []
    makers: set[str] = set()
    for asset in dict.fromkeys([one.asset for one in graph.tasks[node.name].inputs]):
        maker = graph.producer(asset)
        if maker is not None and maker not in makers:
            makers.add(maker)
            found.append(ViewEdge(nodes["task", maker], node, "", "data"))
        if not graph.assets[asset].internal:
            found.append(ViewEdge(nodes["asset", asset], node, "", "data"))
    for other in dict.fromkeys(graph.tasks[node.name].after):
        if other not in makers:
            found.append(ViewEdge(nodes["task", other], node, "", "after"))
    return found


# ---- from one view to the other --------------------------------------------------------------


def counterpart(graph: Graph, node: Node, view: View) -> Node | None:
    """The node of `view` that is the same thing as `node`, which was chosen in the other view.

    What stands solid in both stays itself. A by-product becomes the task that makes it, unless that
    task would lead back to another of its assets: so from an asset there and back is where one was.
    A task becomes the first asset it makes, else the nearest drawn one downstream, else upstream.
    None if nothing of the kind is drawn, or the graph does not know the node.
    """
    drawn = view.nodes.get(node)
    if drawn is not None and not drawn.byproduct:
        return node
    if node.name not in (graph.assets if node.kind == "asset" else graph.tasks):
        return None
    if node.kind == "asset":
        maker = graph.producer(node.name)
        if drawn is not None and (maker is None or _first_visible(graph, maker) != node):
            return node
        if maker is not None and Node("task", maker) in view.nodes:
            return Node("task", maker)
    else:
        first = _first_visible(graph, node.name)
        if first is not None and first in view.nodes:
            return first
    return _nearest(graph, node, view, down=True) or _nearest(graph, node, view, down=False)


def _first_visible(graph: Graph, task: str) -> Node | None:
    return next(
        (Node("asset", one) for one in graph.tasks[task].outputs if not graph.assets[one].internal), None
    )


def _nearest(graph: Graph, node: Node, view: View, *, down: bool) -> Node | None:
    neighbours = graph.out_of if down else graph.into
    seen = {node}
    edge = [node]
    while edge:
        further = [other for one in edge for other in neighbours(one)]
        edge = [other for other in dict.fromkeys(further) if other not in seen]
        found = next((other for other in edge if other in view.nodes), None)
        if found is not None:
            return found
        seen.update(edge)
    return None
