"""A drawing of a small graph in layers, from left to right: which column and which row each node has.

Nodes are put as far left as what they need allows, those that need nothing beside what they feed. Within a layer
they are ordered by the means of their neighbours' places, over several sweeps, and the order with the fewest
crossings is kept (K. Sugiyama, S. Tagawa, M. Toda, 1981). Rows come closest to the neighbours' that the order
allows (pool adjacent violators).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from ..model import Node

SWEEPS = 8
_STRAIGHTENINGS = 6


class Via(NamedTuple):
    """Where what leads on from `source` passes through a layer."""

    source: Node
    layer: int


Place = Node | Via


class Hop(NamedTuple):
    """A line from a place to one in the next layer. `targets` are the nodes that it leads to in the end."""

    start: Place
    end: Place
    source: Node
    targets: frozenset[Node]


@dataclass(frozen=True, slots=True)
class Layers:
    """`columns` are the places of each layer from top to bottom, `rows` their rows from 0, `gaps` the lines
    between a layer and the next."""

    columns: tuple[tuple[Place, ...], ...]
    rows: Mapping[Place, int]
    gaps: tuple[tuple[Hop, ...], ...]

    @property
    def height(self) -> int:
        return max(self.rows.values(), default=-1) + 1


def in_layers(nodes: Iterable[Node], edges: Iterable[tuple[Node, Node]], *, pitch: int = 2) -> Layers:
    """Lays out an acyclic graph. `pitch` is how many rows apart two nodes of a layer are at least.

    Takes some milliseconds for 100 nodes. Edges to or from what is not in `nodes` are left out.
    """
    known = dict.fromkeys(nodes)
    joined = list(dict.fromkeys((a, b) for a, b in edges if a in known and b in known))
    layer = _layer_of(list(known), joined)
    columns, gaps = _with_vias(layer, joined)
    columns = _ordered(columns, gaps)
    return Layers(tuple(map(tuple, columns)), _rows(columns, gaps, pitch), gaps)


def _neighbours(pairs: Iterable[tuple[Place, Place]]) -> dict[Place, list[Place]]:
    found: dict[Place, list[Place]] = {}
    for start, end in pairs:
        found.setdefault(start, []).append(end)
    return found


# ---- layers ----------------------------------------------------------------------------------


def _layer_of(nodes: Sequence[Node], edges: Sequence[tuple[Node, Node]]) -> dict[Node, int]:
    behind: dict[Node, list[Node]] = {node: [] for node in nodes}
    open_: dict[Node, int] = dict.fromkeys(nodes, 0)
    for a, b in edges:
        behind[a].append(b)
        open_[b] += 1
    firsts = [node for node in nodes if not open_[node]]
    layer = dict.fromkeys(nodes, 0)
    ready = deque(firsts)
    while ready:
        node = ready.popleft()
        for after in behind[node]:
            layer[after] = max(layer[after], layer[node] + 1)
            open_[after] -= 1
            if not open_[after]:
                ready.append(after)
    for node in firsts:
        layer[node] = min((layer[after] - 1 for after in behind[node]), default=0)
    return layer


def _with_vias(
    layer: Mapping[Node, int], edges: Sequence[tuple[Node, Node]]
) -> tuple[list[list[Place]], tuple[tuple[Hop, ...], ...]]:
    """The places of each layer, and what joins them: edges of one node share their way as long as they can."""
    count = max(layer.values(), default=-1) + 1
    columns: list[dict[Place, None]] = [{} for _ in range(count)]
    for node, at in layer.items():
        columns[at][node] = None
    leading: list[dict[tuple[Place, Place, Node], set[Node]]] = [{} for _ in range(max(0, count - 1))]
    for a, b in edges:
        here: Place = a
        for at in range(layer[a], layer[b]):
            there: Place = b if at + 1 == layer[b] else Via(a, at + 1)
            columns[at + 1][there] = None
            leading[at].setdefault((here, there, a), set()).add(b)
            here = there
    gaps = tuple(
        tuple(Hop(start, end, source, frozenset(to)) for (start, end, source), to in gap.items())
        for gap in leading
    )
    return [list(column) for column in columns], gaps


# ---- order -----------------------------------------------------------------------------------


def _ordered(columns: list[list[Place]], gaps: Sequence[Sequence[Hop]]) -> list[list[Place]]:
    into = _neighbours((hop.end, hop.start) for gap in gaps for hop in gap)
    out_of = _neighbours((hop.start, hop.end) for gap in gaps for hop in gap)
    best, fewest = [list(column) for column in columns], _crossings(columns, gaps)
    now = [list(column) for column in columns]
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        near = into if forward else out_of
        at = {place: n for column in now for n, place in enumerate(column)}
        for column in now if forward else reversed(now):
            column.sort(key=lambda place: _mean([at[one] for one in near.get(place, ())], at[place]))
            at.update({place: n for n, place in enumerate(column)})
        crossed = _crossings(now, gaps)
        if crossed < fewest:
            best, fewest = [list(column) for column in now], crossed
    return best


def _mean(places: Sequence[int], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise


def _crossings(columns: Sequence[Sequence[Place]], gaps: Sequence[Sequence[Hop]]) -> int:
    at = {place: n for column in columns for n, place in enumerate(column)}
    found = 0
    for gap in gaps:
        seen: list[int] = []
        for _, end in sorted((at[hop.start], at[hop.end]) for hop in gap):
            found += len(seen) - bisect_right(seen, end)
            insort(seen, end)
    return found


# ---- rows ------------------------------------------------------------------------------------


def _rows(columns: Sequence[Sequence[Place]], gaps: Sequence[Sequence[Hop]], pitch: int) -> dict[Place, int]:
    into = _neighbours((hop.end, hop.start) for gap in gaps for hop in gap)
    out_of = _neighbours((hop.start, hop.end) for gap in gaps for hop in gap)
    rows: dict[Place, int] = {}
    for column in columns:
        at = 0
        for n, place in enumerate(column):
            at += _apart(column[n - 1], place, pitch) if n else 0
            rows[place] = at
    for turn in range(_STRAIGHTENINGS):
        near = into if turn % 2 == 0 else out_of
        for column in columns if turn % 2 == 0 else reversed(columns):
            wished = [_median([rows[one] for one in near.get(p, ())], rows[p]) for p in column]
            rows.update(zip(column, _spread(column, wished, pitch), strict=True))
    first = min(rows.values(), default=0)
    return {place: row - first for place, row in rows.items()}


def _apart(above: Place, below: Place, pitch: int) -> int:
    return pitch if isinstance(above, Node) and isinstance(below, Node) else 1


def _median(rows: Sequence[int], otherwise: int) -> float:
    ordered = sorted(rows)
    half = len(ordered) // 2
    if not ordered:
        return otherwise
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _spread(column: Sequence[Place], wished: Sequence[float], pitch: int) -> list[int]:
    """Rows as near to the wished ones as order and distance allow, in the least squares."""
    offsets = [0]
    for above, below in pairwise(column):
        offsets.append(offsets[-1] + _apart(above, below, pitch))
    blocks: list[tuple[float, int]] = []
    for wish, offset in zip(wished, offsets, strict=False):
        total, size = wish - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / size:
            before, count = blocks.pop()
            total, size = total + before, size + count
        blocks.append((total, size))
    levels = [round(total / size) for total, size in blocks for _ in range(size)]
    return [level + offset for level, offset in zip(levels, offsets, strict=False)]
