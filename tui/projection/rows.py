"""Turns a view of the graph into the rows of a tree. Pure, iterative, linear in the rows and edges shown.

A node's children stand under its first occurrence only; every later one is an alias row. So a DAG of any
shape has at most one row per root and per edge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from ...core.graph.views import View, ViewEdge
from ...core.model import Node

Direction = Literal["up", "down"]
"""`up`: under a node stands what it is made of; `down`: under a node stands what follows from it."""

RowKind = Literal["node", "alias", "group", "ghost", "part"]
"""A ghost is not defined any more: a step of the run, or what was removed since what is compared with. A part is one
partition of what it stands under."""
RowKey = tuple[str, ...]

OPEN_AT_MOST = 200
"""A tree of at most so many rows is open from the start."""
SMALLEST_GROUP = 3


class Row(NamedTuple):
    """One line of the tree. `parent` is the index of the parent's row or -1; `open` is None where there is
    nothing to unfold; `verb` is how the thing is made; `size` is how many children stand below; `faint` rows
    only lead to a match; `members` are the nodes of a group."""

    key: RowKey
    node: Node | None
    kind: RowKind
    depth: int
    parent: int
    last: bool
    open: bool | None
    label: str
    verb: str
    dim: bool = False
    faint: bool = False
    size: int = 0
    members: frozenset[Node] = frozenset()


class Child(NamedTuple):
    """A node below another, or (`node` is None) a group of `members`, which are `nodes`."""

    node: Node | None
    verb: str = ""
    dim: bool = False
    group: str = ""
    members: tuple[Child, ...] = ()
    nodes: frozenset[Node] = frozenset()


@dataclass(frozen=True, slots=True)
class Folds:
    """What is open: all rows above `depth` (None: all), but for those named."""

    depth: int | None = None
    opened: frozenset[RowKey] = frozenset()
    closed: frozenset[RowKey] = frozenset()

    def is_open(self, key: RowKey, depth: int) -> bool:
        if key in self.opened:
            return True
        return key not in self.closed and (self.depth is None or depth < self.depth)

    def open(self, *keys: RowKey) -> Folds:
        return replace(self, opened=self.opened.union(keys), closed=self.closed.difference(keys))

    def close(self, *keys: RowKey) -> Folds:
        return replace(self, opened=self.opened.difference(keys), closed=self.closed.union(keys))


def node_key(node: Node) -> RowKey:
    """The key of a node's own row, and of its fold."""
    return ("node", node.kind, node.name)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows in order, with the index of each key and of each node's own row."""

    rows: tuple[Row, ...] = ()
    index: dict[RowKey, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, node: Node) -> int | None:
        """The row of `node` that is no alias, if it is shown."""
        return self.index.get(node_key(node))

    def above(self, at: int) -> list[int]:
        """The indices of the rows that row `at` stands under, nearest first."""
        found = []
        while (at := self.rows[at].parent) >= 0:
            found.append(at)
        return found


class Shape:
    """Which nodes stand at the root and what stands below each, for one view turned one way."""

    def __init__(self, view: View, direction: Direction) -> None:
        self.view = view
        self.direction = direction
        self._children: dict[Node, tuple[Child, ...]] = {}
        find = self._task_children if view.kind == "task" else self._asset_children
        self._find = find
        self.roots = self._grouped([Child(node) for node in self._roots()], at_root=True)

    def children(self, node: Node) -> tuple[Child, ...]:
        found = self._children.get(node)
        if found is None:
            found = self._children[node] = self._grouped(self._find(node), at_root=False)
        return found

    def size(self) -> int:
        """How many rows there are when everything is open."""
        total = 0
        seen: set[Node] = set()
        todo: list[Child] = list(self.roots)
        while todo:
            child = todo.pop()
            total += 1
            if child.node is None:
                todo.extend(child.members)
            elif child.node not in seen:
                seen.add(child.node)
                todo.extend(self.children(child.node))
        return total

    def parents(self) -> dict[Node, list[Node]]:
        """For each node those it stands under, in this direction."""
        above: dict[Node, list[Node]] = {}
        for node in self.view.nodes:
            for child in self.children(node):
                for one in child.members or (child,):
                    if one.node is not None:
                        above.setdefault(one.node, []).append(node)
        return above

    # ---- asset view ------------------------------------------------------------------------------

    def _edges_below(self, node: Node) -> tuple[ViewEdge, ...]:
        return tuple(self.view.into(node) if self.direction == "up" else self.view.out_of(node))

    def _asset_children(self, node: Node) -> list[Child]:
        if self.direction == "down":
            return [Child(edge.target, edge.label) for edge in self.view.out_of(node)]
        own = self.verb(node)
        return [Child(edge.source, "" if own else edge.label) for edge in self.view.into(node)]

    def verb(self, node: Node) -> str:
        """The one verb by which a thing is made of all that stands below it. Where paths differ, each edge has
        its own, and this is empty."""
        if self.view.kind == "task" or self.direction == "down":
            return ""
        labels = {edge.label for edge in self.view.into(node)}
        return labels.pop() if len(labels) == 1 else ""

    # ---- task view -------------------------------------------------------------------------------

    def _is_step(self, node: Node) -> bool:
        return node.kind == "task"

    def _task_children(self, node: Node) -> list[Child]:
        """What the task reads from outside, what it makes, and the tasks that come next (or before)."""
        if not self._is_step(node):
            return []
        reads = [
            Child(edge.source, "reads")
            for edge in self.view.into(node)
            if edge.source.kind == "asset" and self.view.nodes[edge.source].source
        ]
        makes = [
            Child(edge.target, "makes", self.view.nodes[edge.target].byproduct)
            for edge in self.view.out_of(node)
            if edge.target.kind == "asset"
        ]
        steps = []
        for edge in self._edges_below(node):
            below = edge.source if self.direction == "up" else edge.target
            if self._is_step(below):
                steps.append(Child(below, "after" if edge.kind == "after" else ""))
        return [*reads, *makes, *steps] if self.direction == "down" else [*makes, *steps, *reads]

    def _roots(self) -> Iterable[Node]:
        nodes = self.view.nodes
        if self.view.kind != "task":
            against = self.view.out_of if self.direction == "up" else self.view.into
            return [node for node in nodes if not against(node)]
        hanging = {c.node for node in nodes for c in self._task_children(node)}
        return [node for node in nodes if node not in hanging]

    # ---- groups ----------------------------------------------------------------------------------

    def _grouped(self, children: list[Child], *, at_root: bool) -> tuple[Child, ...]:
        nodes = self.view.nodes
        if len(children) < SMALLEST_GROUP:
            return tuple(children)

        def group_of(child: Child) -> str:
            node = nodes[child.node] if child.node is not None else None
            return node.group if node is not None and (at_root or node.source) else ""

        sizes = Counter(group for child in children if (group := group_of(child)))
        wanted = {
            g
            for g, size in sizes.items()
            if size >= SMALLEST_GROUP and not (at_root and size == len(children))
        }
        if not wanted:
            return tuple(children)
        gathered: dict[str, list[Child]] = {}
        for child in children:
            if (group := group_of(child)) in wanted:
                gathered.setdefault(group, []).append(child)
        out: list[Child] = []
        for child in children:
            group = group_of(child)
            if group not in wanted:
                out.append(child)
            elif members := gathered.pop(group, None):
                verb = next((m.verb for m in members if m.verb), "")
                nodes_in = frozenset(m.node for m in members if m.node is not None)
                plain = tuple(m._replace(verb="") for m in members)
                out.append(Child(None, verb, False, group, plain, nodes_in))
        return tuple(out)


def build(shape: Shape, folds: Folds) -> Rows:
    """The rows of `shape` under `folds`."""
    rows: list[Row] = []
    index: dict[RowKey, int] = {}
    nodes = shape.view.nodes
    todo: list[tuple[Child, int, int, bool]] = [
        (c, -1, 0, c is shape.roots[-1]) for c in reversed(shape.roots)
    ]
    while todo:
        child, parent, depth, last = todo.pop()
        at = len(rows)
        above = rows[parent].key if parent >= 0 else ()
        node = child.node
        key: RowKey
        unfolds: bool | None
        if node is None:
            kind: RowKind = "group"
            key = ("group", *above, child.group)
            below = child.members
        elif (key := ("node", node.kind, node.name)) in index:
            kind = "alias"
            key = ("alias", *above, node.kind, node.name)
            below = ()
        else:
            kind = "node"
            below = shape.children(node)
        unfolds = folds.is_open(key, depth) if below else None
        label = child.group if node is None else nodes[node].title
        verb = child.verb or (shape.verb(node) if kind == "node" and node is not None else "")
        if verb in (label, label.replace("_", " ")):  # said already
            verb = ""
        rows.append(
            Row(
                key,
                node,
                kind,
                depth,
                parent,
                last,
                unfolds,
                label,
                verb,
                child.dim,
                False,
                len(below),
                child.nodes,
            )
        )
        index.setdefault(key, at)
        if unfolds:
            final = len(below) - 1
            todo.extend((below[n], at, depth + 1, n == final) for n in range(final, -1, -1))
    return Rows(tuple(rows), index)


def prune(full: Rows, keep: Container[Node]) -> Rows:
    """Of a tree that is open throughout, the rows of `keep` and those they stand under."""
    rows = full.rows
    kept = bytearray(len(rows))
    for at in range(len(rows) - 1, -1, -1):
        row = rows[at]
        if row.kind == "node" and row.node in keep:
            kept[at] = 1
        if kept[at] and row.parent >= 0:
            kept[row.parent] = kept[row.parent] or 2
    new_at: dict[int, int] = {}
    final: dict[int, int] = {}
    for at, is_kept in enumerate(kept):
        if is_kept:
            new_at[at] = len(new_at)
            final[rows[at].parent] = at
    with_children = {rows[at].parent for at in new_at}
    out: list[Row] = []
    index: dict[RowKey, int] = {}
    for at, new in new_at.items():
        row = rows[at]
        out.append(
            row._replace(
                parent=new_at.get(row.parent, -1),
                last=final[row.parent] == at,
                open=True if at in with_children else None,
                faint=kept[at] == 2,
            )
        )
        index[row.key] = new
    return Rows(tuple(out), index)


def with_ghosts(rows: Rows, ghosts: Mapping[str, Sequence[Node]]) -> Rows:
    """`rows`, and below them under each title a row for each of its nodes, which no definition has any more."""
    more: list[Row] = []
    for title, nodes in ghosts.items():
        if not nodes:
            continue
        top = len(rows) + len(more)
        key = ("group", title)
        more.append(Row(key, None, "group", 0, -1, True, None, title, "", size=len(nodes)))
        more += (
            Row(node_key(node), node, "ghost", 1, top, n == len(nodes), None, node.name, "")
            for n, node in enumerate(nodes, 1)
        )
    if not more:
        return rows
    index = {**rows.index, **{row.key: len(rows) + n for n, row in enumerate(more)}}
    return Rows((*rows.rows, *more), index)


def default_folds(shape: Shape, faults: Iterable[Node] = ()) -> Folds:
    """All open where that is short; else two levels, and the way to each of `faults`."""
    if shape.size() <= OPEN_AT_MOST:
        return Folds()
    wanted = list(faults)[:OPEN_AT_MOST]
    above = shape.parents() if wanted else {}
    opened: set[RowKey] = set()
    for fault in wanted:
        at = fault
        while (up := above.get(at)) and node_key(up[0]) not in opened:
            at = up[0]
            opened.add(node_key(at))
    return Folds(2, frozenset(opened))


def way_to(shape: Shape, node: Node) -> tuple[RowKey, ...]:
    """The keys to unfold so that `node` is shown."""
    todo: list[tuple[Child, RowKey, object]] = [(c, (), None) for c in reversed(shape.roots)]
    seen: set[Node] = set()
    while todo:
        child, parent_key, parent = todo.pop()
        key = ("group", *parent_key, child.group) if child.node is None else node_key(child.node)
        link = (key, parent)
        if child.node == node:
            keys = []
            up = parent
            while isinstance(up, tuple):
                keys.append(up[0])
                up = up[1]
            return tuple(keys)
        if child.node is None:
            todo.extend((m, key, link) for m in child.members)
        elif child.node not in seen:
            seen.add(child.node)
            todo.extend((c, key, link) for c in shape.children(child.node))
    return ()
