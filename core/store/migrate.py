"""Brings the ledger of an earlier format up to date: a backup first, then all of it in one transaction."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from .crash import crash_point
from .database import LEDGER, check, connect, connect_to_write, identity, in_memory, sync_path
from .disk import private_folder, sync_folder
from .faults import told
from .seal import Seal, first_head, link, new_name, put_seal
from .tables import FINDINGS, FORMAT, SEALS, SLOTS

BACKUPS = "backups"


def upgrade(folder: Path, key: bytes) -> None:
    """Brings the ledger of the store at `folder` up to date and seals it with the user's `key`; does nothing
    to one that is so already. For the holder of the project's lock. Raises StoreError."""
    path = folder / LEDGER
    with told(path):
        connection = connect_to_write(path, any_format=True)
        try:
            version = check(connection, path)
            if version < FORMAT:
                crash_point("migrate.locked")
                _back_up(connection, folder, version)
                crash_point("migrate.backed_up")
                _upgrade(connection, folder, version, key)
                crash_point("migrate.committed")
        finally:
            connection.close()


def upgraded_copy(path: Path, mode: str, key: bytes) -> sqlite3.Connection:
    """The ledger at `path` as it would be up to date, in memory alone. Raises StoreError."""
    with told(path):
        there = connect(path, mode, any_format=True)
        try:
            copy = in_memory()
            there.backup(copy)
            version = check(copy, path)
        finally:
            there.close()
        copy.execute("begin")
        _bring_up(copy, version)
        seal_anew(copy, key, (0, 0))
        copy.execute("commit")
        return copy


def _back_up(connection: sqlite3.Connection, folder: Path, version: int) -> None:
    backups = folder / BACKUPS
    private_folder(backups)
    handle, name = tempfile.mkstemp(dir=backups, prefix="draft-")
    os.close(handle)
    draft = Path(name)
    try:
        connection.execute("vacuum into ?", (name,))
        sync_path(draft)
        draft.rename(backups / f"ledger-format-{version}.db")
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(backups)


def _upgrade(connection: sqlite3.Connection, folder: Path, version: int, key: bytes) -> None:
    connection.execute("begin immediate")
    try:
        _bring_up(connection, version)
        put_seal(folder, seal_anew(connection, key, identity(folder) or (0, 0)), key)
        crash_point("migrate.before_commit")
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def _bring_up(connection: sqlite3.Connection, version: int) -> None:
    for earlier in range(version, FORMAT):
        _STEPS[earlier](connection)
    connection.execute(f"pragma user_version = {FORMAT}")


def _add_seals(connection: sqlite3.Connection) -> None:
    connection.execute(SEALS)


def _add_slots(connection: sqlite3.Connection) -> None:
    connection.execute(SLOTS)


def _add_findings(connection: sqlite3.Connection) -> None:
    for statement in filter(None, map(str.strip, FINDINGS.split(";"))):
        connection.execute(statement)


_STEPS: Mapping[int, Callable[[sqlite3.Connection], None]] = {1: _add_seals, 2: _add_slots, 3: _add_findings}
"""What brings a ledger from one format to the next."""


def seal_anew(connection: sqlite3.Connection, key: bytes, file: tuple[int, int]) -> Seal:
    """Gives the store a new name, and its events a chain of one link under `key`: in the transaction that is
    open. Returns the seal that goes with it, for the ledger `file` (`database.identity`)."""
    name = new_name()
    head = first_head(name)
    connection.execute("delete from seals")
    connection.execute("insert into seals values (0, ?)", (head,))
    connection.execute("insert or replace into meta values ('id', ?)", (name,))
    last = int(connection.execute("select coalesce(max(seq), 0) from events").fetchone()[0])
    if last:
        events = connection.execute(
            "select seq, run, ts, kind, task, asset, data, facts from events order by seq"
        )
        head = link(key, head, events)
        connection.execute("insert into seals values (?, ?)", (last, head))
    return Seal(name, *file, last, head)
