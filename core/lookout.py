"""Watches the files that schedules name, and begins a run when they hold something else than they did."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from .clockwork import Begin, News, planned
from .model import Asset
from .problems import ProblemError, ProjectHeld, SlotTaken
from .schedules.due import Occasion
from .sources import SourceVersions
from .store import lock as locks
from .store.sightings import last_sighting
from .store.timetable import Entry, Timetable

if TYPE_CHECKING:
    from .schedules.schedule import Schedule
    from .workbench import Workbench

LOOK = 2.0
"""Seconds between two looks at the files at least. Where a look takes long, fewer are made."""
_SHARE = 20
"""A look may take one part in so many of the time."""
MOST_FILES = 10_000
"""Files that one schedule may watch."""


class Lookout:
    """Of one open project. `look` is called in one loop, never twice at a time. What it tells goes to `tell`.

    A change counts when two looks in a row saw the same: what is still being written is waited for. The first sight
    of a schedule begins no run, nor does the first after it was paused or its patterns were edited.
    """

    def __init__(
        self,
        bench: Workbench,
        begin: Begin,
        *,
        tell: Callable[[News], None] = lambda news: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._bench = bench
        self._begin = begin
        self._tell = tell
        self._clock = clock
        self._timetable = Timetable(bench.store.folder)
        self._versions = SourceVersions(bench.root)
        self._settled: dict[str, str] = {}
        self._pending: dict[str, str] = {}
        self._trouble: dict[str, str] = {}
        self._took = 0.0

    def pause(self) -> float | None:
        """Seconds until the next look; None where nothing is watched."""
        return max(LOOK, _SHARE * self._took) if _watching(self._bench.definitions.schedules) else None

    @property
    def settling(self) -> bool:
        """Whether a change was seen that must be seen once more."""
        return bool(self._pending)

    async def look(self) -> None:
        """Begins a run for each schedule whose files have changed."""
        bench = self._bench
        watching = _watching(bench.definitions.schedules)
        if not watching or not bench.trusted or not bench.store.writable:
            return
        began = time.perf_counter()
        seen = await asyncio.to_thread(self._see, watching)
        self._took = time.perf_counter() - began
        for name, content in seen.items():
            try:
                await self._judge(watching[name], content)
                self._trouble.pop(name, None)
            except (ProblemError, OSError) as problem:
                self._complain(name, str(problem))

    def _see(self, watching: Mapping[str, Schedule]) -> dict[str, str]:
        seen = {}
        for name, schedule in watching.items():
            try:
                seen[name] = self._content(schedule)
            except ProblemError as problem:
                self._complain(name, str(problem))
        return seen

    def _content(self, schedule: Schedule) -> str:
        """What the files hold now. What stands before the colon tells which files are meant."""
        meant = sha256("\0".join(schedule.on_change).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        held = sha256()
        for path in _matching(self._bench.root, schedule):
            name = str(path.relative_to(self._bench.root))
            told = f"{name}\0{self._versions.version(Asset(name, file=name))}\n"
            held.update(told.encode("utf-8", "surrogateescape"))
        return f"{meant}:{held.hexdigest()}"

    async def _judge(self, schedule: Schedule, content: str) -> None:
        name = schedule.name
        if self._settled.get(name) == content:
            self._pending.pop(name, None)
            return
        if self._pending.get(name) != content:
            self._pending[name] = content
            return
        del self._pending[name]
        settled, entry = await asyncio.to_thread(self._known, name, content)
        if entry.paused:
            return
        if settled == content or settled.partition(":")[0] != content.partition(":")[0]:
            await self._settle(name, entry, content, is_new=settled != content)
            return
        await self._fire(schedule, content)

    def _known(self, name: str, content: str) -> tuple[str, Entry]:
        """What was settled last, by whomever, and what the timetable says."""
        fresh = Entry("", "UTC", self._clock(), content=content)
        entry = self._timetable.change({name: fresh}, new_only=True)[name]
        ran = last_sighting(self._bench.store, name)
        return (ran.content if ran.content and ran.slot >= int(entry.since) else entry.content), entry

    async def _settle(self, name: str, entry: Entry, content: str, *, is_new: bool) -> None:
        if is_new:
            seen = replace(entry, content=content, since=self._clock())
            await asyncio.to_thread(self._timetable.change, {name: seen})
        self._settled[name] = content

    async def _fire(self, schedule: Schedule, content: str) -> None:
        bench = self._bench
        if bench.running is not None or locks.holder(bench.store.folder) is not None:
            return
        plan = await asyncio.to_thread(planned, bench, schedule)
        newest = bench.store.slots(schedule.name)
        slot = max(int(self._clock()), newest[0].slot + 1 if newest else 0)
        try:
            await self._begin(plan, Occasion(schedule.name, slot, content=content))
        except ProjectHeld:
            return
        except SlotTaken:
            pass
        self._settled[schedule.name] = content

    def _complain(self, name: str, words: str) -> None:
        if self._trouble.get(name) != words:
            self._trouble[name] = words
            self._tell(News("trouble", name, words))


def _watching(schedules: Mapping[str, Schedule]) -> dict[str, Schedule]:
    return {name: one for name, one in schedules.items() if one.on_change}


def _matching(root: Path, schedule: Schedule) -> list[Path]:
    """The files that are meant, in order. Raises ProblemError where there are too many."""
    found: set[Path] = set()
    for pattern in schedule.on_change:
        below = (path for path in root.glob(pattern) if path.is_file() and ".bakehouse" not in path.parts)
        found.update(islice(below, MOST_FILES + 1))
        if len(found) > MOST_FILES:
            raise ProblemError(
                f"on_change: {pattern} means more than {MOST_FILES:,} files",
                "name fewer, or a source that is a folder",
            )
    return sorted(found)
