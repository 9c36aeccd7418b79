"""Texts in code that may be paths of files. None is looked for here: that is for whoever shows them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from types import CodeType
from typing import Any

LONGEST = 200
"""Characters of a text that is taken for a path."""
MOST = 50
"""Texts of one step."""

_PATH = re.compile(r"(?=.*[^./\\])[^<>\"|*?{}]*(?:/[^<>\"|*?{}/]+|[^<>\"|*?{}/.]\.[A-Za-z]\w{0,9})")
_MODULE = (".py", ".pyc", ".pyi")
_DEEPEST = 2


def texts_in(codes: Iterable[CodeType]) -> Iterator[str]:
    """The constants of these code objects that may be paths."""
    for code in codes:
        for constant in code.co_consts:
            yield from texts_of(constant)


def texts_of(value: Any, depth: int = 0) -> Iterator[str]:
    """What may be a path of a value: a text, a path, or those in a plain collection of a few."""
    kind = type(value)
    if kind is str:
        if len(value) <= LONGEST and value.isprintable() and _PATH.fullmatch(value) and not _is_other(value):
            yield value
    elif isinstance(value, PurePath) and kind.__module__.partition(".")[0] == "pathlib":
        yield from texts_of(os.fspath(value))
    elif kind in (tuple, list, dict, set, frozenset) and depth < _DEEPEST and len(value) <= MOST:
        for one in value.values() if kind is dict else value:
            yield from texts_of(one, depth + 1)


def _is_other(text: str) -> bool:
    return "://" in text or text.endswith(_MODULE) or text[:1] == " "
