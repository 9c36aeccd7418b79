"""Two trees of plain data and the places where they differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .changes import LISTED, PathChange

_SHORT = 120
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NOTHING = object()


def tree_changes(old: Any, new: Any) -> tuple[tuple[PathChange, ...], int]:
    """The first places that differ, in the order of the new tree, and how many there are in all.

    Of lists, what is the same at both ends is laid aside; the rest is compared place by place.
    """
    listed: list[PathChange] = []
    count = 0
    for change in _changes(old, new):
        count += 1
        if len(listed) < LISTED:
            listed.append(change)
    return tuple(listed), count


def _changes(old: Any, new: Any) -> Iterator[PathChange]:
    todo: list[tuple[str, Any, Any]] = [("", old, new)]
    while todo:
        path, was, now = todo.pop()
        if was is _NOTHING:
            yield PathChange(path, "+", new=in_short(now))
        elif now is _NOTHING:
            yield PathChange(path, "-", old=in_short(was))
        elif isinstance(was, dict) and isinstance(now, dict):
            names = [*now, *(name for name in was if name not in now)]
            found = ((_below(path, n), was.get(n, _NOTHING), now.get(n, _NOTHING)) for n in names)
            todo += reversed(list(found))
        elif isinstance(was, list | tuple) and isinstance(now, list | tuple):
            todo += reversed(list(_elements(path, was, now)))
        elif type(was) is not type(now) or was != now:
            yield PathChange(path, "~", in_short(was), in_short(now))


def _elements(path: str, was: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    head, ends = 0, min(len(was), len(now))
    while head < ends and _same(was[head], now[head]):
        head += 1
    tail = 0
    while tail < ends - head and _same(was[-1 - tail], now[-1 - tail]):
        tail += 1
    gone, come = was[head : len(was) - tail], now[head : len(now) - tail]
    for at in range(max(len(gone), len(come))):
        before = gone[at] if at < len(gone) else _NOTHING
        after = come[at] if at < len(come) else _NOTHING
        yield f"{path}[{head + at}]", before, after


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _below(path: str, name: object) -> str:
    if isinstance(name, str) and _WORD.fullmatch(name):
        return f"{path}.{name}" if path else name
    return f"{path}[{json.dumps(name, ensure_ascii=False, default=str)}]"


def in_short(value: Any) -> str:
    """A value in one short line: scalars as JSON, of what holds others how many."""
    if isinstance(value, dict) and value:
        return f"{{… {len(value)}}}"
    if isinstance(value, list | tuple | set | frozenset) and value:
        return f"[… {len(value)}]"
    if isinstance(value, str):
        value = value[: _SHORT + 1]
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
