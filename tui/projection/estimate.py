"""Estimates in words: never more exact than they are, and honest about what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.problems import number_of

if TYPE_CHECKING:
    from ...core.plan.timing import Forecast


def about(value: float) -> str:
    """About so many seconds: `~0.4 s`, `~18 s`, `~2 min 30 s`, `~42 min`, `~3 h 20 min`, `~2 d 4 h`."""
    if value < 0.95:
        return f"~{max(value, 0.0):.1f} s" if value >= 0.05 else "~0 s"
    if value < 59.5:
        return f"~{value:.0f} s"
    if value < 595:
        minutes, rest = divmod(round(value / 10), 6)
        return f"~{minutes} min {rest}0 s" if rest else f"~{minutes} min"
    minutes = round(value / 60)
    if minutes < 60:
        return f"~{minutes} min"
    hours, rest = divmod(round(value / 600), 6)
    if hours < 24:
        return f"~{hours} h {rest}0 min" if rest else f"~{hours} h"
    days, hours = divmod(round(value / 3600), 24)
    return f"~{days} d {hours} h" if hours else f"~{days} d"


def forecast_words(found: Forecast) -> str:
    """`~40 s`, `40 s and more: 2 steps never ran`, `no estimate yet` of any step; empty where nothing is left."""
    if not found.steps:
        return ""
    if found.seconds is None:
        return "no estimate yet"
    if not found.unknown:
        return about(found.seconds)
    return f"{about(found.seconds).removeprefix('~')} and more: {number_of(found.unknown, 'step')} never ran"
