"""Schedules in words: when they come next, what they did last, what they missed. Pure but for the local time zone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from ...core.problems import number_of
from ...core.schedules.cron import NoSuchZone, explained, zone
from ...core.schedules.due import MOST_COUNTED, Missed
from ...core.schedules.schedule import KEPT_UP

if TYPE_CHECKING:
    from ...core.agenda import Item

_DAY = 86400
_MOST_NAMED = 6


def at(ts: float, timezone: str) -> str:
    """A moment in the zone of a schedule, and beside it here, where that differs: `Fri 2026-11-27 07:00 Europe/Berlin
    (06:00 here)`."""
    try:
        where: tzinfo = zone(timezone)
    except NoSuchZone:
        timezone, where = "UTC", UTC
    there = datetime.fromtimestamp(ts, where)
    here = datetime.fromtimestamp(ts).astimezone()
    told = f"{there:%a %Y-%m-%d %H:%M} {timezone}"
    if here.utcoffset() == there.utcoffset():
        return told
    return f"{told} ({here:%H:%M} here)" if here.date() == there.date() else f"{told} ({here:%a %H:%M} here)"


def span(seconds: float) -> str:
    """About how long: `20 s`, `5 min`, `3 h 20 min`, `4 d 2 h`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    large, unit, small, less = (3600, "h", 60, "min") if whole < _DAY else (_DAY, "d", 3600, "h")
    rest = whole % large // small
    return f"{whole // large} {unit}" + (f" {rest} {less}" if rest else "")


def begun_words(name: str) -> str:
    return "what is kept up to date is being made" if name == KEPT_UP else f"the schedule {name} began a run"


def trouble_words(name: str, words: str) -> str:
    if not name:
        return words
    return f"keeping up to date: {words}" if name == KEPT_UP else f"the schedule {name}: {words}"


def when_words(item: Item) -> str:
    """The times of a schedule in English, or what else begins it."""
    schedule = item.schedule
    if schedule.name == KEPT_UP:
        return "it is out of date"
    if schedule.on_change:
        return f"{', '.join(schedule.on_change)} holds something else"
    told = f"{explained(schedule.cron)}, {schedule.timezone}"
    return told + (f", up to {span(schedule.jitter)} late" if schedule.jitter else "")


def what_words(item: Item) -> str:
    schedule = item.schedule
    if schedule.name != KEPT_UP:
        return schedule.select or "all that is stale or missing"
    names = [word.strip('"') for word in schedule.select.split(" or ")]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def next_words(item: Item, now: float) -> str:
    if item.trouble:
        return item.trouble
    if item.paused:
        return "paused"
    if not item.schedule.cron:
        return "as soon as that is so"
    if item.coming is None:
        return "never again"
    return f"in {span(item.coming - now)}: {at(item.coming, item.schedule.timezone)}"


def last_words(item: Item, now: float) -> str:
    run = item.last
    if run is None:
        return "not run yet"
    told = f"{run.status} {span(now - run.started)} ago"
    if item.schedule.cron:
        told += ", by hand" if run.slot is None else f", slot {at(run.slot, item.schedule.timezone)}"
    elif item.schedule.on_change:
        told += ", by hand" if run.slot is None else ", for a change"
    return f"{told}, run {run.run}"


def missed_words(missed: Missed, timezone: str) -> str:
    count = number_of(missed.count, "slot") + (" or more" if missed.count >= MOST_COUNTED else "")
    if missed.first == missed.last:
        return f"{count}: {at(missed.last, timezone)}"
    return f"{count}, from {at(missed.first, timezone)} to {at(missed.last, timezone)}"
