"""When the lines of a log were printed: a few pairs of line and time beside the log, bounded however long it runs.

A pair says that the lines from that number on came at that time or later. Two are at least a twentieth of a second
apart, and a thousandth of the time that the attempt has run so far: one of a month leaves 200 KB.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from pathlib import Path

from .disk import FILE_MODE

CLOSEST = 0.05
"""Seconds between two pairs at least."""
_SHARE = 1000
_PAIR = struct.Struct("<Qd")
_MOST = 1 << 20


def times_path(log: Path) -> Path:
    """Where the times of a log are."""
    return log.with_suffix(".times")


class LineTimes:
    """Notes when lines come. A time that cannot be written is left out, and those after it: the log is worth more."""

    def __init__(self, log: Path) -> None:
        self._path = times_path(log)
        self._lines = 0
        self._pairs: list[tuple[int, float]] = []
        self._is_lost = False

    def note(self, data: bytes | memoryview, now: float) -> None:
        """`data` is printed at `now` (Unix time)."""
        pairs = self._pairs
        if not pairs or now - pairs[-1][1] >= max(CLOSEST, (now - pairs[0][1]) / _SHARE):
            pairs.append((self._lines, now))
            self._write(pairs[-1:], os.O_APPEND if len(pairs) > 1 else os.O_TRUNC)
        self._lines += bytes(data).count(b"\n")

    def shortened(self, head: int, tail: int) -> None:
        """Of the log only its beginning with `head` line ends and its end with `tail` are left."""
        first, moved = self._lines - tail, head + 2
        last = [ts for line, ts in self._pairs if line <= first][-1:]
        self._pairs = [
            *((line, ts) for line, ts in self._pairs if line <= head),
            *((moved, ts) for ts in last),
            *((line - first + moved, ts) for line, ts in self._pairs if line > first),
        ]
        self._write(self._pairs, os.O_TRUNC)

    def _write(self, pairs: Sequence[tuple[int, float]], how: int) -> None:
        if self._is_lost:
            return
        data = b"".join(_PAIR.pack(*pair) for pair in pairs)
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, FILE_MODE)
            try:
                self._is_lost = os.write(file, data) < len(data)
            finally:
                os.close(file)
        except OSError:
            self._is_lost = True


def line_times(log: Path) -> tuple[list[int], list[float]]:
    """The lines and times that were noted of a log, in order; nothing of one without times. Blocking."""
    try:
        with times_path(log).open("rb") as file:
            data = file.read(_MOST)
    except OSError:
        return [], []
    pairs = sorted(_PAIR.iter_unpack(data[: len(data) - len(data) % _PAIR.size]))
    sane = [(line, ts) for line, ts in pairs if 0 < ts < 1 << 36]
    return [line for line, _ in sane], [ts for _, ts in sane]
