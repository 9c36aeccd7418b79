"""A page of lines some of which can be opened: a cursor goes from one of these to the next."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence

from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from ..paint.ink import Bit, Ink, Line, line_width
from .sheet import Sheet, break_line


class Roll(Sheet):
    """Shows lines; `targets` says what those at some places lead to. Without any it scrolls as a sheet does."""

    class Chosen(Message):
        """The line under the cursor was clicked."""

    def __init__(self, ink: Callable[[], Ink], *, wrap: bool = False, id: str | None = None) -> None:
        super().__init__(ink, wrap=wrap, id=id)
        self._targets: Mapping[int, str] = {}
        self._at = 0
        self._begins: list[int] = []

    @property
    def target(self) -> str | None:
        """What the line under the cursor leads to."""
        return self._targets.get(self._at)

    def show_roll(self, lines: Sequence[Line], targets: Mapping[int, str], about: object) -> None:
        """Replaces the lines. The cursor stays on what it is on while it is looked at and they are about the same."""
        was, is_other = self.target, about != self._about or not self.has_focus
        self._targets = targets
        same = [] if is_other else [at for at, target in targets.items() if target == was]
        self._at = min(same, key=lambda at: abs(at - self._at)) if same else min(targets, default=0)
        self.show(lines, about)
        self.refresh()

    def recall(self, target: str) -> None:
        """The cursor goes to the line that leads to `target`, if there is one."""
        at = next((at for at, one in self._targets.items() if one == target), None)
        if at is not None:
            self._go(at)

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        self._broken, self._begins = [], []
        for line in self._lines:
            self._begins.append(len(self._broken))
            self._broken += break_line(line, max(1, width - 1)) if self._wraps else (line,)
        widest = 0 if self._wraps else max(map(line_width, self._broken), default=0)
        self.virtual_size = Size(max(width, widest + 1), len(self._broken))

    def render_line(self, y: int) -> Strip:
        at = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        base = self.rich_style
        if at >= len(self._broken):
            return Strip.blank(width, base)
        ink = self._ink()
        is_cursor = bool(self._targets) and bisect_right(self._begins, at) - 1 == self._at
        sign = (">" if ink.ascii_only else "▌") if is_cursor else " "
        if is_cursor:
            base += ink.style("on-cursor" if self.has_focus else "on-cursor-far")
        left = self.scroll_offset.x
        line = (Bit(sign, "accent"), *self._broken[at])
        return ink.paint(line, max(width + left, self.virtual_size.width), base).crop(left, left + width)

    # ---- keys ------------------------------------------------------------------------------------

    def move(self, by: int) -> None:
        places = sorted(self._targets)
        if not places:
            super().move(by)
            return
        now = places.index(self._at)
        self._go(places[max(0, min(len(places) - 1, now + by))])

    def move_top(self) -> None:
        if self._targets:
            self._go(min(self._targets))
        super().move_top()

    def move_bottom(self) -> None:
        if self._targets:
            self._go(max(self._targets))
        super().move_bottom()

    def _go(self, at: int) -> None:
        """Puts the cursor there, and what is before the first or behind the last in view too."""
        self._at = at
        begin, end = self._begins[at], self._end_of(at)
        low = 0 if at == min(self._targets) else begin
        high = len(self._broken) if at == max(self._targets) else end
        for region in (
            Region(self.scroll_offset.x, low, 1, high - low),
            Region(self.scroll_offset.x, begin, 1, end - begin),
        ):
            self.scroll_to_region(region, animate=False, immediate=True, force=True)
        self.refresh()

    def _end_of(self, at: int) -> int:
        return self._begins[at + 1] if at + 1 < len(self._begins) else len(self._broken)

    def on_click(self, event: object) -> None:
        at = bisect_right(self._begins, getattr(event, "y", 0) + self.scroll_offset.y - self.gutter.top) - 1
        if at in self._targets:
            is_again = at == self._at
            self._go(at)
            if is_again:
                self.post_message(self.Chosen())
