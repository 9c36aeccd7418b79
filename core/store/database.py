"""The database file of a ledger: made whole, opened with the settings that the store relies on, and refused
if it is another's, another version's or damaged. The one module that opens SQLite.

The file is never opened by other means than SQLite while a connection may be open in this process: closing it
would drop SQLite's locks.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..problems import StoreError
from .crash import crash_point
from .disk import sync_file
from .faults import damaged
from .seal import first_head
from .tables import APPLICATION, FORMAT, SCHEMA, SCHEMAS, settled

LEDGER = "ledger.db"
BUSY_MS = 10_000


class OldFormat(Exception):
    """The ledger is of an earlier format, which a migration can bring up to date."""

    def __init__(self, version: int) -> None:
        super().__init__(f"format {version}")
        self.version = version


def identity(folder: Path) -> tuple[int, int] | None:
    """Which file the ledger of a store is; None if there is none. Changes when it is replaced."""
    try:
        status = (folder / LEDGER).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def create(path: Path, scratch: Path, name: str, before_link: Callable[[Path], None]) -> bool:
    """Makes an empty ledger of the store `name` at `path` unless one is there: whole or not at all, however
    many try at once. `before_link` is called with the finished file. True if it is this one that is there now.

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
        lay_out(connection, name)
        connection.execute("pragma wal_checkpoint(truncate)")
    finally:
        connection.close()
    crash_point("create.ledger_written")
    sync_path(draft)
    before_link(draft)
    crash_point("create.sealed")
    made = False
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
        made = True
    draft.unlink()
    draft.parent.rmdir()
    return made


def sync_path(path: Path) -> None:
    """Makes the bytes of a file durable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def lay_out(connection: sqlite3.Connection, name: str) -> None:
    """Makes the tables of the store `name` in an empty database."""
    connection.execute("begin immediate")
    for statement in SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute("insert into meta values ('epoch', 0), ('id', ?)", (name,))
    connection.execute("insert into seals values (0, ?)", (first_head(name),))
    connection.execute(f"pragma application_id = {APPLICATION}")
    connection.execute(f"pragma user_version = {FORMAT}")
    connection.execute("commit")


def in_memory() -> sqlite3.Connection:
    """An empty database of this process alone."""
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


def connect(path: Path, mode: str, *, any_format: bool = False) -> sqlite3.Connection:
    """Opens a ledger. `mode` is a part of a SQLite URI.

    Raises sqlite3.Error; StoreError for a ledger that is damaged or newer; OldFormat unless `any_format`.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        timeout=BUSY_MS / 1000,
    )
    try:
        _check_whole(connection, path)
        for setting in (
            "trusted_schema = off",
            "cell_size_check = on",
            "mmap_size = 0",
            "wal_autocheckpoint = 0",
        ):
            connection.execute(f"pragma {setting}")
        version = check(connection, path)
        if version < FORMAT and not any_format:
            raise OldFormat(version)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_write(path: Path, *, any_format: bool = False) -> sqlite3.Connection:
    """Opens a ledger for who holds the project's lock: each commit is durable when it returns."""
    connection = connect(path, "mode=rw", any_format=any_format)
    for setting in ("synchronous = full", "fullfsync = on", "checkpoint_fullfsync = on"):
        connection.execute(f"pragma {setting}")
    return connection


def _check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """SQLite reads what is missing of a last page as zeros. (While the log holds something, that may be so.)"""
    try:
        is_settled = Path(f"{path}-wal").stat().st_size == 0
    except OSError:
        is_settled = True
    if is_settled and path.stat().st_size % int(connection.execute("pragma page_size").fetchone()[0]):
        raise damaged(path, "its end is missing")


def check(connection: sqlite3.Connection, path: Path) -> int:
    """The format of the ledger, told of one moment: another process may be bringing it up to date.

    Raises StoreError for one that is newer or not one of Bakehouse's.
    """
    connection.execute("begin")
    try:
        return _check_format(connection, path)
    finally:
        if connection.in_transaction:
            connection.execute("rollback")


def _check_format(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("pragma user_version").fetchone()[0])
    application = connection.execute("pragma application_id").fetchone()[0]
    if application != APPLICATION:
        raise damaged(path, "it is some other database" if application or version else "it is empty")
    if version > FORMAT:
        raise StoreError(
            f"{path} was written by a newer Bakehouse (format {version}; this one knows {FORMAT})",
            "upgrade Bakehouse; the store was not touched",
        )
    if version not in SCHEMAS:
        raise damaged(path, f"it has the unknown format {version}")
    found = set(
        connection.execute("select sql from sqlite_master where name not like 'sqlite|_%' escape '|'")
    )
    if {settled(text or "") for (text,) in found} != SCHEMAS[version]:
        raise damaged(path, "it has tables, triggers or views that Bakehouse does not make")
    return version
