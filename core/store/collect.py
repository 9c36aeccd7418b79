"""What a store keeps and nobody needs: found, told, and removed by who holds the project's lock."""

from __future__ import annotations

import re
import shutil
import stat
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .crash import crash_point
from .database import LEDGER
from .disk import private_folder
from .faults import told
from .ledger import LedgerReader, LedgerWriter
from .lock import ProjectLock
from .logs import safe_name
from .migrate import BACKUPS
from .opening import open_ledger
from .seal import seal_path
from .times import times_path

Kind = Literal["value", "log", "scratch", "code", "backup", "seal"]
_DIGEST = re.compile(r"[0-9a-f]{64}")
_IN_RECORDS = re.compile(rb"[0-9a-f]{64}")
_YOUNG = 24 * 3600.0
"""Seconds for which a copy of loaded code is kept: a screen that is open may still run it."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """One file or folder that nobody needs. `path` is relative to the store, `size` in bytes."""

    kind: Kind
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed, or would be."""

    items: tuple[Garbage, ...]

    @property
    def size(self) -> int:
        """Bytes of all items."""
        return sum(item.size for item in self.items)

    @property
    def counts(self) -> Counter[Kind]:
        return Counter(item.kind for item in self.items)

    def size_of(self, kind: Kind) -> int:
        """Bytes of the items of one kind."""
        return sum(item.size for item in self.items if item.kind == kind)


def collect(folder: Path, *, keep: int, dry_run: bool = False, now: float | None = None) -> Collected:
    """Removes what neither a current value nor the last `keep` runs need: values, logs, scratch, copies of
    code. Whatever has no definition any more keeps its current value all the same.

    Killed at any moment it has lost nothing that is needed; the next one goes on. Raises ProjectHeld,
    StoreError.
    """
    with ProjectLock.acquire(folder, "bakehouse gc"), told(folder / LEDGER):
        crash_point("gc.locked")
        reader = open_ledger(folder, writable=True)
        try:
            items = tuple(garbage(folder, reader, keep, now))
        finally:
            reader.close()
        crash_point("gc.listed")
        if not dry_run:
            private_folder(folder / "tmp")
            for item in items:
                _remove(folder, item)
                crash_point("gc.removed")
            _forget_stamps(folder, keep)
            crash_point("gc.stamps_cleared")
        return Collected(items)


def garbage(folder: Path, reader: LedgerReader, keep: int, now: float | None = None) -> Iterator[Garbage]:
    """What `collect` would remove, as long as no run is going on. `now` is Unix time. Raises StoreError."""
    now = time.time() if now is None else now
    needed, runs, logs = reader.needed(keep)
    yield from _items(folder, "value", (p for p in _values(folder) if p.name not in needed))
    yield from _items(folder, "log", _old_logs(folder, {safe_name(run) for run in runs}, logs))
    yield from _items(folder, "scratch", _below(folder / "tmp"))
    yield from _items(folder, "code", _old_code(folder, now))
    backups = sorted(_below(folder / BACKUPS), key=lambda path: (path.suffix == ".db", path.name))
    yield from _items(folder, "backup", backups[:-1])
    yield from _items(
        folder, "seal", (p for p in folder.glob("seal-*") if p != seal_path(folder, reader.name()))
    )


def _items(folder: Path, kind: Kind, paths: Iterable[Path]) -> Iterator[Garbage]:
    for path in paths:
        yield Garbage(kind, path.relative_to(folder).as_posix(), size_of(path))


def size_of(path: Path) -> int:
    """The bytes of a file, or of all files in a folder. What goes away meanwhile counts as none."""
    try:
        status = path.lstat()
    except OSError:
        return 0
    if not stat.S_ISDIR(status.st_mode):
        return status.st_size
    return sum(size_of(below) for below in _below(path))


def _below(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _values(folder: Path) -> Iterator[Path]:
    for parent in _below(folder / "values"):
        if not parent.is_symlink():
            yield from (path for path in _below(parent) if _DIGEST.fullmatch(path.name))


def _old_logs(folder: Path, runs: set[str], logs: set[str]) -> Iterator[Path]:
    kept = {folder / log for log in logs}
    kept |= {times_path(log) for log in kept}
    for run in _below(folder / "logs"):
        if run.name not in runs and not run.is_symlink():
            yield from (path for path in _below(run) if path not in kept)


def _old_code(folder: Path, now: float) -> Iterator[Path]:
    used: set[str] = set()
    for record in _below(folder / "cache"):
        used.update(found.decode() for found in _IN_RECORDS.findall(record.read_bytes()))
    for path in _below(folder / "code"):
        if path.name not in used and now - path.lstat().st_mtime > _YOUNG:
            yield path


def _remove(folder: Path, item: Garbage) -> None:
    """A stored folder goes at one stroke, so that no half of it ever stands under its name."""
    path = folder / item.path
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        if item.kind == "log" and not _below(path.parent):
            path.parent.rmdir()
        return
    if item.kind == "value":
        doomed = folder / "tmp" / f"removed-{path.name}"
        shutil.rmtree(doomed, ignore_errors=True)
        path = path.rename(doomed)
    shutil.rmtree(path, ignore_errors=True)


def _forget_stamps(folder: Path, keep: int) -> None:
    writer = LedgerWriter(folder / LEDGER)
    try:
        writer.forget_stamps(keep)
        writer.checkpoint(fully=True)
    finally:
        writer.close()
