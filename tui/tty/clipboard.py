"""Copies a text by the terminal's own means (OSC 52)."""

from __future__ import annotations

from typing import Protocol

from ..paint.sanitize import clean_lines

MOST_CHARACTERS = 100_000


class Terminal(Protocol):
    def copy_to_clipboard(self, text: str) -> None: ...


def copy(terminal: Terminal, text: str) -> str:
    """Sends `text` to the clipboard and says what was sent. Whether it arrived nobody can know."""
    sent = clean_lines(text)[:MOST_CHARACTERS]
    terminal.copy_to_clipboard(sent)
    return sent
