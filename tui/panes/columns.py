"""The columns of a table as they were recorded, each with its type, and what changed when it was made."""

from __future__ import annotations

from collections.abc import Mapping

from ...core.model import Json
from ..paint.ink import Bit, Line, cut, pad, width_of
from ..paint.sanitize import one_line

MOST = 40
"""Columns that are shown."""
_WIDEST = 32


def column_lines(columns: Mapping[str, str], change: Mapping[str, Json] | None, indent: int) -> list[Line]:
    """A line for each column; `change` is the `schema_changed` that the value came with, if it did."""
    added = {name for name, _ in change["added"]} if change else set()
    before = {name: old for name, old, _ in change["changed"]} if change else {}
    removed: list[tuple[str, str]] = [(n, kind) for n, kind in change["removed"]] if change else []
    shown = [(one_line(name), name, kind) for name, kind in columns.items()][:MOST]
    names = [name for name, _, _ in shown] + [one_line(name) for name, _ in removed[:MOST]]
    width = min(_WIDEST, max(map(width_of, names), default=0))
    lines = []
    for label, name, kind in shown:
        sign, style = (
            ("+ ", "fresh") if name in added else ("± ", "changed") if name in before else ("", "text")
        )
        was = (Bit(f"  was {one_line(before[name])}", "changed"),) if name in before else ()
        lines.append(_line(indent, sign, style, cut(label, width), width, one_line(kind), was))
    lines += [
        _line(
            indent,
            "- ",
            "failed",
            cut(one_line(name), _WIDEST),
            width,
            one_line(kind),
            (Bit("  gone", "failed"),),
        )
        for name, kind in removed[:MOST]
    ]
    more = len(columns) - len(shown)
    if more > 0:
        lines.append((Bit(" " * indent), Bit(f"and {more:,} more", "muted")))
    return lines


def _line(
    indent: int, sign: str, style: str, name: str, width: int, kind: str, more: tuple[Bit, ...]
) -> Line:
    head = Bit(" " * (indent - width_of(sign)) + sign, style)
    return (head, Bit(pad(name, max(width, width_of(name))) + "  ", style), Bit(kind, "muted"), *more)
