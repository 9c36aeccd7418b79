"""Noting that slots of a schedule passed without a run: one commit, which is of no run."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ..events import Event, Kind
from .facts import Batch
from .lock import ProjectLock
from .recovery import recover
from .store import Store


def note_missed(store: Store, schedule: str, missed: Mapping[str, int], *, lock: ProjectLock) -> bool:
    """Notes slots from `missed["first"]` to `missed["last"]`, `missed["count"]` of them; first closes what dead owners
    left. False if one of them is settled already.

    For the holder of `lock`. Blocking. Raises StoreError where nothing can be written.
    """
    with store.writing(lock) as ledger:
        newest = store.slots(schedule, until=missed["last"])
        if newest and newest[0].slot >= missed["first"]:
            return False
        start, _, last = recover(ledger, store.logs, {}, "", "", 0, time.time())
        batch = Batch(start)
        data = {"schedule": schedule, "missed": dict(missed)}
        batch.miss(Event(last + 1, time.time(), "", Kind.SLOTS_MISSED, data=data))
        ledger.write(batch)
    return True
