"""Cron expressions and the instants they mean: five fields, read in a time zone, as Debian's cron reads them.

An instant is a whole Unix time in seconds (UTC). A job of fixed hours and minutes whose time the clock leaves out in
spring comes at the next time that exists; one whose time the clock repeats in autumn comes the first time only. A job
with a `*` for its minute or its hour follows the clock as it goes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as fixed_zone
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cronsim import CronSim

WORDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
LONGEST = 255
_LOOKS_BACK = (120, 3600, 26 * 3600, 8 * 86400, 32 * 86400, 370 * 86400, 9 * 366 * 86400)
"""Seconds to go back for the latest instant: as little as will do, because from there each is counted."""
_WEEK = 7 * 86400
_WEEKS = 53
_FAR = 50 * 366 * 86400
_EARLIEST, _LATEST = -2_000_000_000, 200_000_000_000


class NoSuchZone(ValueError):
    """There is no time zone of that name, or no data of time zones at all; says which."""


@lru_cache(maxsize=512)
def zone(name: str) -> tzinfo:
    """The time zone of an IANA name; `UTC` needs no data. Raises NoSuchZone."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        if _has_zones():
            raise NoSuchZone(f"there is no time zone {name!r} (as in Europe/Berlin)") from error
        told = "this machine has no data of time zones: install tzdata (or pip install tzdata)"
        raise NoSuchZone(told) from error


def _has_zones() -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo("Europe/London")
    except (OSError, ValueError, LookupError):
        return False
    return True


def five_fields(cron: str) -> str:
    """The expression without its word. Raises ValueError, in words, for one that is wrong or never comes."""
    from cronsim import CronSim, CronSimError

    text = cron.strip()
    if text.startswith("@"):
        if text.lower() not in WORDS:
            raise ValueError(f"{cron!r} is no word of cron: {', '.join(WORDS)}")
        return WORDS[text.lower()]
    parts = text.split()
    if len(cron) > LONGEST or not cron.isascii() or not cron.isprintable():
        raise ValueError("must be five fields in plain characters: minute hour day month weekday")
    if len(parts) != len(FIELDS):
        raise ValueError(f"must have five fields (minute hour day month weekday), not {len(parts)}")
    fixed = datetime(2024, 1, 1, tzinfo=UTC)
    for number, (part, name) in enumerate(zip(parts, FIELDS, strict=True)):
        alone = ["*"] * len(FIELDS)
        alone[number] = part
        try:
            CronSim(" ".join(alone), fixed)
        except (CronSimError, ValueError) as error:
            raise ValueError(f"{part!r} cannot be the {name}") from error
    try:
        next(CronSim(" ".join(parts), fixed))
    except (CronSimError, ValueError, StopIteration, OverflowError) as error:
        raise ValueError(f"{' '.join(parts)!r} never comes: no such day is in any year") from error
    return " ".join(parts)


def explained(cron: str) -> str:
    """The expression in English: `At 07:00 on Friday`."""
    return _simulation(cron, 0, UTC).explain()


def instants(cron: str, timezone: str, after: float) -> Iterator[int]:
    """The instants later than `after`, each once, in order; they end where calendars do. Raises NoSuchZone."""
    if not _EARLIEST < after < _LATEST:
        return
    text, where, known = WORDS.get(cron.strip().lower(), cron), zone(timezone), after
    goes_on = where is not UTC and any(part.startswith("*") for part in text.split()[:2])
    found = _as_the_clock_goes(text, where, int(after)) if goes_on else _simulated(text, where, after)
    for instant in found:
        if instant > known:
            known = instant
            yield instant


def _simulated(text: str, where: tzinfo, after: float) -> Iterator[int]:
    simulation = _simulation(text, after, where)
    with contextlib.suppress(StopIteration, OverflowError, ValueError):
        while True:
            yield int(next(simulation).timestamp())


def _as_the_clock_goes(text: str, where: tzinfo, after: int) -> Iterator[int]:
    """From one change of the clock to the next, each with its offset from UTC. (Simulated over a change by half an
    hour, what comes would depend on where one begins.)"""
    at = after
    while at < min(after + _FAR, _LATEST):
        offset = _offset(where, at + 1)
        end = _change_after(where, at + 1, offset)
        for instant in _simulated(text, fixed_zone(offset), at):
            if instant >= end:
                break
            yield instant
        at = end - 1


def _offset(where: tzinfo, at: float) -> timedelta:
    return datetime.fromtimestamp(at, where).utcoffset() or timedelta()


def _change_after(where: tzinfo, at: int, offset: timedelta) -> int:
    """The first second after `at` at which the clock is put forward or back, or one a year later."""
    low = at
    for _ in range(_WEEKS):
        high = low + _WEEK
        if _offset(where, high) != offset:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(where, middle) == offset else (low, middle)
            return high
        low = high
    return low


def _simulation(cron: str, after: float, where: tzinfo) -> CronSim:
    from cronsim import CronSim

    return CronSim(WORDS.get(cron.strip().lower(), cron), datetime.fromtimestamp(after, where))


def next_after(cron: str, timezone: str, after: float) -> int | None:
    """The first instant later than `after`; None if there is none. Raises NoSuchZone."""
    return next(instants(cron, timezone, after), None)


def latest(cron: str, timezone: str, until: float, after: float) -> int | None:
    """The last instant in (`after`, `until`]; None if there is none. Raises NoSuchZone."""
    for span in _LOOKS_BACK:
        found = None
        start = max(after, until - span)
        for instant in instants(cron, timezone, start):
            if instant > until:
                break
            found = instant
        if found is not None or start <= after:
            return found
    return None


def between(cron: str, timezone: str, after: float, until: float, most: int) -> tuple[int, ...]:
    """The first `most` instants in (`after`, `until`]. Raises NoSuchZone."""
    found = []
    for instant in islice(instants(cron, timezone, after), most):
        if instant > until:
            break
        found.append(instant)
    return tuple(found)
