"""The data versions of sources that are files: digests of their content, remembered by stamp."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from .model import Asset
from .places import STORE, is_in_store
from .plan.survey import BARE_SOURCE
from .store.crash import crash_point

_CHUNK = 1 << 20
_RACY_NS = 2_000_000_000
"""A file this young may change again within one tick of its clock, so its stamp proves nothing yet."""

Stamp = tuple[int, int, int, int]


def _stamp(path: Path) -> Stamp:
    status = path.lstat() if _is_bare_link(path) else path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _is_bare_link(path: Path) -> bool:
    """A link to a folder, to nothing or into a store: what it says is all there is to watch."""
    return path.is_symlink() and (not path.is_file() or is_in_store(path))


def _file_digest(path: Path) -> str:
    if _is_bare_link(path):
        return hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
    digest = hashlib.sha256()
    if not path.is_file():
        return digest.hexdigest()
    with os.fdopen(_without_waiting(path), "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _without_waiting(path: Path) -> int:
    """A file that became a pipe meanwhile must not hold us."""
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def _files_below(folder: Path) -> Iterator[Path]:
    """Its files, and its links to folders, which are not followed. A store in it is no part of it."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != STORE)
        links = [name for name in folders if Path(parent, name).is_symlink()]
        yield from (Path(parent, name) for name in sorted([*names, *links]))


class SourceVersions:
    """Digests the files of sources. `memory` (a JSON file) saves reading those whose stamp is the same."""

    def __init__(self, root: Path, memory: Path | None = None) -> None:
        self._root = root
        self._memory = memory
        self._known: dict[str, tuple[Stamp, str]] = self._read()
        self._dirty = False

    def _read(self) -> dict[str, tuple[Stamp, str]]:
        if self._memory is None:
            return {}
        try:
            raw = json.loads(self._memory.read_bytes())
            return {path: (tuple(stamp), digest) for path, (stamp, digest) in raw.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def save(self) -> None:
        """Keeps what was learnt. A memory that cannot be written costs only time."""
        if self._memory is None or not self._dirty:
            return
        try:
            self._memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._memory.parent)
            with os.fdopen(handle, "w") as file:
                json.dump(self._known, file)
            crash_point("sources.before_rename")
            Path(name).replace(self._memory)
            crash_point("sources.renamed")
        except OSError:
            return
        self._dirty = False

    def path(self, asset: Asset) -> Path:
        """Where the file of a source is."""
        return self._root / (asset.file or "")

    def _digest(self, path: Path) -> str:
        stamp = _stamp(path)
        known = self._known.get(str(path))
        if known is not None and known[0] == stamp:
            return known[1]
        digest = _file_digest(path)
        if _stamp(path) == stamp and time.time_ns() - max(stamp[1], stamp[2]) > _RACY_NS:
            self._known[str(path)] = (stamp, digest)
            self._dirty = True
        return digest

    def version(self, asset: Asset) -> str | None:
        """The data version of a source; None where its file is not there or cannot be read."""
        if asset.file is None:
            return BARE_SOURCE
        path = self.path(asset)
        try:
            if not (path.is_file() or path.is_dir()) or is_in_store(path):
                return None  # a pipe or a device has no content to know it by, and a store is not data
            if not path.is_dir():
                return self._digest(path)
            whole = hashlib.sha256()
            for below in _files_below(path):
                whole.update(
                    f"{below.relative_to(path)}\0{self._digest(below)}\n".encode("utf-8", "surrogateescape")
                )
            return whole.hexdigest()
        except OSError:
            return None

    def stamp(self, asset: Asset) -> tuple[Stamp, ...]:
        """What changes when the file, or one in the folder, is written to; cheap. Empty if it is gone."""
        path = self.path(asset)
        try:
            return tuple(_stamp(p) for p in _files_below(path)) if path.is_dir() else (_stamp(path),)
        except OSError:
            return ()

    def stamps(self, assets: Iterable[Asset]) -> dict[str, tuple[Stamp, ...]]:
        """The stamps of all sources among `assets` that are files."""
        return {asset.name: self.stamp(asset) for asset in assets if asset.is_source and asset.file}

    def versions(self, assets: Iterable[Asset]) -> dict[str, str | None]:
        """The versions of all sources among `assets`."""
        return {asset.name: self.version(asset) for asset in assets if asset.is_source}
