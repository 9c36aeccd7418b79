"""A run as it was told, event by event: a place among its events, and what had happened by then. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from copy import deepcopy

from ...core.events import Event
from ...core.model import State
from ...core.naming import split
from .live import Live

SPEEDS = (1, 10, 100)
_KEPT = 16
"""So many places are kept on the way, so that a step back folds a sixteenth of the events at most."""


class PastLive(Live):
    """A run of the past. It is never settled: what is known today says nothing of it."""

    @property
    def is_over(self) -> bool:
        return False


class Replay:
    """Stands after the first event. `now` is the time of the replay (Unix seconds); `speed` is how much faster it
    passes, and stands still while it is `paused`."""

    def __init__(self, run: str, events: Sequence[Event], tasks: Iterable[str]) -> None:
        self.run = run
        self.events = events
        self.paused = True
        self.speed = SPEEDS[0]
        self.at = 0
        self._times = [event.ts for event in events]
        self._stride = max(256, len(events) // _KEPT + 1)
        self._first = PastLive()
        told = dict.fromkeys(event.task for event in events if event.task is not None)
        divided = {split(task)[0] for task in told} - told.keys()
        for task in (*tasks, *told):
            if task not in divided:
                self._first.put(task, State.QUEUED if task in told else State.NEVER)
        self._kept = {0: self._first}
        self.live = deepcopy(self._first)
        self.go(1)

    @property
    def event(self) -> Event:
        """The last one that is folded in."""
        return self.events[self.at - 1]

    @property
    def is_at_end(self) -> bool:
        return self.at >= len(self.events)

    def go(self, at: int) -> None:
        """Stands after that many events, one at least."""
        self._fold(max(1, min(at, len(self.events))))
        self.now = self.event.ts

    def _fold(self, at: int) -> None:
        if at < self.at:
            self.at = max(kept for kept in self._kept if kept <= at)
            self.live = deepcopy(self._kept[self.at])
        while self.at < at:
            self.live.apply(self.events[self.at])
            self.at += 1
            if self.at % self._stride == 0 and self.at not in self._kept:
                self._kept[self.at] = deepcopy(self.live)

    def step(self, by: int) -> None:
        """To the next event or to one before; it pauses."""
        self.paused = True
        self.go(self.at + by)

    def toggle(self) -> None:
        """Plays or pauses; at the end it begins again."""
        if self.paused and self.is_at_end:
            self.go(1)
        self.paused = not self.paused

    def faster(self, by: int) -> None:
        place = SPEEDS.index(self.speed) + by
        self.speed = SPEEDS[max(0, min(len(SPEEDS) - 1, place))]

    def pass_time(self, seconds: float) -> bool:
        """Real time passes; says whether an event came."""
        if self.paused:
            return False
        was = self.at
        self.now += seconds * self.speed
        at = bisect_right(self._times, self.now, lo=self.at)
        self._fold(max(at, self.at))
        if self.is_at_end:
            self.paused, self.now = True, self.event.ts
        return self.at != was
