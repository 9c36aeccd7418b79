"""Which partitions a user means by `2013-01`, `2013-01..2013-03`, `EWR,JFK` or `2013-01|EWR`. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ..naming import BETWEEN, keys_of, shown_part
from ..problems import ProblemError

RANGE = ".."
_MOST_NAMED = 3


def choose(texts: Iterable[str], parts: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
    """Of each task the encoded keys that the texts mean; `parts` has all there are, in their order.

    A text is a partition, a list of some with commas, or a range, ends included. Of two dimensions it may be one key,
    which means all partitions that have it. Raises ProblemError for what no task has.
    """
    spaces = {task: _Space(tuple(found)) for task, found in parts.items()}
    chosen: dict[str, dict[str, None]] = {task: {} for task in parts}
    for text in texts:
        for word in _words(text, spaces.values()) or [text]:
            found = {task: space.find(word) for task, space in spaces.items()}
            if not any(found.values()):
                raise _unknown(word, spaces)
            for task, those in found.items():
                chosen[task].update(dict.fromkeys(those))
    return {
        task: tuple(part for part in spaces[task].parts if part in those) for task, those in chosen.items()
    }


class _Space:
    """The partitions of one task, by what they may be called."""

    def __init__(self, parts: Sequence[str]) -> None:
        self.parts = parts
        self.by_name = {**{part: part for part in parts}, **{shown_part(part): part for part in parts}}
        self.keys = [keys_of(part) for part in parts]
        count = len(self.keys[0]) if self.keys else 0
        self.axes = [list(dict.fromkeys(keys[axis] for keys in self.keys)) for axis in range(count)]

    def find(self, word: str) -> list[str]:
        for axis, names in enumerate(self.axes):
            if word in set(names):
                return self.along(axis, {word})
        if word in self.by_name:
            return [self.by_name[word]]
        as_typed = [
            part for part, keys in zip(self.parts, self.keys, strict=True) if BETWEEN.join(keys) == word
        ]
        if len(as_typed) == 1:
            return as_typed
        first, sep, last = word.partition(RANGE)
        return self.between(first, last) if sep else []

    def between(self, first: str, last: str) -> list[str]:
        for axis, names in enumerate(self.axes):
            known = set(names)
            if (not first or first in known) and (not last or last in known):
                begin = names.index(first) if first else 0
                end = names.index(last) if last else len(names) - 1
                if begin > end:
                    raise ProblemError(
                        f"the range {first}{RANGE}{last} runs backwards", f"{last}{RANGE}{first}"
                    )
                return self.along(axis, set(names[begin : end + 1]))
        return []

    def along(self, axis: int, names: set[str]) -> list[str]:
        return [part for part, keys in zip(self.parts, self.keys, strict=True) if keys[axis] in names]


def _words(text: str, spaces: Iterable[_Space]) -> Sequence[str]:
    """The text itself where it is a partition, though it has a comma."""
    if "," not in text or any(space.find(text) for space in spaces):
        return (text,)
    return [word.strip() for word in text.split(",") if word.strip()]


def _unknown(word: str, spaces: Mapping[str, _Space]) -> ProblemError:
    from difflib import get_close_matches

    known = dict.fromkeys(key for space in spaces.values() for names in space.axes for key in names)
    ends = [end for end in word.split(RANGE) if end and end not in known] if RANGE in word else [word]
    absent = (ends or [word])[0]
    near = get_close_matches(absent, list(known)[:5000], _MOST_NAMED)
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    elif known:
        some = list(known)
        hint = f"there are {some[0]} to {some[-1]}" if len(some) > 1 else f"there is {some[0]}"
    else:
        hint = "no partition has come to its end yet" if spaces else "nothing that is selected is divided"
    return ProblemError(f"there is no partition {absent!r}", hint)


def named(parts: Sequence[str], most: int = _MOST_NAMED) -> str:
    """Some partitions by name, and how many more."""
    told = ", ".join(map(shown_part, parts[:most]))
    return told + (f" and {len(parts) - most:,} more" if len(parts) > most else "")
