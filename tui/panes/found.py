"""The Checks tab: what must hold of a value, what came of it the last times, and the rows that fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...core.checks.definition import Check
from ...core.model import Json
from ...core.naming import readable
from ...core.verdicts import Verdict, pasts
from ..paint.ink import Bit, Line, cut, pad, width_of
from ..paint.sanitize import one_line
from ..projection.verdicts import sign_of
from .overview import when

if TYPE_CHECKING:
    from ...core.model import Asset
    from ...core.store.store import Store

PAST = 20
"""Verdicts of a check that are shown."""
_NAME, _WORD = 28, 8
_CELL = 24


def read_checks(
    store: Store, assets: Sequence[Asset], now: float, ascii_only: bool = False, note: str = ""
) -> list[Line]:
    """The checks of these assets as lines, with their past. Blocking."""
    lines: list[Line] = []
    for asset in assets:
        past = pasts(store, asset.name, asset.checks, PAST)
        head = readable(asset.name) if len(assets) > 1 or note else ""
        lines += [()] if lines else []
        lines += checks_lines(asset.checks, past, now, head, ascii_only)
    return [*lines, (), (Bit(note, "muted"),)] if note else lines


def checks_lines(
    checks: Sequence[Check],
    pasts: Sequence[Sequence[Verdict]],
    now: float,
    head: str = "",
    ascii_only: bool = False,
) -> list[Line]:
    """A line for each check with what came of it (`pasts`, newest first), and below them what those found that do not
    hold."""
    lines: list[Line] = [(Bit(one_line(head), "text bold"),)] if head else []
    width = min(_NAME, max((width_of(one_line(check.name)) for check in checks), default=0))
    longest = max(map(len, pasts), default=0)
    for check, past in zip(checks, pasts, strict=True):
        lines.append(_line(check, past, now, width, longest, ascii_only))
    for past in pasts:
        if past[0].outcome in ("failed", "warned"):
            lines += [(), *_found(past[0], ascii_only)]
    return lines


def _line(
    check: Check, past: Sequence[Verdict], now: float, width: int, longest: int, ascii_only: bool
) -> Line:
    last = past[0]
    sign, style = sign_of(last, ascii_only)
    strip = [sign_of(one, ascii_only) for one in reversed(past) if one.outcome != "never"]
    return (
        Bit(f"{sign} ", style),
        Bit(pad(cut(one_line(check.name), width, ascii_only), width) + "  "),
        Bit(pad(last.outcome, _WORD), style),
        Bit(" " * (longest - len(strip))),
        *(Bit(one, look) for one, look in strip),
        Bit("  only warns" if check.severity == "warn" else "", "muted"),
        Bit(f"  {when(last.ts, now)}" if last.ts is not None else "", "muted"),
    )


def _found(last: Verdict, ascii_only: bool) -> list[Line]:
    _, style = sign_of(last, ascii_only)
    said = one_line(last.message or "it did not pass")
    lines: list[Line] = [(Bit(one_line(last.check), f"{style} bold"),), (Bit(f"  {said}"),)]
    if last.rows:
        lines += [(Bit("  "), *line) for line in _table(last.columns, last.rows)]
        if last.failing is not None and last.failing > len(last.rows):
            lines.append((Bit(f"  and {last.failing - len(last.rows):,} more", "muted"),))
    return lines


def _table(columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> list[Line]:
    head = [one_line(name) for name in columns]
    cells = [["null" if value is None else one_line(_shown(value)) for value in row] for row in rows]
    widths = [
        min(_CELL, max([width_of(name), *(width_of(row[at]) for row in cells if at < len(row))]))
        for at, name in enumerate(head)
    ]

    def line(texts: Sequence[str], values: Sequence[Json] | None) -> Line:
        return tuple(
            Bit(
                pad(cut(text, width), width) + "  ",
                "muted" if values is None or values[at] is None else "text",
            )
            for at, (text, width) in enumerate(zip(texts, widths, strict=False))
        )

    return [line(head, None), *(line(texts, row) for texts, row in zip(cells, rows, strict=True))]


def _shown(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
