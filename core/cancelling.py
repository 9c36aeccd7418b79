"""Asking the run of another process to end, and what became of that: always an answer, within seconds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from .events import Event, Kind
from .problems import ProjectHeld
from .store import asks
from .store import lock as locks
from .store.lock import Holder, ProjectLock
from .store.store import Store

_HEARD_WITHIN = 3.0
_OVER_WITHIN = 4.5
"""Seconds after which what is known then is the answer."""
_STEP = 0.05
_ENDS = frozenset(
    {
        Kind.STEP_SUCCEEDED,
        Kind.STEP_FAILED,
        Kind.STEP_REUSED,
        Kind.STEP_SPARED,
        Kind.STEP_BLOCKED,
        Kind.STEP_CANCELLED,
    }
)


class Fate(StrEnum):
    CANCELLED = "cancelled"
    ENDED = "ended"
    """By itself, before it could be cancelled."""
    DEAD = "dead"
    """It was: its process is gone, and now the ledger says so too."""
    NOTHING = "nothing"
    ENDING = "ending"
    """It heard, and what it cancels takes its time."""
    SILENT = "silent"
    """It did not hear, and never will: the request was taken back."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request. `ok` if nothing of what was to end goes on; `told` says it in words."""

    fate: Fate
    told: str
    run: str = ""
    tasks: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.fate in (Fate.CANCELLED, Fate.ENDED, Fate.DEAD)


def cancel_elsewhere(store: Store, tasks: Sequence[str] = ()) -> Answer:
    """Asks who runs the project of `store` to cancel `tasks`, or (none) the run; answers within 5 seconds.

    Blocking. Raises StoreError where the store cannot be read or written.
    """
    holder = locks.holder(store.folder)
    if holder is None:
        return _close_dead(store)
    if not holder.run:
        return Answer(Fate.NOTHING, f"nothing is running; the project is held by {holder}")
    course = _Course(store, holder.run)
    if strangers := [task for task in tasks if task not in course.open]:
        return Answer(Fate.NOTHING, _not_under_way(strangers, course), holder.run, tuple(tasks))
    return _Request(store, holder, course, tuple(tasks)).answer()


def _not_under_way(strangers: Sequence[str], course: _Course) -> str:
    name = strangers[0]
    if name in course.ends:
        return f"{name} is over already: {course.ends[name]}"
    import difflib

    near = difflib.get_close_matches(name, course.open, 1)
    return f"{name} is no step under way in run {course.run}" + (f": did you mean {near[0]}?" if near else "")


def _close_dead(store: Store, run: str = "") -> Answer:
    """Nobody holds the project: what dead owners left open is closed."""
    left = [one.run for one in store.runs(100) if one.left_open]
    if not left:
        return Answer(Fate.DEAD if run else Fate.NOTHING, "nothing is running", run)
    told = f"run {left[0]} was dead already: its process is gone"
    if not store.writable:
        return Answer(Fate.DEAD, told, left[0])
    try:
        with ProjectLock.acquire(store.folder, "bakehouse cancel") as lock:
            store.close_dead_runs(lock=lock)
    except ProjectHeld:  # a run has just begun: it closes them itself
        pass
    return Answer(Fate.DEAD, f"{told}; it is marked interrupted", left[0])


class _Course:
    """Which steps of a run are under way, by the events that are committed."""

    def __init__(self, store: Store, run: str) -> None:
        self.run = run
        self.open: set[str] = set()
        self.ends: dict[str, str] = {}
        self.status = ""
        """How the run ended; empty while it goes on."""
        self._store = store
        self._seq = 0
        self.look()

    def look(self) -> None:
        for event in self._store.events(self.run, after=self._seq):
            self._seq = event.seq
            self._take(event)

    def _take(self, event: Event) -> None:
        if event.kind is Kind.RUN_STARTED:
            self.open.update(event.data.get("queued", ()))
        elif event.kind is Kind.RUN_FINISHED:
            self.status = str(event.data.get("status") or "over")
        elif event.task is None:
            return
        elif event.kind in (Kind.STEP_QUEUED, Kind.STEP_STARTED):
            self.open.add(event.task)
            self.ends.pop(event.task, None)
        elif event.kind in _ENDS and "retry_in" not in event.data:
            self.open.discard(event.task)
            self.ends[event.task] = event.kind.removeprefix("step_")


class _Request:
    def __init__(self, store: Store, holder: Holder, course: _Course, tasks: tuple[str, ...]) -> None:
        self._store = store
        self._holder = holder
        self._course = course
        self._tasks = tasks
        self._files: list[Path] = []
        self._began = time.monotonic()

    def answer(self) -> Answer:
        for task in self._tasks or (None,):
            self._files.append(asks.ask_to_cancel(self._store.folder, self._holder.run, task))
        try:
            while (answer := self._look()) is None:
                time.sleep(_STEP)
            return answer
        finally:
            self._take_back()

    def _look(self) -> Answer | None:
        holder = locks.holder(self._store.folder)
        is_gone = holder is None or holder.run != self._holder.run
        self._course.look()
        if is_gone and not self._course.status:
            return _close_dead(self._store, self._holder.run)
        if is_gone or (self._tasks and not self._course.open & set(self._tasks)):
            return self._over()
        waited = time.monotonic() - self._began
        if waited >= _HEARD_WITHIN and self._take_back():
            return self._says(Fate.SILENT, _does_not_answer(self._holder.pid))
        if waited >= _OVER_WITHIN:
            return self._says(Fate.ENDING, f"{self._what()} was told to end and has not ended yet")
        return None

    def _over(self) -> Answer:
        if not self._tasks:
            if self._course.status == "cancelled":
                return self._says(Fate.CANCELLED, f"{self._what()} is cancelled")
            return self._says(Fate.ENDED, f"{self._what()} had ended: {self._course.status}")
        ends = {task: self._course.ends.get(task, self._course.status) for task in self._tasks}
        told = ", ".join(f"{task} {end}" for task, end in ends.items())
        is_cancelled = all(end == "cancelled" for end in ends.values())
        return self._says(Fate.CANCELLED if is_cancelled else Fate.ENDED, told)

    def _take_back(self) -> bool:
        """Whether any request was not heard."""
        return any([asks.take_back(one) for one in self._files])

    def _what(self) -> str:
        return ", ".join(self._tasks) or f"run {self._holder.run}"

    def _says(self, fate: Fate, told: str) -> Answer:
        return Answer(fate, told, self._holder.run, self._tasks)


def _does_not_answer(pid: int) -> str:
    """Why a process that lives does not answer, and what can be done."""
    if not pid:
        return "the process that runs this project does not answer"
    import psutil

    told = f"process {pid} does not answer"
    with contextlib.suppress(psutil.Error):
        if psutil.Process(pid).status() == psutil.STATUS_STOPPED:
            return f"{told}: it is stopped (kill -CONT {pid} lets it go on, kill -9 {pid} ends it)"
    return f"{told} (kill -9 {pid} ends it; the next run goes on from there)"
