"""Which key does what for this user: the keys of `keys`, with those that the user's settings give in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from .caps import cap, spell
from .keys import KEYS, Key, Situation, reason

NEEDED = frozenset({"help", "palette", "back", "quit"})
"""Actions that must have a key: from these all others can be found, and the screen be left."""


@dataclass(frozen=True)
class Keymap:
    """The keys in force, in the order in which help and footer show them."""

    keys: tuple[Key, ...] = KEYS
    ascii_only: bool = False

    @cached_property
    def by_id(self) -> Mapping[str, Key]:
        return {key.id: key for key in self.keys}

    @cached_property
    def by_name(self) -> Mapping[str, str]:
        """The id of the action of each key, under the name that the terminal's events have for it."""
        return {name: key.id for key in self.keys for name in key.keys}

    def caps(self, id: str) -> str:
        """All that can be pressed for an action; empty where it has no key."""
        key = self.by_id[id]
        return " ".join(cap(name, True) for name in key.keys) if self.ascii_only else key.shown

    def cap(self, id: str) -> str:
        """What to press for an action, in words of ours."""
        if not self.by_id[id].keys:
            return f"{self.cap('palette')} {self.by_id[id].description}"
        return self.caps(id).split(" ", 1)[0]

    def spell(self, words: str) -> str:
        """Words of ours with the keys that they name."""
        return spell(words, self.cap)

    def reason(self, id: str, now: Situation) -> str | None:
        """Why an action does nothing in this situation, or None."""
        told = reason(self.by_id[id], now)
        return None if told is None else self.spell(told)


DEFAULT = Keymap()


def remapped(said: Mapping[str, tuple[str, ...]]) -> tuple[Key, ...]:
    """The keys, where `said` gives actions (by id) others (by the names of events)."""
    return tuple(
        replace(key, keys=said[key.id], shown=" ".join(map(cap, said[key.id]))) if key.id in said else key
        for key in KEYS
    )


def clashes(keys: tuple[Key, ...]) -> list[tuple[str, str, str]]:
    """Each key that two actions share: its name and the ids of both."""
    owner: dict[str, str] = {}
    found = []
    for key in keys:
        for name in key.keys:
            if owner.setdefault(name, key.id) != key.id:
                found.append((name, owner[name], key.id))
    return found
