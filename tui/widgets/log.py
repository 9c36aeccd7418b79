"""The log: the attempt's own file, read as it grows, indexed sparsely; only the lines in view are decoded."""

from __future__ import annotations

import os
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from rich.cells import chop_cells
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ..paint.ink import Bit, Ink, Line
from ..paint.sanitize import last_state, split_colours, strip_sequences

BLOCK = 256
RING = 4000
MOST_CHARACTERS = 4096
MOST_WRAPPED = 2000
_CHUNK = 1 << 20
_FRAME = 1 / 20


class LogSource(Protocol):
    """Lines by number. `read_on` takes in what is new and says how many lines there are."""

    def read_on(self) -> int: ...
    def line(self, at: int) -> str: ...
    def close(self) -> None: ...


class FileLog:
    """The lines of a file that may still grow. Memory: eight bytes for every 256 lines, and a few blocks."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._starts = [0]
        self._lines = 0
        self._read = 0
        self._line_start = 0
        self._blocks: OrderedDict[int, list[str]] = OrderedDict()

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
        number = at // BLOCK
        block = self._blocks.get(number)
        if block is None:
            start = self._starts[number]
            end = self._starts[number + 1] if number + 1 < len(self._starts) else self._read
            text = os.pread(self._file.fileno(), min(end - start, 64 * _CHUNK), start).decode(
                "utf-8", "replace"
            )
            block = self._blocks[number] = text.split("\n")
            while len(self._blocks) > 16:
                self._blocks.popitem(last=False)
        inside = at - number * BLOCK
        return block[inside] if inside < len(block) else ""

    def close(self) -> None:
        self._file.close()


def _nth(chunk: bytes, count: int, at: int) -> int:
    """The place of the `count`th line end after `at`."""
    for _ in range(count):
        at = chunk.index(b"\n", at + 1)
    return at


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

    def close(self) -> None:
        self._ring.clear()


class LogView(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows one log. Follows its end until the user scrolls up; then says how many lines came since."""

    def __init__(self, ink: Callable[[], Ink], told: Callable[[], None], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ink = ink
        self._told = told
        self._source: LogSource | None = None
        self._about: object = None
        self._count = 0
        self._seen = 0
        self._wrapped: list[tuple[int, str]] | None = None
        self._due = False
        self.follow = True
        self.wrap = False
        self.empty = "nothing was printed"

    @property
    def missed(self) -> int:
        """Lines that came since following stopped."""
        return 0 if self.follow else self._count - self._seen

    @property
    def about(self) -> object:
        return self._about

    @property
    def count(self) -> int:
        return self._count

    def show(self, source: LogSource | None, about: object) -> None:
        """Shows another log (None: there is none), at its end."""
        if self._source is not None:
            self._source.close()
        self._source, self._about = source, about
        self.follow = True
        self._wrapped = None
        self.read_on()

    def feed(self) -> None:
        """The log grew: it is read on with the next frame."""
        if not self._due and self.is_attached:
            self._due = True
            self.set_timer(_FRAME, self.read_on)

    def read_on(self) -> None:
        self._due = False
        self._count = self._source.read_on() if self._source is not None else 0
        if self.follow:
            self._seen = self._count
        self._lay_out()
        if self.follow:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)
        self._told()
        self.refresh()

    def _lay_out(self) -> None:
        if self.wrap and self._source is not None:
            width = max(8, self.scrollable_content_region.width)
            first = max(0, self._count - MOST_WRAPPED)
            self._wrapped = [
                (at, part)
                for at in range(first, self._count)
                for part in chop_cells(strip_sequences(self._source.line(at))[:MOST_CHARACTERS], width)
                or [""]
            ]
            self.virtual_size = Size(width, len(self._wrapped))
        else:
            self._wrapped = None
            self.virtual_size = Size(self.size.width, self._count)

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()
        if self.follow:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and new_value < self.max_scroll_y:
            self._stop_following()
        elif new_value >= self.max_scroll_y and self.is_attached:
            self._follow_on()

    def _stop_following(self) -> None:
        if self.follow:
            self.follow, self._seen = False, self._count
            self._told()

    def _follow_on(self) -> None:
        if not self.follow:
            self.follow, self._seen = True, self._count
            self._told()

    # ---- painting --------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        at = y + self.scroll_offset.y
        ink = self._ink()
        if self._source is None or not self._count:
            text = self.empty if y == 0 else ""
            return ink.paint([Bit(text, "muted")], width, base)
        if self._wrapped is not None:
            text = self._wrapped[at][1] if at < len(self._wrapped) else ""
            return ink.paint([Bit(text, "text")], width, base)
        return ink.paint(self._bits(at) if at < self._count else (), width, base)

    def _bits(self, at: int) -> Line:
        assert self._source is not None
        line = last_state(self._source.line(at))[: 2 * MOST_CHARACTERS]
        return tuple(Bit(text, f"sgr {sgr}" if sgr else "text") for text, sgr in split_colours(line))

    # ---- keys ------------------------------------------------------------------------------------

    def toggle_follow(self) -> None:
        if self.follow:
            self._stop_following()
        else:
            self.move_bottom()

    def toggle_wrap(self) -> None:
        self.wrap = not self.wrap
        self._lay_out()
        self.refresh()

    def move(self, by: int) -> None:
        if by < 0:
            self._stop_following()
        self.scroll_relative(y=by, animate=False, force=True)

    def move_half(self, direction: int) -> None:
        self.move(direction * max(1, self.scrollable_content_region.height // 2))

    def move_top(self) -> None:
        self._stop_following()
        self.scroll_to(y=0, animate=False, force=True)

    def move_bottom(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        self._follow_on()

    def move_across(self, by: int) -> None:
        """A log has no sideways: `w` wraps it."""
