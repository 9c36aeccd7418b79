"""Reads a file of definitions: its bytes once, a bounded number of them, and never blocking."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from ..model import Place
from ..problems import DefinitionError, Problem
from ..store.disk import read_up_to

MOST_BYTES = 16 * 2**20
TOO_LARGE = f"the file is larger than {MOST_BYTES // 2**20} MB"


def read_file(path: Path, file: str) -> bytes:
    """The bytes of a regular file, read once and never blocking. Raises DefinitionError naming `file`."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _refused(file, "this is not a regular file")
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _refused(file, "this is not a regular file")
            data = read_up_to(stream, MOST_BYTES + 1)
    except OSError as error:
        raise _refused(file, f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise _refused(file, f"cannot be read: {error}") from error
    if len(data) > MOST_BYTES:
        raise _refused(file, TOO_LARGE)
    return data


def digest_of(path: Path) -> str:
    """The sha256 of the file's bytes; empty for one that is not there or cannot be read."""
    from hashlib import sha256

    try:
        return sha256(read_file(path, str(path))).hexdigest()
    except DefinitionError:
        return ""


def is_as_read(root: Path, files: Mapping[str, str]) -> bool:
    """True if each of `files` (path under `root` to sha256) still holds what was read from it."""
    return all(digest_of(root / name) == digest for name, digest in files.items())


def _refused(file: str, message: str) -> DefinitionError:
    return DefinitionError([Problem(message, Place(file))])
