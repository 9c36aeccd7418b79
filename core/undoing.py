"""Making the value that a step had before current again, and the way forward from there."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from .events import Event, Kind
from .store.lock import ProjectLock
from .store.standing import NoEarlierValue
from .store.store import Store


@dataclass(frozen=True, slots=True)
class Undone:
    """What is current again. `versions` maps each asset to its data version before and now."""

    task: str
    run: str
    versions: dict[str, tuple[str, str]]
    redone: bool = False

    @property
    def told(self) -> str:
        """It in words."""
        each = ", ".join(f"{name} {was[:8]} → {now[:8]}" for name, (was, now) in self.versions.items())
        return f"{'redone' if self.redone else 'undone'}: {each}"


@dataclass(frozen=True, slots=True)
class Way:
    """Where undoing (or redoing) leads: of each asset the version now and then, and when that was made (Unix
    time)."""

    task: str
    versions: dict[str, tuple[str, str]]
    made: float


def undo(store: Store, task: str, *, redo: bool = False) -> Undone:
    """Makes what `task` made before its current values current again; with `redo` what the last undo took away.

    One durable commit, or none. Blocking. Raises ProjectHeld while a run holds the project, and NoEarlierValue,
    in words, where there is nothing to go to, or its file is gone.
    """
    run = time.strftime("%Y%m%dT%H%M%S-") + os.urandom(3).hex()
    store.furnish()
    with ProjectLock.acquire(store.folder, f"bakehouse {'redo' if redo else 'undo'} {task}") as lock:
        events = store.restore(task, run=run, lock=lock, redo=redo)
    return _undone(events, task, run, redo)


def _undone(events: tuple[Event, ...], task: str, run: str, redo: bool) -> Undone:
    versions = {
        str(event.asset): (str(event.data["was"]), str(event.data["version"]))
        for event in events
        if event.kind is Kind.ASSET_RESTORED
    }
    return Undone(task, run, versions, redo)


def way(store: Store, task: str, *, redo: bool = False) -> Way:
    """Where `undo` would lead. Blocking. Raises NoEarlierValue where it leads nowhere."""
    past = store.past(task)
    standing = past.now()
    if standing is None or not standing.values:
        raise NoEarlierValue(f"{task} has made nothing that could be undone")
    target = past.earlier(standing)
    if redo:
        target = None if standing.ahead is None else past.at(standing.ahead)
    if target is None:
        word = "nothing was undone since it was made" if redo else "it has no earlier value"
        raise NoEarlierValue(f"there is nothing to {'redo' if redo else 'undo'} of {task}: {word}")
    then = target.versions
    versions = {name: (version, then.get(name, "")) for name, version in standing.versions.items()}
    return Way(task, versions, max(row.ts for row in target.values.values()))
