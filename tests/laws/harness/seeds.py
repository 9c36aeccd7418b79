"""The seeds of what is left to chance: most are the same each time, the rest are new and printed."""

from __future__ import annotations

import os
import random

_FRESH = 5
"""One in so many is new."""
_RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or os.urandom(8).hex()
"""The processes that share a run of the tests must draw the same, or they disagree on which tests there are."""


def seeds(count: int) -> list[int]:
    """`count` seeds; BAKEHOUSE_SEED is taken in place of the first new one, to see a failure again."""
    said = os.environ.get("BAKEHOUSE_SEED")
    return [_fresh(said, index) if index % _FRESH == _FRESH - 1 else index + 1 for index in range(count)]


def _fresh(said: str | None, index: int) -> int:
    return int(said) if said else random.Random(f"{_RUN} {index}").randrange(10**6, 10**9)
