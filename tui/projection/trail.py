"""Where the cursor has been: the places it jumped from, to go back to and forward again. Pure."""

from __future__ import annotations

from collections import deque

from ...core.model import Node

MOST = 100


class Trail:
    """Two stacks of nodes, as a browser has them. Walking row by row leaves no trace; a jump does."""

    def __init__(self) -> None:
        self._behind: deque[Node] = deque(maxlen=MOST)
        self._ahead: list[Node] = []

    def leave(self, node: Node | None) -> None:
        """The cursor jumps away from `node`."""
        if node is not None and (not self._behind or self._behind[-1] != node):
            self._behind.append(node)
        self._ahead.clear()

    def back(self, now: Node | None) -> Node | None:
        """Where to go back to from `now`; None if nowhere."""
        while self._behind:
            if (node := self._behind.pop()) != now:
                if now is not None:
                    self._ahead.append(now)
                return node
        return None

    def forward(self, now: Node | None) -> Node | None:
        """Where to go forward to again."""
        while self._ahead:
            if (node := self._ahead.pop()) != now:
                if now is not None:
                    self._behind.append(now)
                return node
        return None
