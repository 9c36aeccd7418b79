"""Two texts and what sets them apart, in few lines: foreign text still, not yet cleaned."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from ...core.problems import number_of

Sign = Literal["-", "+", " ", "@"]

WIDEST = 96
"""Characters of a line that are shown."""
_BEFORE = 24
_CONTEXT = 2
_MOST_LINES = 40
_MOST_CHANGED = 10
_COMPARED = 400
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{16}|[0-9a-f]{64})")


class Piece(NamedTuple):
    """One line: taken away (`-`), come in (`+`), the same on both sides (` `), or a word of ours (`@`)."""

    sign: Sign
    text: str


def difference(old: str | None, new: str | None, most: int = _MOST_LINES) -> list[Piece]:
    """What changed from `old` to `new`, None being nothing: at most `most` short lines.

    Digests are shortened. Of lines that are long the first difference is shown with what stands around it;
    of several lines, those that differ. JSON text and objects are shown as what they mean.
    """
    if old is None or new is None:
        return [*_side("-", old), *_side("+", new)]
    if (was := _DIGEST.fullmatch(old)) and (now := _DIGEST.fullmatch(new)):
        return [Piece("-", was[1][:12]), Piece("+", now[1][:12])]
    old, new = _meant(old, new)
    before, after = old.split("\n"), new.split("\n")
    if len(before) == len(after) == 1:
        return _changed(before, after)
    return list(_bounded(_unified(before, after), most))


def _side(sign: Sign, text: str | None) -> Iterator[Piece]:
    if text is None:
        yield Piece(sign, "nothing")
        return
    digest = _DIGEST.fullmatch(text)
    lines = [digest[1][:12]] if digest else _readable(text).split("\n")
    yield from _bounded(Piece(sign, _window(line, 0)) for line in lines)


def _meant(old: str, new: str) -> tuple[str, str]:
    told = _readable(old), _readable(new)
    return (old, new) if told[0] == told[1] else told


def _readable(text: str) -> str:
    """A JSON string as its text, a longer JSON object or list line by line; anything else as it is."""
    if text[:1] not in ('"', "{", "["):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, str):
        return value if "\n" in value else text
    return json.dumps(value, indent=2, ensure_ascii=False) if len(text) > WIDEST else text


def _unified(before: list[str], after: list[str]) -> Iterator[Piece]:
    same = _common(before, after)
    tail = min(_common(before[::-1], after[::-1]), len(before) - same, len(after) - same)
    first = max(0, same - _CONTEXT)
    ends = len(before) - tail + min(tail, _CONTEXT), len(after) - tail + min(tail, _CONTEXT)
    old, new = before[first : min(ends[0], first + _COMPARED)], after[first : min(ends[1], first + _COMPARED)]
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT):
        yield Piece("@", f"line {first + group[0][3] + 1}:")
        for tag, a, b, c, d in group:
            if tag == "equal":
                yield from (Piece(" ", _window(line, 0)) for line in old[a:b])
            else:
                yield from _changed(old[a:b], new[c:d])
    if max(ends[0], ends[1]) > first + _COMPARED:
        yield Piece("@", f"only {_COMPARED} lines were compared")


def _common(one: list[str], other: list[str]) -> int:
    """How many lines at the beginning are the same."""
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _changed(gone: list[str], come: list[str]) -> list[Piece]:
    """Lines that stand for each other are cut around the place where they begin to differ."""
    starts = [_first_difference(a, b) for a, b in zip(gone, come, strict=False)]
    starts += [0] * (max(len(gone), len(come)) - len(starts))
    shown = [
        [_window(line, at) for line, at in zip(lines, starts[:_MOST_CHANGED], strict=False)]
        for lines in (gone, come)
    ]
    for n, (a, b) in enumerate(zip(*shown, strict=False)):
        if a.rstrip() == b.rstrip():
            shown[0][n], shown[1][n] = _spaces_shown(a), _spaces_shown(b)
    for part, whole in zip(shown, (gone, come), strict=True):
        if left := len(whole) - len(part):
            part.append(f"… and {number_of(left, 'more line')}")
    return [*(Piece("-", line) for line in shown[0]), *(Piece("+", line) for line in shown[1])]


def _first_difference(a: str, b: str) -> int:
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _window(line: str, at: int) -> str:
    """The part of a long line around `at`."""
    if len(line) <= WIDEST:
        return line
    start = 0 if at <= WIDEST - _BEFORE else at - _BEFORE
    end = start + WIDEST
    return ("…" if start else "") + line[start:end] + ("…" if end < len(line) else "")


def _spaces_shown(line: str) -> str:
    bare = line.rstrip()
    return bare + line[len(bare) :].replace(" ", "·")


def _bounded(pieces: Iterator[Piece], most: int = _MOST_LINES) -> Iterator[Piece]:
    left = 0
    for n, piece in enumerate(pieces):
        if n < most:
            yield piece
        else:
            left += 1
    if left:
        yield Piece("@", f"and {number_of(left, 'more line')}")
