"""The event log read again: the state that it gives must be the stored one, and its chain must be whole."""

from __future__ import annotations

import itertools
import json
import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

from ..events import Event, Kind
from ..model import Json
from .facts import Derived, fold
from .seal import first_head, link
from .tables import VALUE_COLUMNS

Row = tuple[Any, ...]


def event_of(row: Row) -> Event:
    """From the first seven columns of a row of events."""
    seq, ts, run, kind, task, asset, data = row
    return Event(seq, ts, run, Kind(kind), task, asset, {} if data == "{}" else json.loads(data))


def verify_replay(connection: sqlite3.Connection) -> list[str]:
    """Where the state tables are not what the event log alone says; empty if they are."""
    log = connection.execute("select seq, ts, run, kind, task, asset, data, facts from events order by seq")
    try:
        return fold(_logged(log)).differences(_tables(connection))
    except (ValueError, TypeError, KeyError, IndexError) as error:
        return [f"an event cannot be read: {error!r}"[:200]]


def _logged(rows: Iterable[Row]) -> Iterator[tuple[Event, Json]]:
    for row in rows:
        yield event_of(row[:7]), None if row[7] is None else json.loads(row[7])


def _tables(connection: sqlite3.Connection) -> Derived:
    value_columns = VALUE_COLUMNS.removesuffix(", inline")
    return Derived(
        runs={row[0]: row for row in connection.execute("select * from runs")},
        values={row[0]: row for row in connection.execute(f"select {value_columns} from materializations")},
        assets=dict(connection.execute("select asset, seq from assets")),
        steps={row[0]: row for row in connection.execute("select * from steps")},
        attempts={row[0]: row for row in connection.execute("select * from attempts")},
        slots={**_slots(connection)},
    )


def _slots(connection: sqlite3.Connection) -> dict[tuple[str, int], Row]:
    """None in a ledger of a format that had none."""
    if connection.execute("select 1 from sqlite_master where name = 'slots'").fetchone() is None:
        return {}
    return {row[:2]: row for row in connection.execute("select * from slots")}


def verify_chain(connection: sqlite3.Connection, name: str, key: bytes) -> list[str]:
    """Where the chain of the store `name` breaks; empty if every event was committed with this key."""
    seals = connection.execute("select seq, head from seals order by seq").fetchall()
    if not seals or seals[0] != (0, first_head(name)):
        return ["the chain of events has no beginning"]
    numbers, heads = [seq for seq, _ in seals], [head for _, head in seals]
    events = connection.execute(
        "select seq, run, ts, kind, task, asset, data, facts from events order by seq"
    )
    known = 0
    for place, group in itertools.groupby(events, lambda row: bisect_left(numbers, row[0])):
        known += 1
        if place == len(seals):
            return ["there are events after the end of the chain"]
        if place != known or link(key, heads[place - 1], group) != heads[place]:
            return [f"the chain of events breaks before event {numbers[place]}"]
    return [] if known == len(seals) - 1 else ["there are fewer events than the chain has"]


def verify_inline(connection: sqlite3.Connection) -> list[str]:
    """The values kept in the ledger itself that are not what was committed."""
    rows = connection.execute(
        "select asset, seq, digest, inline from materializations where inline is not null and codec != 'none'"
    )
    return [
        f"the value of {asset} of event {seq} is damaged"
        for asset, seq, digest, inline in rows
        if sha256(inline).hexdigest() != digest
    ]
