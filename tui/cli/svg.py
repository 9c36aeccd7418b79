"""The graph as a picture: SVG drawn from its layers, with no other font, script or file than it holds itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.cells import cell_len

from ...core.graph.layers import Hop, Layers, Place, Via, in_layers
from ...core.graph.views import View, ViewNode
from ...core.model import Node, State
from ...core.problems import ProblemError
from ..paint.ink import cut_middle
from ..paint.markup import xml_attribute, xml_text

MOST = 2_000
"""Nodes that are drawn at most: a picture of more says nothing, and takes minutes to lay out."""
_CHAR, _SMALL = 7.3, 5.8
_WIDEST = 36
_ROW, _TALL, _PAD, _MARGIN = 24.0, 30.0, 24.0, 24.0
_GAP = 56.0
_LABEL_ROOM = 230.0

STYLE = """
.graph { font: 13px ui-sans-serif, system-ui, "Segoe UI", sans-serif; background: #fdfcff; }
.graph .box { fill: #ffffff; stroke: #8d89a0; stroke-width: 1.2; }
.graph .source .box { fill: #eae8f0; }
.graph .byproduct .box { stroke-dasharray: 4 3; }
.graph .byproduct text { fill: #66626f; }
.graph text { fill: #1d1a26; }
.graph .verb { font-size: 11px; fill: #66626f; }
.graph .halo { stroke: #fdfcff; stroke-width: 4px; stroke-linejoin: round; }
.graph .edge { fill: none; stroke: #a9a5b3; stroke-width: 1.2; }
.graph .edge.after { stroke-dasharray: 2 3; }
.graph .edge.byproduct { stroke-dasharray: 5 3; }
.graph .tip { fill: #a9a5b3; }
.graph .dot { fill: #a9a5b3; }
.graph .fresh .dot { fill: #00684a; } .graph .stale .dot { fill: #e69f00; }
.graph .failed .dot, .graph .blocked .dot, .graph .missing .dot { fill: #d5421a; }
.graph .running .dot, .graph .queued .dot { fill: #56b4e9; }
.graph .source .dot { fill: #4f43dd; }
@media (prefers-color-scheme: dark) {
  .graph { background: #15141b; }
  .graph .box { fill: #24222d; stroke: #6d697c; }
  .graph .source .box { fill: #34324c; }
  .graph text { fill: #e8e6f0; }
  .graph .byproduct text { fill: #9a96a6; }
  .graph .verb { fill: #9a96a6; } .graph .halo { stroke: #15141b; }
  .graph .edge { stroke: #6d697c; } .graph .tip { fill: #6d697c; }
}
"""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the columns stand: left and right edge of each, and how large the whole is."""

    columns: tuple[tuple[float, float], ...]
    width: float
    height: float


def as_svg(view: View, states: Mapping[Node, State], title: str, *, standalone: bool = True) -> str:
    """A picture of `view`. Raises ProblemError where there is too much to be drawn."""
    if len(view.nodes) > MOST:
        told = f"there are {len(view.nodes):,} nodes: more than {MOST:,} are not drawn"
        raise ProblemError(told, "select a part, as in bakehouse graph +key+ --format svg")
    layers = in_layers(view.nodes, [(edge.source, edge.target) for edge in view.edges])
    frame = _frame(view, layers)
    size = f"{frame.width:.0f} {frame.height:.0f}"
    measures = f'width="{frame.width:.0f}" height="{frame.height:.0f}"' if standalone else ""
    name = f'role="img" aria-label={xml_attribute(title)}'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" {name} viewBox="0 0 {size}" {measures}>'
    lines = [head, f"<title>{xml_text(title)}</title>"]
    if standalone:
        lines.append(f"<style>{STYLE}</style>")
    lines.append("<g>")
    lines += _edges(view, layers, frame)
    lines += _verbs(view, layers, frame)
    lines += _nodes(view, layers, frame, states)
    return "\n".join([*lines, "</g>", "</svg>", ""])


def _label(shown: ViewNode) -> str:
    return cut_middle(shown.title, _WIDEST)


def _frame(view: View, layers: Layers) -> Frame:
    columns, x = [], _MARGIN
    for number, column in enumerate(layers.columns):
        nodes = [place for place in column if isinstance(place, Node)]
        widest = max((cell_len(_label(view.nodes[node])) for node in nodes), default=4)
        if number:
            verbs = {edge.label for node in nodes for edge in view.into(node)}
            longest = max((cell_len(verb) for verb in verbs), default=0)
            x += min(_LABEL_ROOM, max(_GAP, longest * _SMALL + 36))
        columns.append((x, x + widest * _CHAR + 2 * _PAD))
        x = columns[-1][1]
    return Frame(tuple(columns), x + _MARGIN, layers.height * _ROW + 2 * _MARGIN + _TALL - _ROW)


def _middle(layers: Layers, place: Place) -> float:
    return _MARGIN + _TALL / 2 + layers.rows[place] * _ROW


def _edges(view: View, layers: Layers, frame: Frame) -> Iterator[str]:
    kinds = {(edge.source, edge.target): edge.kind for edge in view.edges}
    numbers = {node: number for number, node in enumerate(view.nodes)}
    for layer, gap in enumerate(layers.gaps):
        left, right = frame.columns[layer][1], frame.columns[layer + 1][0]
        for hop in gap:
            yield _line(layers, hop, left, right, frame.columns[layer + 1][1], kinds, numbers)


def _line(
    layers: Layers,
    hop: Hop,
    left: float,
    right: float,
    beyond: float,
    kinds: Mapping[tuple[Node, Node], str],
    numbers: Mapping[Node, int],
) -> str:
    y, to = _middle(layers, hop.start), _middle(layers, hop.end)
    bend = (right - left) / 2
    is_end = isinstance(hop.end, Node)
    end = right - 7 if is_end else right
    path = f"M{left:.1f} {y:.1f}C{left + bend:.1f} {y:.1f} {end - bend:.1f} {to:.1f} {end:.1f} {to:.1f}"
    path += "" if is_end else f"H{beyond:.1f}"
    found = {kinds.get((hop.source, target), "data") for target in hop.targets}
    kind = found.pop() if len(found) == 1 else "data"
    said = f'data-from="{numbers[hop.source]}" data-to="{" ".join(str(numbers[one]) for one in sorted(hop.targets))}"'
    line = f'<path class="edge {kind}" {said} d="{path}"/>'
    if is_end:
        line += f'<path class="tip" {said} d="M{right:.1f} {to:.1f}l-8 -4v8z"/>'
    return line


def _verbs(view: View, layers: Layers, frame: Frame) -> Iterator[str]:
    """Each verb once before the node that it leads to, or beside its line where there are several."""
    column_of = {place: number for number, column in enumerate(layers.columns) for place in column}
    for node in view.nodes:
        verbs = {edge.label: edge for edge in view.into(node) if edge.label}
        room = _LABEL_ROOM - 36
        for number, verb in enumerate(verbs):
            x = frame.columns[column_of[node]][0] - 14
            y = _middle(layers, node) - 6 - 12 * number
            words = cut_middle(verb, int(room / _SMALL))
            for kind in ("verb halo", "verb"):
                yield f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="end">{xml_text(words)}</text>'


def _nodes(view: View, layers: Layers, frame: Frame, states: Mapping[Node, State]) -> Iterator[str]:
    numbers = {node: number for number, node in enumerate(view.nodes)}
    for column, (left, right) in zip(layers.columns, frame.columns, strict=True):
        for place in column:
            if isinstance(place, Via):
                continue
            shown, state = view.nodes[place], states.get(place)
            words = state.value if state is not None else ""
            kinds = [
                place.kind,
                words,
                "byproduct" if shown.byproduct else "",
                "source" if shown.source else "",
            ]
            y = _middle(layers, place)
            round_ = 3 if place.kind == "task" else _TALL / 2
            label = _label(shown)
            told = xml_text(f"{shown.title}: {words}" + (f" ({shown.group})" if shown.group else ""))
            yield (
                f'<g class="node {" ".join(dict.fromkeys(filter(None, kinds)))}" data-node="{numbers[place]}">'
                f"<title>{told}</title>"
                f'<rect class="box" x="{left:.1f}" y="{y - _TALL / 2:.1f}" width="{right - left:.1f}" '
                f'height="{_TALL:.0f}" rx="{round_:.0f}"/>'
                f'<circle class="dot" cx="{left + 13:.1f}" cy="{y:.1f}" r="4"/>'
                f'<text x="{left + _PAD:.1f}" y="{y + 4.5:.1f}">{xml_text(label)}</text></g>'
            )
