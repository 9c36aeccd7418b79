"""The Graph tab: the part of the graph around the cursor in layers from left to right, its lineage lit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from ...core.graph.layers import Hop, Layers, Place, in_layers
from ...core.graph.views import View
from ...core.model import Node
from ..paint.ink import Bit, Line, cut_middle, width_of

MOST = 120
"""Nodes that are drawn at most: those nearest to the cursor."""
_WIDEST = 28
_TALL = 14
_UP, _RIGHT, _DOWN, _LEFT = 1, 2, 4, 8
_BOX = " ╵╶└╷│┌├╴┘─┴┐┤┬┼"
_PLAIN = " |-+||++-+-+++++"


class Label(NamedTuple):
    """How a node is drawn: its sign and what it is called."""

    glyph: str
    style: str
    name: str
    name_style: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The lines, and where each of the `chosen` nodes stands in them: line, first cell, width."""

    view: View
    chosen: frozenset[Node]
    layers: Layers
    lines: list[Line]
    spots: Mapping[Node, tuple[int, int, int]]

    @property
    def left_out(self) -> int:
        return len(self.view.nodes) - len(self.chosen)

    def beside(self, node: Node, by: int) -> Node | None:
        """The node so many places below `node` in its layer, or the last there is."""
        column = next((self._nodes(c) for c in self.layers.columns if node in c), [])
        return column[max(0, min(len(column) - 1, column.index(node) + by))] if column else None

    def next_to(self, node: Node, by: int) -> Node | None:
        """Of the nodes that `node` leads to (`by` > 0) or comes from, the one that stands nearest."""
        hops = [hop for gap in self.layers.gaps for hop in gap]
        if by > 0:
            near = {target for hop in hops if hop.source == node for target in hop.targets}
        else:
            near = {hop.source for hop in hops if node in hop.targets}
        rows = self.layers.rows
        return min(near, key=lambda one: (abs(rows[one] - rows[node]), rows[one]), default=None)

    @staticmethod
    def _nodes(column: Iterable[Place]) -> list[Node]:
        return [place for place in column if isinstance(place, Node)]


def around(view: View, node: Node, most: int = MOST) -> frozenset[Node]:
    """The whole view if it is small; else the nodes nearest to `node`: its lineage first, then what is beside."""
    if len(view.nodes) <= most:
        return frozenset(view.nodes)
    if node not in view.nodes:
        return frozenset()
    found = {node: None}
    up, down = [node], [node]
    while (up or down) and len(found) < most:
        up = [n for n in dict.fromkeys(e.source for one in up for e in view.into(one)) if n not in found]
        found.update(dict.fromkeys(up[: most - len(found)]))
        down = [
            n for n in dict.fromkeys(e.target for one in down for e in view.out_of(one)) if n not in found
        ]
        found.update(dict.fromkeys(down[: most - len(found)]))
    return frozenset(found)


def lineage(view: View, node: Node) -> frozenset[Node]:
    """The node, all it is made of and all that is made of it."""
    up = _reached(node, lambda one: [edge.source for edge in view.into(one)])
    return up | _reached(node, lambda one: [edge.target for edge in view.out_of(one)])


def _reached(node: Node, near: Callable[[Node], list[Node]]) -> frozenset[Node]:
    seen, edge = {node}, [node]
    while edge:
        edge = [n for n in dict.fromkeys(n for one in edge for n in near(one)) if n not in seen]
        seen.update(edge)
    return frozenset(seen)


def draw(
    view: View,
    node: Node,
    label: Callable[[Node], Label],
    *,
    before: Drawing | None = None,
    ascii_only: bool = False,
) -> Drawing:
    """The drawing around `node`, which is shown in reverse; what is not of its lineage is dim. `before` is an
    earlier drawing: where it has the same nodes of the same view, its layers are taken."""
    chosen = around(view, node)
    if before is not None and before.view is view and before.chosen == chosen:
        layers = before.layers
    else:
        layers = _laid_out(view, chosen)
    canvas = _Canvas(ascii_only)
    spots = _put_all(canvas, layers, label, lineage(view, node), node)
    return Drawing(view, chosen, layers, canvas.lines(layers.height), spots)


def _laid_out(view: View, chosen: frozenset[Node]) -> Layers:
    shown = [one for one in view.nodes if one in chosen]
    edges = [(edge.source, edge.target) for edge in view.edges]
    layers = in_layers(shown, edges)
    return layers if layers.height <= 2 * _TALL else in_layers(shown, edges, pitch=1)


# ---- putting it on a grid --------------------------------------------------------------------


class _Canvas:
    """Cells by line: texts, and lines that meet in a cell are joined there."""

    def __init__(self, ascii_only: bool) -> None:
        self.ascii_only = ascii_only
        self._bits: dict[int, dict[int, int]] = {}
        self._lit: dict[int, set[int]] = {}
        self._texts: dict[int, list[tuple[int, Bit]]] = {}

    def text(self, row: int, at: int, bit: Bit) -> None:
        self._texts.setdefault(row, []).append((at, bit))

    def join(self, row: int, at: int, bits: int, lit: bool) -> None:
        cells = self._bits.setdefault(row, {})
        cells[at] = cells.get(at, 0) | bits
        if lit:
            self._lit.setdefault(row, set()).add(at)

    def across(self, row: int, start: int, end: int, lit: bool) -> None:
        """A line from the middle of the cell `start` to that of `end`."""
        for at in range(start, end + 1):
            self.join(row, at, (_LEFT if at > start else 0) | (_RIGHT if at < end else 0), lit)

    def touch(self, row: int, at: int, lit: bool) -> None:
        """The end of a line, beside a name."""
        self.join(row, at, _LEFT | _RIGHT, lit)

    def down(self, at: int, start: int, end: int, lit: bool) -> None:
        for row in range(start, end + 1):
            self.join(row, at, (_UP if row > start else 0) | (_DOWN if row < end else 0), lit)

    def lines(self, height: int) -> list[Line]:
        return [tuple(self._line(row)) for row in range(height)]

    def _line(self, row: int) -> Iterator[Bit]:
        glyphs = _PLAIN if self.ascii_only else _BOX
        lit = self._lit.get(row, ())
        pieces = self._texts.get(row, []) + [
            (at, Bit(glyphs[bits], "accent" if at in lit else "guide"))
            for at, bits in self._bits.get(row, {}).items()
        ]
        end = 0
        for style, run in groupby(sorted(pieces, key=_cell), key=lambda piece: piece[1].style):
            text = ""
            for at, bit in run:
                text += " " * (at - end) + bit.text
                end = at + width_of(bit.text)
            yield Bit(text, style)


def _cell(piece: tuple[int, Bit]) -> int:
    return piece[0]


def _put_all(
    canvas: _Canvas,
    layers: Layers,
    label: Callable[[Node], Label],
    lit: frozenset[Node],
    cursor: Node,
) -> dict[Node, tuple[int, int, int]]:
    spots: dict[Node, tuple[int, int, int]] = {}
    gaps = (*layers.gaps, ()) if layers.columns else ()
    left = 0
    for column, gap in zip(layers.columns, gaps, strict=True):
        labels = {place: label(place) for place in column if isinstance(place, Node)}
        names = {node: cut_middle(said.name, _WIDEST, canvas.ascii_only) for node, said in labels.items()}
        right = left + max((width_of(name) + 3 for name in names.values()), default=1)
        leading = _lit_starts(gap, lit)
        for node, name in names.items():
            row = layers.rows[node]
            _put_node(canvas, row, left, labels[node], name, dim=node not in lit, under=node == cursor)
            spots[node] = row, left, width_of(name) + 2
            if node in leading:
                canvas.touch(row, left + width_of(name) + 3, leading[node])
                canvas.across(row, left + width_of(name) + 3, right, leading[node])
        for place in column:
            if place not in labels:
                canvas.across(layers.rows[place], left - 2, right, leading[place])
        left = _put_gap(canvas, layers, gap, right, lit)
    return spots


def _put_node(canvas: _Canvas, row: int, at: int, said: Label, name: str, *, dim: bool, under: bool) -> None:
    canvas.text(row, at, Bit(f"{said.glyph} ", "guide" if dim else said.style))
    style = "muted" if dim else said.name_style
    canvas.text(row, at + 2, Bit(name, f"{style} bold reverse" if under else style))


def _lit_starts(gap: Iterable[Hop], lit: frozenset[Node]) -> dict[Place, bool]:
    """The places from which a line leads on, and whether it is lit."""
    found: dict[Place, bool] = {}
    for hop in gap:
        found[hop.start] = found.get(hop.start, False) or _is_lit(hop, lit)
    return found


def _is_lit(hop: Hop, lit: frozenset[Node]) -> bool:
    return hop.source in lit and not hop.targets.isdisjoint(lit)


def _put_gap(canvas: _Canvas, layers: Layers, gap: tuple[Hop, ...], start: int, lit: frozenset[Node]) -> int:
    """Draws the lines between two layers, from the cell `start` on. Returns where the next layer begins."""
    rows = layers.rows
    lanes = lanes_of(gap, rows)
    end = start + max(lanes.values(), default=0) + 2
    for hop in sorted(gap, key=lambda hop: _is_lit(hop, lit)):
        shines = _is_lit(hop, lit)
        here, there = rows[hop.start], rows[hop.end]
        canvas.touch(there, end, shines)
        if here == there:
            canvas.across(here, start, end, shines)
            continue
        lane = start + lanes[hop.start] + 1
        canvas.across(here, start, lane, shines)
        canvas.down(lane, min(here, there), max(here, there), shines)
        canvas.across(there, lane, end, shines)
    return end + 2


def lanes_of(gap: Iterable[Hop], rows: Mapping[Place, int]) -> dict[Place, int]:
    """The lane in which each place's lines turn up or down. Two that would overlap have lanes of their own, unless
    they lead to the same; and who leaves in the row in which another arrives turns before it."""
    spans: dict[Place, list[int]] = {}
    for hop in sorted(gap, key=lambda hop: rows[hop.end]):
        spans.setdefault(hop.start, [rows[hop.start]]).append(rows[hop.end])
    turning = {place: at for place, at in spans.items() if max(at) > min(at)}
    first = {
        place: {other for other, at in turning.items() if other != place and at[0] in turning[place][1:]}
        for place in turning
    }
    lanes: dict[Place, int] = {}
    while len(lanes) < len(turning):
        left = [place for place in turning if place not in lanes]
        free = [place for place in left if first[place] <= lanes.keys()]
        place = min(free or left, key=lambda one: (min(turning[one]), max(turning[one])))
        lanes[place] = _first_lane(place, turning, lanes, first[place])
    return lanes


def _first_lane(
    place: Place, spans: Mapping[Place, list[int]], lanes: Mapping[Place, int], after: Iterable[Place]
) -> int:
    def collides(other: Place) -> bool:
        mine, its = spans[place], spans[other]
        return min(its) <= max(mine) and max(its) >= min(mine) and its[1:] != mine[1:]

    taken = {lane for one, lane in lanes.items() if collides(one)}
    lane = max((lanes[one] + 1 for one in after if one in lanes), default=0)
    while lane in taken:
        lane += 1
    return lane
