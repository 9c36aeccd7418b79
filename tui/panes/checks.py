"""The checks of an asset as lines: what each came to, and some of the rows that fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...core.verdicts import Verdict
from ..paint.ink import Bit, Line, cut
from ..paint.sanitize import one_line
from ..projection.verdicts import sign_of

_ROWS, _COLUMNS, _WIDE = 3, 3, 14


def check_lines(verdicts: Sequence[Verdict], indent: int, *, ascii_only: bool = False) -> Iterator[Line]:
    """One line for each check; below one that does not hold, rows that fail it."""
    for number, one in enumerate(verdicts):
        sign, style = sign_of(one, ascii_only)
        head = Bit("checks".ljust(indent) if number == 0 else " " * indent, "muted")
        told = f"  {one_line(one.message)}" if one.outcome in ("failed", "warned") else ""
        yield (head, Bit(f"{sign} ", style), Bit(one_line(one.check)), Bit(told, style))
        if one.rows and told:
            yield from _rows(one, indent + 2, ascii_only)


def _rows(one: Verdict, indent: int, ascii_only: bool) -> Iterator[Line]:
    table = [one.columns, *one.rows[:_ROWS]]
    texts = [[_cell(value, ascii_only) for value in row[:_COLUMNS]] for row in table]
    widths = [max(map(len, column)) for column in zip(*texts, strict=False)]
    for number, row in enumerate(texts):
        words = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=False))
        yield (Bit(" " * indent), Bit(words.rstrip(), "muted" if number == 0 else "text"))
    more = (one.failing or len(one.rows)) - min(_ROWS, len(one.rows))
    if more > 0:
        yield (Bit(" " * indent), Bit(f"and {more:,} more", "muted"))


def _cell(value: object, ascii_only: bool) -> str:
    return cut(one_line("null" if value is None else str(value)), _WIDE, ascii_only)
