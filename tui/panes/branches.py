"""Plain data as a tree that folds: of any depth, each branch of bounded length."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..paint.ink import Bit, Line

_MOST = 1000
"""Elements of one branch that are shown."""
_OPEN = 40
"""A branch of so many elements at most stands open at first, two levels deep."""
_SHORT = 400


class Twig(NamedTuple):
    """One line: where it is in the data, how deep, its name and value, and how many elements it has below."""

    path: tuple[int, ...]
    name: str
    value: Any
    size: int | None


class Branches:
    """The lines of a tree of plain data, below a first line that says what it is; one of them has the cursor."""

    still = 1
    fixed = 1

    def __init__(self, head: Line, data: Any, *, ascii_only: bool) -> None:
        self.head = head
        self.note = ""
        self._data = data
        self._ascii = ascii_only
        self._open: set[tuple[int, ...]] = set()
        self._open_first((), data, 2)
        self.cursor = 0
        self._twigs: list[Twig] = []
        self._grow()

    def _open_first(self, path: tuple[int, ...], data: Any, levels: int) -> None:
        size = _size(data)
        if size is None or levels == 0 or (path and size > _OPEN):
            return
        self._open.add(path)
        for at, (_, below) in enumerate(_below(data)):
            self._open_first((*path, at), below, levels - 1)

    def _grow(self) -> None:
        twigs: list[Twig] = []
        todo: list[tuple[tuple[int, ...], str, Any]] = [((), "", self._data)]
        while todo:
            path, name, value = todo.pop()
            size = _size(value)
            if path or size is None or size == 0:
                twigs.append(Twig(path, name, value, size))
            if size and path in self._open:
                below = [((*path, at), one, what) for at, (one, what) in enumerate(_below(value))]
                todo += reversed(below)
        self._twigs = twigs
        self.cursor = min(self.cursor, len(twigs) - 1)

    # ---- lines -----------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        return self.still + len(self._twigs)

    @property
    def width(self) -> int:
        return 0

    def line(self, at: int) -> Line:
        if at < self.still:
            return self.head
        number = at - self.still
        path, name, value, size = self._twigs[number]
        signs = "v>" if self._ascii else "▾▸"
        sign = "  " if not size else f"{signs[path not in self._open]} "
        mark = " reverse" if number == self.cursor else ""
        indent = Bit("  " * max(0, len(path) - 1) + sign, "guide")
        key = (Bit(name, "accent" + mark), Bit(": ", "muted")) if name else ()
        return (indent, *key, _told(value, size, "" if name else mark))

    # ---- keys ------------------------------------------------------------------------------------

    def go(self, by: int) -> int:
        """Moves the cursor; returns the line it is on."""
        self.cursor = max(0, min(len(self._twigs) - 1, self.cursor + by))
        return self.cursor + self.still

    def fold(self) -> int:
        """Folds what is under the cursor, else goes to what it stands under; returns the line of the cursor."""
        path = self._twigs[self.cursor].path
        if path in self._open and path and self._twigs[self.cursor].size:
            self._open.discard(path)
            self._grow()
        elif len(path) > 1:
            self.cursor = next(n for n, twig in enumerate(self._twigs) if twig.path == path[:-1])
        return self.cursor + self.still

    def unfold(self) -> int:
        """Unfolds what is under the cursor, else goes to the first below; returns the line of the cursor."""
        twig = self._twigs[self.cursor]
        if twig.size and twig.path not in self._open:
            self._open.add(twig.path)
            self._grow()
        elif twig.size:
            self.go(1)
        return self.cursor + self.still


def _size(value: Any) -> int | None:
    return len(value) if isinstance(value, dict | list) else None


def _below(value: Any) -> Iterator[tuple[str, Any]]:
    pairs = value.items() if isinstance(value, dict) else ((f"[{n}]", one) for n, one in enumerate(value))
    for at, (name, one) in enumerate(pairs):
        if at == _MOST:
            yield f"and {len(value) - _MOST:,} more", _Rest()
            return
        yield str(name), one


class _Rest:
    """Stands for what is left out."""


def _told(value: Any, size: int | None, mark: str) -> Bit:
    if isinstance(value, _Rest):
        return Bit("not shown", "muted")
    if size is not None:
        some = "{" if isinstance(value, dict) else "["
        return Bit(f"{some}{size:,}{'}' if some == '{' else ']'}", "muted" + mark)
    if isinstance(value, str):
        text = json.dumps(value[: _SHORT + 1], ensure_ascii=False)
        return Bit(text if len(value) <= _SHORT else text[:_SHORT] + "…", "text" + mark)
    style = "running" if isinstance(value, int | float) and not isinstance(value, bool) else "alias"
    return Bit(json.dumps(value), style + mark)
