"""Whether files are at rest: a file that is just being saved may parse, and be half of what it will be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ..problems import DefinitionError
from .files import read_file

REST = 0.2


def fingerprint_files(paths: Iterable[Path]) -> Mapping[str, str]:
    """The sha256 of each file's bytes by path; empty for one that is not there or cannot be read."""
    from hashlib import sha256

    digests: dict[str, str] = {}
    for path in paths:
        try:
            digests[str(path)] = sha256(read_file(path, str(path))).hexdigest()
        except DefinitionError:
            digests[str(path)] = ""
    return digests


def settled(
    paths: Iterable[Path], rest: float = REST, sleep: Callable[[float], object] = time.sleep
) -> Mapping[str, str] | None:
    """The digests of the files if they read the same `rest` seconds later, None if they changed."""
    listed = tuple(paths)
    before = fingerprint_files(listed)
    sleep(rest)
    return before if fingerprint_files(listed) == before else None
