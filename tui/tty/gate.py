"""The last gate before the terminal: whatever a widget painted, nothing in it is obeyed."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from ..paint.sanitize import clean, has_hidden


class ControlGate(LineFilter):
    """Shows control characters in painted text and takes links off it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        changed: list[Segment] | None = None
        for index, (text, style, control) in enumerate(segments):
            is_clean = text.isascii() and text.isprintable()
            has_link = style is not None and style.link is not None
            if (is_clean or not has_hidden(text)) and not has_link:
                continue
            if changed is None:
                changed = list(segments)
            if style is not None and has_link:
                style = style.update_link(None)
            changed[index] = Segment(text if is_clean else _same_width(text), style, control)
        return segments if changed is None else changed


def _same_width(text: str) -> str:
    """Each hidden character becomes one cell, so that the layout of the line holds."""
    return "".join("\ufffd" if has_hidden(c) else c for c in text) if has_hidden(text) else clean(text)
