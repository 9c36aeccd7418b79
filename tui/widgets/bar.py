"""A single painted line: the status on top, the keys below."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ..paint.ink import Ink, Line


class Bar(Widget):
    """Paints what `line` gives for its width. `refresh` it when that changed."""

    DEFAULT_CSS = "Bar { height: 1; }"

    class Clicked(Message):
        """Cell `at` of `bar` was clicked."""

        def __init__(self, bar: Bar, at: int) -> None:
            super().__init__()
            self.bar = bar
            self.at = at

    def __init__(self, line: Callable[[int], Line], ink: Callable[[], Ink], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._line = line
        self._ink = ink

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        return self._ink().paint(self._line(width), width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        self.post_message(self.Clicked(self, event.x))
