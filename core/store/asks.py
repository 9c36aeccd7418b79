"""What other processes ask of the run that holds a project: one small file each, gone once it was heard.

Whoever unlinks a file has it: the run that takes it, or the asker that takes it back.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from ..problems import StoreError
from .disk import private_folder, write_whole

_FOLDER = "asks"
_AT_ONCE = 100
_LARGEST = 8192
"""Bytes; a task's name has at most 255 characters."""


def ask_to_cancel(store: Path, run: str, task: str | None = None) -> Path:
    """Asks the holder of `store` to cancel a step of its run, or (None) the run. Returns the request, for
    `take_back`. Raises StoreError where nothing can be written."""
    request = store / _FOLDER / secrets.token_hex(8)
    try:
        for folder in (request.parent, store / "tmp"):
            private_folder(folder)
        write_whole(request, json.dumps({"run": run, "task": task}).encode(), store / "tmp")
    except OSError as error:
        raise StoreError(
            f"{request.parent} cannot be written: {error.strerror}", "nothing was asked"
        ) from error
    return request


def is_heard(request: Path) -> bool:
    """Whether the holder has taken the request."""
    return not request.exists()


def take_back(request: Path) -> bool:
    """True if nobody had heard the request, and nobody ever will."""
    try:
        request.unlink()
    except OSError:
        return False
    return True


class Inbox:
    """For the holder of a project: what is asked of its run."""

    def __init__(self, store: Path, run: str) -> None:
        self._folder = store / _FOLDER
        self._run = run

    def take(self) -> list[str | None]:
        """What to cancel: the names of steps, None for the whole run. What was asked of other runs, which are
        over, is thrown away. Costs one look into an almost always empty folder."""
        return [task for run, task in self._requests() if run == self._run]

    def _requests(self) -> Iterator[tuple[str, str | None]]:
        with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
            names = [entry.name for _, entry in zip(range(_AT_ONCE), entries, strict=False)]
            for name in names:
                yield from self._take(self._folder / name)

    def _take(self, path: Path) -> Iterator[tuple[str, str | None]]:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                data = os.read(descriptor, _LARGEST)
            finally:
                os.close(descriptor)
            path.unlink()
            raw = json.loads(data)
            task = raw["task"]
            yield str(raw["run"]), None if task is None else str(task)
        except (OSError, ValueError, TypeError, KeyError):
            return
