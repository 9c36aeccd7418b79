"""How an asset has come along: duration, size and the numbers it was recorded with, over its materializations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite

from ...core.model import Json, Materialization
from ..paint.ink import Bit, Line, cut, pad
from ..projection.states import seconds
from .overview import bytes_in_words
from .plots import plot, sparkline

_WIDTH = 40
_HEIGHT = 3
_NAMES = 4
"""Numbers of the metadata that are drawn at most."""
_ASSETS = 3
_LABEL = 12


def trend_lines(made: Sequence[Materialization], *, ascii_only: bool = False) -> list[Line]:
    """Of values, newest first, those of each asset that was made twice or more; of a few assets."""
    assets = list(dict.fromkeys(one.asset for one in made))
    lines: list[Line] = []
    for asset in assets[:_ASSETS]:
        own = [one for one in reversed(made) if one.asset == asset]
        if len(own) < 2:
            continue
        if len(assets) > 1:
            lines.append((Bit(asset, "text bold"), Bit(f"  {len(own)} times", "muted")))
        lines += _of_one(own, ascii_only)
        lines.append(())
    return lines


def _of_one(made: Sequence[Materialization], plain: bool) -> Iterator[Line]:
    for name, values, words in (
        ("duration", [one.duration for one in made], seconds),
        ("size", [float(one.value.size) for one in made], lambda size: bytes_in_words(int(size))),
    ):
        bars = sparkline(values, _WIDTH, ascii_only=plain)
        yield (
            Bit(pad(name, _LABEL), "muted"),
            Bit(bars + "  ", "accent"),
            Bit(_range(values, words, plain), "muted"),
        )
    for name, values in list(_numbers(made).items())[:_NAMES]:
        label = pad(cut(name, _LABEL - 1, plain), _LABEL)
        yield (Bit(label, "muted"), Bit(_range(values, _number, plain), "muted"))
        for row in plot(values, _WIDTH, _HEIGHT, ascii_only=plain):
            yield (Bit(" " * _LABEL), Bit(row, "accent"))


def _numbers(made: Sequence[Materialization]) -> Mapping[str, list[float]]:
    """The metadata that are numbers, each with its values in order; those that have at least two."""
    found: dict[str, list[float]] = {}
    for one in made:
        for name, value in one.metadata.items():
            if (number := _as_number(value)) is not None:
                found.setdefault(name, []).append(number)
    return {name: values for name, values in found.items() if len(values) > 1}


def _as_number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.4g}"


def _range(values: Sequence[float], words: Callable[[float], str], plain: bool) -> str:
    dot = " | " if plain else " · "
    return dot.join((f"min {words(min(values))}", f"max {words(max(values))}", f"last {words(values[-1])}"))
