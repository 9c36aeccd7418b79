"""What the disk and the database report, told so that a user knows what is wrong and what to do."""

from __future__ import annotations

import contextlib
import errno
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ..problems import StoreError

_LITTLE = 256 << 10
_FULL = (errno.ENOSPC, errno.EDQUOT)


def storage_error(path: Path, error: Exception) -> StoreError:
    """A failure at the ledger `path` in words, with the next step."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return damaged(path, str(error))
    if (
        name == "SQLITE_FULL"
        or getattr(error, "errno", None) in _FULL
        or (name.startswith("SQLITE_IOERR") and _is_full(path.parent))
    ):
        return StoreError(
            f"the disk is full: {path.parent} cannot be written", "free some space and run again"
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(f"{path} is held by another program", "end it and run again")
    return StoreError(
        f"the store {path.parent} failed: {error}", "see to its disk and its permissions; then run again"
    )


def _is_full(folder: Path) -> bool:
    """SQLite calls it an I/O error where it finds no room for the files beside the ledger."""
    try:
        return shutil.disk_usage(folder).free < _LITTLE
    except OSError:
        return False


def damaged(path: Path, why: str) -> StoreError:
    """The ledger cannot be believed. It is left as it is."""
    store = shlex.quote(str(path.parent))
    return StoreError(
        f"the ledger {path} is damaged or not one of Bakehouse's: {why}",
        f"nothing was changed; to start anew move it away: mv {store} {store}.damaged",
    )


_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)


@contextlib.contextmanager
def understood(path: Path) -> Iterator[None]:
    """Raises as damage of the ledger at `path` that a row inside cannot be what was written."""
    try:
        yield
    except _UNREADABLE as error:
        raise damaged(path, f"a row of it cannot be read ({type(error).__name__})") from error


_ADOPT = "bakehouse doctor --adopt"
_ASIDE = "bakehouse doctor --set-aside"


def foreign(folder: Path, why: str) -> StoreError:
    """The store was not made by this user on this machine, or by nobody that can be known."""
    return StoreError(
        f"the store {folder} was not made by you on this machine, so nothing of it is believed: {why}",
        f"to start with an empty one: {_ASIDE}; if you know where it comes from: {_ADOPT}",
    )


def older(folder: Path, seq: int, sealed: int) -> StoreError:
    """The ledger lacks what it once held."""
    return StoreError(
        f"the store {folder} is older than it was: it ends at event {seq}, and had come to {sealed}",
        f"put back what was removed or replaced (ledger.db, ledger.db-wal); to go on with what is there: {_ADOPT}",
    )


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Raises what goes wrong inside as a StoreError."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise storage_error(path, error) from error
