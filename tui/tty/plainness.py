"""In ASCII mode the last gate but one: whatever of ours was painted becomes ASCII, cell by cell."""

from __future__ import annotations

import sys
import unicodedata

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("─━┄┅┈┉╌╍╴╶╸╺═╼╾▔‾―—–", "-"),
        **dict.fromkeys("│┃┆┇┊┋╎╏╵╷╹╻║╽╿", "|"),
        **dict.fromkeys("·•∙⋅┊", "|"),
        **dict.fromkeys("…⋯", "."),
        **dict.fromkeys("→▸▶»›▌▐", ">"),
        **dict.fromkeys("←◂◀«‹⟵", "<"),
        **dict.fromkeys("↑▴▲", "^"),
        **dict.fromkeys("↓▾▼", "v"),
        **{
            "⇄": "/",
            "±": "%",
            "×": "x",
            "✓": "+",
            "✗": "x",
            "∘": ".",
            "⋄": "o",
            "◌": "?",
            "⊘": "!",
            "⊝": "-",
        },
        **{"↺": "=", "∿": "_", "▁": "_", "─": "-", "█": "#", "━": "#", "≤": "<", "≥": ">", "µ": "u"},
        **dict.fromkeys("“”„", '"'),
        **dict.fromkeys("‘’", "'"),
        "🔎": ">>",
    }
)


def plain(text: str, *, strict: bool = False) -> str:
    """`text` in as many cells, its signs in ASCII. What is foreign stays, unless with `strict` the terminal could
    not take it."""
    if text.isascii():
        return text
    text = text.translate(_SIGNS)
    return text if text.isascii() else "".join(c if c.isascii() else _one(c, strict) for c in text)


def _one(character: str, strict: bool) -> str:
    code = ord(character)
    if 0x2500 <= code < 0x2580:
        return "+"
    if 0x2580 <= code < 0x25A0:
        return " "
    if 0x2800 <= code < 0x2900:
        return "*"
    if 0x2400 <= code < 0x2427:  # how a control character is shown
        return "?"
    if not strict:
        return character
    bare = unicodedata.normalize("NFKD", character)[:1]
    size = cell_len(character)
    return bare if bare.isascii() and size == 1 else "?" * size


def speaks_unicode() -> bool:
    """Whether the stream that is painted on can take any character."""
    encoding = sys.__stderr__.encoding if sys.__stderr__ is not None else "utf-8"
    return encoding.lower().replace("-", "").startswith("utf")


class Plainness(LineFilter):
    """Paints in ASCII. `strict` where the terminal's encoding has nothing else."""

    def __init__(self, *, strict: bool = False) -> None:
        super().__init__()
        self._strict = strict

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if all(segment.text.isascii() for segment in segments):
            return segments
        return [
            Segment(plain(text, strict=self._strict), style, control) for text, style, control in segments
        ]
