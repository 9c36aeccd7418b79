"""The line in which a filter is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ..paint.ink import Bit, Ink, cut, cut_front, line_width
from ..paint.sanitize import clean

HINT = "part of a name, !not, or a selection: state:stale  group:x  key+"


class FilterInput(Widget, can_focus=True, inherit_bindings=False):
    """Filters while it is typed. Enter keeps the filter, Escape takes it off, tab goes through what could stand in the
    place of the last word: `complete` gives the whole texts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "close", show=False),
        Binding("escape", "drop", show=False),
        Binding("backspace", "delete", show=False),
        Binding("ctrl+u", "empty", show=False),
        Binding("ctrl+w", "delete_word", show=False),
        Binding("tab", "complete(1)", show=False),
        Binding("shift+tab", "complete(-1)", show=False),
        Binding("down", "close", show=False),
    ]

    class Typed(Message):
        """Sent by the line `of`."""

        def __init__(self, of: FilterInput, text: str) -> None:
            super().__init__()
            self.of = of
            self.text = text

    class Closed(Message):
        def __init__(self, of: FilterInput) -> None:
            super().__init__()
            self.of = of

    def __init__(
        self, ink: Callable[[], Ink], complete: Callable[[str], Sequence[str]] | None, hint: str = HINT, *,
        id: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(id=id)
        self._ink = ink
        self._complete = complete
        self._hint = hint
        self._choices: Sequence[str] = ()
        self._chosen = -1
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
        self._offer()
        self.add_class("-open")
        self.screen.set_focus(self, scroll_visible=False)  # at once: the next key may be here already
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
        self._offer()
        self.refresh()
        self.post_message(self.Typed(self, text))

    def _offer(self) -> None:
        self._choices, self._chosen = (
            self._complete(self.text) if self.text and self._complete is not None else (),
            -1,
        )

    def action_complete(self, by: int) -> None:
        if not self._choices:
            return
        first = 0 if by > 0 else -1
        self._chosen = (first if self._chosen < 0 else self._chosen + by) % len(self._choices)
        self.text = self._choices[self._chosen]
        self.refresh()
        self.post_message(self.Typed(self, self.text))

    def action_delete(self) -> None:
        self._change(self.text[:-1])

    def action_delete_word(self) -> None:
        self._change(self.text.rstrip().rpartition(" ")[0])

    def action_empty(self) -> None:
        self._change("")

    def action_close(self) -> None:
        self.remove_class("-open")
        self.post_message(self.Closed(self))

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
        room = width - line_width(bits)
        if not self.text:
            bits.append(Bit(f"  {self._hint}", "muted"))
        elif offered := self._offered(room):
            bits += offered
        elif self.note:
            bits.append(Bit("  " + cut(self.note, room - 2, ink.ascii_only), "stale"))
        return ink.paint(bits, width, self.rich_style)

    def _offered(self, room: int) -> list[Bit]:
        """What tab would give, as far as there is room: from the one that is chosen on."""
        if not self._choices:
            return []
        bits = [Bit("  tab ", "key")]
        first = max(0, self._chosen)
        for at in range(first, len(self._choices)):
            word = self._choices[at].rpartition(" ")[2]
            if line_width(bits) + len(word) + 2 > room:
                break
            bits.append(Bit(word + "  ", "accent" if at == self._chosen else "muted"))
        return bits if len(bits) > 1 else []
