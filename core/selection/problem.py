"""What is wrong with a selection: the text, a caret under the place, and the next step."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from ..problems import ProblemError, cells

ATTRIBUTES = ("group", "kind", "tag", "state", "owner", "pipeline", "key", "task")

_SPECIAL = re.compile(r"""[\s()"'\\]|\+[0-9]*$""")
_COUNTED = re.compile(r"[0-9]*\+")

WINDOW = 72
"""Columns of the text that are shown around the caret."""
COMPARED = 2_000
"""Names that are compared in full; of more, only those that share a beginning or an end."""


class SelectionError(ProblemError):
    """A selection that cannot be understood. `column` counts characters of `text`, from 1."""

    def __init__(self, message: str, text: str, column: int, hint: str = "") -> None:
        super().__init__(f"{message}\n{_pointed(text, column)}", hint)
        self.reason = message
        self.text = text
        self.column = column


def _pointed(text: str, column: int) -> str:
    start = max(0, column - 1 - WINDOW // 2)
    shown = text[start : start + WINDOW]
    head = "…" if start else ""
    tail = "…" if start + WINDOW < len(text) else ""
    line = head + "".join(one if one.isprintable() else " " for one in shown) + tail
    before = head + shown[: column - 1 - start]
    return f"  {line}\n  {' ' * cells(before)}^"


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant: the same but for its case or its folder, else a similar one."""
    pool = list(names)
    small = word.casefold()
    folded = {name: name.casefold() for name in pool}
    for name, one in folded.items():
        if one == small:
            return name
    for name, one in folded.items():
        if one.endswith((f"/{small}", f".{small}", f":{small}")):
            return name
    if len(pool) > COMPARED:
        pool = [name for name, one in folded.items() if one[:2] == small[:2] or one[-3:] == small[-3:]]
        pool = sorted(pool, key=lambda name: abs(len(name) - len(word)))[:COMPARED]
    close = difflib.get_close_matches(word, pool, n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(word: str, names: Iterable[str], otherwise: str = "", *, value: bool = False) -> str:
    """The nearest name as a question, else what is said `otherwise`; `value` as in `quoted`."""
    meant = nearest(word, names)
    return otherwise if meant is None else f"did you mean {quoted(meant, value=value)}?"


def quoted(name: str, *, value: bool = False) -> str:
    """The name as it is written in a selection: in quotes where it would be read as something else.

    As a `value` it stands behind `attribute:`, where a colon or an operator means nothing.
    """
    plain = name and not _SPECIAL.search(name)
    if plain and not value:
        operator = name.lower() in ("and", "or", "not")
        plain = not operator and name.partition(":")[0] not in ATTRIBUTES and not _COUNTED.match(name)
    if plain:
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
