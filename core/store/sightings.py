"""What the files that a schedule watches held when it last began a run, as the ledger tells."""

from __future__ import annotations

from typing import NamedTuple

from .store import Store


class Sighting(NamedTuple):
    """`slot` is the Unix time at which `content` was seen; 0 and nothing where there was no run yet."""

    slot: int = 0
    content: str = ""


def last_sighting(store: Store, schedule: str) -> Sighting:
    """Of the last run that the schedule began. Blocking."""
    newest = store.slots(schedule)
    if not newest or newest[0].run is None:
        return Sighting()
    first = store.events(newest[0].run, limit=1)
    return Sighting(newest[0].slot, str(first[0].data.get("content", "")) if first else "")
