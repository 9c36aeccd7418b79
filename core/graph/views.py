"""The two views of the graph: the tasks in their order, and the assets with the verbs on the edges.

Nothing of them is made before it is looked at: of 100,000 nodes, a screen shows forty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, partial

from ..model import Node
from .contraction import Contraction
from .graph import Graph
from .view import EdgeKind, Nodes, View, ViewEdge, ViewKind, ViewNode

__all__ = ["EdgeKind", "View", "ViewEdge", "ViewKind", "ViewNode", "asset_view", "counterpart", "task_view"]


class _Derived(View):
    """A view of a graph: what is next to a node is found when it is asked for."""

    def __init__(self, graph: Graph, kind: ViewKind, nodes: Mapping[Node, ViewNode]) -> None:
        super().__init__(kind, nodes)
        self.graph = graph

    @cached_property
    def edges(self) -> tuple[ViewEdge, ...]:
        return tuple([edge for node in self.nodes for edge in self.into(node)])

    def is_source(self, node: Node) -> bool:
        return node.kind == "asset" and self.graph.producer(node.name) is None

    @cached_property
    def has_groups(self) -> bool:
        graph = self.graph
        return any([one.group for one in graph.assets.values()]) or any(
            [one.group for one in graph.tasks.values()]
        )


# ---- the asset view --------------------------------------------------------------------------


def asset_view(graph: Graph) -> View:
    """The assets that are not internal; a → b where a path leads from a to b past no other of them."""
    return _AssetView(graph)


class _AssetView(_Derived):
    def __init__(self, graph: Graph) -> None:
        self._has_internal = any([asset.internal for asset in graph.assets.values()])
        self._told = Contraction(graph).told() if self._has_internal else {}
        super().__init__(graph, "asset", Nodes(self._all, self._is_drawn, partial(_asset, graph)))

    def _all(self) -> Iterator[Node]:
        if not self._has_internal:
            return iter(self.graph.asset_nodes.values())
        assets = self.graph.assets
        return (node for name, node in self.graph.asset_nodes.items() if not assets[name].internal)

    def _is_drawn(self, node: Node) -> bool:
        asset = self.graph.assets.get(node.name) if node.kind == "asset" else None
        return asset is not None and not asset.internal

    def into(self, node: Node) -> tuple[ViewEdge, ...]:
        if not self._is_drawn(node):
            return ()
        nodes = self.graph.asset_nodes
        return tuple([ViewEdge(nodes[name], node, label, "data") for name, label in self._fed(node.name)])

    def out_of(self, node: Node) -> tuple[ViewEdge, ...]:
        return tuple([ViewEdge(node, one, self._label(node, one), "data") for one in self.behind(node)])

    def _label(self, source: Node, target: Node) -> str:
        name = self.graph.producer(target.name) or ""
        if name in self._told:
            return next(label for asset, label in self._told[name] if asset == source.name)
        task = self.graph.tasks[name]
        return task.verb or task.title

    def before(self, node: Node) -> tuple[Node, ...]:
        if not self._is_drawn(node):
            return ()
        nodes = self.graph.asset_nodes
        return tuple([nodes[name] for name, _ in self._fed(node.name)])

    def behind(self, node: Node) -> tuple[Node, ...]:
        if not self._is_drawn(node):
            return ()
        made = [one for task in self._users(node.name) for one in self._made(task)]
        if len(made) > 1:
            made = sorted(set(made), key=self._place.__getitem__)
        nodes = self.graph.asset_nodes
        return tuple([nodes[name] for name in made])

    def _fed(self, asset: str) -> Iterable[tuple[str, str]]:
        name = self.graph.producer(asset)
        if name is None:
            return ()
        if name in self._told:
            return self._told[name]
        task = self.graph.tasks[name]
        label = task.verb or task.title
        read = dict.fromkeys([one.asset for one in task.inputs])
        assets = self.graph.assets
        return [(one, label) for one in read if not self._has_internal or not assets[one].internal]

    def _users(self, asset: str) -> Iterable[str]:
        if not self._told:
            return self.graph.consumers(asset)
        direct = [task for task in self.graph.consumers(asset) if task not in self._told]
        return [*direct, *self._told_users.get(asset, ())]

    def _made(self, task: str) -> Iterable[str]:
        outputs, assets = self.graph.tasks[task].outputs, self.graph.assets
        return [one for one in outputs if not assets[one].internal] if self._has_internal else outputs

    @cached_property
    def roots(self) -> tuple[Node, ...]:
        """The nodes that no edge leads to."""
        return tuple([node for node in self._all() if not self._fed(node.name)])

    @cached_property
    def leaves(self) -> tuple[Node, ...]:
        """The nodes that no edge leads on from."""
        users, tasks = self._users, self.graph.tasks
        makers = {name for name in tasks if self._made(name)}
        return tuple([node for node in self._all() if makers.isdisjoint(users(node.name))])

    @cached_property
    def _told_users(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for task, fed in self._told.items():
            for asset, _ in fed:
                found.setdefault(asset, []).append(task)
        return found

    @cached_property
    def _place(self) -> Mapping[str, int]:
        return {name: number for number, name in enumerate(self.graph.assets)}


def _asset(graph: Graph, node: Node, byproduct: bool = False) -> ViewNode:
    asset = graph.assets[node.name]
    task = graph.producer(node.name)
    group = asset.group or (graph.tasks[task].group if task is not None else "")
    return ViewNode(node, asset.name, group, byproduct, task is None)


# ---- the task view ---------------------------------------------------------------------------


def task_view(graph: Graph) -> View:
    """All tasks, joined by their data and their `after`, with what they start from and what they make."""
    return _TaskView(graph)


class _TaskView(_Derived):
    def __init__(self, graph: Graph) -> None:
        super().__init__(graph, "task", Nodes(self._all, self._is_drawn, self._drawn))

    def _all(self) -> Iterator[Node]:
        graph = self.graph
        tasks, assets, made = graph.task_nodes, graph.assets, graph.asset_nodes
        for node in graph.sources():
            if not assets[node.name].internal:
                yield node
        for name in graph.task_order:
            yield tasks[name]
            for one in graph.tasks[name].outputs:
                if not assets[one].internal:
                    yield made[one]

    def _is_drawn(self, node: Node) -> bool:
        if node.kind == "task":
            return node.name in self.graph.tasks
        asset = self.graph.assets.get(node.name)
        return asset is not None and not asset.internal

    def _drawn(self, node: Node) -> ViewNode:
        if node.kind == "task":
            task = self.graph.tasks[node.name]
            return ViewNode(node, task.title, task.group, False, False)
        return _asset(self.graph, node, self._is_byproduct(node.name))

    def follows_task(self, node: Node) -> bool:
        before = self.graph.before if node.kind == "task" else self.graph.producer
        return bool(before(node.name))

    def leads_to_task(self, node: Node) -> bool:
        behind = self.graph.behind if node.kind == "task" else self.graph.consumers
        return bool(behind(node.name))

    def _is_byproduct(self, asset: str) -> bool:
        return self.graph.producer(asset) is not None and bool(self.graph.consumers(asset))

    def into(self, node: Node) -> tuple[ViewEdge, ...]:
        if not self._is_drawn(node):
            return ()
        if node.kind == "task":
            return tuple(_into_task(self.graph, node))
        maker = self.graph.producer(node.name)
        if maker is None:
            return ()
        return (ViewEdge(self.graph.task_nodes[maker], node, "", self._kind(node.name)),)

    def out_of(self, node: Node) -> tuple[ViewEdge, ...]:
        graph = self.graph
        if node.kind == "asset" or not self._is_drawn(node):
            return tuple([ViewEdge(node, one, "", "data") for one in self.behind(node)])
        readers = {one for made in graph.tasks[node.name].outputs for one in graph.consumers(made)}
        found = []
        for one in self.behind(node):
            if one.kind == "asset":
                found.append(ViewEdge(node, one, "", self._kind(one.name)))
            else:
                found.append(ViewEdge(node, one, "", "data" if one.name in readers else "after"))
        return tuple(found)

    def _kind(self, asset: str) -> EdgeKind:
        return "byproduct" if self._is_byproduct(asset) else "data"

    def behind(self, node: Node) -> tuple[Node, ...]:
        if not self._is_drawn(node):
            return ()
        graph, made = self.graph, []
        if node.kind == "task":
            outputs, assets = graph.tasks[node.name].outputs, graph.assets
            made = [graph.asset_nodes[one] for one in outputs if not assets[one].internal]
        after = graph.behind(node.name) if node.kind == "task" else graph.consumers(node.name)
        if len(after) > 1:
            after = tuple(sorted(after, key=self._place.__getitem__))
        return (*made, *[graph.task_nodes[one] for one in after])

    @cached_property
    def _place(self) -> Mapping[str, int]:
        return {name: number for number, name in enumerate(self.graph.task_order)}


def _into_task(graph: Graph, node: Node) -> list[ViewEdge]:
    found: list[ViewEdge] = []
    makers: set[str] = set()
    for asset in dict.fromkeys([one.asset for one in graph.tasks[node.name].inputs]):
        maker = graph.producer(asset)
        if maker is not None and maker not in makers:
            makers.add(maker)
            found.append(ViewEdge(graph.task_nodes[maker], node, "", "data"))
        if not graph.assets[asset].internal:
            found.append(ViewEdge(graph.asset_nodes[asset], node, "", "data"))
    for other in dict.fromkeys(graph.tasks[node.name].after):
        if other not in makers:
            found.append(ViewEdge(graph.task_nodes[other], node, "", "after"))
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
