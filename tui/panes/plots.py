"""Numbers over time in few cells: a line of bars, or a small plot in dots. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

_BARS, _PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.-=+*#@"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a braille sign, by row and column."""


def thinned(values: Sequence[float], most: int) -> list[float]:
    """At most so many of the values: of each stretch the one farthest from the mean, so that no peak is lost."""
    if len(values) <= most:
        return list(values)
    mean = sum(value / len(values) for value in values)
    cuts = [n * len(values) // most for n in range(most + 1)]
    return [max(values[low:high], key=lambda value: abs(value - mean)) for low, high in pairwise(cuts)]


def sparkline(values: Sequence[float], width: int, *, ascii_only: bool = False) -> str:
    """A bar for each value, oldest first; the lowest and the highest bar are the least and the most of them."""
    shown = thinned([value for value in values if isfinite(value)], width)
    bars = _PLAIN_BARS if ascii_only else _BARS
    return "".join(bars[round(share * (len(bars) - 1))] for share in _shares(shown))


def plot(values: Sequence[float], width: int, height: int, *, ascii_only: bool = False) -> list[str]:
    """A line through the values, oldest at the left, in lines of at most `width` cells, from the top."""
    across, up = (1, 1) if ascii_only else (2, 4)
    shown = thinned([value for value in values if isfinite(value)], width * across)
    rows = height * up
    levels = [round(share * (rows - 1)) for share in _shares(shown)]
    cells = (len(levels) + across - 1) // across
    grid = [[0] * cells for _ in range(height)]
    for x, level in enumerate(levels):
        before = levels[x - 1] if x and not ascii_only else level
        near = level if level == before else before + (1 if level > before else -1)
        for at in range(min(near, level), max(near, level) + 1):
            y = rows - 1 - at
            grid[y // up][x // across] |= _DOTS[y % up][x % across] if not ascii_only else 1
    if ascii_only:
        return ["".join(" *"[cell] for cell in row).rstrip() for row in grid]
    return ["".join(chr(0x2800 + cell) for cell in row) for row in grid]


def _shares(values: Sequence[float]) -> list[float]:
    """Where each value stands between the least (0) and the most (1) of them; all in the middle where they are one."""
    if not values:
        return []
    low, high = min(values), max(values)
    if low == high:
        return [0.5] * len(values)
    return [(value / 2 - low / 2) / (high / 2 - low / 2) for value in values]
