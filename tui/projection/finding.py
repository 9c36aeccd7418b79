"""What is sought in a log: a piece of text, and the lines that have it. No pattern: its time is bounded."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..paint.sanitize import plain_lines

MOST_HITS = 1_000_000
"""Places that are kept; a search ends there."""


@dataclass(frozen=True, slots=True)
class Needle:
    """A piece of text. Its case counts only where it has a capital letter."""

    text: str

    @property
    def is_exact(self) -> bool:
        return self.text != self.text.lower()

    def spans(self, line: str) -> list[tuple[int, int]]:
        """Where it stands in one line."""
        lowered = line if self.is_exact else line.lower()
        if not self.text or len(lowered) != len(line):
            return []
        found, at = [], lowered.find(self.text)
        while at >= 0:
            found.append((at, at + len(self.text)))
            at = lowered.find(self.text, at + len(self.text))
        return found

    def lines(self, printed: str) -> Iterator[int]:
        """The numbers, from 0, of the lines of a printed text that have it."""
        text = plain_lines(printed)
        if not self.is_exact:
            text = text.lower()
        line = counted = 0
        at = text.find(self.text)
        while at >= 0:
            line += text.count("\n", counted, at)
            counted = at
            yield line
            end = text.find("\n", at)
            if end < 0:
                return
            at = text.find(self.text, end)


@dataclass(slots=True)
class Search:
    """A search under way or done: the lines with a hit so far. One thread adds, another reads."""

    needle: Needle
    hits: array[int] = field(default_factory=lambda: array("Q"))
    searched: float = 0.0
    """The part that was looked at, from 0 to 1."""
    is_over: bool = False
    is_wanted: bool = True
    line: int = 0
    offset: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.hits) >= MOST_HITS

    def take(self, first: int, printed: str) -> None:
        """Looks at lines of which the first has the number `first`."""
        for line in self.needle.lines(printed):
            if self.is_full:
                return
            if not self.hits or self.hits[-1] < first + line:
                self.hits.append(first + line)

    def after(self, line: int) -> int | None:
        """The first hit behind `line`; from the beginning again where there is none."""
        if not self.hits:
            return None
        return self.hits[bisect_right(self.hits, line) % len(self.hits)]

    def before(self, line: int) -> int | None:
        return self.hits[bisect_left(self.hits, line) - 1] if self.hits else None

    def words(self, line: int | None) -> str:
        """`3/120 lines`, and how far it has come."""
        found = f"{len(self.hits):,}{'+' if self.is_full else ''}"
        at = bisect_left(self.hits, line) if line is not None else 0
        place = f"{at + 1:,}/" if line is not None and at < len(self.hits) and self.hits[at] == line else ""
        word = "line" if found == "1" else "lines"
        so_far = "" if self.is_over else f", {self.searched:.0%} searched"
        return f"{place}{found} {word}{so_far}" if self.hits or not self.is_over else "not in this log"


def cut_out(
    pieces: Iterable[tuple[str, str]], spans: list[tuple[int, int]], style: str
) -> list[tuple[str, str]]:
    """The pieces (text, style) of a line with what is in `spans` in another style."""
    out: list[tuple[str, str]] = []
    start = 0
    for text, own in pieces:
        at = 0
        for low, high in spans:
            low, high = max(at, low - start), min(len(text), high - start)
            if low < high:
                out += [(text[at:low], own)] if low > at else []
                out.append((text[low:high], style))
                at = high
        out += [(text[at:], own)] if at < len(text) else []
        start += len(text)
    return out
