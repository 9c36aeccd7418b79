"""What lets the schedules of an open project run: looks at the clock again and again, claims slots, begins runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace

from .defined import Defined
from .plan import Plan
from .problems import ProblemError, ProjectHeld, SlotTaken
from .schedules.cron import NoSuchZone
from .schedules.due import GRACE, Due, Missed, Occasion, judge
from .schedules.schedule import Schedule
from .store import lock as locks
from .store.lock import ProjectLock
from .store.missing import note_missed
from .store.timetable import Entry, Stamp, Timetable
from .workbench import Workbench

SLICE = 30.0
"""Seconds between two looks at the clock at most: a machine that slept, or whose clock was set, is noticed by then."""
IMPATIENT = 1.0
"""Seconds between two looks while a slot is due that cannot begin yet."""

Begin = Callable[[Plan, Occasion], Awaitable[None]]
"""Begins a run, and returns when it has begun or ended. Raises as `Workbench.start` does."""


@dataclass(frozen=True, slots=True)
class News:
    """What a look came to, for whoever tells it: `kind` is `missed`, `waits` or `trouble`."""

    kind: str
    schedule: str
    words: str
    slot: int | None = None
    missed: Missed | None = None


@dataclass(slots=True)
class _Watched:
    """What is known of one schedule between two looks. `look` is when to judge it again (None: never). `edited`: its
    times are news to this process; times in the timetable that are not are another's, who has read a later edit."""

    schedule: Schedule
    entry: Entry
    look: float | None
    edited: bool
    waited: int | None = None
    trouble: str = ""


class Clockwork:
    """Of one open project. `look` is called in one loop, never twice at a time. What it tells goes to `tell`.

    A look at which nothing is due compares numbers and stamps, whatever the number of schedules: `judged` counts how
    often the calendar was asked.
    """

    def __init__(
        self,
        bench: Workbench,
        begin: Begin,
        *,
        tell: Callable[[News], None] = lambda news: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.judged = 0
        self._bench = bench
        self._begin = begin
        self._tell = tell
        self._clock = clock
        self._timetable = Timetable(bench.store.folder)
        self._defined: Defined | None = None
        self._stamp: Stamp | None = None
        self._seen = 0.0
        self._watched: dict[str, _Watched] = {}
        self._soonest: float | None = None
        self._trouble = ""

    def pause(self) -> float:
        """Seconds until the next look."""
        if self.waiting:
            return IMPATIENT
        left = SLICE if self._soonest is None else self._soonest - self._clock()
        return min(SLICE, max(0.01, left))

    @property
    def waiting(self) -> bool:
        """Whether a slot is due that cannot begin yet."""
        return any(one.waited is not None for one in self._watched.values())

    @property
    def soonest(self) -> float | None:
        """When (Unix time) something is to be done next, as far as is known; None if there never is."""
        return self._soonest

    async def look(self) -> None:
        """Does what is due now: begins at most one run for each schedule, and notes what was missed."""
        bench, now = self._bench, self._clock()
        if not bench.trusted or not bench.store.writable:
            return
        if not (self._watched or _of_times(bench.definitions.schedules)):
            return
        try:
            await self._read(now)
            due = [one for one in self._watched.values() if one.look is not None and one.look <= now]
            for one in due:
                await self._serve(one)
            self._trouble = ""
        except ProblemError as problem:
            if self._trouble != (words := str(problem)):
                self._trouble = words
                self._tell(News("trouble", "", words))
        looks = [one.look for one in self._watched.values() if one.look is not None]
        self._soonest = min(looks, default=None)

    # ---- what is watched -------------------------------------------------------------------------

    async def _read(self, now: float) -> None:
        """Takes in what was edited, paused or resumed, and that the clock went back."""
        defined, stamp = self._bench.defined, self._timetable.stamp()
        went_back, self._seen = now < self._seen, now
        if defined is self._defined and stamp == self._stamp and not went_back:
            return
        schedules = _of_times(defined.definitions.schedules)
        entries = await asyncio.to_thread(self._entries, schedules, now)
        before, self._watched = self._watched, {}
        for name, schedule in schedules.items():
            entry, old = entries[name], before.get(name)
            if old is not None and (old.schedule, old.entry) == (schedule, entry) and not went_back:
                self._watched[name] = old
                continue
            edited = old is None or old.edited or _times(old.schedule) != _times(schedule)
            waited = old.waited if old is not None and not entry.paused else None
            self._watched[name] = _Watched(schedule, entry, None if entry.paused else now, edited, waited)
        self._defined, self._stamp = defined, self._timetable.stamp()

    def _entries(self, schedules: Mapping[str, Schedule], now: float) -> dict[str, Entry]:
        new = {name: Entry(one.cron, one.timezone, now) for name, one in schedules.items()}
        known = self._timetable.change(new, new_only=True)
        ahead = {
            name: replace(known[name], since=now) for name in schedules if known[name].since > now + GRACE
        }
        ahead |= {name: replace(new[name], paused=known[name].paused) for name in new if not known[name].cron}
        return self._timetable.change(ahead) if ahead else known

    # ---- what is due -----------------------------------------------------------------------------

    async def _serve(self, one: _Watched) -> None:
        try:
            await self._serve_as_known(one)
            if one.edited and one.waited is None:
                await self._take_edit(one)
            one.trouble = ""
        except (ProblemError, NoSuchZone) as problem:
            one.look = self._clock() + SLICE
            if one.trouble != (words := str(problem)):
                one.trouble = words
                self._tell(News("trouble", one.schedule.name, words))

    async def _take_edit(self, one: _Watched) -> None:
        """The slots up to here were those of the times before: from here on they are those of the new ones."""
        one.edited = False
        if _times(one.entry) == _times(one.schedule):
            return
        now, schedule = self._clock(), one.schedule
        one.entry = replace(one.entry, cron=schedule.cron, timezone=schedule.timezone, since=now)
        await asyncio.to_thread(self._timetable.change, {schedule.name: one.entry})
        self._stamp = self._timetable.stamp()
        one.look = now

    async def _serve_as_known(self, one: _Watched) -> None:
        known = replace(one.schedule, cron=one.entry.cron, timezone=one.entry.timezone)
        due = await asyncio.to_thread(self._judge, known, one)
        one.look = due.look
        if due.slot is None:
            one.waited = None
            if due.missed is not None:
                await self._miss(one, due.missed)
            return
        occasion = Occasion(known.name, due.slot, due.missed)
        try:
            await self._fire(known, occasion)
        except ProjectHeld as held:
            if one.waited != due.slot:
                self._tell(News("waits", known.name, held.message, due.slot))
            one.waited, one.look = due.slot, self._clock()
            return
        except SlotTaken:
            pass
        one.waited = None

    def _judge(self, schedule: Schedule, one: _Watched) -> Due:
        self.judged += 1
        now = self._clock()
        newest = self._bench.store.slots(schedule.name, until=now)
        settled = max(one.entry.since, newest[0].slot if newest else one.entry.since)
        return judge(schedule, settled, now, waited=one.waited)

    async def _fire(self, schedule: Schedule, occasion: Occasion) -> None:
        if self._bench.running is not None:
            raise ProjectHeld("a run of this process is under way")
        if (holder := locks.holder(self._bench.store.folder)) is not None:
            raise ProjectHeld(f"the project is held by {holder}")
        plan = await asyncio.to_thread(planned, self._bench, schedule)
        await self._begin(plan, occasion)

    async def _miss(self, one: _Watched, missed: Missed) -> None:
        def note() -> bool:
            store = self._bench.store
            store.furnish()
            with ProjectLock.acquire(store.folder, "bakehouse, noting a missed slot") as lock:
                return note_missed(store, one.schedule.name, asdict(missed), lock=lock)

        try:
            noted = await asyncio.to_thread(note)
        except ProjectHeld:
            holder = locks.holder(self._bench.store.folder)
            if holder is not None and holder.since <= missed.last + GRACE:
                one.waited = missed.last  # it has been held since then: that is no miss
            one.look = self._clock()
            return
        if noted:
            self._tell(
                News("missed", one.schedule.name, "nothing was open, or the machine slept", None, missed)
            )
        else:
            one.look = self._clock()


def _of_times(schedules: Mapping[str, Schedule]) -> Mapping[str, Schedule]:
    return {name: one for name, one in schedules.items() if one.cron}


def _times(said: Schedule | Entry) -> tuple[str, str]:
    return said.cron, said.timezone


def planned(bench: Workbench, schedule: Schedule) -> Plan:
    """What a run of `schedule` would do now. Blocking. Raises ProblemError for what its selection does not find."""
    nodes = bench.select(schedule.select) if schedule.select else None
    return bench.plan(nodes, force=schedule.force)
