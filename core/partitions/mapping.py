"""Which partitions of what a step reads belong to which of its own. Pure."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from .grid import TIMES, Dimension, Window, cells, settled

SAME, ALL, LAST = "same", "all", "last:"

Keys = tuple[str, ...]
"""One key for each dimension."""


class MappingFault(ValueError):
    """Two grids that no rule takes to each other; the message says why."""


@dataclass(frozen=True, slots=True)
class Space:
    """The grid of one asset or task at one moment: its dimensions, and the keys of each in their order."""

    dimensions: tuple[Dimension, ...]
    cells: tuple[Mapping[str, Window | None], ...]

    @classmethod
    def at(cls, dimensions: Sequence[Dimension], now: datetime) -> Space:
        """Raises ProblemError where a dimension has too many keys."""
        return cls(tuple(dimensions), tuple(cells(one, settled(one, now)) for one in dimensions))

    def __len__(self) -> int:
        total = 1
        for one in self.cells:
            total *= len(one)
        return total

    def all(self) -> Iterable[Keys]:
        """Every partition, the first dimension slowest."""
        return itertools.product(*self.cells)

    def window(self, keys: Keys) -> Window | None:
        """That of the first dimension of time."""
        return next(
            (at for one, key in zip(self.cells, keys, strict=True) if (at := one[key]) is not None), None
        )


_Part = Callable[[Keys], Sequence[str]]
"""For the keys of a step, the keys of one dimension of what it reads."""


@dataclass(frozen=True, slots=True)
class Rule:
    """From the keys of a step to those of what it reads. `gathers` is whether that may be several."""

    parts: tuple[_Part, ...]
    gathers: bool

    def __call__(self, keys: Keys) -> Iterable[Keys]:
        return itertools.product(*(part(keys) for part in self.parts))


def rule(mine: Space, theirs: Space, mapping: str = "") -> Rule:
    """How a step on the grid `mine` (of no dimension: not divided) reads what is divided by `theirs`.

    Raises MappingFault where nothing says how.
    """
    if mapping == ALL or not (mine.dimensions or mapping):
        return Rule(tuple(_whole(one) for one in theirs.cells), True)
    if mapping.startswith(LAST):
        return _last(mine, theirs, int(mapping.removeprefix(LAST)))
    found = [_matched(mine, number, theirs) for number in range(len(theirs.dimensions))]
    if all(one is None for one in found):
        raise MappingFault(_unlike(mine.dimensions, theirs.dimensions))
    parts = [one or (_whole(cell), True) for one, cell in zip(found, theirs.cells, strict=True)]
    return Rule(tuple(part for part, _ in parts), any(gathers for _, gathers in parts))


def _whole(cell: Mapping[str, Window | None]) -> _Part:
    keys = tuple(cell)
    return lambda _: keys


def _same(mine: Space, theirs: Dimension) -> int | None:
    """The own dimension that is the same grid."""
    alike = [number for number, one in enumerate(mine.dimensions) if one.grid == theirs.grid]
    named = [number for number in alike if mine.dimensions[number].name == theirs.name]
    return next(iter(named or alike), None)


def _matched(mine: Space, number: int, theirs: Space) -> tuple[_Part, bool] | None:
    other = theirs.dimensions[number]
    if (at := _same(mine, other)) is not None:
        return (lambda keys: (keys[at],)), False
    for at, own in enumerate(mine.dimensions):
        if _contains(own, other):
            return _inside(mine.cells[at], theirs.cells[number], at), True
    if any(own.is_time for own in mine.dimensions) and other.is_time:
        raise MappingFault(_unlike(mine.dimensions, theirs.dimensions))
    return None


def _contains(coarse: Dimension, fine: Dimension) -> bool:
    """Whether every period of `fine` lies in one of `coarse`: a week may lie in two months."""
    if not (coarse.is_time and fine.is_time) or coarse.timezone != fine.timezone:
        return False
    return TIMES.index(fine.kind) < TIMES.index(coarse.kind) and fine.kind != "weekly"


def _inside(coarse: Mapping[str, Window | None], fine: Mapping[str, Window | None], at: int) -> _Part:
    names, begins = list(fine), [window.start for window in fine.values() if window is not None]

    def part(keys: Keys) -> Sequence[str]:
        window = coarse[keys[at]]
        assert window is not None
        return names[bisect_left(begins, window.start) : bisect_left(begins, window.end)]

    return part


def _last(mine: Space, theirs: Space, count: int) -> Rule:
    """Along the first dimension of time (else the first), the own key and those before it; along others, the same."""
    along = next((n for n, one in enumerate(theirs.dimensions) if one.is_time), 0)
    names = list(theirs.cells[along])
    if not mine.dimensions:
        latest = names[-count:]
        parts = [_whole(cell) for cell in theirs.cells]
        parts[along] = lambda _: latest
        return Rule(tuple(parts), True)
    at = _same(mine, theirs.dimensions[along])
    if at is None:
        raise MappingFault(_unlike(mine.dimensions, theirs.dimensions))
    places = {name: number for number, name in enumerate(names)}

    def before(keys: Keys) -> Sequence[str]:
        place = places[keys[at]]
        return names[max(0, place + 1 - count) : place + 1]

    found = [_matched(mine, number, theirs) for number in range(len(theirs.dimensions))]
    parts = [one[0] if one else _whole(cell) for one, cell in zip(found, theirs.cells, strict=True)]
    parts[along] = before
    return Rule(tuple(parts), True)


def _unlike(mine: Sequence[Dimension], theirs: Sequence[Dimension]) -> str:
    return f"it is divided by {_told(theirs)}, and this by {_told(mine)}"


def _told(dimensions: Sequence[Dimension]) -> str:
    return " and ".join(
        f"{one.name} ({one.kind}, {one.timezone})" if one.is_time else one.name for one in dimensions
    )
