"""What comes out of a worker's one output pipe: the bytes of steps, told apart by marks between them.

A mark is `\\x1e`, a random token, `+` or `-` (a step begins, ends), its ticket and a newline. It is written
in one piece; output of a step never contains it, because only the app and the worker know the token.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

Piece = tuple[Literal["text"], bytes] | tuple[Literal["begin", "end"], int]

MARK = b"\x1e"
NUMBER = 24
"""More bytes than a ticket in decimals can have."""


def begin_mark(token: bytes, ticket: int) -> bytes:
    return b"%b%b+%d\n" % (MARK, token, ticket)


def end_mark(token: bytes, ticket: int) -> bytes:
    return b"%b%b-%d\n" % (MARK, token, ticket)


class Splitter:
    """Cuts chunks at marks, wherever the chunks were cut. Holds back less than one mark."""

    def __init__(self, token: bytes) -> None:
        self._prefix = MARK + token
        self._held = b""

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        data = self._held + chunk if self._held else chunk
        at, prefix = 0, self._prefix
        while (found := data.find(prefix, at)) >= 0:
            if found > at:
                yield "text", data[at:found]
            start = found + len(prefix)
            end = data.find(b"\n", start, start + NUMBER)
            if end < 0 and len(data) - start < NUMBER:
                self._held = data[found:]
                return
            kind, number = data[start : start + 1], data[start + 1 : end]
            at = end + 1
            if end < 0 or kind not in b"+-" or not number.isdigit():
                yield "text", data[found:start]
                at = start
            else:
                yield ("begin" if kind == b"+" else "end"), int(number)
        keep = _beginning(data, prefix, at)
        self._held = data[keep:]
        if keep > at:
            yield "text", data[at:keep]

    def rest(self) -> bytes:
        """What is held back when no more comes."""
        held, self._held = self._held, b""
        return held


def _beginning(data: bytes, prefix: bytes, start: int) -> int:
    """Where the end of `data` may be the beginning of `prefix`; its length if it is not."""
    tail = max(start, len(data) - len(prefix) + 1)
    at = data.find(MARK, tail)
    while at >= 0:
        if prefix.startswith(data[at:]):
            return at
        at = data.find(MARK, at + 1)
    return len(data)
