"""What attempts printed: one file each, capped, made only when there is something to say."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .crash import crash_point
from .disk import FILE_MODE, private_folder

if TYPE_CHECKING:
    from .times import LineTimes

HEAD = 8 << 20
TAIL = 8 << 20
_PLAIN = re.compile(r"[a-z0-9_][a-z0-9_-]{0,99}")
_COPY = 1 << 20


def safe_name(name: str) -> str:
    """A file name for any text: different for different texts, also where case does not count; at most 133
    bytes of plain ASCII, never a path. Short plain names stay as they are."""
    if _PLAIN.fullmatch(name):
        return name
    slug = re.sub(r"[^a-z0-9_-]+", "-", name[:80].lower())
    return f"{slug}~{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:48]}"


class LogStore:
    """The folder `logs/` of a store: `logs/<run>/<task>.<attempt>.log`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, run: str, task: str, number: int) -> Path:
        """Where the first log of that attempt is, whether it is there or not."""
        return self._folder / "logs" / safe_name(run) / f"{safe_name(task)}.{number}.log"

    def name(self, path: Path) -> str:
        """What `Attempt.log` says for a log file: its path relative to the store."""
        return path.relative_to(self._folder).as_posix()

    def find(self, log: str) -> Path | None:
        """The file that `Attempt.log` names, or None if it is not there or no log of this store."""
        path = (self._folder / log).resolve()
        return path if path.is_relative_to((self._folder / "logs").resolve()) and path.is_file() else None

    def attempt(self, run: str, task: str, number: int, *, head: int = HEAD, tail: int = TAIL) -> AttemptLog:
        """A new log. Its file appears with the first output; an older one of the same name is left alone."""
        return AttemptLog(self._folder, self.path(run, task, number), head, tail)


class AttemptLog:
    """Takes the raw bytes of one attempt. Keeps the first `head` and the last `tail` bytes of them.

    Never raises for a disk that is full or gone: what could not be written is counted and told at the end.
    """

    def __init__(self, store: Path, path: Path, head: int, tail: int) -> None:
        self._store = store
        self._path = path
        self._head = head
        self._tail = tail
        self._file: int | None = None
        self._ring: int | None = None
        self._in_head = 0
        self._head_lines = 0
        self._after = 0
        self._times: LineTimes | None = None
        self.truncated = False
        """Whether bytes were lost to a full or failing disk."""

    def write(self, data: bytes) -> None:
        """Appends `data`."""
        if not data or self.truncated:
            return
        try:
            self._write(memoryview(data))
        except OSError:
            self.truncated = True

    def _write(self, data: memoryview) -> None:
        if self._file is None:
            from .times import LineTimes  # most commands print nothing: they need not read this

            self._file = self._open()
            self._times = LineTimes(self._path)
        if self._times is not None:
            self._times.note(data, time.time())
        if (room := self._head - self._in_head) > 0:
            head, data = data[:room], data[room:]
            self._in_head += _write_all(self._file, head)
            self._head_lines += bytes(head).count(b"\n")
        if data:
            self._write_ring(data)

    def _open(self) -> int:
        private_folder(self._path.parent.parent)
        private_folder(self._path.parent)
        stem = self._path.name.removesuffix(".log")
        again = 1
        while True:
            try:
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                return os.open(self._path, flags, FILE_MODE)
            except FileExistsError:
                again += 1
                self._path = self._path.with_name(f"{stem}.again{again}.log")

    def _write_ring(self, data: memoryview) -> None:
        if self._ring is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            self._ring = os.open(self._ring_path, flags, FILE_MODE)
        if len(data) > self._tail:
            self._after += len(data) - self._tail
            data = data[-self._tail :]
        while data:
            at = self._after % self._tail
            written = os.pwrite(self._ring, data[: self._tail - at], at)
            self._after += written
            data = data[written:]

    @property
    def _ring_path(self) -> Path:
        return self._path.with_suffix(".tail")

    def close(self) -> str | None:
        """Ends the log; returns its path relative to the store, None if nothing was printed."""
        if self._file is None:
            return None
        try:
            if self._ring is not None:
                self._append_tail(self._file, self._ring)
            if self.truncated:
                _write_all(self._file, memoryview(b"\n[log truncated: the disk is full or failed]\n"))
        except OSError:
            self.truncated = True
        finally:
            self._close_files()
        crash_point("log.closed")
        return self._path.relative_to(self._store).as_posix()

    def _close_files(self) -> None:
        for descriptor in (self._file, self._ring):
            if descriptor is not None:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        if self._ring is not None:
            self._ring_path.unlink(missing_ok=True)
        self._file = self._ring = None

    def _append_tail(self, file: int, ring: int) -> None:
        crash_point("log.before_tail")
        kept = min(self._after, self._tail)
        left_out = self._after - kept
        if left_out:
            skipped = self._to_line_start(ring, kept)
            kept -= skipped
            left_out += skipped
            _write_all(file, memoryview(f"\n[{left_out} bytes left out]\n".encode()))
        at, lines = self._after - kept, 0
        while at < self._after:
            offset = at % self._tail
            chunk = os.pread(ring, min(_COPY, self._tail - offset, self._after - at), offset)
            if not chunk:
                break
            at += _write_all(file, memoryview(chunk))
            lines += chunk.count(b"\n")
        if left_out and self._times is not None:
            self._times.shortened(self._head_lines, lines)
        crash_point("log.tail_written")

    def _to_line_start(self, ring: int, kept: int) -> int:
        offset = (self._after - kept) % self._tail
        first = os.pread(ring, min(1 << 16, self._tail - offset), offset)
        return first.find(b"\n") + 1


def _write_all(descriptor: int, data: memoryview) -> int:
    total = 0
    while total < len(data):
        total += os.write(descriptor, data[total:])
    return total


class LogReader:
    """Lines of a log that may be large and may be growing. Keeps an offset for every `STRIDE` lines, no text.

    Lines come decoded (bytes that are no UTF-8 as U+FFFD), without their end, cut at `WIDEST` bytes.
    Raises OSError if the file cannot be read.
    """

    STRIDE = 256
    WIDEST = 16 << 10
    _BLOCK = 1 << 18

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offsets = [0]
        self._complete = 0
        self._scanned = 0
        self._line_start = 0

    @property
    def lines(self) -> int:
        """The number of lines seen at the last `refresh`, counting an unfinished last one."""
        return self._complete + (1 if self._scanned > self._line_start else 0)

    def refresh(self) -> int:
        """Looks at what was added since the last time; returns the number of lines."""
        with self._path.open("rb") as file:
            if file.seek(0, os.SEEK_END) < self._scanned:
                self.__init__(self._path)  # type: ignore[misc]
            file.seek(self._scanned)
            while block := file.read(self._BLOCK):
                self._index(block)
        return self.lines

    def _index(self, block: bytes) -> None:
        at = block.find(b"\n")
        while at >= 0:
            self._complete += 1
            self._line_start = self._scanned + at + 1
            if self._complete % self.STRIDE == 0:
                self._offsets.append(self._line_start)
            at = block.find(b"\n", at + 1)
        self._scanned += len(block)

    def window(self, first: int, count: int) -> list[str]:
        """Up to `count` lines from line `first` (from 0) of those seen at the last `refresh`."""
        first, end = max(first, 0), min(first + count, self.lines)
        if first >= end:
            return []
        with self._path.open("rb") as file:
            file.seek(self._offsets[first // self.STRIDE])
            for _ in range(first % self.STRIDE):
                self._next(file)
            return [self._next(file) for _ in range(end - first)]

    def _next(self, file: BinaryIO) -> str:
        line = file.readline(self.WIDEST)
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(self._BLOCK)
        return line.rstrip(b"\r\n").decode("utf-8", "replace")

    def tail(self, count: int) -> list[str]:
        """The last `count` lines. Reads from the end, at most 4 MiB, so that a huge log costs nothing."""
        with self._path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            data = b""
            at = end
            while at > 0 and data.count(b"\n") <= count and len(data) < 4 << 20:
                size = min(self._BLOCK, at)
                at -= size
                file.seek(at)
                data = file.read(size) + data
        lines = data.removesuffix(b"\n").split(b"\n") if data else []
        return [line[: self.WIDEST].rstrip(b"\r").decode("utf-8", "replace") for line in lines[-count:]]
