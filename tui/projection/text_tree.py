"""The tree of the screen as plain lines, for where there is no screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...core.graph.views import View
from ...core.model import Node
from ..paint.sanitize import clean
from .rows import Direction, Folds, Row, Rows, Shape, build, prune


def _guides(rows: Rows) -> Iterator[str]:
    """What stands before each row's text: a line down from each row above that has more to come."""
    before: list[str] = []
    for row in rows.rows:
        if row.parent < 0:
            before.append("")
            yield ""
            continue
        parent = rows.rows[row.parent]
        stem = before[row.parent]
        if parent.parent >= 0:
            stem += "   " if parent.last else "│  "
        before.append(stem)
        yield stem + ("└─ " if row.last else "├─ ")


def _line(row: Row, guide: str, marks: Mapping[Node, str]) -> str:
    mark = "" if row.node is None else marks.get(row.node, " ") + " "
    verb = f"  ← {clean(row.verb)}" if row.verb else ""
    alias = " ↑" if row.kind == "alias" else ""
    return f"{guide}{mark}{clean(row.label)}{alias}{verb}".rstrip()


def text_tree(view: View, marks: Mapping[Node, str], selected: frozenset[Node] | None) -> Iterator[str]:
    """The lines of `view`, all unfolded: each node once, later occurrences marked `↑`. `marks` goes before names."""
    direction: Direction = "up" if view.kind == "asset" else "down"
    rows = build(Shape(view, direction), Folds())
    if selected is not None:
        rows = prune(rows, selected)
    for row, guide in zip(rows.rows, _guides(rows), strict=True):
        yield _line(row, guide, marks)


def spoken_tree(view: View, states: Mapping[Node, str], selected: frozenset[Node] | None) -> Iterator[str]:
    """The same in words: `2 cookie_dough, stale, by combine ingredients`. The number is the level."""
    direction: Direction = "up" if view.kind == "asset" else "down"
    rows = build(Shape(view, direction), Folds())
    if selected is not None:
        rows = prune(rows, selected)
    for row in rows.rows:
        told: list[str] = [clean(row.label)]
        if row.node is not None:
            told.append(states.get(row.node, ""))
        if row.verb:
            told.append(f"by {clean(row.verb)}" if direction == "up" else clean(row.verb))
        if row.kind == "alias":
            told.append("told above")
        yield "  " * row.depth + f"{row.depth + 1} " + ", ".join(filter(None, told))
