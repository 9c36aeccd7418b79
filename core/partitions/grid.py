"""Grids: the keys that something is divided by, and the window of time of each. Pure; the clock is given."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cached_property, lru_cache

from ..model import Json
from ..naming import LONGEST_KEY, encode
from ..problems import ProblemError, number_of
from ..schedules.cron import NoSuchZone
from ..schedules.cron import zone as zone_of

TIMES = ("hourly", "daily", "weekly", "monthly")
"""Kinds of grids of time, from fine to coarse."""
MOST_KEYS = 100_000


class GridFault(ValueError):
    """A grid that cannot be: `key` of its mapping is wrong, for the reason told."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` (inclusive) to `end` (exclusive), both with their zone."""

    start: datetime
    end: datetime
    _said: list[Mapping[str, str]] = field(default_factory=list, repr=False, compare=False)

    def as_json(self) -> Mapping[str, str]:
        """Both as ISO 8601 with their offset, worked out once."""
        if not self._said:
            self._said.append({"start": self.start.isoformat(), "end": self.end.isoformat()})
        return self._said[0]


@dataclass(frozen=True)
class Dimension:
    """One direction of a grid. Times are written as keys are: `2013-01` for a month, else `2013-01-31` (an hour of it
    `2013-01-31T05`). Without `end` it goes up to the last period that is over."""

    name: str
    kind: str
    keys: tuple[str, ...] = ()
    start: str = ""
    end: str = ""
    timezone: str = "UTC"

    @property
    def is_time(self) -> bool:
        return self.kind in TIMES

    @property
    def is_open(self) -> bool:
        """Whether it grows with time."""
        return self.is_time and not self.end

    @cached_property
    def grid(self) -> tuple[object, ...]:
        """What makes two dimensions the same, whatever they are called."""
        return self.kind, self.keys, self.start, self.end, self.timezone


@lru_cache(maxsize=32)
def cells(dimension: Dimension, until: datetime) -> Mapping[str, Window | None]:
    """Every key in its order, with its window where it is one of time. `until` is the end of the last window of an
    open one (see `settled`). Raises ProblemError for more than `MOST_KEYS`."""
    if not dimension.is_time:
        return dict.fromkeys(dimension.keys)
    found: dict[str, Window | None] = {}
    last = _parsed(dimension, dimension.end, "end") if dimension.end else None
    for begin, following, key in _periods(dimension):
        window = Window(begin, following)
        if (last is not None and _local(begin) > last) or (last is None and following > until):
            break
        found[key] = window
        if len(found) > MOST_KEYS:
            told = f"the grid {dimension.name} has more than {number_of(MOST_KEYS, 'partition')}"
            raise ProblemError(told, "begin it later, or take longer periods")
    return found


def settled(dimension: Dimension, now: datetime) -> datetime:
    """The end of the last period that is over at `now`: the same for every moment of one period."""
    if not dimension.is_open:
        return datetime.min.replace(tzinfo=UTC)
    return period_at(dimension, now)[0]


def period_at(dimension: Dimension, now: datetime) -> tuple[datetime, datetime]:
    """Begin and end of the period that `now` is in; of the first one if that has not begun."""
    zone = zone_of(dimension.timezone)
    local = now.astimezone(zone)
    first = _parsed(dimension, dimension.start)
    if _local(local) <= first:
        step = _step(dimension.kind)
        return _aware(first, zone), _aware(step(first), zone)
    if dimension.kind == "hourly":
        begin = _aware(first, zone).astimezone(UTC)
        begin += timedelta(hours=(now.astimezone(UTC) - begin) // timedelta(hours=1))
        return _fixed(begin, zone), _fixed(begin + timedelta(hours=1), zone)
    step = _step(dimension.kind)
    day = datetime(local.year, local.month, local.day)
    if dimension.kind == "monthly":
        day = day.replace(day=1)
    elif dimension.kind == "weekly":
        day -= timedelta(days=(day - first).days % 7)
    return _aware(day, zone), _aware(step(day), zone)


def check(dimension: Dimension) -> None:
    """Raises GridFault for what no grid can be."""
    if not dimension.is_time:
        _check_keys(dimension.keys)
        return
    try:
        zone_of(dimension.timezone)
    except NoSuchZone as error:
        raise GridFault("timezone", str(error)) from error
    first = _parsed(dimension, dimension.start)
    if not 1900 <= first.year <= 2999:
        raise GridFault("start", "must lie between 1900 and 2999")
    if dimension.end:
        last = _parsed(dimension, dimension.end, "end")
        if last < first:
            raise GridFault("end", f"{dimension.end} is before the start, {dimension.start}")
        if last.year > 2999:
            raise GridFault("end", "must lie between 1900 and 2999")


def _check_keys(keys: tuple[str, ...]) -> None:
    if not keys:
        raise GridFault("static", "must have at least one key")
    seen: set[str] = set()
    for key in keys:
        if not key or not key.isprintable() or key != key.strip():
            raise GridFault(
                "static", f"the key {key[:60]!r} is empty, not printable, or begins or ends with a space"
            )
        if len(encode(key)) > LONGEST_KEY:
            raise GridFault("static", f"the key {key[:40]!r}… is too long: {LONGEST_KEY} bytes at most")
        if key in seen:
            raise GridFault("static", f"the key {key!r} stands twice")
        seen.add(key)


# ---- arithmetic --------------------------------------------------------------------------------


_FORMS = {"monthly": "%Y-%m", "hourly": "%Y-%m-%dT%H"}
_EXAMPLES = {"monthly": "2013-01", "hourly": "2013-01-31T05"}


def _parsed(dimension: Dimension, text: str, key: str = "start") -> datetime:
    """Local time without a zone. An hourly grid may be given by its day too."""
    forms = {_FORMS.get(dimension.kind, "%Y-%m-%d"), *(("%Y-%m-%d",) if dimension.kind == "hourly" else ())}
    for form in forms:
        try:
            found = datetime.strptime(text, form)
        except ValueError:
            continue
        if found.strftime(form).lstrip("0") == text.lstrip("0"):
            is_last_day = key == "end" and dimension.kind == "hourly" and form == "%Y-%m-%d"
            return found + timedelta(hours=23) if is_last_day else found
    example = _EXAMPLES.get(dimension.kind, "2013-01-31")
    raise GridFault(key, f"{text[:60]!r} must be as in {example}")


def _step(kind: str) -> Callable[[datetime], datetime]:
    if kind == "monthly":
        return lambda at: (at.replace(day=1) + timedelta(days=32)).replace(day=1)
    length = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(days=7)}[kind]
    return lambda at: at + length


def _aware(at: datetime, zone: tzinfo) -> datetime:
    """That local time, or where clocks leap over it the moment of the leap."""
    return _fixed(at.replace(tzinfo=zone).astimezone(UTC), zone)


def _fixed(at: datetime, zone: tzinfo) -> datetime:
    """With the offset of that moment: Python compares two times of one zone by their clocks, not as moments."""
    local = at.astimezone(zone)
    return local.replace(tzinfo=timezone(local.utcoffset() or timedelta()), fold=0)


def _local(at: datetime) -> datetime:
    return at.replace(tzinfo=None)


def _periods(dimension: Dimension) -> Iterator[tuple[datetime, datetime, str]]:
    zone = zone_of(dimension.timezone)
    first = _parsed(dimension, dimension.start)
    if dimension.kind == "hourly":
        yield from _hours(_aware(first, zone), zone)
        return
    step, form = _step(dimension.kind), _FORMS.get(dimension.kind, "%Y-%m-%d")
    begin = _aware(first, zone)
    for number in itertools.count():
        following = step(first)
        end = _aware(following, zone)
        if end > begin:  # a day that an island leapt over is none
            yield begin, end, first.strftime(form) if first.year >= 1000 else first.isoformat()
        first, begin = following, end
        if number > MOST_KEYS + 1:
            return


def _hours(begin: datetime, zone: tzinfo) -> Iterator[tuple[datetime, datetime, str]]:
    """Hours of real time. One that stands twice on the clock, or not at a full hour, is named with its offset."""
    at = begin.astimezone(UTC)
    while True:
        local, following = at.astimezone(zone), at + timedelta(hours=1)
        key = local.strftime("%Y-%m-%dT%H")
        if local.minute or local.second or _is_twice(local):
            key = local.strftime("%Y-%m-%dT%H%M%z")
        yield _fixed(at, zone), _fixed(following, zone), key
        at = following


def _is_twice(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def as_json(dimension: Dimension) -> Json:
    """Plain data without what is as by default."""
    said: dict[str, Json] = {"name": dimension.name, "kind": dimension.kind}
    if dimension.keys:
        said["keys"] = list(dimension.keys)
    for name in ("start", "end"):
        if value := getattr(dimension, name):
            said[name] = value
    if dimension.timezone != "UTC":
        said["timezone"] = dimension.timezone
    return said


def dimensions_of(said: Json) -> tuple[Dimension, ...]:
    """The grid that an asset or a task has, as the loader left it."""
    return tuple(Dimension(**{**one, "keys": tuple(one.get("keys", ()))}) for one in said or ())
