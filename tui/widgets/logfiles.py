"""Where the lines of a log come from: the attempt's own file, read as it grows and indexed sparsely; the files of a
whole run, merged by the times of their lines; what was told and is in no file."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from ...core.store.times import line_times

BLOCK = 256
RING = 4000
FILES = 256
"""Of a run at most so many logs are shown together: each is an open file."""
_CHUNK = 1 << 20
_OVERLONG = 1 << 16
"""Of a line that is longer, as a progress bar that rewrites itself for hours, only the end is read."""
_BLOCK_BYTES = 64 << 20


Log = tuple[str, Path, float]
"""The name of a step, a file of what it printed, when the step began (Unix time)."""


class Chunk(NamedTuple):
    """Whole lines from line `first`, and where to go on behind them: at line `line`, byte `offset`."""

    first: int
    text: str
    line: int
    offset: int
    done: float


class LogSource(Protocol):
    """Lines by number. `read_on` takes in what is new and says how many lines there are."""

    def read_on(self) -> int: ...
    def line(self, at: int) -> str: ...
    def time(self, at: int) -> float | None: ...
    def step(self, at: int) -> str: ...
    def chunks(self, line: int = 0, offset: int = 0) -> Iterator[Chunk]: ...
    def close(self) -> None: ...


class FileLog:
    """The lines of a file that may still grow. Memory: eight bytes for every 256 lines, and a few blocks. Raises
    OSError where the file cannot be opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb", buffering=0)
        self._starts = [0]
        self._lines = 0
        self._read = 0
        self._line_start = 0
        self._blocks: OrderedDict[int, list[str]] = OrderedDict()
        self._times: tuple[list[int], list[float]] = ([], [])
        self._timed = -1

    def read_on(self) -> int:
        self._blocks.pop(self._lines // BLOCK, None)
        while chunk := os.pread(self._file.fileno(), _CHUNK, self._read):
            self._index(chunk)
            self._read += len(chunk)
        return self._lines + (self._line_start < self._read)

    def _index(self, chunk: bytes) -> None:
        count = chunk.count(b"\n")
        if not count:
            return
        at = -1
        left = count
        while (to_next := BLOCK - self._lines % BLOCK) <= left:
            at = _nth(chunk, to_next, at)
            self._lines += to_next
            left -= to_next
            self._starts.append(self._read + at + 1)
        self._lines += left
        self._line_start = self._read + chunk.rfind(b"\n") + 1

    def line(self, at: int) -> str:
        if at >= self._lines:
            start = max(self._line_start, self._read - _OVERLONG) if at == self._lines else self._read
            return self._bytes(start, self._read).decode("utf-8", "replace")
        number = at // BLOCK
        block = self._blocks.get(number)
        if block is None:
            start = self._starts[number]
            end = self._starts[number + 1] if number + 1 < len(self._starts) else self._line_start
            raw = self._bytes(start, min(end, start + _BLOCK_BYTES)).split(b"\n")
            block = self._blocks[number] = [_bounded(one).decode("utf-8", "replace") for one in raw]
            while len(self._blocks) > 16:
                self._blocks.popitem(last=False)
        inside = at - number * BLOCK
        return block[inside] if inside < len(block) else ""

    def _bytes(self, start: int, end: int) -> bytes:
        return os.pread(self._file.fileno(), max(0, end - start), start)

    def time(self, at: int) -> float | None:
        """When the line was printed (Unix time), as far as it is known."""
        lines, times = self.times()
        place = bisect_right(lines, at) - 1
        return times[place] if place >= 0 else None

    def times(self) -> tuple[list[int], list[float]]:
        if self._timed != self._read:
            self._timed, self._times = self._read, line_times(self.path)
        return self._times

    def step(self, at: int) -> str:
        return ""

    def chunks(self, line: int = 0, offset: int = 0, end: int | None = None) -> Iterator[Chunk]:
        """What was read so far, from line `line` at byte `offset` on, to byte `end`. Another thread than the one that
        reads on may do this."""
        end = self._read if end is None else end
        while offset < end:
            data = self._bytes(offset, min(end, offset + _CHUNK))
            if not data:
                return
            whole = data.rfind(b"\n") + 1
            is_last = offset + len(data) >= end
            text = (data if is_last or not whole else data[:whole]).decode("utf-8", "replace")
            first = line
            line += data.count(b"\n")
            offset += whole or len(data)
            if is_last and whole < len(data):
                yield Chunk(first, text, line, offset if whole else offset - len(data), 1.0)
                return
            yield Chunk(first, text, line, offset, offset / end)

    def place_of(self, line: int) -> int:
        """The byte at which a line begins."""
        number = min(line // BLOCK, len(self._starts) - 1)
        start, left = self._starts[number], line - number * BLOCK
        end = self._starts[number + 1] if number + 1 < len(self._starts) else self._read
        while left > 0 and (data := self._bytes(start, min(end, start + _CHUNK))):
            count = data.count(b"\n")
            if count >= left:
                return start + _nth(data, left, -1) + 1
            left -= count
            start += len(data)
        return start

    def close(self) -> None:
        self._file.close()


def _nth(chunk: bytes, count: int, at: int) -> int:
    """The place of the `count`th line end after `at`."""
    for _ in range(count):
        at = chunk.index(b"\n", at + 1)
    return at


def _bounded(line: bytes) -> bytes:
    """A line, or of one that is too long its end if it rewrites itself, else its beginning."""
    if len(line) <= _OVERLONG:
        return line
    return line[-_OVERLONG:] if b"\r" in line[-_OVERLONG:-1] else line[:_OVERLONG]


class RingLog:
    """Lines that were told and are in no file: the last few thousand."""

    def __init__(self) -> None:
        self._ring: deque[str] = deque(maxlen=RING)

    def add(self, line: str) -> None:
        self._ring.append(line)

    def read_on(self) -> int:
        return len(self._ring)

    def line(self, at: int) -> str:
        return self._ring[at] if at < len(self._ring) else ""

    def time(self, at: int) -> float | None:
        return None

    def step(self, at: int) -> str:
        return ""

    def chunks(self, line: int = 0, offset: int = 0) -> Iterator[Chunk]:
        lines = list(self._ring)
        yield Chunk(line, "\n".join(lines[line:]), line, 0, 1.0)

    def close(self) -> None:
        self._ring.clear()


class _Stretch(NamedTuple):
    """Lines of one log that were printed in one go."""

    ts: float
    file: int
    first: int
    lines: int


class RunLog:
    """The logs of a run as one, in the order in which their lines came; of those without times each stands as a whole,
    where its step began. `logs` are names of steps, files and the times at which the steps began.

    Some thousand attempts are more than can be open at once: of those the last. What cannot be opened is left out.
    """

    def __init__(self, logs: Iterable[Log]) -> None:
        self._files: list[tuple[str, FileLog, float]] = []
        self._counts: list[int] = []
        self._stretches: list[_Stretch] = []
        self._firsts: list[int] = []
        self.join(list(logs)[-FILES:])

    def join(self, logs: Iterable[Log]) -> None:
        """Takes in logs that are not among them yet and are there by now."""
        known = {log.path for _, log, _ in self._files}
        files = list(self._files)
        for name, path, began in logs:
            if path in known or len(files) >= FILES:
                continue
            try:
                files.append((name, FileLog(path), began))
            except OSError:
                continue
        self._files = files

    def read_on(self) -> int:
        counts = [log.read_on() for _, log, _ in self._files]
        if counts != self._counts:
            self._counts = counts
            self._stretches = sorted(self._cut())
            self._firsts = []
            at = 0
            for one in self._stretches:
                self._firsts.append(at)
                at += one.lines
        return sum(counts)

    def _cut(self) -> Iterator[_Stretch]:
        for n, ((_, log, began), count) in enumerate(zip(self._files, self._counts, strict=False)):
            lines, times = log.times()
            starts = [line for line in lines if line < count]
            if not starts or starts[0]:
                yield _Stretch(began, n, 0, starts[0] if starts else count)
            for line, ts, end in zip(starts, times, [*starts[1:], count], strict=False):
                if end > line:
                    yield _Stretch(ts, n, line, end - line)

    def _at(self, at: int) -> tuple[_Stretch, int] | None:
        place = bisect_right(self._firsts, at) - 1
        if place < 0:
            return None
        one = self._stretches[place]
        return (one, one.first + at - self._firsts[place]) if at - self._firsts[place] < one.lines else None

    def line(self, at: int) -> str:
        found = self._at(at)
        return "" if found is None else self._files[found[0].file][1].line(found[1])

    def time(self, at: int) -> float | None:
        found = self._at(at)
        return found[0].ts if found is not None else None

    def step(self, at: int) -> str:
        found = self._at(at)
        return "" if found is None else self._files[found[0].file][0]

    def chunks(self, line: int = 0, offset: int = 0) -> Iterator[Chunk]:
        """Always from the beginning: what came since may stand anywhere."""
        at, total = 0, sum(self._counts)
        for one in self._stretches:
            log = self._files[one.file][1]
            yield from self._stretch(log, one, at, total)
            at += one.lines

    @staticmethod
    def _stretch(log: FileLog, one: _Stretch, at: int, total: int) -> Iterator[Chunk]:
        first, end = log.place_of(one.first), log.place_of(one.first + one.lines)
        for chunk in log.chunks(one.first, first, end):
            begins = at + chunk.first - one.first
            yield Chunk(begins, chunk.text, 0, 0, min(1.0, begins / max(1, total)))

    def close(self) -> None:
        for _, log, _ in self._files:
            log.close()


def told_lines(source: LogSource) -> Iterator[str]:
    """All lines of a log; those of a whole run with the name of their step."""
    for chunk in source.chunks():
        for n, line in enumerate(chunk.text.removesuffix("\n").split("\n")):
            step = source.step(chunk.first + n)
            yield f"{step}: {line}" if step else line
