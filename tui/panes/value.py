"""The Value tab: the head of a value as a table, or its text."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ...core.model import Json
from ..bench import Preview
from ..ink import Bit, Line, cut, pad, pad_left, width_of
from .overview import text_lines

WIDEST = 40


def value_lines(preview: Preview, *, ascii_only: bool = False) -> list[Line]:
    """A table keeps its columns at fixed widths, numbers to the right; anything else is text."""
    lines: list[Line] = []
    if preview.note:
        lines.append((Bit(preview.note, "muted"),))
    if preview.columns:
        shown = len(preview.rows)
        total = preview.total if preview.total is not None else shown
        size = f"{total:,} rows, {len(preview.columns)} columns"
        lines.append((Bit(size if shown >= total else f"{size}, the first {shown:,} here", "muted"),))
        lines += _table(preview.columns, preview.rows, ascii_only)
    elif preview.text:
        lines += text_lines(preview.text)
    elif not lines:
        lines.append((Bit("there is no value yet", "muted"),))
    return lines


def _table(columns: Sequence[str], rows: Sequence[Sequence[Json]], ascii_only: bool) -> list[Line]:
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [
        min(WIDEST, max([width_of(name), *(width_of(row[n]) for row in cells if n < len(row))]))
        for n, name in enumerate(columns)
    ]
    is_number = [
        bool(rows) and all(_is_number(row[n]) or row[n] is None for row in rows if n < len(row))
        for n in range(len(columns))
    ]
    bar = "-" if ascii_only else "─"
    head = [
        Bit(_fitted(name, widths[n], is_number[n], ascii_only) + "  ", "accent bold")
        for n, name in enumerate(columns)
    ]
    lines: list[Line] = [tuple(head), (Bit((bar * (sum(widths) + 2 * len(widths)))[:-2], "guide"),)]
    for row, texts in zip(rows, cells, strict=True):
        lines.append(
            tuple(
                Bit(
                    _fitted(text, widths[n], is_number[n], ascii_only) + "  ",
                    "muted" if row[n] is None else "text",
                )
                for n, text in enumerate(texts)
                if n < len(widths)
            )
        )
    return lines


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fitted(text: str, width: int, to_the_right: bool, ascii_only: bool) -> str:
    text = cut(text, width, ascii_only)
    return pad_left(text, width) if to_the_right else pad(text, width)


def _cell(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False, default=str)
