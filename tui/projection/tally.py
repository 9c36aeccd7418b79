"""How many things of a view are in which state: what the status line and `bakehouse status` count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from ...core.model import Node, State
from ...core.problems import number_of

if TYPE_CHECKING:
    from ...core.graph.graph import Graph
    from ...core.graph.views import ViewKind

KINDS: tuple[ViewKind, ...] = ("asset", "task")
UNITS = {"asset": "asset", "task": "step"}
"""What is counted in each view."""


def counted(graph: Graph, kind: ViewKind) -> Iterator[Node]:
    """All tasks, or all assets but those that only pass a value between tasks."""
    if kind == "task":
        return (Node("task", name) for name in graph.tasks)
    return (Node("asset", name) for name, asset in graph.assets.items() if not asset.internal)


def total_of(kind: ViewKind, count: int) -> str:
    """`3 steps`, `1 asset`."""
    return number_of(count, UNITS[kind])


class Tally:
    """Counts of states, of a whole view or of some nodes: counted when asked for, then kept up to date by `touched`."""

    def __init__(
        self, graph: Graph, state_of: Callable[[Node], State], outputs_of: Callable[[str], Iterable[str]]
    ) -> None:
        self._graph = graph
        self._outputs_of = outputs_of
        self._state_of = state_of
        self._counts: dict[ViewKind | frozenset[Node], Counter[State]] = {}
        self._told: dict[ViewKind | frozenset[Node], dict[Node, State]] = {}

    def of(self, what: ViewKind | frozenset[Node]) -> Counter[State]:
        if what not in self._counts:
            nodes = what if isinstance(what, frozenset) else counted(self._graph, what)
            self._told[what] = {node: self._state_of(node) for node in nodes}
            self._counts[what] = Counter(self._told[what].values())
        return self._counts[what]

    def touched(self, tasks: Iterable[str]) -> set[Node]:
        """The nodes that these tasks of a run make look different."""
        nodes = set()
        for task in tasks:
            nodes.add(Node("task", task))
            nodes.update(Node("asset", name) for name in self._outputs_of(task))
        for what, told in self._told.items():
            counts = self._counts[what]
            for node in nodes & told.keys():
                state = self._state_of(node)
                counts[told[node]] -= 1
                counts[state] += 1
                told[node] = state
        return nodes
