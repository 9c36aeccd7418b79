"""Looks into a project's store, changes nothing, and says what it found."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from .findings import Finding
from .places import STORE, store_folder, user_key, why_outside
from .problems import ProblemError
from .store.collect import Garbage, garbage
from .store.database import LEDGER
from .store.ledger import LedgerReader
from .store.lock import holder
from .store.opening import open_ledger
from .store.recall import stored_of
from .store.values import ValueStore

KEEP = 20
"""Runs of which `bakehouse gc` keeps all, unless it is told otherwise."""
_LONG_LOG = 64 << 20
_MOST_FILES = 200_000


def examine_store(root: Path, *, replay: bool) -> Iterator[Finding]:
    """What is found at and in the store of the project at `root`. `replay` folds the whole event log again."""
    yield _place(root)
    folder = store_folder(root)
    if not folder.exists():
        yield Finding("store", True, "nothing has been run here yet")
        return
    yield _modes(folder)
    held = holder(folder)
    yield Finding("lock", True, f"held by {held}" if held else "free")
    yield from _log(folder)
    if not (folder / LEDGER).exists():
        yield Finding("store", True, "nothing has been run here yet")
        return
    try:
        reader = open_ledger(folder, writable=False)
    except ProblemError as problem:
        yield Finding("store", False, problem.message, problem.hint)
        return
    try:
        yield _soundness(folder, reader, replay)
        yield _surplus(folder, reader, running=held is not None)
    except ProblemError as problem:
        yield Finding("store", False, problem.message, problem.hint)
    finally:
        reader.close()


def _place(root: Path) -> Finding:
    folder, why = store_folder(root), why_outside(root)
    if why is None:
        return Finding("place", True, str(folder))
    planted = os.path.lexists(root / STORE)
    return Finding("place", not planted, f"{why}, so the store is {folder}", f"see to {root / STORE}")


def _modes(folder: Path) -> Finding:
    open_, strange = [], []
    for count, path in enumerate(_everything(folder)):
        if count >= _MOST_FILES:
            break
        try:
            status = path.lstat()
        except OSError:
            continue
        if status.st_uid != os.geteuid():
            strange.append(f"{path} (user {status.st_uid})")
        elif not stat.S_ISLNK(status.st_mode) and status.st_mode & 0o077:
            open_.append(f"{path} ({stat.S_IMODE(status.st_mode):04o})")
    store = shlex.quote(str(folder))
    if strange:
        return Finding(
            "modes",
            False,
            f"not yours: {_first(strange)}",
            f"ask whoever it is, or: chown -R {os.geteuid()} {store}",
        )
    if open_:
        return Finding("modes", False, f"others may read or write {_first(open_)}", f"chmod -R go= {store}")
    return Finding("modes", True, "for your eyes only")


def _first(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _everything(folder: Path) -> Iterator[Path]:
    yield folder
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in (*folders, *files))


def _log(folder: Path) -> Iterator[Finding]:
    """Says who keeps the ledger's log from being taken in, where it has grown large."""
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


def _soundness(folder: Path, reader: LedgerReader, replay: bool) -> Finding:
    wrong = reader.problems(user_key() if replay else None, replay=replay)
    values = ValueStore(folder)
    for row in reader.current()[0]:
        if (damage := values.check(stored_of(row))) is not None:
            wrong.append(f"the value of {row[1]} is {damage}")
    sound = "sound" + (", and its event log gives its state" if replay else "")
    told = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
    hint = "a damaged value is made again by the next run; else: bakehouse doctor --set-aside"
    return Finding("store", not wrong, told or sound, hint)


def _surplus(folder: Path, reader: LedgerReader, *, running: bool) -> Finding:
    if running:
        return Finding("surplus", True, "not looked at while a run goes on")
    items = list(garbage(folder, reader, KEEP))
    return Finding(
        "surplus", True, f"{_counted(items)}: bakehouse gc" if items else "nothing that nobody needs"
    )


def _counted(items: list[Garbage]) -> str:
    kinds: dict[str, int] = {}
    for item in items:
        kinds[item.kind] = kinds.get(item.kind, 0) + 1
    size = sum(item.size for item in items)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    return f"{size / 2**20:,.1f} MiB that nobody needs ({counts})"
