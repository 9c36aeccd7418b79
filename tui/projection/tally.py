"""How many things of a view are in which state: what the status line and `bakehouse status` count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from ...core.model import Node, State
from ...core.problems import number_of

if TYPE_CHECKING:
    from ...core.graph.graph import Graph
    from ...core.graph.views import ViewKind

KINDS: tuple[ViewKind, ...] = ("asset", "task")
UNITS = {"asset": "asset", "task": "step"}
"""What is counted in each view."""


def counted(graph: Graph, kind: ViewKind) -> Iterable[Node]:
    """All tasks, or all assets but those that only pass a value between tasks."""
    if kind == "task":
        return graph.task_nodes.values()
    return (node for name, node in graph.asset_nodes.items() if not graph.assets[name].internal)


def total_of(kind: ViewKind, count: int) -> str:
    """`3 steps`, `1 asset`."""
    return number_of(count, UNITS[kind])


class Tally:
    """Counts of states, of a whole view or of some nodes: counted when asked for, then kept up to date by `touched`."""

    def __init__(
        self,
        graph: Graph,
        state_of: Callable[[Node], State],
        outputs_of: Callable[[str], Iterable[str]],
        known: Mapping[Node, State],
        newer: Mapping[Node, State] | None = None,
    ) -> None:
        """`known` are states that `state_of` would give too, but for those in `newer`."""
        self._graph = graph
        self._outputs_of = outputs_of
        self._state_of = state_of
        self._known, self._newer = known, newer or {}
        self._counts: dict[ViewKind | frozenset[Node], Counter[State]] = {}
        self._told: dict[ViewKind | frozenset[Node], dict[Node, State]] = {}

    def of(self, what: ViewKind | frozenset[Node]) -> Counter[State]:
        if what not in self._counts:
            nodes = what if isinstance(what, frozenset) else list(counted(self._graph, what))
            states = map(self._known.get, nodes)
            told = {node: state or self._state_of(node) for node, state in zip(nodes, states, strict=True)}
            told.update((node, state) for node, state in self._newer.items() if node in told)
            self._told[what] = told
            self._counts[what] = Counter(told.values())
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
