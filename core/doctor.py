"""Looks at a project's store and its surroundings, changes nothing, and says what it found."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from .checkup import examine_store
from .findings import Finding
from .load.definitions import read_at_rest
from .load.discovery import Project
from .load.interpreter import find_interpreter
from .places import store_folder
from .problems import ProblemError, first_of, number_of
from .trust import is_trusted
from .whereabouts import project_at

_WAL_FIXED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
"""The first releases of their lines without the WAL-reset bug (sqlite.org, release notes of 3.51.3)."""
_LITTLE_SPACE = 256 << 20


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


def _plugins() -> Finding:
    from .plugins import plugins

    found = plugins()
    return Finding(
        "plugins", not found.broken, found.told() or ", ".join(found.names) or "none", "install it anew"
    )


def _definitions(project: Project, trusted: bool, interpreter: str) -> Finding:
    try:
        found = read_at_rest(project, trusted, interpreter, None)
    except ProblemError as error:
        hint = "mend it: until then there are only runs, logs and show, as recorded"
        return Finding("definitions", False, first_of(error), hint)
    told = f"{number_of(len(found.assets), 'asset')}, {number_of(len(found.tasks), 'step')}"
    withheld = f"; not loaded: {', '.join(found.withheld[:3])}" + (", …" if len(found.withheld) > 3 else "")
    return Finding("definitions", True, told + (withheld if found.withheld else ""))


def _disk(folder: Path) -> Finding:
    there = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(there).free
    return Finding("disk", free > _LITTLE_SPACE, f"{free >> 20:,} MiB free at {there}", "make room")


def examine(
    path: Path | None, *, replay: bool = False, trust: bool = False, python: str | None = None
) -> list[Finding]:
    """All findings for the project at `path`; with `replay` its event log is folded again and compared with
    its state. Its definitions are read by the interpreter `python`, its code only if it is trusted. Raises
    `ProblemError` where there is no project, or no place for its store."""
    project = project_at(path)
    root = Path(project.root)
    simple: tuple[Callable[[], Finding], ...] = (_python, _sqlite, _duckdb, _plugins)
    findings = [look() for look in simple]
    interpreter = find_interpreter(root, python)
    findings.append(
        Finding(
            "interpreter", os.access(interpreter, os.X_OK), str(interpreter), "name another with --python"
        )
    )
    trusted = trust or is_trusted(root)
    findings.append(
        Finding(
            "trust",
            True,
            "trusted" if trusted else "not trusted: nothing of it runs",
            "" if trusted else "bakehouse trust",
        )
    )
    findings.append(_definitions(project, trusted, interpreter))
    findings += [_disk(store_folder(root)), *examine_store(root, replay=replay)]
    return findings
