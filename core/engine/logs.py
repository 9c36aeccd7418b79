"""What one attempt prints: all of it to its log file, and as many lines as anyone can read to the events."""

from __future__ import annotations

import time
from pathlib import Path

from ..store.store import Store
from .lines import LineSplitter

LINES_A_SECOND = 500
"""More than this in one second is not told line by line; the log file has them."""


class Printed:
    """Bytes in, lines to tell out."""

    def __init__(self, store: Store, run: str, task: str, number: int) -> None:
        self._log = store.logs.attempt(run, task, number)
        self._path = store.logs.path(run, task, number)
        self._lines = LineSplitter()
        self._second = 0
        self._told = 0
        self._held = 0
        self.file: str | None = None

    @property
    def path(self) -> Path | None:
        """Where the log is, once there is something in it."""
        return self._path if self._path.exists() else None

    def write(self, data: bytes) -> list[str]:
        """Keeps `data`, returns the lines to tell."""
        self._log.write(data)
        return self._few(self._lines.feed(data))

    def close(self) -> list[str]:
        """Ends the log; returns the last lines to tell."""
        lines = self._few(self._lines.end())
        self.file = self._log.close()
        return lines + self._held_back()

    def _held_back(self) -> list[str]:
        held, self._held = self._held, 0
        return [f"… {held:,} more lines are in the log"] if held else []

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
