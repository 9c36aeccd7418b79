"""The line in which a filter is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ..paint.ink import Bit, Ink, cut, cut_front, line_width
from ..paint.sanitize import clean


class FilterInput(Widget, can_focus=True, inherit_bindings=False):
    """Filters while it is typed. Enter keeps the filter, Escape takes it off."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "close", show=False),
        Binding("escape", "drop", show=False),
        Binding("backspace", "delete", show=False),
        Binding("ctrl+u", "empty", show=False),
        Binding("ctrl+w", "delete_word", show=False),
        Binding("down,tab", "close", show=False),
    ]

    class Typed(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Closed(Message):
        pass

    def __init__(self, ink: Callable[[], Ink], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ink = ink
        self._note = ""
        self.text = ""

    @property
    def note(self) -> str:
        """What is wrong with the text, shown beside it."""
        return self._note

    @note.setter
    def note(self, words: str) -> None:
        if words != self._note:
            self._note = words
            self.refresh()

    def open(self, text: str) -> None:
        self.text = text
        self.add_class("-open")
        self.focus()
        self.refresh()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        if event.character is not None and event.character.isprintable():
            event.stop()
            event.prevent_default()
            self._change(self.text + event.character)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self._change(self.text + clean(event.text.split("\n", 1)[0]))

    def _change(self, text: str) -> None:
        self.text = text
        self.refresh()
        self.post_message(self.Typed(text))

    def action_delete(self) -> None:
        self._change(self.text[:-1])

    def action_delete_word(self) -> None:
        self._change(self.text.rstrip().rpartition(" ")[0])

    def action_empty(self) -> None:
        self._change("")

    def action_close(self) -> None:
        self.remove_class("-open")
        self.post_message(self.Closed())

    def action_drop(self) -> None:
        self._change("")
        self.action_close()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        ink = self._ink()
        bits = [
            Bit("/", "accent bold"),
            Bit(cut_front(self.text, width - 2, ink.ascii_only), "text"),
            Bit(" ", "reverse"),
        ]
        if self.note:
            bits.append(Bit("  " + cut(self.note, width - line_width(bits) - 2, ink.ascii_only), "stale"))
        if not self.text:
            bits.append(Bit("  part of a name, !not, or a selection: state:stale  group:x  key+", "muted"))
        return ink.paint(bits, width, self.rich_style)
