"""What other processes do to a project: that something was committed, and the events of the run they carry out."""

from __future__ import annotations

from dataclasses import dataclass

from .events import Event
from .store import lock as locks
from .store.baseline import baseline_stamp
from .store.ledger import identity
from .store.lock import Holder
from .store.store import Store

_PAGE = 2000
"""Events told at once, so that whoever hears them never stalls."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look saw.

    `holder` carries out `holder.run` now: its lock is held, as the kernel says, so it is alive (if perhaps
    stopped). `events` are new ones of `run`, in order; `run` is empty if no other process runs or has just
    run. `more` events are there already. `committed` is whether anything was committed since the look before.
    `accepted` is whether what is new was accepted since then.
    `lost` is whether the ledger knows nothing of `run`, which is over: it was deleted, or never came so far.
    """

    holder: Holder | None = None
    run: str = ""
    events: tuple[Event, ...] = ()
    more: bool = False
    committed: bool = False
    accepted: bool = False
    lost: bool = False


class Lookout:
    """Looks at a store again and again. Costs a stat and a pragma while nothing happens. Methods block."""

    def __init__(self, store: Store, selection: str = "") -> None:
        self._store = store
        self._selection = selection
        self._accepted: object = None
        self._version: object = None
        self._run = ""
        self._seq = 0
        self._is_first = True
        self._has_moved()
        self._was_accepted()

    def look(self) -> Sight:
        """What happened since the last look, or since this was made. For when this process runs nothing itself.
        Raises StoreError."""
        committed, accepted = self._has_moved(), self._was_accepted()
        if not (committed or self._run or self._is_first):
            return Sight(accepted=accepted)
        self._is_first = False
        holder = locks.holder(self._store.folder)
        if holder is not None and not holder.run:
            holder = None
        if holder is not None and holder.run != self._run:
            self._run, self._seq = holder.run, 0
        if not self._run:
            return Sight(committed=committed, accepted=accepted)
        run = self._run
        events = self._store.events(run, after=self._seq, limit=_PAGE) if committed or not self._seq else []
        more = len(events) == _PAGE
        if events:
            self._seq = events[-1].seq
        if more:
            self._version = None
        elif holder is None:
            self._run = ""
        lost = holder is None and not events and not self._store.events(run, limit=1)
        return Sight(holder, run, tuple(events), more, committed, accepted, lost)

    def pass_over(self) -> Sight:
        """What was committed up to now is this process's own doing; what was accepted may be another's."""
        self._has_moved()
        return Sight(accepted=self._was_accepted())

    def _was_accepted(self) -> bool:
        stamp = baseline_stamp(self._store.folder, self._selection)
        moved, self._accepted = stamp != self._accepted, stamp
        return moved

    def _has_moved(self) -> bool:
        folder = self._store.folder
        version = self._store.data_version() if identity(folder) is not None else None
        moved, self._version = version != self._version, version
        return moved


def run_elsewhere(store: Store) -> tuple[Holder, list[Event]] | None:
    """The run that another process carries out now, and its events so far; None if there is none. Blocking."""
    lookout = Lookout(store)
    events: list[Event] = []
    while True:
        sight = lookout.look()
        if sight.holder is None:
            return None
        events = [*(event for event in events if event.run == sight.run), *sight.events]
        if not sight.more:
            return sight.holder, events
