"""What one attempt prints: all of it to its log file, and as many lines as anyone can read to the events."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..problems import number_of
from ..secrets import Secrets
from ..store.store import Store
from .lines import LineSplitter

if TYPE_CHECKING:
    from ..store.logs import AttemptLog

LINES_A_SECOND = 500
"""More than this in one second is not told line by line; the log file has them."""

CUT_OFF = "… the log is cut off: its disk is full or failed"


class Printed:
    """Bytes in, lines to tell out, both without `secrets`. Costs nothing until the first byte: most attempts
    print none."""

    def __init__(self, store: Store, secrets: Secrets, run: str, task: str, number: int) -> None:
        self._store = store
        self._clean = secrets.stream()
        self._place = (run, task, number)
        self._log: AttemptLog | None = None
        self._lines = LineSplitter()
        self._second = 0
        self._told = 0
        self._held = 0
        self.file: str | None = None

    @property
    def path(self) -> Path | None:
        """Where the log is, once there is something in it."""
        return None if self._log is None else self._store.logs.path(*self._place)

    def write(self, data: bytes) -> list[str]:
        """Keeps `data`, returns the lines to tell."""
        return self._keep(self._clean.feed(data))

    def _keep(self, data: bytes) -> list[str]:
        if not data:
            return []
        if self._log is None:
            self._log = self._store.logs.attempt(*self._place)
        self._log.write(data)
        return self._few(self._lines.feed(data))

    def close(self) -> list[str]:
        """Ends the log; returns the last lines to tell."""
        last = self._keep(self._clean.end())
        if self._log is None:
            return []
        lines = last + self._few(self._lines.end())
        self.file = self._log.close()
        lines += self._held_back()
        return [*lines, CUT_OFF] if self._log.truncated else lines

    def _held_back(self) -> list[str]:
        held, self._held = self._held, 0
        return [f"… {number_of(held, 'more line')} in the log"] if held else []

    def _few(self, lines: list[str]) -> list[str]:
        if not lines:
            return lines
        second = int(time.monotonic())
        head: list[str] = []
        if second != self._second:
            self._second, self._told = second, 0
            head = self._held_back()
        room = max(0, LINES_A_SECOND - self._told)
        self._told += min(room, len(lines))
        self._held += max(0, len(lines) - room)
        return head + lines[:room]
