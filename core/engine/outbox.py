"""Tells events in the order of their numbers, and those that say "done" only after their commit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from ..events import Event


class Outbox:
    """Events leave in the order they came in. One that waits for a commit holds back all after it."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._waiting: deque[tuple[Event, int]] = deque()
        self._committed = 0

    def put(self, event: Event, commit: int = 0) -> None:
        """Tells `event` once `commit` is durable (0: now), and all before it are told."""
        if not self._waiting and commit <= self._committed:
            self._tell(event)
        else:
            self._waiting.append((event, commit))

    def committed(self, commits: Iterable[int]) -> None:
        """These commits are durable. They come in order."""
        self._committed = max(commits, default=self._committed)
        while self._waiting and self._waiting[0][1] <= self._committed:
            self._tell(self._waiting.popleft()[0])

    def drop_uncommitted(self) -> None:
        """The store failed: what it has not said to be durable is never told."""
        kept = [event for event, commit in self._waiting if not commit]
        self._waiting.clear()
        for event in kept:
            self._tell(event)
