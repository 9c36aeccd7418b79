"""The log: lines of a file that may grow and be large; only those in view are read and decoded."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ...core.problems import number_of
from ..paint.ink import Bit, Ink, Line, chop, cut, line_width, pad
from ..paint.sanitize import last_state, split_colours, strip_sequences
from ..projection.finding import Search, cut_out
from .logfiles import LogSource

MOST_CHARACTERS = 8192
_FRAME = 1 / 20
_STEP = 16
"""Cells for the name of a step where several print."""


class LogView(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows one log. Follows its end until the user scrolls up; then says how many lines came since.

    A place is a line and, where lines wrap, one of its parts: the scroll bar goes by lines, so that nothing but what is
    in view is ever broken into parts.
    """

    def __init__(self, ink: Callable[[], Ink], told: Callable[[], None], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ink = ink
        self._told = told
        self._about: object = None
        self._seen = 0
        self._part = 0
        self._bottom = (0, 0)
        self._parts: dict[int, list[Line]] = {}
        self._is_going = self._due = False
        self.source: LogSource | None = None
        self.count = 0
        self.follow = True
        self.wrap = False
        self.timed = False
        self.search: Search | None = None
        self.hit: int | None = None
        self.marked_from: int | None = None
        self.empty = "nothing was printed"
        self.note = ""

    @property
    def missed(self) -> int:
        """Lines that came since following stopped."""
        return 0 if self.follow else self.count - self._seen

    @property
    def about(self) -> object:
        return self._about

    def words(self) -> str:
        """What its foot says: what is shown, what is sought, whether it follows."""
        missed = (
            f"{number_of(self.missed, 'more line')} came (F follows)" if self.missed else "not following (F)"
        )
        sought = (
            f"/{self.search.needle.text} {self.search.words(self.hit)}" if self.search is not None else ""
        )
        parts = (self.note, sought, "following" if self.follow else missed)
        return (" | " if self._ink().ascii_only else " · ").join(part for part in parts if part)

    def show(self, source: LogSource | None, about: object, note: str = "") -> None:
        """Shows another log (None: there is none), at its end."""
        if self.source is not None:
            self.source.close()
        self.source, self._about, self.note = source, about, note
        self.follow = True
        self.search = self.hit = self.marked_from = None
        self._part = 0
        self.read_on()

    def feed(self) -> None:
        """The log grew: it is read on with the next frame."""
        if not self._due and self.is_attached:
            self._due = True
            self.set_timer(_FRAME, self.read_on)

    def read_on(self) -> None:
        self._due = False
        self.count = self.source.read_on() if self.source is not None else 0
        if self.follow:
            self._seen = self.count
        self.renew()

    def renew(self) -> None:
        """What is shown has changed, or how."""
        self._parts.clear()
        self._lay_out()
        if self.follow:
            self._go(*self._bottom)
        self._told()
        self.refresh()

    def _lay_out(self) -> None:
        width, height = self._room()
        if self.wrap:
            self._bottom = self._up_from(self.count, 0, height)
        else:
            self._bottom = (max(0, self.count - height), 0)
        self.virtual_size = Size(width, self._bottom[0] + height if self.count else 0)

    def _room(self) -> tuple[int, int]:
        region = self.scrollable_content_region
        return max(8, region.width), max(1, region.height)

    def on_resize(self, event: events.Resize) -> None:
        self._parts.clear()
        self._lay_out()
        if self.follow:
            self._go(*self._bottom)

    # ---- places ----------------------------------------------------------------------------------

    @property
    def _top(self) -> tuple[int, int]:
        return int(self.scroll_offset.y), self._part

    def _go(self, line: int, part: int = 0) -> None:
        """Brings a place to the top."""
        self._is_going = True
        try:
            self._part = part
            self.scroll_to(y=line, animate=False, immediate=True, force=True)
        finally:
            self._is_going = False
        self.refresh()

    def _up_from(self, line: int, part: int, rows: int) -> tuple[int, int]:
        """The place that many rows above."""
        while rows > part and line > 0:
            rows -= part
            line -= 1
            part = len(self._parts_of(line))
        return line, max(0, part - rows)

    def _down_from(self, line: int, part: int, rows: int) -> tuple[int, int]:
        while rows > 0 and line < self.count:
            left = len(self._parts_of(line)) - part
            if rows < left:
                return line, part + rows
            rows, line, part = rows - left, line + 1, 0
        return line, part

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._is_going:
            return
        self._part = 0
        if new_value < old_value and new_value < self.max_scroll_y:
            self.stop_following()
        elif new_value >= self.max_scroll_y and self.is_attached:
            self._part = self._bottom[1]
            self._follow_on()

    def stop_following(self) -> None:
        if self.follow:
            self.follow, self._seen = False, self.count
            self._told()

    def _follow_on(self) -> None:
        if not self.follow:
            self.follow, self._seen = True, self.count
            self._told()

    def in_view(self) -> tuple[int, int]:
        """The lines that are shown: from the first to before the second."""
        first, part = self._top
        _, height = self._room()
        end = self._down_from(first, part, height) if self.wrap else (first + height, 0)
        return first, min(self.count, end[0] + (end[1] > 0))

    def go_to_line(self, line: int) -> None:
        """Brings a line in view, where it is not yet, with what is around it."""
        first, end = self.in_view()
        self.stop_following()
        if not first <= line < end:
            above = (
                self._up_from(line, 0, self._room()[1] // 3)
                if self.wrap
                else (line - self._room()[1] // 3, 0)
            )
            self._go(*min(max((0, 0), above), self._bottom))
        self._parts.clear()
        self._told()
        self.refresh()

    # ---- painting --------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        ink = self._ink()
        if self.source is None or not self.count:
            return ink.paint([Bit(self.empty if y == 0 else "", "muted")], width, base)
        line, part = self._top
        if self.wrap:
            line, part = self._down_from(line, part, y)
        else:
            line, part = line + y, 0
        if line >= self.count:
            return Strip.blank(width, base)
        first, last = self.marked
        if first <= line <= last or line == self.hit:
            base += ink.style("on-cursor" if line == self.hit else "on-cursor-far")
        parts = self._parts_of(line) if self.wrap else [self._bits(line)]
        return ink.paint(parts[min(part, len(parts) - 1)], width, base)

    def _parts_of(self, line: int) -> list[Line]:
        parts = self._parts.get(line)
        if parts is None:
            if len(self._parts) > 1000:
                self._parts.clear()
            before, width = self._before(line), self._room()[0]
            inset = line_width(before)
            if inset > width // 2:
                before, inset = (), 0
            broken = chop(self._printed(line), width - inset)
            rest: Line = (Bit(" " * inset),)
            parts = self._parts[line] = [(*(rest if n else before), *part) for n, part in enumerate(broken)]
        return parts

    def _bits(self, line: int) -> Line:
        return (*self._before(line), *self._printed(line))

    def _before(self, line: int) -> Line:
        """The time and the step, where they are shown."""
        assert self.source is not None
        bits = []
        if self.timed:
            ts = self.source.time(line)
            words = time.strftime("%H:%M:%S", time.localtime(ts)) if ts is not None else "--:--:--"
            bits.append(Bit(words + " ", "muted"))
        if step := self.source.step(line):
            bits.append(Bit(pad(cut(step, _STEP, self._ink().ascii_only), _STEP) + " ", "accent"))
        return tuple(bits)

    def _printed(self, line: int) -> Line:
        assert self.source is not None
        text = last_state(self.source.line(line))[:MOST_CHARACTERS]
        pieces = [(str(part), f"sgr {sgr}" if sgr else "text") for part, sgr in split_colours(text)]
        if self.search is not None:
            spans = self.search.needle.spans("".join(part for part, _ in pieces))
            if spans:
                pieces = cut_out(pieces, spans, "marked reverse")
        return tuple(Bit(part, style) for part, style in pieces)

    # ---- lines as text ---------------------------------------------------------------------------

    @property
    def marked(self) -> tuple[int, int]:
        """The first and the last line of the range that was begun; nothing (0, -1) where none was."""
        if self.marked_from is None:
            return 0, -1
        first, end = self.in_view()
        return (self.marked_from, end - 1) if first >= self.marked_from else (first, self.marked_from)

    def text(self, first: int, last: int) -> str:
        """Lines without any escape sequence."""
        if self.source is None:
            return ""
        steps = ((self.source.step(at), self.source.line(at)) for at in range(first, last + 1))
        return "\n".join((f"{step}: " if step else "") + strip_sequences(line) for step, line in steps)

    # ---- keys ------------------------------------------------------------------------------------

    def toggle_follow(self) -> None:
        if self.follow:
            self.stop_following()
        else:
            self.move_bottom()

    def toggle_wrap(self) -> None:
        self.wrap = not self.wrap
        self._part = 0
        self.renew()

    def move(self, by: int) -> None:
        if by < 0:
            self.stop_following()
        if self.wrap:
            step = self._down_from if by > 0 else self._up_from
            place = step(*self._top, abs(by))
        else:
            place = (self._top[0] + by, 0)
        place = min(max((0, 0), place), self._bottom)
        self._go(*place)
        if by > 0 and place >= self._bottom:
            self._follow_on()

    def move_half(self, direction: int) -> None:
        self.move(direction * max(1, self._room()[1] // 2))

    def move_top(self) -> None:
        self.stop_following()
        self._go(0)

    def move_bottom(self) -> None:
        self._go(*self._bottom)
        self._follow_on()

    def move_across(self, by: int) -> None:
        """A log has no sideways: `w` wraps it."""
