"""From a folder to a ledger that can be read: made if need be, of this format, and made by this user."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path

from ..places import user_key
from ..problems import ProjectHeld, StoreError
from .crash import crash_point
from .database import LEDGER, OldFormat, create, identity
from .disk import private_folder, read_up_to, sync_folder, write_whole
from .faults import foreign, older, storage_error
from .ledger import LedgerReader
from .lock import ProjectLock
from .migrate import upgrade, upgraded_copy
from .seal import Seal, Sealer, first_head, new_name, put_seal, read_seal, seal_path

_CACHE_TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n# What pipelines made. Backups may leave it out.\n"
)
_NOT_WRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR}
_PATIENCE = 10.0
"""Seconds that someone else may take to bring the ledger up to date."""
_LARGEST_RECORD = 1 << 28


def prepare(folder: Path, *, create: bool) -> bool:
    """Makes a store at `folder` if there is none and `create` is set. Whether it can be written to.

    Raises StoreError, and ProblemError where the user has no folder to keep a key in.
    """
    ledger = folder / LEDGER
    try:
        if create and not ledger.exists():
            _make(folder, user_key())
    except (OSError, sqlite3.Error) as error:
        # Another process may have made it meanwhile, and its first run have cleared the scratch folder of ours.
        if not ledger.exists():
            if isinstance(error, OSError) and error.errno in _NOT_WRITABLE:
                return False
            raise storage_error(ledger, error) from error
    return ledger.exists() and os.access(folder, os.W_OK)


def _make(folder: Path, key: bytes) -> None:
    if private_folder(folder):
        sync_folder(folder.parent)
    crash_point("create.folder")
    for file, text in ((".gitignore", b"*\n"), ("CACHEDIR.TAG", _CACHE_TAG)):
        if not (folder / file).exists():
            write_whole(folder / file, text, folder)
    name = new_name()

    def put(ledger: Path) -> None:
        status = ledger.stat()
        put_seal(folder, Seal(name, status.st_dev, status.st_ino, 0, first_head(name)), key)

    if not create(folder / LEDGER, folder / "tmp", name, put):
        seal_path(folder, name).unlink(missing_ok=True)
    sync_folder(folder)
    crash_point("create.ledger_linked")


def open_ledger(folder: Path, *, writable: bool) -> LedgerReader:
    """A reader of the ledger that is at `folder`, once it is known to be this user's and not older than it was.

    One of an earlier format is brought up to date, or read as if it were where nothing can be written.
    Raises StoreError.
    """
    key = user_key()
    try:
        reader = _read(folder, writable)
    except OldFormat as old:
        if not was_opened_by(folder, key):
            raise foreign(folder, f"it is of format {old.version}, which has no seal") from None
        if not writable:
            return _read_upgraded(folder, key)
        with _locked(folder):
            upgrade(folder, key)
        reader = _read(folder, writable)
    try:
        _believe(folder, reader, key, writable)
    except BaseException:
        reader.close()
        raise
    return reader


def sealer_of(folder: Path, name: str) -> Sealer:
    """What keeps up the seal of the store `name`, for the one writer. Raises OSError or StoreError."""
    key = user_key()
    found = read_seal(folder, name, key)
    if found is None:
        raise foreign(folder, "its seal is gone")
    return Sealer(folder, found, key)


def was_opened_by(folder: Path, key: bytes) -> bool:
    """Whether the owner of `key` has worked with this store: definitions that were loaded for it are kept in
    it, sealed with that key."""
    for record in sorted((folder / "cache").glob("definitions-*.json")):
        try:
            with record.open("rb") as file:
                seal, _, sealed = read_up_to(file, _LARGEST_RECORD).partition(b"\n")
        except OSError:
            continue
        if compare_digest(seal, blake2b(sealed, key=key, digest_size=32).hexdigest().encode()):
            return True
    return False


def _believe(folder: Path, reader: LedgerReader, key: bytes, writable: bool) -> None:
    name = reader.name()
    found = read_seal(folder, name, key)
    if found is None:
        raise foreign(folder, "its seal is missing or not yours")
    head = reader.head(found.seq)
    if head is None and (last := reader.max_seq()) < found.seq:
        raise older(folder, last, found.seq)
    if head != found.head:
        raise foreign(folder, "its history is not the one that was sealed")
    file = identity(folder)
    if file is None or found.is_of(file):
        return
    if wrong := reader.problems(key):
        raise foreign(folder, wrong[0])
    if writable:
        try:
            put_seal(folder, replace(found, device=file[0], inode=file[1]), key)
        except OSError as error:
            raise storage_error(folder / LEDGER, error) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            with ProjectLock.acquire(folder, "bakehouse, bringing the store up to date"):
                yield
            return
        except ProjectHeld:
            if time.monotonic() >= until:
                raise


def _read(folder: Path, writable: bool) -> LedgerReader:
    path = folder / LEDGER
    try:
        return LedgerReader(path)
    except StoreError as error:
        if writable or not _is_about_writing(error):
            raise
        return _read_without_writing(path)


def _is_about_writing(error: StoreError) -> bool:
    name = getattr(error.__cause__, "sqlite_errorname", "")
    return bool(name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")))


def _read_upgraded(folder: Path, key: bytes) -> LedgerReader:
    path = folder / LEDGER
    try:
        return LedgerReader(path, connection=upgraded_copy(path, "mode=ro", key))
    except StoreError as error:
        if not _is_about_writing(error):
            raise
        with _readable(path) as (copy, mode):
            return LedgerReader(path, connection=upgraded_copy(copy, mode, key))


def _read_without_writing(path: Path) -> LedgerReader:
    with _readable(path) as (copy, mode):
        return LedgerReader(copy, mode=mode)


@contextmanager
def _readable(path: Path) -> Iterator[tuple[Path, str]]:
    """A ledger where SQLite cannot make the files that it needs beside it: itself, or with an open log a copy,
    which may go once it is open; and how to open it."""
    log = Path(f"{path}-wal")
    if not log.exists() or log.stat().st_size == 0:
        yield path, "mode=ro&immutable=1"
        return
    folder = Path(tempfile.mkdtemp(prefix="bakehouse-"))
    try:
        try:
            shutil.copyfile(path, folder / path.name)
            shutil.copyfile(log, folder / log.name)
        except OSError as error:
            raise storage_error(path, error) from error
        yield folder / path.name, "mode=ro"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
