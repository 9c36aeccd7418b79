"""The seeds of what is left to chance: most are the same each time, the rest are new and printed."""

from __future__ import annotations

import os
import random

_FRESH = 5
"""One in so many is new."""


def seeds(count: int) -> list[int]:
    """`count` seeds; BAKEHOUSE_SEED is taken in place of the first new one, to see a failure again."""
    said = os.environ.get("BAKEHOUSE_SEED")
    return [_fresh(said) if index % _FRESH == _FRESH - 1 else index + 1 for index in range(count)]


def _fresh(said: str | None) -> int:
    return int(said) if said else random.SystemRandom().randrange(10**6, 10**9)
