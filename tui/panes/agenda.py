"""The page of schedules: each with its times, what it runs, when it comes next, what it did last and what it missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..paint.ink import Bit, Line
from ..paint.sanitize import one_line
from ..projection.agenda import last_words, missed_words, next_words, what_words, when_words

if TYPE_CHECKING:
    from ...core.agenda import Item

_NONE = (
    "This project has no schedules. In a definition file, what runs every Friday at seven:",
    "",
    "    schedules:",
    '      weekly: {cron: "0 7 * * 5", timezone: Europe/Berlin, select: report}',
)


def agenda_lines(items: Sequence[Item], chosen: int, now: float) -> tuple[list[Line], int]:
    """The page, and the line at which the chosen one begins."""
    if not items:
        return [(Bit(line, "muted"),) for line in _NONE], 0
    lines: list[Line] = []
    start = 0
    for number, item in enumerate(items):
        lines += [()] if lines else []
        if number == chosen:
            start = len(lines)
        lines += _item_lines(item, number == chosen, now)
    return lines, start


def _item_lines(item: Item, is_chosen: bool, now: float) -> list[Line]:
    said = item.schedule
    head = (
        Bit("› " if is_chosen else "  ", "accent bold"),
        Bit(one_line(said.name), "accent bold" if is_chosen else "text bold"),
        Bit("  paused" if item.paused else "", "stale"),
    )
    coming = "failed" if item.trouble else "stale" if item.paused else "text"
    told = [
        ("when", when_words(item), "text"),
        ("what", what_words(item), "text"),
        ("next", next_words(item, now), coming),
        ("last", last_words(item, now), "failed" if item.last and item.last.status == "failed" else "text"),
    ]
    if item.missed is not None:
        told.append(("missed", missed_words(item.missed, said.timezone), "stale"))
    if said.description:
        told.append(("", said.description, "muted"))
    return [
        head,
        *((Bit(f"    {word:<8}", "muted"), Bit(one_line(words), style)) for word, words, style in told),
    ]
