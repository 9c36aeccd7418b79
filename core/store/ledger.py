"""All SQL of the store: the ledger is one SQLite file, read by all, written by who holds the project's lock.

The database file is never opened by other means than SQLite while a
connection may be open in this process: closing it would drop SQLite's locks.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..events import Event, Kind
from ..model import Json
from ..problems import StoreError
from .crash import crash_point
from .facts import Batch, Derived, RunStart, StepCommit, fold
from .faults import damaged, told
from .packing import unpacked
from .tables import (
    APPLICATION,
    FORMAT,
    PUT_ASSETS,
    PUT_ATTEMPTS,
    PUT_EVENTS,
    PUT_RUNS,
    PUT_STAMPS,
    PUT_STEPS,
    PUT_VALUES,
    SCHEMA,
    VALUE_COLUMNS,
)

__all__ = ["LEDGER", "LedgerReader", "LedgerWriter", "StepCommit", "create", "identity"]

LEDGER = "ledger.db"
_BUSY_MS = 10_000
_WAL_LIMIT = 16 << 20
_CHECKPOINT_AT = 4 << 20

Row = tuple[Any, ...]


def identity(folder: Path) -> tuple[int, int] | None:
    """Which file the ledger of a store is; None if there is none. Changes when it is replaced."""
    try:
        status = (folder / LEDGER).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def create(path: Path, scratch: Path) -> None:
    """Makes an empty ledger at `path` unless one is there: whole or not at all, however many try at once.

    Raises OSError or sqlite3.Error.
    """
    scratch.mkdir(mode=0o700, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="ledger-", dir=scratch)) / path.name
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    draft.chmod(0o600)
    connection = sqlite3.connect(draft, isolation_level=None)
    try:
        (mode,) = connection.execute("pragma journal_mode = wal").fetchone()
        if mode != "wal":
            raise sqlite3.OperationalError("the disk failed while the ledger was made")
        _lay_out(connection)
        connection.execute("pragma wal_checkpoint(truncate)")
    finally:
        connection.close()
    crash_point("create.ledger_written")
    descriptor = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    draft.parent.rmdir()


def _lay_out(connection: sqlite3.Connection) -> None:
    connection.execute("begin immediate")
    for statement in SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute("insert into meta values ('epoch', 0)")
    connection.execute(f"pragma application_id = {APPLICATION}")
    connection.execute(f"pragma user_version = {FORMAT}")
    connection.execute("commit")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        timeout=_BUSY_MS / 1000,
    )
    try:
        for setting in (
            "trusted_schema = off",
            "cell_size_check = on",
            "mmap_size = 0",
            "wal_autocheckpoint = 0",
        ):
            connection.execute(f"pragma {setting}")
        _check(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("pragma user_version").fetchone()[0]
    application = connection.execute("pragma application_id").fetchone()[0]
    if application != APPLICATION:
        raise damaged(path, "it is some other database" if application or version else "it is empty")
    if version > FORMAT:
        raise StoreError(
            f"{path} was written by a newer Bakehouse (format {version}; this one knows {FORMAT})",
            "upgrade Bakehouse; the store was not touched",
        )
    if version < FORMAT:
        raise damaged(path, f"it has the unknown format {version}")
    if connection.execute("select 1 from sqlite_master where type in ('trigger', 'view')").fetchone():
        raise damaged(path, "it has triggers or views, and Bakehouse makes none")


class LedgerReader:
    """Reads, in transactions that are over before a method returns. Safe to call from any thread.

    Every method raises StoreError where the file cannot be read.
    """

    def __init__(self, path: Path | None, *, mode: str = "mode=ro") -> None:
        self._lock = threading.RLock()
        self._path = path or Path()
        with told(self._path):
            if path is None:
                self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
                _lay_out(self._connection)
            else:
                self._connection = _connect(path, mode)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def __del__(self) -> None:
        if (connection := getattr(self, "_connection", None)) is not None:
            connection.close()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, told(self._path):
            self._connection.execute("begin")
            try:
                yield self._connection
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")

    def current(self) -> tuple[list[Row], list[Row], list[Row]]:
        """Current materializations (with the stamp of each file), steps (with five durations), attempts."""
        columns = ", ".join("m." + name for name in VALUE_COLUMNS.split(", "))
        with self._reading() as connection:
            values = connection.execute(
                f"""select {columns}, s.stamp from assets a join materializations m on m.seq = a.seq
                left join stamps s on m.inline is null and s.digest = m.digest"""
            ).fetchall()
            steps = connection.execute("select * from steps").fetchall()
            attempts = connection.execute("select * from attempts").fetchall()
        return values, steps, attempts

    def materializations(self, asset: str, limit: int) -> list[Row]:
        """The last `limit` materializations of an asset, newest first."""
        with self._reading() as connection:
            return connection.execute(
                f"select {VALUE_COLUMNS} from materializations where asset = ? order by seq desc limit ?",
                (asset, limit),
            ).fetchall()

    def attempt(self, task: str) -> Row | None:
        """The end of the last attempt at a task."""
        with self._reading() as connection:
            row: Row | None = connection.execute("select * from attempts where task = ?", (task,)).fetchone()
        return row

    def runs(self, limit: int) -> list[Row]:
        """The last runs, newest first."""
        with self._reading() as connection:
            return connection.execute("select * from runs order by first desc limit ?", (limit,)).fetchall()

    def events(self, run: str, after: int, limit: int) -> list[Event]:
        """Events of a run with a higher number than `after`, in order; `limit` -1 is all."""
        with self._reading() as connection:
            span = connection.execute("select first, last from runs where run = ?", (run,)).fetchone()
            if span is None:
                return []
            rows = connection.execute(
                """select seq, ts, run, kind, task, asset, data from events
                where seq > ? and seq <= ? and run = ? order by seq limit ?""",
                (max(after, span[0] - 1), span[1] or 1 << 62, run, limit),
            )
            found = (event for row in rows for event in unpacked(_event(row)) if event.seq > after)
            return list(found if limit < 0 else itertools.islice(found, limit))

    def max_seq(self) -> int:
        """The number of the last event, 0 if there is none."""
        with self._reading() as connection:
            return _max_seq(connection)

    def data_version(self) -> int:
        """Another number whenever someone else has committed."""
        with self._lock, told(self._path):
            return int(self._connection.execute("pragma data_version").fetchone()[0])

    def problems(self) -> list[str]:
        """What a full check of the file and a replay of the event log find wrong; empty if all is well."""
        with self._reading() as connection:
            found = [str(row[0]) for row in connection.execute("pragma integrity_check") if row[0] != "ok"]
            return found + verify_replay(connection)


def verify_replay(connection: sqlite3.Connection) -> list[str]:
    """Where the state tables are not what the event log alone says; empty if they are."""
    log = connection.execute("select seq, ts, run, kind, task, asset, data, facts from events order by seq")
    return fold(_logged(log)).differences(_tables(connection))


def _logged(rows: Iterable[Row]) -> Iterator[tuple[Event, Json]]:
    for row in rows:
        yield _event(row[:7]), None if row[7] is None else json.loads(row[7])


def _event(row: Row) -> Event:
    seq, ts, run, kind, task, asset, data = row
    return Event(seq, ts, run, Kind(kind), task, asset, {} if data == "{}" else json.loads(data))


def _tables(connection: sqlite3.Connection) -> Derived:
    value_columns = VALUE_COLUMNS.removesuffix(", inline")
    return Derived(
        runs={row[0]: row for row in connection.execute("select * from runs")},
        values={row[0]: row for row in connection.execute(f"select {value_columns} from materializations")},
        assets=dict(connection.execute("select asset, seq from assets")),
        steps={row[0]: row for row in connection.execute("select * from steps")},
        attempts={row[0]: row for row in connection.execute("select * from attempts")},
    )


def _max_seq(connection: sqlite3.Connection) -> int:
    return int(connection.execute("select coalesce(max(seq), 0) from events").fetchone()[0])


class LedgerWriter:
    """The one writing connection of a project; whoever opens it holds the project's lock.

    Methods raise sqlite3.Error, or StoreError where the run is not the owner any more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = _connect(path, "mode=rw")
        self._connection.execute("pragma synchronous = full")
        self._connection.execute("pragma fullfsync = on")
        self._connection.execute("pragma checkpoint_fullfsync = on")
        self._connection.execute(f"pragma journal_size_limit = {_WAL_LIMIT}")
        self._epoch = 0
        self._checkpoint_at = _CHECKPOINT_AT

    def close(self) -> None:
        self._connection.close()

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
            attempts = {run[0]: _attempt_events(connection, run) for run in runs}
            last = _max_seq(connection)
            crash_point("begin.before_commit")
        crash_point("begin.committed")
        return self._epoch, last, runs, attempts

    def knows(self, run: str) -> bool:
        """Whether the beginning of the run is there."""
        found = self._connection.execute("select 1 from runs where run = ?", (run,)).fetchone()
        return found is not None

    def write(self, batch: Batch) -> None:
        """Commits the batch, or nothing of it."""
        with self._writing() as connection:
            crash_point("ledger.begun")
            self._check_owner(connection, batch.start)
            _put(connection, PUT_RUNS, batch.begun)
            _put(connection, PUT_EVENTS, batch.events)
            crash_point("ledger.events_written")
            _put(connection, PUT_VALUES, batch.values)
            _put(connection, PUT_ASSETS, [(row.asset, row.seq) for row in batch.values])
            _put(connection, PUT_STAMPS, list(batch.stamps.items()))
            crash_point("ledger.values_written")
            _put(connection, PUT_STEPS, batch.steps)
            _put(connection, PUT_ATTEMPTS, batch.attempts)
            crash_point("ledger.steps_written")
            connection.executemany(
                "update runs set last = ?, finished = ?, status = ?, counts = ? where run = ?",
                [(row.last, row.finished, row.status, row.counts, row.run) for row in batch.ended],
            )
            crash_point("ledger.before_commit")
        crash_point("ledger.committed")

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
            self._connection.execute(f"pragma busy_timeout = {_BUSY_MS}")
        self._checkpoint_at = self._log_size() + _CHECKPOINT_AT
        crash_point("checkpoint.after")

    def _log_size(self) -> int:
        try:
            return Path(f"{self._path}-wal").stat().st_size
        except OSError:
            return 0


def _attempt_events(connection: sqlite3.Connection, run: Row) -> list[Row]:
    return connection.execute(
        """select task, kind, ts, data from events where seq >= ? and run = ? and task is not null
        and kind in ('step_started', 'step_succeeded', 'step_failed', 'step_cancelled') order by seq""",
        (run[1], run[0]),
    ).fetchall()


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
