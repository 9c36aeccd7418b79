"""The Value tab: the head of a value as a table, or its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...core.problems import number_of
from ..paint.ink import Bit, Line, cut, pad, pad_left, width_of
from .overview import text_lines

if TYPE_CHECKING:
    from ...core.preview import Preview

WIDEST = 40


def size_words(preview: Preview) -> str:
    """How large a table is, and how much of it is here."""
    if not preview.columns:
        return ""
    shown = len(preview.rows)
    total = preview.total if preview.total is not None else shown
    size = f"{number_of(total, 'row')} × {number_of(len(preview.columns), 'column')}"
    return size if shown >= total else f"{size} ({shown:,} here)"


def value_lines(preview: Preview, *, ascii_only: bool = False) -> list[Line]:
    """A table keeps its columns at fixed widths, numbers to the right; anything else is text. The first line of a
    table names its columns."""
    note: list[Line] = [(Bit(preview.note, "muted"),)] if preview.note else []
    if preview.columns:
        return [*_table(preview.columns, preview.rows, ascii_only), *note]
    if preview.text:
        return [*note, *text_lines(preview.text)]
    return note or [(Bit("there is no value yet", "muted"),)]


def _table(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]], ascii_only: bool) -> list[Line]:
    numbers = [is_number(type_) for _, type_ in columns]
    widths = [
        min(
            WIDEST,
            max(width_of(name), width_of(type_), *(width_of(row[n]) for row in rows if n < len(row)), 1),
        )
        for n, (name, type_) in enumerate(columns)
    ]

    def line(cells: Sequence[str], style: str) -> Line:
        parts = zip(cells, widths, numbers, strict=False)
        return tuple(
            Bit(_fitted(text, width, right, ascii_only) + "  ", style) for text, width, right in parts
        )

    bar = "-" if ascii_only else "─"
    return [
        line([name for name, _ in columns], "accent bold"),
        line([type_ for _, type_ in columns], "muted"),
        (Bit(bar * (sum(widths) + 2 * len(widths) - 2), "guide"),),
        *(line(row, "text") for row in rows),
    ]


def is_number(type_: str) -> bool:
    """True for the types that are read from the right: `BIGINT`, `double`, `DECIMAL(10,2)`, `float64`."""
    return type_.lower().startswith(("int", "uint", "bigint", "smallint", "tinyint", "hugeint", "ubig", "double",
                                     "float", "decimal", "number", "real"))  # fmt: skip


def _fitted(text: str, width: int, to_the_right: bool, ascii_only: bool) -> str:
    text = cut(text, width, ascii_only)
    return pad_left(text, width) if to_the_right else pad(text, width)
