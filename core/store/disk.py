"""Files that only their owner can read and that are whole or not there."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import IO

from .crash import crash_point

FOLDER_MODE = 0o700
FILE_MODE = 0o600
_PART = 1 << 20


def sync_file(descriptor: int) -> None:
    """Has the disk itself keep what was written, also where a plain fsync stops at the drive's cache."""
    try:
        import fcntl

        full = getattr(fcntl, "F_FULLFSYNC", None)
        if full is not None:
            fcntl.fcntl(descriptor, full)
            return
    except OSError:
        pass
    os.fsync(descriptor)


def read_up_to(file: IO[bytes], most: int) -> bytes:
    """What a file holds, but no more than `most` bytes. (`file.read(most)` takes as much memory before it reads.)"""
    parts, left = [], most
    while left > 0 and (part := file.read(min(left, _PART))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def sync_folder(folder: str | Path) -> None:
    """Makes the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def private_folder(folder: Path) -> bool:
    """Makes `folder` (and what is above it) if need be, open to its owner only. True if it was made."""
    try:
        folder.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        return False
    except FileNotFoundError:
        private_folder(folder.parent)
        return private_folder(folder)
    if stat.S_IMODE(folder.stat().st_mode) != FOLDER_MODE:
        folder.chmod(FOLDER_MODE)
    return True


def write_whole(path: Path, data: bytes, scratch: Path) -> None:
    """Puts `data` at `path`: after any crash the file is the old one or the new one.

    `scratch` is a folder on the same file system. Raises OSError.
    """
    descriptor, name = tempfile.mkstemp(dir=scratch)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            sync_file(file.fileno())
        crash_point("whole.before_rename")
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    crash_point("whole.renamed")
    sync_folder(path.parent)
