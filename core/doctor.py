"""Looks at a project's store and its surroundings, changes nothing, and says what it found."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from .load.discovery import find_project
from .load.interpreter import find_interpreter
from .places import store_folder
from .problems import ProblemError
from .trust import is_trusted

_WAL_FIXED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
"""The first releases of their lines without the WAL-reset bug (sqlite.org, release notes of 3.51.3)."""
_LITTLE_SPACE = 256 << 20
_LONG_LOG = 64 << 20


class Finding(NamedTuple):
    """One thing looked at. `hint` is the next step where it is not well."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


def has_wal_bug(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite can, rarely, corrupt a WAL database that two connections checkpoint at once."""
    return not any(version[:2] == fixed[:2] and version >= fixed for fixed in _WAL_FIXED) and version < (
        3,
        51,
        3,
    )


def _python() -> Finding:
    return Finding(
        "python", sys.version_info >= (3, 11), sys.version.split()[0], "Bakehouse needs 3.11 or newer"
    )


def _sqlite() -> Finding:
    found = sqlite3.sqlite_version_info
    detail = sqlite3.sqlite_version
    if has_wal_bug((found[0], found[1], found[2])):
        detail += ", which has the WAL-reset bug; only who holds the lock writes, so it cannot bite"
    return Finding("sqlite", True, detail)


def _duckdb() -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return Finding("duckdb", True, version("duckdb"))
    except PackageNotFoundError:
        return Finding(
            "duckdb",
            True,
            "not installed: SQL steps and table previews need it",
            "pip install 'bakehouse[duckdb]'",
        )


def _disk(folder: Path) -> Finding:
    there = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(there).free
    return Finding("disk", free > _LITTLE_SPACE, f"{free >> 20:,} MiB free at {there}", "make room")


def _lock(folder: Path) -> Finding:
    from .store.lock import holder

    held = holder(folder)
    return Finding("lock", True, f"held by {held}" if held else "free")


def _log(folder: Path) -> Iterator[Finding]:
    """Says who keeps the ledger's log from being taken in, where it has grown large."""
    from .store.ledger import LEDGER

    log = folder / f"{LEDGER}-wal"
    size = log.stat().st_size if log.exists() else 0
    if size > _LONG_LOG:
        readers = ", ".join(_open_in(folder / LEDGER)) or "a program that this user cannot see"
        told = f"{log.name} has grown to {size >> 20} MiB: it is kept from being taken in by {readers}"
        yield Finding("log", False, told, "end that program; the next run takes the log in")


def _open_in(path: Path) -> Iterator[str]:
    import psutil

    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and any(file.path == str(path) for file in process.open_files()):
                yield f"{process.name()} (process {process.pid})"
        except (psutil.Error, OSError):
            continue


def _store(folder: Path) -> Iterator[Finding]:
    from .store.store import Store

    if not folder.exists():
        yield Finding("store", True, "nothing has been run here yet")
        return
    try:
        store = Store.open(folder, create=False)
    except ProblemError as problem:
        yield Finding("store", False, problem.message, problem.hint)
        return
    with store:
        trouble = store.problems()
    told = "; ".join(trouble[:5]) + (f"; and {len(trouble) - 5} more" if len(trouble) > 5 else "")
    hint = "a damaged value is made again by the next run; else move the folder aside"
    yield Finding(
        "store", not trouble, told or f"sound, and its event log gives its state; at {folder}", hint
    )


def examine(path: Path | None) -> list[Finding]:
    """All findings for the project at `path`. Raises `ProblemError` where there is no project."""
    root = Path(find_project(path).root)
    folder = store_folder(root)
    simple: tuple[Callable[[], Finding], ...] = (_python, _sqlite, _duckdb)
    findings = [look() for look in simple]
    interpreter = find_interpreter(root)
    findings.append(
        Finding(
            "interpreter", os.access(interpreter, os.X_OK), str(interpreter), "name another with --python"
        )
    )
    trusted = is_trusted(root)
    findings.append(
        Finding(
            "trust",
            True,
            "trusted" if trusted else "not trusted: nothing of it runs",
            "" if trusted else "bakehouse trust",
        )
    )
    findings += [_disk(folder), _lock(folder), *_log(folder), *_store(folder)]
    return findings
