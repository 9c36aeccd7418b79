"""The bipartite graph of one snapshot of definitions, on plain adjacency by name.

Every walk is iterative and linear: a chain of 100,000 steps and a million edges are ordinary input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from ..model import Asset, Definitions, Node, Task
from ..problems import DefinitionError, Problem
from .cycles import cycle_problems

if TYPE_CHECKING:
    import networkx as nx

Names = dict[str, tuple[str, ...]]
Hops = Callable[[Node], Iterator[tuple[Node, int]]]


class Graph:
    """Who makes, reads and comes after what.

    Raises DefinitionError if a task needs something that is not defined, or if tasks go in a circle.
    """

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.assets: Mapping[str, Asset] = definitions.assets
        self.tasks: Mapping[str, Task] = definitions.tasks
        self._producer = {asset: task.name for task in self.tasks.values() for asset in task.outputs}
        self._consumers, self._before = self._needs()
        self.task_order: tuple[str, ...] = self._in_order()

    def _needs(self) -> tuple[Names, Names]:
        consumers: dict[str, list[str]] = {}
        before: Names = {}
        maker_of, tasks = self._producer.get, self.tasks
        for name, task in tasks.items():
            read = [one.asset for one in task.inputs]
            if len(read) > 1 and len(set(read)) < len(read):
                read = list(dict.fromkeys(read))
            for asset in read:
                readers = consumers.get(asset)
                if readers is None:
                    consumers[asset] = [name]
                else:
                    readers.append(name)
            makers = [maker for maker in map(maker_of, read) if maker is not None]
            before[name] = tuple(dict.fromkeys((*makers, *task.after)))
        if not (consumers.keys() <= self.assets.keys() and all(map(self._is_known, tasks.values()))):
            raise self._lack()
        return {asset: tuple(readers) for asset, readers in consumers.items()}, before

    def _is_known(self, task: Task) -> bool:
        return not task.after or all(other in self.tasks for other in task.after)

    def _lack(self) -> DefinitionError:
        for task in self.tasks.values():
            for one in task.inputs:
                if one.asset not in self.assets:
                    return _missing(task, f"reads {one.asset!r}")
            for other in task.after:
                if other not in self.tasks:
                    return _missing(task, f"comes after {other!r}")
        raise AssertionError("nothing is missing")

    def _in_order(self) -> tuple[str, ...]:
        """Each task after all that it needs, otherwise in the order of definition."""
        before = self._before
        done: dict[str, None] = {}
        opened: set[str] = set()
        for start in before:
            stack = [start]
            while stack:
                name = stack[-1]
                waiting = [] if name in done else [one for one in before[name] if one not in done]
                if not waiting:
                    done[stack.pop()] = None
                    continue
                if name in opened or name in waiting:
                    raise DefinitionError(cycle_problems(self.definitions))
                opened.add(name)
                waiting.reverse()
                stack += waiting
        return tuple(done)

    # ---- neighbours --------------------------------------------------------------------------

    def producer(self, asset: str) -> str | None:
        """The task that makes the asset; None for a source."""
        return self._producer.get(asset)

    def consumers(self, asset: str) -> tuple[str, ...]:
        """The tasks that read the asset, in the order of definition."""
        return self._consumers.get(asset, ())

    def before(self, task: str) -> tuple[str, ...]:
        """The tasks that must be done first: those that make its inputs, then its `after`."""
        return self._before[task]

    def behind(self, task: str) -> tuple[str, ...]:
        """The tasks that wait for this one."""
        return self._behind.get(task, ())

    def into(self, node: Node) -> tuple[Node, ...]:
        """What stands directly before the node: its producer, or its inputs and then its `after`."""
        if node.kind == "asset":
            maker = self._producer.get(node.name)
            return () if maker is None else (Node("task", maker),)
        task = self.tasks[node.name]
        inputs = dict.fromkeys(one.asset for one in task.inputs)
        return (*(Node("asset", one) for one in inputs), *(Node("task", one) for one in task.after))

    def out_of(self, node: Node) -> tuple[Node, ...]:
        """What stands directly behind the node: its readers, or its outputs and what comes after it."""
        if node.kind == "asset":
            return tuple(Node("task", one) for one in self.consumers(node.name))
        outputs = (Node("asset", one) for one in self.tasks[node.name].outputs)
        return (*outputs, *(Node("task", one) for one in self._followers.get(node.name, ())))

    @cached_property
    def _behind(self) -> Names:
        return _turned(self._before)

    @cached_property
    def _followers(self) -> Names:
        return _turned({name: task.after for name, task in self.tasks.items() if task.after})

    @cached_property
    def asset_nodes(self) -> Mapping[str, Node]:
        """Each asset as a node, made once."""
        return {name: Node("asset", name) for name in self.assets}

    @cached_property
    def task_nodes(self) -> Mapping[str, Node]:
        """Each task as a node, made once."""
        return {name: Node("task", name) for name in self.tasks}

    # ---- the whole ---------------------------------------------------------------------------

    @cached_property
    def order(self) -> tuple[Node, ...]:
        """All nodes, topologically: the sources first, then each task followed by what it makes."""
        found = list(self.sources())
        for name in self.task_order:
            found.append(Node("task", name))
            found += [Node("asset", one) for one in self.tasks[name].outputs]
        return tuple(found)

    def sources(self) -> tuple[Node, ...]:
        """The assets that nothing here makes, in the order of definition."""
        return tuple(Node("asset", name) for name in self.assets if name not in self._producer)

    def sinks(self) -> tuple[Node, ...]:
        """The ends: assets that nobody reads, then tasks that make nothing and that nothing follows."""
        assets = [Node("asset", name) for name in self.assets if name not in self._consumers]
        tasks = [
            Node("task", name)
            for name, task in self.tasks.items()
            if not task.outputs and name not in self._followers
        ]
        return (*assets, *tasks)

    def networkx(self) -> nx.DiGraph[Node]:
        """The same graph for networkx: nodes are Node's, each edge has kind `data` or `after`."""
        return self._networkx

    @cached_property
    def _networkx(self) -> nx.DiGraph[Node]:
        import networkx as nx

        graph: nx.DiGraph[Node] = nx.DiGraph()
        graph.add_nodes_from(self.order)
        for node in self.order:
            for earlier in self.into(node):
                kind = "after" if earlier.kind == node.kind else "data"
                graph.add_edge(earlier, node, kind=kind)
        return graph

    # ---- closures ----------------------------------------------------------------------------

    def upstream(self, nodes: Iterable[Node], depth: int | None = None) -> set[Node]:
        """What the nodes need, directly or not.

        A start node is part of it only where another one needs it. `depth` counts assets, and what a
        task comes `after`: the tasks between and internal assets are no steps of their own.
        """
        if depth is not None:
            return _within(nodes, depth, self._hops_up)
        starts = set(nodes)
        makers = {self._producer[n.name] for n in starts if n.kind == "asset" and n.name in self._producer}
        tasks = [n.name for n in starts if n.kind == "task"]
        found = _closure(makers.union(*(self._before[one] for one in tasks)), self._before)
        inputs = {one.asset for name in found.union(tasks) for one in self.tasks[name].inputs}
        return _nodes(inputs, found)

    def downstream(self, nodes: Iterable[Node], depth: int | None = None) -> set[Node]:
        """What needs the nodes, directly or not; see `upstream`."""
        if depth is not None:
            return _within(nodes, depth, self._hops_down)
        starts = set(nodes)
        readers = {one for n in starts if n.kind == "asset" for one in self.consumers(n.name)}
        tasks = [n.name for n in starts if n.kind == "task"]
        found = _closure(readers.union(*(self.behind(one) for one in tasks)), self._behind)
        outputs = {one for name in found.union(tasks) for one in self.tasks[name].outputs}
        return _nodes(outputs, found)

    def _hops_up(self, node: Node) -> Iterator[tuple[Node, int]]:
        return self._costs(node, self.into(node))

    def _hops_down(self, node: Node) -> Iterator[tuple[Node, int]]:
        return self._costs(node, self.out_of(node))

    def _costs(self, node: Node, others: tuple[Node, ...]) -> Iterator[tuple[Node, int]]:
        for other in others:
            if other.kind == "task":
                yield other, 1 if node.kind == "task" else 0
            else:
                yield other, 0 if self.assets[other.name].internal else 1


def _missing(task: Task, what: str) -> DefinitionError:
    hint = "define it, or take it out"
    return DefinitionError([Problem(f"task {task.name!r} {what}, which is not defined", task.place, hint)])


def _turned(edges: Mapping[str, tuple[str, ...]]) -> Names:
    turned: dict[str, list[str]] = {}
    for name, others in edges.items():
        for other in dict.fromkeys(others) if len(others) > 1 else others:
            turned.setdefault(other, []).append(name)
    return {name: tuple(others) for name, others in turned.items()}


def _nodes(assets: Iterable[str], tasks: Iterable[str]) -> set[Node]:
    found = {Node("asset", name) for name in assets}
    found.update([Node("task", name) for name in tasks])
    return found


def _closure(starts: set[str], edges: Mapping[str, tuple[str, ...]]) -> set[str]:
    found = set(starts)
    stack = list(starts)
    while stack:
        for other in edges.get(stack.pop(), ()):
            if other not in found:
                found.add(other)
                stack.append(other)
    return found


def _within(nodes: Iterable[Node], depth: int, hops: Hops) -> set[Node]:
    """Everything at most `depth` counted hops away: free hops first, so that each node is opened once."""
    found: set[Node] = set()
    opened: set[Node] = set()
    edge = list(nodes)
    for _ in range(depth):
        further: list[Node] = []
        while edge:
            node = edge.pop()
            if node in opened:
                continue
            opened.add(node)
            for other, cost in hops(node):
                found.add(other)
                (further if cost else edge).append(other)
        edge = further
        if not edge:
            break
    return found
