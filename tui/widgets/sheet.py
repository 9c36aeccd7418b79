"""A page of lines that can be scrolled: what most panes are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ..paint.ink import Bit, Ink, Line, line_width

_BELOW = 4
"""Cells by which what has no room beside its label is set in below it."""


class Sheet(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows lines as they are, or (`wrap`) broken at the edge. Holds its place while its text is the same thing."""

    def __init__(self, ink: Callable[[], Ink], *, wrap: bool = True, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ink = ink
        self._wraps = wrap
        self._lines: tuple[Line, ...] = ()
        self._broken: list[Line] = []
        self._still = 0
        self._fixed = 0
        self._about: object = None

    @property
    def text(self) -> str:
        return "\n".join("".join(bit.text for bit in line) for line in self._lines)

    def show(self, lines: Sequence[Line], about: object = None, *, still: int = 0) -> None:
        """Replaces the text. Where it is about something else than before, it starts at the top. The first `still`
        lines stay where they are when it scrolls, the very first sideways too."""
        if (tuple(lines), about, still) == (self._lines, self._about, self._still):
            return
        self._lines, self._still, self._fixed = tuple(lines), still, min(still, 1)
        self._lay_out()
        if about != self._about:
            self._about = about
            self.scroll_to(0, 0, animate=False, immediate=True, force=True)
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        width = max(1, self.scrollable_content_region.width)
        if self._wraps:
            self._broken = [part for line in self._lines for part in break_line(line, width)]
            self.virtual_size = Size(width, len(self._broken))
        else:
            self._broken = list(self._lines)
            widest = max((line_width(line) for line in self._lines), default=0)
            self.virtual_size = Size(max(width, widest), len(self._broken))

    def render_line(self, y: int) -> Strip:
        left, top = self.scroll_offset
        width = self.scrollable_content_region.width
        base = self.rich_style
        at = y if y < self._still else y + top
        line = self._line(at)
        if line is None:
            return Strip.blank(width, base)
        if at < self._fixed:
            left = 0
        whole = max(width + left, line_width(line))
        return self._cut(self._ink().paint(line, whole, base), left, width)

    def _cut(self, whole: Strip, left: int, width: int) -> Strip:
        """The part of a line that is in sight, with a sign at each end where there is more of it."""
        shown = whole.crop(left, left + width)
        before, behind = whole.crop(0, left + 1).text, whole.crop(left + width - 1).text
        if left and before.strip():
            shown = Strip.join([self._more("‹"), shown.crop(1)])
        if len(behind) > 1 and behind[1:].strip():
            shown = Strip.join([shown.crop(0, width - 1), self._more("›")])
        return shown

    def _more(self, sign: str) -> Strip:
        return self._ink().paint((Bit(sign, "muted"),), 1, self.rich_style)

    def _line(self, at: int) -> Line | None:
        """What stands at a place, None behind the end."""
        return self._broken[at] if at < len(self._broken) else None

    # ---- keys ------------------------------------------------------------------------------------

    def move(self, by: int) -> None:
        self.scroll_relative(y=by, animate=False, force=True)

    def move_half(self, direction: int) -> None:
        self.move(direction * max(1, self.scrollable_content_region.height // 2))

    def move_top(self) -> None:
        self.scroll_to(y=0, animate=False, force=True)

    def move_bottom(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def move_across(self, by: int) -> None:
        self.scroll_relative(x=by * 8, animate=False, force=True)


def break_line(line: Line, width: int) -> list[Line]:
    """`line` in parts of at most `width` cells, each following part set in."""
    if line_width(line) <= width:
        return [line]
    indent = _indent(line, width)
    if line[0].text.isspace():
        line = (Bit(" " * indent), *line[1:])
    parts: list[Line] = []
    now: list[Bit] = []
    room = width
    for bit in line:
        for word in _words(bit.text):
            size = line_width([Bit(word)])
            if size > room and now and room < width - indent:
                parts.append(tuple(now))
                now, room = [Bit(" " * indent)], width - indent
                word = word.lstrip(" ")
            while line_width([Bit(word)]) > room:
                taken = word[: max(1, room)]
                while len(taken) > 1 and line_width([Bit(taken)]) > room:
                    taken = taken[:-1]
                parts.append((*now, Bit(taken, bit.style)))
                word = word[len(taken) :]
                now, room = [Bit(" " * indent)], width - indent
            now.append(Bit(word, bit.style))
            room -= line_width([Bit(word)])
    parts.append(tuple(now))
    return parts


def _indent(line: Line, width: int) -> int:
    """How far what wraps is set in: under a label's column (a first bit that ends in a space), else the line's own.
    Where a word has no room beside a wide label, what is labelled stands below it."""
    first = line[0].text
    if not first.endswith(" "):
        return min(len(first) - len(first.lstrip(" ")), width // 2)
    label = line_width(line[:1])
    longest = max(
        (line_width([Bit(word.strip())]) for bit in line[1:] for word in _words(bit.text)), default=0
    )
    is_narrow = label > width // 3 and longest > width - label
    return min(_BELOW if is_narrow else label, width // 2)


def _words(text: str) -> list[str]:
    """`text` cut before each run of spaces."""
    words: list[str] = []
    start = 0
    for at in range(1, len(text)):
        if text[at] == " " and text[at - 1] != " ":
            words.append(text[start:at])
            start = at
    words.append(text[start:])
    return words
