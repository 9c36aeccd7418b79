"""What the schedules of a project did and will do, and what a user can do to one. Blocking."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .problems import ProblemError
from .schedules.cron import NoSuchZone, next_after
from .schedules.due import Missed, delay
from .store.timetable import Entry, Timetable

if TYPE_CHECKING:
    from .schedules.schedule import Schedule
    from .store.store import RunSummary
    from .workbench import Workbench

_RUNS = 500
_SLOTS = 50


@dataclass(frozen=True, slots=True)
class Item:
    """One schedule. `coming` is the Unix time at which its next slot begins (None: it is paused, or there is none),
    `last` the last run that it began, `missed` the last slots that passed without one. `trouble` is why no time can be
    told."""

    schedule: Schedule
    coming: float | None = None
    last: RunSummary | None = None
    missed: Missed | None = None
    paused: bool = False
    trouble: str = ""


def agenda(bench: Workbench, now: float | None = None) -> list[Item]:
    """All schedules, by name. Raises StoreError."""
    now = time.time() if now is None else now
    schedules = _known(bench)
    if not schedules:
        return []
    last: dict[str, RunSummary] = {}
    for run in bench.store.runs(_RUNS):
        if run.schedule is not None:
            last.setdefault(run.schedule, run)
    entries = Timetable(bench.store.folder).entries()
    return [_item(bench, schedules[name], entries, last.get(name), now) for name in sorted(schedules)]


def _known(bench: Workbench) -> dict[str, Schedule]:
    """The schedules by name; what is kept up to date by itself stands beside them as one more."""
    from .schedules.schedule import KEPT_UP, Schedule

    known = dict(bench.definitions.schedules)
    if bench.definitions.auto:
        tasks = " or ".join(json.dumps(task, ensure_ascii=False) for task in bench.definitions.auto)
        known[KEPT_UP] = Schedule(KEPT_UP, select=tasks)
    return known


def _item(
    bench: Workbench, schedule: Schedule, entries: Mapping[str, Entry], last: RunSummary | None, now: float
) -> Item:
    slots = bench.store.slots(schedule.name, limit=_SLOTS)
    missed = next((Missed(row.first, row.slot, row.missed) for row in slots if row.missed), None)
    entry = entries.get(schedule.name)
    item = Item(schedule, None, last, missed, entry is not None and entry.paused)
    if not schedule.cron:
        return item
    try:
        slot = None if item.paused else next_after(schedule.cron, schedule.timezone, now)
        return replace(item, coming=None if slot is None else slot + delay(schedule, slot))
    except NoSuchZone as error:
        return replace(item, trouble=str(error))


def find_schedule(bench: Workbench, name: str) -> Schedule:
    """The schedule of that name. Raises ProblemError with the nearest names."""
    schedules = _known(bench)
    if name in schedules:
        return schedules[name]
    import difflib

    near = difflib.get_close_matches(name, schedules, 3)
    hint = f"did you mean {' or '.join(near)}?" if near else "`bakehouse schedule` lists them"
    raise ProblemError(f"there is no schedule {name!r}", hint)


def pause(bench: Workbench, name: str, paused: bool, now: float | None = None) -> bool:
    """Pauses a schedule, or resumes it: the slots of the time between are neither run nor missed. False if it was so
    already. Raises ProblemError where there is none of that name, or this cannot be kept."""
    schedule = find_schedule(bench, name)
    now = time.time() if now is None else now
    bench.store.furnish()
    timetable = Timetable(bench.store.folder)
    entry = timetable.entries().get(name)
    if paused == (entry is not None and entry.paused):
        return False
    known = entry or Entry(schedule.cron, schedule.timezone, now)
    since, content = (known.since, known.content) if paused else (now, "")
    timetable.change({name: replace(known, paused=paused, since=since, content=content)})
    return True
