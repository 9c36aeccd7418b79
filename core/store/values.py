"""Values that are too large for the ledger: files and folders that are named by the digest of their bytes."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from ..model import Damage, Stored
from ..problems import StoreError, number_of
from .crash import crash_point
from .disk import FILE_MODE, FOLDER_MODE, private_folder, sync_folder

FOLDER_CODEC = "folder"
_CHUNK = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SAFE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")


def file_digest(path: Path) -> str:
    """The sha256 of a file's bytes, in hex. Raises OSError, and waits for no pipe that lies in its place."""
    digest = hashlib.sha256()
    with os.fdopen(_open_file(path), "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _open_file(path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def folder_digest(folder: Path) -> str:
    """The digest of a folder: over the sorted relative paths of its files, each with the digest of its bytes.

    Empty folders do not count.
    """
    whole = hashlib.sha256()
    for name, path in _files_below(folder):
        encoded = os.fsencode(name)
        whole.update(b"%d:%b%b" % (len(encoded), encoded, bytes.fromhex(file_digest(path))))
    return whole.hexdigest()


def folder_size(folder: Path) -> int:
    """The bytes of all files below a folder."""
    return sum(path.lstat().st_size for _, path in _files_below(folder))


def _files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    found = []
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        found += [Path(parent, name) for name in (*names, *links)]
    yield from sorted((path.relative_to(folder).as_posix(), path) for path in found)


def stamp_of(path: str | Path) -> str:
    """What changes when the file, or any file in the folder, is written to or replaced. Raises OSError."""
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        return _stamp(status)
    whole = hashlib.sha256()
    for name, below in _files_below(Path(path)):
        whole.update(os.fsencode(name) + b"\0" + _stamp(below.lstat()).encode() + b"\n")
    return whole.hexdigest()


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"


class ValueStore:
    """The folders `values/` and `tmp/` of a store."""

    def __init__(self, folder: Path) -> None:
        self._values = folder / "values"
        self._scratch = folder / "tmp"
        self._prefix = f"{self._values}{os.sep}"
        self._durable: set[str] = set()

    def path(self, value: Stored) -> Path:
        """Where the bytes of a value that is not inline are. Raises StoreError for an impossible digest."""
        if not _DIGEST.fullmatch(value.digest):
            raise StoreError(f"the store holds a value with the impossible digest {value.digest[:80]!r}")
        return self._values / value.digest[:2] / value.digest

    def scratch(self, attempt: str) -> Path:
        """The folder of one attempt, made if need be: what it finishes there is taken in without a copy."""
        folder = self._scratch / _safe(attempt)
        private_folder(folder)
        return folder

    def drop_scratch(self, attempt: str) -> None:
        """Removes the folder of an attempt and what is left in it."""
        folder = f"{self._scratch}/{_safe(attempt)}"
        if os.path.lexists(folder):
            shutil.rmtree(folder, ignore_errors=True)

    def clear_scratch(self) -> None:
        """Removes what dead attempts left. Only for the holder of the project's lock."""
        shutil.rmtree(self._scratch, ignore_errors=True)
        private_folder(self._scratch)

    # ---- reading -----------------------------------------------------------------------------

    def check(self, value: Stored) -> Damage | None:
        """Compares all bytes of a value with its digest; None if they are what was committed."""
        if value.codec == "none":
            return None
        if value.inline is not None:
            return None if hashlib.sha256(value.inline).hexdigest() == value.digest else Damage.DAMAGED
        path = self.path(value)
        try:
            is_folder = stat.S_ISDIR(path.lstat().st_mode)
            if is_folder != (value.codec == FOLDER_CODEC):
                return Damage.DAMAGED
            found = folder_digest(path) if is_folder else file_digest(path)
        except FileNotFoundError:
            return Damage.MISSING
        except OSError:
            return Damage.DAMAGED
        return None if found == value.digest else Damage.DAMAGED

    def demand(self, value: Stored) -> None:
        """Raises StoreError if the bytes of a value are not what was committed."""
        if (damage := self.check(value)) is not None:
            raise StoreError(f"the stored value {value.digest[:12]} is {damage}", "materialize it again")

    def read(self, value: Stored) -> bytes:
        """The bytes of a value that is no folder, checked. Raises StoreError if they are not as committed."""
        data = value.inline
        if data is None:
            try:
                data = self.path(value).read_bytes()
            except OSError as error:
                raise StoreError(
                    f"the stored value {value.digest[:12]} is not there: {error.strerror}"
                ) from error
        if hashlib.sha256(data).hexdigest() != value.digest:
            raise StoreError(f"the stored value {value.digest[:12]} is damaged", "materialize it again")
        return data

    def stamp(self, digest: str, *, is_folder: bool) -> str | None:
        """The stamp of the value with this digest now, None if there is none (or none of the right sort)."""
        path = f"{self._prefix}{digest[:2]}{os.sep}{digest}"
        try:
            status = os.lstat(path)
            if is_folder:
                return stamp_of(path) if stat.S_ISDIR(status.st_mode) else None
        except OSError:
            return None
        return _stamp(status)

    # ---- taking in ---------------------------------------------------------------------------

    def take_in(self, value: Stored, scratch: Path, touched: set[str]) -> str:
        """Moves a finished value from scratch to its place and returns its stamp; adds to `touched` the
        folders whose names must be made durable before anything may speak of it.

        What is there already is replaced: it may be damaged, or its name not durable. Raises OSError, or
        StoreError where the file is not what the step said.
        """
        path = self.path(value)
        status = scratch.lstat()
        is_folder = stat.S_ISDIR(status.st_mode)
        if is_folder != (value.codec == FOLDER_CODEC) or not (is_folder or stat.S_ISREG(status.st_mode)):
            raise StoreError(f"the step left something at {scratch} that is no {value.codec} value")
        if not is_folder and status.st_size != value.size:
            raise StoreError(
                f"the step left {number_of(status.st_size, 'byte')} at {scratch}, not {value.size}"
            )
        self._prepare(path.parent, touched)
        crash_point("value.before_rename")
        if is_folder:
            self._place_folder(value, scratch, path)
        else:
            if stat.S_IMODE(status.st_mode) != FILE_MODE:
                scratch.chmod(FILE_MODE)
            scratch.rename(path)
        crash_point("value.renamed")
        return stamp_of(path)

    def _prepare(self, parent: Path, touched: set[str]) -> None:
        if parent.name not in self._durable:
            private_folder(parent)
            touched.add(str(self._values))
            self._durable.add(parent.name)
        touched.add(str(parent))

    def _place_folder(self, value: Stored, scratch: Path, path: Path) -> None:
        if path.exists():
            if self.check(value) is None:
                shutil.rmtree(scratch, ignore_errors=True)
                return
            damaged = self._scratch / f"damaged-{value.digest}"
            shutil.rmtree(damaged, ignore_errors=True)
            path.rename(damaged)
            crash_point("folder.moved_aside")
            shutil.rmtree(damaged, ignore_errors=True)
        _make_private(scratch)
        scratch.rename(path)

    def sync(self, touched: set[str]) -> None:
        """Makes the names in the touched folders durable. Raises OSError."""
        crash_point("values.before_sync")
        for folder in sorted(touched):
            sync_folder(folder)
        crash_point("values.synced")


def _make_private(folder: Path) -> None:
    folder.chmod(FOLDER_MODE)
    for below in folder.rglob("*"):
        if not below.is_symlink():
            below.chmod(FOLDER_MODE if below.is_dir() else FILE_MODE)


def _safe(name: str) -> str:
    if not _SAFE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for an attempt")
    return name
