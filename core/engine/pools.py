"""Named limits on how many steps run at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping


class Pools:
    """Steps enter their pool or wait in line for it; leaving lets the next one in."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = limits
        self._inside: dict[str, set[str]] = {}
        self._line: dict[str, deque[str]] = {}
        self._pool_of: dict[str, str] = {}

    def enter(self, task: str, pool: str | None) -> bool:
        """True if the step may go on now; else it stands in line."""
        if pool is None or pool not in self._limits:
            return True
        self._pool_of[task] = pool
        inside = self._inside.setdefault(pool, set())
        if len(inside) < self._limits[pool]:
            inside.add(task)
            return True
        self._line.setdefault(pool, deque()).append(task)
        return False

    def leave(self, task: str) -> str | None:
        """Frees the step's place; returns the one that takes it."""
        pool = self._pool_of.pop(task, None)
        if pool is None:
            return None
        inside, line = self._inside[pool], self._line.get(pool)
        inside.discard(task)
        if not line:
            return None
        following = line.popleft()
        inside.add(following)
        return following

    def forget(self, task: str) -> None:
        """Takes a step out of the line."""
        pool = self._pool_of.get(task)
        if pool is not None and task in self._line.get(pool, ()):
            self._line[pool].remove(task)
            del self._pool_of[task]
