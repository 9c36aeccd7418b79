"""How the commands print: data on stdout, talk on stderr, foreign text always sanitised."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

from ...core.model import Json, Reason, State
from ..paint.sanitize import clean_lines, last_state, one_line
from ..projection.states import LOOKS, glyph
from .streams import tell, write

_COLOURS = {
    "fresh": 32,
    "stale": 33,
    "running": 36,
    "failed": 91,
    "blocked": 31,
    "cancelled": 2,
}
"""The colours of those styles that are not as text is."""

_COLOUR = re.compile(r"\x1b\[\d*m")
"""What `mark` adds; foreign text cannot hold it."""


_SPOKEN = {
    " → ": " to ",
    " ← ": " from ",
    " ⟵ ": " from ",
    " · ": ", ",
    "…": "...",
    "×": "by",
    "±": "changed",
}


class _Manner:
    """How this process talks: with signs, or (`spoken`) in words alone."""

    spoken = False


_SHORT = 40
"""Characters of what was and what is that have room beside a reason."""


def speak_plainly() -> None:
    """From now on: no colour, no sign, no columns, for who listens."""
    _Manner.spoken = True


def spoken() -> bool:
    return _Manner.spoken


def _in_words(line: str) -> str:
    if _Manner.spoken and not line.isascii():
        for sign, word in _SPOKEN.items():
            line = line.replace(sign, word)
    return line


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")


def has_colour() -> bool:
    """Colour only on a terminal that wants it (NO_COLOR, FORCE_COLOR, TERM=dumb)."""
    if _Manner.spoken or os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def mark(state: State) -> str:
    """The glyph of a state, coloured where that is wanted."""
    if _Manner.spoken:
        return ""
    sign = glyph(state, ascii_only=not _speaks_unicode())
    colour = _COLOURS.get(LOOKS[state].style)
    return f"\x1b[{colour}m{sign}\x1b[0m" if colour and has_colour() else sign


def print_json(document: Json) -> None:
    """One document; control and bidi characters leave as escapes."""
    write(json.dumps(document, ensure_ascii=True) + "\n")


def print_line(line: str = "") -> None:
    """A line of our own making (foreign parts are cleaned before they go in)."""
    encoding = sys.stdout.encoding or "utf-8"
    if _Manner.spoken:
        body = line.lstrip(" ")  # a single space stands where a sign would
        line = _in_words(
            line if line.startswith("  ") else re.sub("(?<=[^: ]) {2,}", ", ", re.sub(": +", ": ", body))
        )
    write(line.encode(encoding, "replace").decode(encoding) + "\n")


def print_text(text: str) -> None:
    """Foreign text of many whole lines, sanitised and written at once."""
    if "\r" in text:
        text = "\n".join(map(last_state, text.split("\n")))
    encoding = sys.stdout.encoding or "utf-8"
    write(clean_lines(text).encode(encoding, "replace").decode(encoding))


def moment(ts: float) -> str:
    """A date and time of day in the user's own zone."""
    return datetime.fromtimestamp(ts).astimezone().isoformat(" ", "seconds")


def size_in_words(size: int) -> str:
    value, units = float(size), ["B", "KiB", "MiB", "GiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def talk(line: str, quiet: bool = False) -> None:
    """A word to the user, beside the data."""
    if not quiet:
        tell(clean_lines(_in_words(line)))


def reasons_as_json(reasons: Iterable[Reason]) -> list[Json]:
    return [_readable(reason.as_json()) for reason in reasons]


def _readable(said: dict[str, Json]) -> Json:
    """With nodes of partitions as `asset[key]`."""
    if not any("\x1f" in text for text in said.values()):
        return said
    from ...core.naming import readable_json

    return readable_json(said)


def in_short(reason: Reason) -> str:
    """What it says, and what changed where that is a word or two."""
    told, old, new = one_line(reason.detail), reason.old or "", reason.new or ""
    is_short = old and new and len(old) + len(new) <= _SHORT and "\n" not in old + new
    return f"{told} ({one_line(old)} → {one_line(new)})" if is_short else told


def reasons_in_words(reasons: Sequence[Reason], most: int = 2) -> str:
    """`cookie_dough is out of date; and 3 more reasons`."""
    told = "; ".join(in_short(reason) for reason in reasons[:most])
    return told + (f"; and {len(reasons) - most} more" if len(reasons) > most else "")


def print_columns(rows: Sequence[Sequence[str]], gap: str = "  ") -> None:
    """Left-aligned columns as wide as their widest cell, at most 60 cells (the last one is free). What is wider is cut
    in its middle on a terminal, and stands out of its column elsewhere: a script wants all of it."""
    from rich.cells import cell_len

    if not rows:
        return
    if _Manner.spoken:
        for row in rows:
            print_line(", ".join(cell.strip() for cell in row if cell.strip()))
        return
    bare = [[_COLOUR.sub("", cell) for cell in row[:-1]] for row in rows]
    widths = [min(60, max(map(cell_len, column))) for column in zip(*bare, strict=True)]
    for row, plain in zip(rows, bare, strict=True):
        cells = []
        for cell, text, width in zip(row, plain, widths, strict=False):
            if cell == text and cell_len(text) > width and sys.stdout.isatty():
                from ..paint.ink import cut_middle

                cell = text = cut_middle(text, width, not _speaks_unicode())
            cells.append(cell + " " * (width - cell_len(text)))
        print_line(gap.join([*cells, row[-1]]).rstrip())
