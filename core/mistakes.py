"""What is wrong with the use of a decorator: raised, or put down so that a loader can tell all of it at once."""

from __future__ import annotations

import sys
from typing import NamedTuple


class Mistake(NamedTuple):
    """`file` is absolute, `line` the one where the decorator stands."""

    file: str
    line: int
    message: str


_noted: list[Mistake] | None = None


def note_mistakes() -> list[Mistake]:
    """From now on a mistake raises nothing: it is put down in this list, and what is wrong is passed over."""
    global _noted
    _noted = []
    return _noted


def wrong(message: str) -> None:
    """A mistake of whoever called the function of the calling module. Raises TypeError unless it is noted."""
    if _noted is None:
        raise TypeError(message)
    frame = sys._getframe(1)
    face = frame.f_code.co_filename
    while frame.f_code.co_filename == face and frame.f_back is not None:
        frame = frame.f_back
    _noted.append(Mistake(frame.f_code.co_filename, frame.f_lineno, message))
