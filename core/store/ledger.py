"""The ledger: one SQLite file, read by all, written by who holds the project's lock."""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..events import Event
from ..problems import StoreError
from .crash import crash_point
from .database import BUSY_MS, LEDGER, connect, connect_to_write, identity, in_memory, lay_out
from .facts import Batch, RunStart
from .faults import damaged, told, understood
from .packing import unpacked
from .replay import event_of, verify_chain, verify_inline, verify_replay
from .seal import Sealer, new_name
from .tables import (
    ATTEMPTS_OF,
    PUT_ASSETS,
    PUT_ATTEMPTS,
    PUT_EVENTS,
    PUT_RUNS,
    PUT_SEALS,
    PUT_SLOTS,
    PUT_STAMPS,
    PUT_STEPS,
    PUT_VALUES,
    RESTORE_STEPS,
    VALUE_COLUMNS,
)

__all__ = ["LEDGER", "LedgerReader", "LedgerWriter", "identity"]

_WAL_LIMIT = 16 << 20
_CHECKPOINT_AT = 4 << 20

_LAST_RUNS = "select run from runs order by first desc limit ?"
_NEEDED = f"""select digest from materializations
    where inline is null and (seq in (select seq from assets) or run in ({_LAST_RUNS}))"""

_BEGUN = "json_extract(events.data, '$.schedule'), json_extract(events.data, '$.slot')"
_RUNS = f"select runs.*, {_BEGUN} from runs left join events on seq = first order by first desc limit ?"

Row = tuple[Any, ...]


class LedgerReader:
    """Reads, in transactions that are over before a method returns. Safe to call from any thread.

    Every method raises StoreError where the file cannot be read.
    """

    def __init__(
        self, path: Path, *, mode: str = "mode=ro", connection: sqlite3.Connection | None = None
    ) -> None:
        self._lock = threading.RLock()
        self._path = path
        with told(path):
            self._connection = connect(path, mode) if connection is None else connection

    @classmethod
    def of_nothing(cls) -> LedgerReader:
        """The reader of a store that is not there."""
        connection = in_memory()
        lay_out(connection, new_name())
        return cls(Path(), connection=connection)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def __del__(self) -> None:
        if (connection := getattr(self, "_connection", None)) is not None:
            connection.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, told(self._path), understood(self._path):
            self._connection.execute("begin")
            try:
                yield self._connection
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")

    def current(self) -> tuple[list[Row], list[Row], list[Row]]:
        """Current materializations (with the stamp of each file), steps (with five durations), attempts."""
        columns = ", ".join("m." + name for name in VALUE_COLUMNS.split(", "))
        with self.reading() as connection:
            values = connection.execute(
                f"""select {columns}, s.stamp from assets a join materializations m on m.seq = a.seq
                left join stamps s on m.inline is null and s.digest = m.digest"""
            ).fetchall()
            steps = connection.execute("select * from steps").fetchall()
            attempts = connection.execute("select * from attempts").fetchall()
        return values, steps, attempts

    def materializations(self, asset: str, limit: int) -> list[Row]:
        """The last `limit` materializations of an asset, newest first."""
        with self.reading() as connection:
            rows = connection.execute(
                f"select {VALUE_COLUMNS} from materializations where asset = ? order by seq desc limit ?",
                (asset, limit),
            ).fetchall()
            newest = connection.execute("select seq from assets where asset = ?", (asset,)).fetchone()
        if limit and (rows[0][0] if rows else None) != (newest[0] if newest else None):
            raise damaged(self._path, f"it has two accounts of what is the newest value of {asset}")
        return rows

    def attempt(self, task: str) -> Row | None:
        """The end of the last attempt at a task."""
        with self.reading() as connection:
            row: Row | None = connection.execute("select * from attempts where task = ?", (task,)).fetchone()
        return row

    def step_seq(self, task: str) -> int | None:
        """The number of the event that the record of a task stems from."""
        with self.reading() as connection:
            row = connection.execute("select seq from steps where task = ?", (task,)).fetchone()
        return None if row is None else int(row[0])

    def facts(self, seq: int) -> tuple[str, Any] | None:
        """The kind of an event and the facts beside it; None if there is none of that number."""
        with self.reading() as connection:
            row = connection.execute("select kind, facts from events where seq = ?", (seq,)).fetchone()
            return None if row is None else (row[0], json.loads(row[1] or "null"))

    def value_before(self, asset: str, seq: int) -> Row | None:
        """The last materialization of an asset that is older than the event `seq`."""
        with self.reading() as connection:
            row: Row | None = connection.execute(
                f"""select {VALUE_COLUMNS} from materializations where asset = ? and seq < ?
                order by seq desc limit 1""",
                (asset, seq),
            ).fetchone()
        return row

    def success_after(self, task: str, seq: int) -> int | None:
        """The number of the first event after `seq` that gave a task its record."""
        with self.reading() as connection:
            row = connection.execute(
                """select seq from events where seq > ? and task = ?
                and kind in ('step_succeeded', 'step_restored') order by seq limit 1""",
                (seq, task),
            ).fetchone()
        return None if row is None else int(row[0])

    def restored(self, asset: str, limit: int) -> dict[int, float]:
        """Which of the last `limit` values of an asset, by their numbers, are earlier ones that were made current
        again, and when."""
        with self.reading() as connection:
            rows = connection.execute(
                """select e.seq, e.ts from events e where e.kind = 'asset_restored' and e.seq in
                (select seq from materializations where asset = ? order by seq desc limit ?)""",
                (asset, limit),
            )
            return dict(rows.fetchall())

    def runs(self, limit: int) -> list[Row]:
        """The last runs, newest first. They are few: their table is checked each time."""
        with self.reading() as connection:
            for (wrong,) in connection.execute("pragma integrity_check(runs)"):
                if wrong != "ok":
                    raise damaged(self._path, wrong)
            return connection.execute(_RUNS, (limit,)).fetchall()

    def attempts_of(self, run: str, first: int) -> list[Row]:
        """The beginnings and ends of the attempts of a run whose first event is `first`."""
        with self.reading() as connection:
            return connection.execute(ATTEMPTS_OF, (first, run)).fetchall()

    def slots(self, schedule: str, until: int, limit: int) -> list[Row]:
        """The last settled slots of a schedule that are not later than `until`, newest first."""
        with self.reading() as connection:
            return connection.execute(
                "select * from slots where schedule = ? and slot <= ? order by slot desc limit ?",
                (schedule, until, limit),
            ).fetchall()

    def events(self, run: str, after: int, limit: int) -> list[Event]:
        """Events of a run with a higher number than `after`, in order; `limit` -1 is all."""
        with self.reading() as connection:
            span = connection.execute("select first, last from runs where run = ?", (run,)).fetchone()
            if span is None:
                return []
            begun = connection.execute("select run, kind from events where seq = ?", (span[0],)).fetchone()
            if begun != (run, "run_started"):
                raise damaged(self._path, f"the beginning of run {run} is not where it was")
            rows = connection.execute(
                """select seq, ts, run, kind, task, asset, data from events
                where seq > ? and seq <= ? and run = ? order by seq limit ?""",
                (max(after, span[0] - 1), span[1] or 1 << 62, run, limit),
            )
            found = (event for row in rows for event in unpacked(event_of(row)) if event.seq > after)
            return list(found if limit < 0 else itertools.islice(found, limit))

    def told(self, query: str, *given: object) -> list[Event]:
        """The events that a query of `tables` finds."""
        with self.reading() as connection:
            return [event_of(row) for row in connection.execute(query, given)]

    def log_names(self, run: str) -> set[str]:
        """What the attempts of a run named their logs, whether or not these are there still."""
        with self.reading() as connection:
            rows = connection.execute(
                """select json_extract(facts, '$.attempt[5]') from events
                where run = ? and facts is not null and task is not null""",
                (run,),
            )
            return {row[0] for row in rows if isinstance(row[0], str)}

    def max_seq(self) -> int:
        """The number of the last event, 0 if there is none."""
        with self.reading() as connection:
            return _max_seq(connection)

    def data_version(self) -> int:
        """Another number whenever someone else has committed."""
        with self._lock, told(self._path):
            return int(self._connection.execute("pragma data_version").fetchone()[0])

    def needed(self, keep: int) -> tuple[set[str], set[str], set[str]]:
        """What the current values and the last `keep` runs need: the digests of value files, the runs whose
        logs are kept whole, and the logs of the last attempts."""
        with self.reading() as connection:
            digests = {row[0] for row in connection.execute(_NEEDED, (keep,))}
            runs = {row[0] for row in connection.execute(_LAST_RUNS, (keep,))}
            logs = {row[0] for row in connection.execute("select log from attempts where log is not null")}
        return digests, runs, logs

    def name(self) -> str:
        """The name of the store, which its seal is found by."""
        with self.reading() as connection:
            row = connection.execute("select value from meta where name = 'id'").fetchone()
        return str(row[0]) if row is not None else ""

    def head(self, seq: int) -> bytes | None:
        """The head of the chain at the event `seq`; None if no commit ended there."""
        with self.reading() as connection:
            row = connection.execute("select head from seals where seq = ?", (seq,)).fetchone()
        return None if row is None or not isinstance(row[0], bytes) else row[0]

    def problems(self, key: bytes | None = None, *, replay: bool = True) -> list[str]:
        """What a full check of the file finds wrong, and a replay of the event log (its chain too, if the
        user's `key` is given); empty if all is well."""
        with self.reading() as connection:
            found = [str(row[0]) for row in connection.execute("pragma integrity_check") if row[0] != "ok"]
            found += verify_inline(connection)
            if replay:
                found += verify_replay(connection)
            if key is not None:
                row = connection.execute("select value from meta where name = 'id'").fetchone()
                found += verify_chain(connection, str(row[0]) if row else "", key)
            return found


def _max_seq(connection: sqlite3.Connection) -> int:
    return int(connection.execute("select coalesce(max(seq), 0) from events").fetchone()[0])


class LedgerWriter:
    """The one writing connection of a project; whoever opens it holds the project's lock.

    Methods raise sqlite3.Error, or StoreError where the run is not the owner any more.
    """

    def __init__(self, path: Path, sealer: Sealer | None = None) -> None:
        self._path = path
        self._sealer = sealer
        self._connection = connect_to_write(path)
        self._connection.execute(f"pragma journal_size_limit = {_WAL_LIMIT}")
        self._epoch = 0
        self._checkpoint_at = _CHECKPOINT_AT

    def close(self) -> None:
        self._connection.close()
        if self._sealer is not None:
            self._sealer.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        connection.execute("begin immediate")
        try:
            yield connection
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("rollback")
            raise

    def take_over(self, stamps: dict[str, str]) -> tuple[int, int, list[Row], dict[str, list[Row]]]:
        """Makes the caller the owner, as of a new epoch: returns it, the last event's number, the runs that
        their owners left unfinished, and the beginnings and ends of the attempts of each."""
        with self._writing() as connection:
            connection.execute("update meta set value = value + 1 where name = 'epoch'")
            self._epoch = int(connection.execute("select value from meta where name = 'epoch'").fetchone()[0])
            _put(connection, PUT_STAMPS, list(stamps.items()))
            runs = connection.execute("select * from runs where status = 'running' order by first").fetchall()
            attempts = {run[0]: connection.execute(ATTEMPTS_OF, (run[1], run[0])).fetchall() for run in runs}
            last = _max_seq(connection)
            if self._sealer is not None:
                newest = "select seq, head from seals order by seq desc limit 1"
                self._sealer.start_at(*connection.execute(newest).fetchone())
            crash_point("begin.before_commit")
        crash_point("begin.committed")
        return self._epoch, last, runs, attempts

    def forget_stamps(self, keep: int) -> None:
        """Drops the stamps of values that `LedgerReader.needed` does not name."""
        with self._writing() as connection:
            connection.execute(f"delete from stamps where digest not in ({_NEEDED})", (keep,))

    def knows(self, run: str) -> bool:
        """Whether the beginning of the run is there."""
        return self._connection.execute("select 1 from runs where run = ?", (run,)).fetchone() is not None

    def write(self, batch: Batch) -> None:
        """Commits the batch, or nothing of it. For a writer that was made with a sealer."""
        assert self._sealer is not None
        events = sorted(batch.events)
        last, head = events[-1].seq, self._sealer.next(events)
        with self._writing() as connection:
            crash_point("ledger.begun")
            self._check_owner(connection, batch.start)
            _put(connection, PUT_RUNS, batch.begun)
            _put(connection, PUT_SLOTS, batch.slots)
            _put(connection, PUT_EVENTS, events)
            _put(connection, PUT_SEALS, [(last, head)])
            crash_point("ledger.events_written")
            _put(connection, PUT_VALUES, batch.values)
            _put(connection, PUT_ASSETS, [(row.asset, row.seq) for row in batch.values])
            _put(connection, PUT_STAMPS, list(batch.stamps.items()))
            crash_point("ledger.values_written")
            _put(connection, PUT_STEPS, batch.steps)
            _put(connection, PUT_ATTEMPTS, batch.attempts)
            for step in batch.restored:
                named, *rest, _ = step
                connection.execute(RESTORE_STEPS, (*rest, named))
            crash_point("ledger.steps_written")
            connection.executemany(
                "update runs set last = ?, finished = ?, status = ?, counts = ? where run = ?",
                [(row.last, row.finished, row.status, row.counts, row.run) for row in batch.ended],
            )
            crash_point("ledger.before_commit")
        crash_point("ledger.committed")
        self._sealer.advance(last, head)

    def _check_owner(self, connection: sqlite3.Connection, start: RunStart) -> None:
        epoch = connection.execute("select value from meta where name = 'epoch'").fetchone()[0]
        row = connection.execute("select status, epoch from runs where run = ?", (start.run,)).fetchone()
        if epoch != start.epoch or (row is not None and row != ("running", start.epoch)):
            raise StoreError(
                f"run {start.run} does not own this project any more: another run has taken over",
                "nothing of it was kept since then; run again",
            )

    def checkpoint(self, *, fully: bool = False) -> None:
        """Moves what is in the log of the ledger into the ledger itself, without waiting for any reader."""
        size = self._log_size()
        if size <= (0 if fully else self._checkpoint_at):
            return
        crash_point("checkpoint.before")
        self._connection.execute("pragma busy_timeout = 0")
        try:
            self._connection.execute("pragma wal_checkpoint(truncate)").fetchone()
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise
        finally:
            self._connection.execute(f"pragma busy_timeout = {BUSY_MS}")
        self._checkpoint_at = self._log_size() + _CHECKPOINT_AT
        crash_point("checkpoint.after")

    def _log_size(self) -> int:
        try:
            return Path(f"{self._path}-wal").stat().st_size
        except OSError:
            return 0


def _put(connection: sqlite3.Connection, into: tuple[str, int, str], rows: Sequence[Row]) -> None:
    """Inserts many rows with few statements: each statement gives the interpreter lock away, and a busy event
    loop hands it back only milliseconds later."""
    head, width, tail = into
    places = f"({','.join('?' * width)})"
    at = 0
    while at < len(rows):
        size = min(128, 1 << ((len(rows) - at).bit_length() - 1))
        chunk = rows[at : at + size]
        statement = head + ",".join([places] * size) + tail
        connection.execute(statement, [cell for row in chunk for cell in row])
        at += size
