"""What of a tree is open, at first and after something was looked for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ...core.model import Node
from .shape import Bunch, Entry, RowKey, Shape, node_key

OPEN_AT_MOST = 200
"""A tree of at most so many rows is open from the start."""
LONG = 5_000
"""A tree whose first two levels are longer than this begins with one."""
_WAYS = 50
"""To so many faults a large tree is open from the start."""


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


def default_folds(shape: Shape, faults: Iterable[Node] = ()) -> Folds:
    """All open where that is short; else two levels, or one where those are long, and the way to each of `faults`."""
    if shape.size(OPEN_AT_MOST) <= OPEN_AT_MOST:
        return Folds()
    depth = 0 if shape.two_levels(LONG) > LONG else 2
    if shape.is_large:
        ways = (_shortest_way(shape, fault) for fault in list(faults)[:_WAYS])
        return Folds(depth, frozenset(key for way in ways for key in way))
    wanted = list(faults)[:OPEN_AT_MOST]
    above = _parents(shape) if wanted else {}
    opened: set[RowKey] = set()
    for fault in wanted:
        at = fault
        while (up := above.get(at)) is not None and node_key(up) not in opened:
            at = up
            opened.add(node_key(at))
    return Folds(depth, frozenset(opened))


def _parents(shape: Shape) -> dict[Node, Node]:
    """For each node the first that it stands under."""
    above: dict[Node, Node] = {}
    for node in shape.view.nodes:
        for entry in shape.below(node):
            for one in entry.members if isinstance(entry, Bunch) else (entry,):
                above.setdefault(one, node)
    return above


def way_to(shape: Shape, node: Node) -> tuple[RowKey, ...]:
    """The keys to unfold so that `node` is shown: where it stands first or, in a large tree, on a shortest way."""
    return _shortest_way(shape, node) if shape.is_large else _first_way(shape, node)


def _first_way(shape: Shape, node: Node) -> tuple[RowKey, ...]:
    todo: list[tuple[Entry, RowKey, object]] = [(one, (), None) for one in reversed(shape.roots)]
    seen: set[Node] = set()
    while todo:
        entry, parent_key, parent = todo.pop()
        key = ("group", *parent_key, entry.name) if isinstance(entry, Bunch) else node_key(entry)
        link = (key, parent)
        if entry == node:
            keys = []
            up = parent
            while isinstance(up, tuple):
                keys.append(up[0])
                up = up[1]
            return tuple(keys)
        if isinstance(entry, Bunch):
            todo.extend((one, key, link) for one in entry.members)
        elif entry not in seen:
            seen.add(entry)
            todo.extend((one, key, link) for one in shape.below(entry))
    return ()


def _shortest_way(shape: Shape, node: Node) -> tuple[RowKey, ...]:
    """Up from `node`, level by level, to the nearest root."""
    if node not in shape.view.nodes:
        return ()
    came_from: dict[Node, Node | None] = {node: None}
    edge = [node]
    while edge:
        further = []
        for one in edge:
            parents = shape.parents(one)
            if not parents:
                return tuple(_keys_down(shape, one, came_from))
            for up in parents:
                if up not in came_from:
                    came_from[up] = one
                    further.append(up)
        edge = further
    return ()


def _keys_down(shape: Shape, root: Node, came_from: dict[Node, Node | None]) -> Iterator[RowKey]:
    yield from _around(shape.roots, root, ())
    at, below = root, came_from[root]
    while below is not None:
        key = node_key(at)
        yield key
        yield from _around(shape.below(at), below, key)
        at, below = below, came_from[below]


def _around(entries: Iterable[Entry], node: Node, above: RowKey) -> Iterator[RowKey]:
    """The key of the group that `node` is in, if it is in one."""
    return (("group", *above, one.name) for one in entries if isinstance(one, Bunch) and node in one.nodes)
