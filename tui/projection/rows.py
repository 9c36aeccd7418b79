"""Turns a view of the graph into the rows of a tree. Pure, iterative, linear in the rows that are open.

A node's children stand under its first occurrence only; every later one is an alias row. So a DAG of any
shape has at most one row per root and per edge. What a row says is made when it is looked at.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import compress
from typing import Literal, NamedTuple, overload

from ...core.model import Node
from .folds import Folds, default_folds, way_to
from .shape import Bunch, Direction, Entry, Part, RowKey, Shape, node_key

__all__ = [
    "Direction", "Folds", "Part", "Row", "RowKey", "RowKind", "Rows", "Shape", "build", "default_folds", "node_key",
    "prune", "way_to", "with_ghosts", "with_parts",
]  # fmt: skip

RowKind = Literal["node", "alias", "group", "ghost", "part"]
"""A ghost is not defined any more: a step of the run, or what was removed since what is compared with. A part is one
partition of what it stands under."""

_KEPT_ROWS = 2_000
_LAST, _OPEN, _ALIAS, _FAINT = 1, 2, 4, 8


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


class Superseded(Exception):
    """Nobody waits any more for the rows that were being built."""


class Rows:
    """The rows in order. They are kept as numbers; `made` counts those that were looked at, which alone are made."""

    def __init__(self, shape: Shape | None = None, *, pruned: bool = False) -> None:
        self._shape = shape
        self._is_pruned = pruned
        self.entries: list[Entry | Part] = []
        self.parents, self.depths, self.flags = array("i"), array("i"), bytearray()
        self._ghosts: tuple[Row, ...] = ()
        self._looked_at: dict[int, Row] = {}
        self.made = 0

    def __len__(self) -> int:
        return len(self.entries) + len(self._ghosts)

    def put(self, entry: Entry | Part, parent: int, depth: int, flag: int) -> None:
        """Puts down one more row."""
        self.entries.append(entry)
        self.parents.append(parent)
        self.depths.append(depth)
        self.flags.append(flag)

    @property
    def rows(self) -> Sequence[Row]:
        return _Lines(self)

    @cached_property
    def own(self) -> dict[Node, int]:
        """Where each node has its own row."""
        is_alias = [flag & _ALIAS for flag in self.flags]
        return {
            entry.node if isinstance(entry, Part) else entry: at
            for at, entry in enumerate(self.entries)
            if not is_alias[at] and not isinstance(entry, Bunch)
        }

    def of(self, node: Node) -> int | None:
        """The row of `node` that is no alias, if it is shown."""
        at = self.own.get(node)
        return self._ghost(node_key(node)) if at is None else at

    def find(self, key: RowKey) -> int | None:
        """The row of that key, if it is shown."""
        if len(key) == 3 and key[0] == "node":
            return self.of(Node(key[1], key[2]))  # type: ignore[arg-type]
        if not key:
            return None
        above = key[1:-2] if key[0] == "alias" else key[1:-1]
        parent = self.find(above) if above else -1
        if parent is None:
            return self._ghost(key)
        depth = self.depths[parent] + 1 if parent >= 0 else 0
        for at in range(parent + 1, len(self.entries)):
            if self.depths[at] < depth:
                break
            is_like = isinstance(self.entries[at], Bunch) if key[0] == "group" else self.flags[at] & _ALIAS
            if is_like and self.depths[at] == depth and self.key(at) == key:
                return at
        return self._ghost(key)

    def _ghost(self, key: RowKey) -> int | None:
        return next((len(self.entries) + n for n, row in enumerate(self._ghosts) if row.key == key), None)

    def above(self, at: int) -> list[int]:
        """The indices of the rows that row `at` stands under, nearest first."""
        found = []
        while (at := self.parents[at] if at < len(self.entries) else self._row(at).parent) >= 0:
            found.append(at)
        return found

    def next_of(self, nodes: Collection[Node], start: int) -> int | None:
        """The first own row of one of `nodes` from row `start` on, or else from the top."""
        own, base = self.own, len(self.entries)
        found = [own[node] for node in nodes if node in own]
        found += [base + n for n, row in enumerate(self._ghosts) if row.node in nodes]
        behind = [at for at in found if at >= start]
        return min(behind or found, default=None)

    # ---- one row -----------------------------------------------------------------------------------

    def row(self, at: int) -> Row:
        found = self._looked_at.get(at)
        if found is None:
            if len(self._looked_at) >= _KEPT_ROWS:
                self._looked_at.clear()
            self.made += 1
            found = self._looked_at[at] = self._row(at)
        return found

    def key(self, at: int) -> RowKey:
        entry = self.entries[at]
        if isinstance(entry, Part):
            return node_key(entry.node)
        if not isinstance(entry, Bunch):
            if not self.flags[at] & _ALIAS:
                return node_key(entry)
            return ("alias", *self._key_above(at), entry.kind, entry.name)
        return ("group", *self._key_above(at), entry.name)

    def _key_above(self, at: int) -> RowKey:
        parent = self.parents[at]
        return self.key(parent) if parent >= 0 else ()

    def _row(self, at: int) -> Row:
        if at >= len(self.entries):
            return self._ghosts[at - len(self.entries)]
        shape, entry, flag = self._shape, self.entries[at], self.flags[at]
        assert shape is not None
        kind: RowKind
        below: Sequence[Entry] = ()
        if isinstance(entry, Part):
            place = self.depths[at], self.parents[at], bool(flag & _LAST)
            return Row(self.key(at), entry.node, "part", *place, None, entry.label, "")
        if isinstance(entry, Bunch):
            kind, node, label, below, members = "group", None, entry.name, entry.members, entry.nodes
        else:
            kind, node, members = "alias" if flag & _ALIAS else "node", entry, frozenset()
            label = shape.view.nodes[entry].title
            below = () if flag & _ALIAS else shape.below(entry)
        verb, dim = self._words(at, entry, kind)
        if verb in (label, label.replace("_", " ")):  # said already
            verb = ""
        unfolds = True if flag & _OPEN else None if self._is_pruned or not below else False
        return Row(
            self.key(at), node, kind, self.depths[at], self.parents[at], bool(flag & _LAST), unfolds, label, verb, dim,
            bool(flag & _FAINT), len(below), members,
        )  # fmt: skip

    def _words(self, at: int, entry: Node | Bunch, kind: RowKind) -> tuple[str, bool]:
        shape, parent = self._shape, self.parents[at]
        assert shape is not None
        above = self.entries[parent] if parent >= 0 else None
        if isinstance(entry, Bunch):
            return ("" if above is None else shape.common_verb(above, entry), False)  # type: ignore[arg-type]
        verb, dim = "", False
        if isinstance(above, Bunch):
            top = self.parents[parent]
            if top >= 0:
                dim = shape.words(self.entries[top], entry).dim  # type: ignore[arg-type]
        elif above is not None and not isinstance(above, Part):
            verb, dim = shape.words(above, entry)
        return verb or (shape.verb(entry) if kind == "node" else ""), dim

    def with_ghosts(self, ghosts: Iterable[Row]) -> Rows:
        """The same rows, and these below them."""
        found = Rows(self._shape, pruned=self._is_pruned)
        found.__dict__.update(self.__dict__)
        found._ghosts, found._looked_at = tuple(ghosts), {}
        return found


class _Lines(Sequence[Row]):
    """Rows as a sequence, each made when it is looked at."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | Sequence[Row]:
        if isinstance(at, slice):
            return [self._rows.row(n) for n in range(*at.indices(len(self._rows)))]
        number = at + len(self._rows) if at < 0 else at
        if not 0 <= number < len(self._rows):
            raise IndexError(at)
        return self._rows.row(number)

    def __iter__(self) -> Iterator[Row]:
        return map(self._rows.row, range(len(self._rows)))


# ---- building --------------------------------------------------------------------------------------


def build(shape: Shape, folds: Folds, is_wanted: Callable[[], bool] = lambda: True) -> Rows:
    """The rows of `shape` under `folds`. Raises Superseded where they are no longer wanted."""
    builder = _Builder(shape, folds, is_wanted)
    builder.put_roots()
    return builder.rows


class _Builder:
    def __init__(self, shape: Shape, folds: Folds, is_wanted: Callable[[], bool]) -> None:
        self.rows = Rows(shape)
        self._own: dict[Node, int] = {}
        self.rows.__dict__["own"] = self._own
        self._shape, self._folds, self._is_wanted = shape, folds, is_wanted
        self._opened, self._closed = _nodes_in(folds.opened), _nodes_in(folds.closed)

    def put_roots(self) -> None:
        """Folded roots, of which there may be 50,000, are put down together."""
        roots = self._shape.roots
        if self._folds.depth == 0:
            special = [at for at, one in enumerate(roots) if isinstance(one, Bunch) or one in self._opened]
            done = 0
            for at in special:
                self._put_folded(roots[done:at])
                self._put(roots[at : at + 1], roots[-1])
                done = at + 1
            self._put_folded(roots[done:])
            if done < len(roots):
                self.rows.flags[-1] |= _LAST
        elif roots:
            self._put(roots, roots[-1])

    def _put_folded(self, roots: Sequence[Entry]) -> None:
        rows, start, count = self.rows, len(self.rows.entries), len(roots)
        rows.entries.extend(roots)
        rows.parents.extend(array("i", [-1]) * count)
        rows.depths.extend(array("i", [0]) * count)
        rows.flags.extend(bytes(count))
        self._own.update(zip(roots, range(start, start + count), strict=True))  # type: ignore[arg-type]

    def _put(self, roots: Sequence[Entry], final: Entry) -> None:
        """Puts down `roots` and what is open below them; `final` is the last of all roots."""
        rows, own = self.rows, self._own
        entries, parents, depths, flags = rows.entries, rows.parents, rows.depths, rows.flags
        todo: list[tuple[Iterator[Entry], Entry, int, int]] = [(iter(roots), final, -1, 0)]
        while todo:
            others, final, parent, depth = todo[-1]
            opens = self._folds.depth is None or depth < self._folds.depth
            for entry in others:
                at, flag, below = len(entries), _LAST if entry is final else 0, ()  # type: tuple[int, int, Sequence[Entry]]
                if isinstance(entry, Bunch):
                    above = rows.key(parent) if parent >= 0 else ()
                    if self._folds.is_open(("group", *above, entry.name), depth):
                        below = entry.members
                elif entry in own:
                    flag |= _ALIAS
                else:
                    own[entry] = at
                    if entry in self._opened or (opens and entry not in self._closed):
                        below = self._shape.below(entry)
                entries.append(entry)
                parents.append(parent)
                depths.append(depth)
                if below:
                    flags.append(flag | _OPEN)
                    todo.append((iter(below), below[-1], at, depth + 1))
                    if not self._is_wanted():
                        raise Superseded
                    break
                flags.append(flag)
            else:
                todo.pop()


def _nodes_in(keys: Iterable[RowKey]) -> frozenset[Node]:
    return frozenset(Node(key[1], key[2]) for key in keys if key[0] == "node")  # type: ignore[arg-type]


def prune(full: Rows, keep: Collection[Node]) -> Rows:
    """Of a tree that is open throughout, the rows of `keep` and those they stand under."""
    kept = bytearray(len(full.entries))
    own, parents = full.own, full.parents
    for node in keep:
        at = own.get(node, -1)
        if at >= 0:
            kept[at] = 1
            while (at := parents[at]) >= 0 and not kept[at]:
                kept[at] = 2
    at_first = list(compress(range(len(kept)), kept))
    above = [parents[at] for at in at_first]
    new_at = dict(zip(at_first, range(len(at_first)), strict=True))
    new_at[-1] = -1
    leads = set(above)
    last = set(dict(zip(above, at_first, strict=True)).values())
    found = Rows(full._shape, pruned=True)
    found.entries = [full.entries[at] for at in at_first]
    found.parents = array("i", [new_at[at] for at in above])
    found.depths = array("i", [full.depths[at] for at in at_first])
    found.flags = bytearray([(at in last) | (at in leads) << 1 | (kept[at] == 2) << 3 for at in at_first])
    return found


def with_parts(rows: Rows, parts: Mapping[Node, Sequence[Part]]) -> Rows:
    """`rows`, and below the own row of each thing in `parts` a row for each of its partitions."""
    shown = {rows.own[node]: parts[node] for node in parts if node in rows.own}
    if not shown:
        return rows
    found = Rows(rows._shape, pruned=rows._is_pruned)
    new_at = {-1: -1}
    for at, entry in enumerate(rows.entries):
        new_at[at] = len(found.entries)
        found.put(entry, new_at[rows.parents[at]], rows.depths[at], rows.flags[at])
        below = shown.get(at, ())
        for number, part in enumerate(below, 1):
            is_last = number == len(below) and not rows.flags[at] & _OPEN
            found.put(part, new_at[at], rows.depths[at] + 1, _LAST if is_last else 0)
    return found


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
    return rows.with_ghosts(more) if more else rows
