"""The line above the keys in which the screen says what it did, or why it did not."""

from __future__ import annotations

from collections.abc import Callable

from textual.timer import Timer

from ..paint.ink import Bit, Ink, Line, cut
from .bar import Bar

SAID_FOR = 8.0
"""Seconds that a message stays; a key takes it away before."""
WARNED_FOR = 60.0
"""Seconds that an error stays; Escape takes it away before, a key does not."""
_WARNINGS = ("failed", "stale")


class Says(Bar):
    """Shows one message, for a while, and no line when there is none. Nothing under it moves."""

    def __init__(self, ink: Callable[[], Ink], *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(self._line_of, ink, id=id)
        self._ascii_only = ascii_only
        self._style = ""
        self._ends: Timer | None = None
        self.words = ""

    def _line_of(self, width: int) -> Line:
        return (Bit(" "), Bit(cut(self.words, width - 2, self._ascii_only), self._style))

    def say(self, words: str, style: str) -> None:
        """Says `words`; nothing takes the line away."""
        self.words, self._style = words.replace("\n", " "), style
        if self._ends is not None:
            self._ends.stop()
            self._ends = None
        self.set_class(bool(words), "-said")
        self.refresh()
        if words:
            stays = WARNED_FOR if style in _WARNINGS else SAID_FOR
            self._ends = self.set_timer(stays, self.say_no_more)

    def say_no_more(self, *, warnings: bool = True) -> None:
        """Takes the message away; one that warns only with `warnings`."""
        if self.words and (warnings or self._style not in _WARNINGS):
            self.say("", "")
