"""What came of checks, as the ledger tells: of the steps of a run, and of one asset over time."""

from __future__ import annotations

from ..events import Event
from .ledger import LedgerReader
from .replay import event_of

_OF_RUN = """select seq, ts, run, kind, task, asset, data from events
where seq >= (select first from runs where run = :run)
and seq <= (select coalesce(last, 1 << 62) from runs where run = :run)
and run = :run and kind in ('check_passed', 'check_failed') order by seq"""
_OF_ASSET = """select seq, ts, run, kind, task, asset, data from events
where asset = ? and kind in ('check_passed', 'check_failed') order by seq desc limit ?"""


def checked_in(reader: LedgerReader, run: str) -> list[Event]:
    """All checks of one run, in order."""
    with reader.reading() as connection:
        return [event_of(row) for row in connection.execute(_OF_RUN, {"run": run})]


def checks_of(reader: LedgerReader, asset: str, limit: int) -> list[Event]:
    """The last checks of one asset, newest first. Reads all that the ledger has."""
    with reader.reading() as connection:
        return [event_of(row) for row in connection.execute(_OF_ASSET, (asset, limit))]
