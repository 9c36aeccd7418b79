"""Bytes of a value on their way: digested as they come, inline while they are few, else in a file."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..model import Json, Stored

INLINE = 8 * 1024

StrPath = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value in its stored form: inline in `stored`, else the fsynced file or folder at `path`. `classes`
    are those of its parts, where their code belongs to what the value is."""

    stored: Stored
    path: str | None = None
    metadata: Mapping[str, Json] = field(default_factory=dict)
    classes: tuple[type, ...] = ()


class Sink(io.RawIOBase):
    """Takes bytes, digests them, and begins a file only when they are too many to be inline."""

    def __init__(self, path: StrPath) -> None:
        self._path, self._hash = path, hashlib.sha256()
        self._head = bytearray()
        self._out: io.BufferedWriter | None = None
        self.count = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._hash.update(view)
        self.count += view.nbytes
        if self._out is None and self.count <= INLINE:
            self._head += view
        else:
            if self._out is None:
                self._out = create(Path(self._path))
                self._out.write(self._head)
            self._out.write(view)
        return view.nbytes

    def finish(self, codec: str, kind: str = "", metadata: Mapping[str, Json] | None = None) -> Encoded:
        digest = self._hash.hexdigest()
        inline: bytes | None = bytes(self._head)
        path = None
        if self._out is not None:
            self._out.flush()
            os.fsync(self._out.fileno())
            self._out.close()
            inline, path = None, os.fspath(self._path)
        stored = Stored(codec, digest, self.count, digest, inline, kind)
        return Encoded(stored, path, metadata or {})


def create(path: Path) -> io.BufferedWriter:
    """A new file, in a folder that is made if need be. Raises FileExistsError rather than follow a link."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags, 0o600), "wb")
