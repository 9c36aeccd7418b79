"""The lock of a project: held by whoever runs it, and gone the moment that process is."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ..problems import ProjectHeld, StoreError
from .crash import crash_point
from .disk import FILE_MODE

NAME = "lock"
_PATIENCE = 0.15
"""Seconds: a lock held for less is only someone looking whether it is free."""
_STEP = 0.01


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a project. `since` is Unix time in seconds; `run` is empty where it is held for no run."""

    pid: int
    command: str
    since: float
    run: str = ""

    def __str__(self) -> str:
        since = time.strftime("%H:%M:%S", time.localtime(self.since))
        return f"{self.command or 'a process'} (process {self.pid}, since {since})"


class ProjectLock:
    """An exclusive lock on `<folder>/lock`. Make one with `acquire`; it is a context manager.

    The kernel keeps it, on an open file that no child inherits: it cannot outlive its owner.
    """

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.folder = folder
        self._descriptor: int | None = descriptor
        _held_here.add(self)

    @classmethod
    def acquire(cls, folder: Path, command: str = "", run: str = "") -> ProjectLock:
        """Takes the lock of the store at `folder`; `command` and `run` are what others are told.

        Raises ProjectHeld, naming the holder, or StoreError where the folder cannot be written.
        """
        until = time.monotonic() + _PATIENCE
        while True:
            descriptor = _open(folder)
            if _lock(descriptor, fcntl.LOCK_EX):
                if _is_at(descriptor, folder / NAME):
                    break
                os.close(descriptor)
                continue
            os.close(descriptor)
            if time.monotonic() >= until:
                raise _held(folder)
            time.sleep(_STEP)
        crash_point("lock.taken")
        _write(descriptor, Holder(os.getpid(), command, time.time(), run))
        crash_point("lock.signed")
        return cls(folder, descriptor)

    def is_held(self) -> bool:
        """Whether this lock still keeps others out: not released, and its file not deleted or replaced."""
        return self._descriptor is not None and _is_at(self._descriptor, self.folder / NAME)

    def release(self) -> None:
        """Gives the lock back. Once is enough, twice does no harm."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)

    def __enter__(self) -> ProjectLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _drop_in_child(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


_held_here: weakref.WeakSet[ProjectLock] = weakref.WeakSet()


def holder(folder: Path) -> Holder | None:
    """Who holds the project now, or None. Takes nothing away from anyone."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return None if _lock(descriptor, fcntl.LOCK_SH) else _read(descriptor)
    finally:
        os.close(descriptor)


def _open(folder: Path) -> int:
    try:
        return os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be written: {error.strerror}", "nothing can be run here until it can be"
        ) from error


def _lock(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _write(descriptor: int, owner: Holder) -> None:
    text = json.dumps({"pid": owner.pid, "command": owner.command, "since": owner.since, "run": owner.run})
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)


def _read(descriptor: int) -> Holder:
    try:
        raw = json.loads(os.pread(descriptor, 4096, 0))
        return Holder(int(raw["pid"]), str(raw["command"]), float(raw["since"]), str(raw.get("run", "")))
    except (OSError, ValueError, TypeError, KeyError):
        return Holder(0, "", time.time())


def _held(folder: Path) -> ProjectHeld:
    owner = holder(folder)
    who = str(owner) if owner is not None and owner.pid else "another process"
    ended = "bakehouse cancel" if owner is not None and owner.run else "the lock goes with it"
    return ProjectHeld(f"the project is held by {who}", f"wait until it ends, or end it: {ended}")


def _drop_all_in_child() -> None:
    for lock in list(_held_here):
        lock._drop_in_child()


os.register_at_fork(after_in_child=_drop_all_in_child)
