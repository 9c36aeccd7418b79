"""What a view is: nodes to draw, and edges between them. Nothing here knows how it is derived."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Literal, NamedTuple

from ..model import Node

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


class View:
    """What one view draws. Nodes and edges are in the order of definition."""

    def __init__(
        self, kind: ViewKind, nodes: Mapping[Node, ViewNode], edges: Iterable[ViewEdge] = ()
    ) -> None:
        self.kind = kind
        self.nodes = nodes
        self._given = edges

    @cached_property
    def edges(self) -> tuple[ViewEdge, ...]:
        return tuple(self._given)

    def into(self, node: Node) -> tuple[ViewEdge, ...]:
        return self._into.get(node, ())

    def out_of(self, node: Node) -> tuple[ViewEdge, ...]:
        return self._out_of.get(node, ())

    def before(self, node: Node) -> tuple[Node, ...]:
        """Where the edges into the node come from."""
        return tuple([edge.source for edge in self.into(node)])

    def behind(self, node: Node) -> tuple[Node, ...]:
        """Where the edges out of the node lead."""
        return tuple([edge.target for edge in self.out_of(node)])

    def is_source(self, node: Node) -> bool:
        """Whether nothing here makes the node, which is drawn."""
        return self.nodes[node].source

    def follows_task(self, node: Node) -> bool:
        return any([one.kind == "task" for one in self.before(node)])

    def leads_to_task(self, node: Node) -> bool:
        return any([one.kind == "task" for one in self.behind(node)])

    @cached_property
    def has_groups(self) -> bool:
        """Whether anything may be in a group."""
        return any(drawn.group for drawn in self.nodes.values())

    def only(self, nodes: Container[Node]) -> View:
        """The part of the view that `nodes` span."""
        return _Part(self, nodes)

    @cached_property
    def roots(self) -> tuple[Node, ...]:
        """The nodes that no edge leads to."""
        return tuple([node for node in self.nodes if not self.before(node)])

    @cached_property
    def leaves(self) -> tuple[Node, ...]:
        """The nodes that no edge leads on from."""
        return tuple([node for node in self.nodes if not self.behind(node)])

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


class Nodes(Mapping[Node, ViewNode]):
    """Nodes that are drawn when they are looked at."""

    def __init__(
        self,
        all: Callable[[], Iterator[Node]],
        has: Callable[[Node], bool],
        draw: Callable[[Node], ViewNode],
    ) -> None:
        self._all, self._has, self._draw = all, has, draw

    def __contains__(self, node: object) -> bool:
        return isinstance(node, Node) and self._has(node)

    def __getitem__(self, node: Node) -> ViewNode:
        if not self._has(node):
            raise KeyError(node)
        return self._draw(node)

    def __iter__(self) -> Iterator[Node]:
        return self._all()

    def __len__(self) -> int:
        return self._count

    @cached_property
    def _count(self) -> int:
        return sum(1 for _ in self._all())


class _Part(View):
    """Of another view the nodes that are wanted."""

    def __init__(self, whole: View, wanted: Container[Node]) -> None:
        self._whole = whole
        kept = {node: None for node in whole.nodes if node in wanted}
        super().__init__(whole.kind, Nodes(kept.__iter__, kept.__contains__, whole.nodes.__getitem__))
        self.has_groups = whole.has_groups

    @cached_property
    def edges(self) -> tuple[ViewEdge, ...]:
        return tuple(
            [edge for edge in self._whole.edges if edge.source in self.nodes and edge.target in self.nodes]
        )

    def is_source(self, node: Node) -> bool:
        return self._whole.is_source(node)

    def into(self, node: Node) -> tuple[ViewEdge, ...]:
        nodes = self.nodes
        return tuple([e for e in self._whole.into(node) if e.source in nodes]) if node in nodes else ()

    def out_of(self, node: Node) -> tuple[ViewEdge, ...]:
        nodes = self.nodes
        return tuple([e for e in self._whole.out_of(node) if e.target in nodes]) if node in nodes else ()

    def before(self, node: Node) -> tuple[Node, ...]:
        nodes = self.nodes
        return tuple([one for one in self._whole.before(node) if one in nodes]) if node in nodes else ()

    def behind(self, node: Node) -> tuple[Node, ...]:
        nodes = self.nodes
        return tuple([one for one in self._whole.behind(node) if one in nodes]) if node in nodes else ()
