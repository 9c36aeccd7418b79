"""What each task is fed with, through internal assets too, and in which words an edge says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .graph import Graph

SHOWN_TITLES = 8
SHOWN_PATHS = 4
TRIED_PATHS = 32
LOOKED_AT = 64
"""How far and how wide a label looks for the ways from one end of its edge to the other."""

Path = tuple[str, ...]


class Contraction:
    """Takes tasks and internal assets out of the way.

    The unit is not the asset but its entry: a task that reads visible assets. All that it reads goes the
    same ways, so an edge's label is found once for each pair of entry and end.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._feeders: dict[str, tuple[str, ...]] = {}
        for name in graph.task_order:
            feeders = self._internal_makers(name)
            if feeders:
                self._feeders[name] = feeders

    def _internal_makers(self, task: str) -> tuple[str, ...]:
        graph = self._graph
        makers = {
            maker: None
            for one in graph.tasks[task].inputs
            if graph.assets[one.asset].internal and (maker := graph.producer(one.asset)) is not None
        }
        return tuple(makers)

    def told(self) -> dict[str, list[tuple[str, str]]]:
        """The same as `sources`, of those tasks alone that internal assets lead to."""
        return {name: fed for name, fed in self.sources() if name in self._feeders}

    def sources(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """For each task that makes a visible asset: the visible assets it is made of, with the labels."""
        assets = self._graph.assets
        for name, entries in self._entries():
            task = self._graph.tasks[name]
            if all([assets[one].internal for one in task.outputs]):
                continue
            if task.verb or name not in self._feeders:
                label = task.verb or task.title
                yield name, [(asset, label) for asset in self._read_by(entries)]
            else:
                yield name, self._told(name, entries)

    def _entries(self) -> Iterator[tuple[str, dict[str, None]]]:
        """For each task, in order, the tasks through which visible assets come to it.

        The last reader of a task's entries takes them over and adds its own, instead of copying them.
        """
        waiting: dict[str, int] = {}
        for feeders in self._feeders.values():
            for one in feeders:
                waiting[one] = waiting.get(one, 0) + 1
        held: dict[str, dict[str, None]] = {}
        for name in self._graph.task_order:
            entries: dict[str, None] = {}
            for one in self._feeders.get(name, ()):
                waiting[one] -= 1
                theirs = held[one] if waiting[one] else held.pop(one)
                if entries:
                    entries.update(theirs)
                else:
                    entries = theirs.copy() if waiting[one] else theirs
            if self._visible_inputs(name):
                entries[name] = None
            yield name, entries
            if name in waiting:
                held[name] = entries

    def _visible_inputs(self, task: str) -> list[str]:
        assets = self._graph.assets
        return [one.asset for one in self._graph.tasks[task].inputs if not assets[one.asset].internal]

    def _read_by(self, entries: Iterable[str]) -> dict[str, None]:
        return {asset: None for entry in entries for asset in self._visible_inputs(entry)}

    # ---- in words ----------------------------------------------------------------------------

    def _told(self, end: str, entries: Iterable[str]) -> list[tuple[str, str]]:
        """Each visible asset with its label: the titles of the tasks on the way, for each way."""
        entries = list(entries)
        near = self._near(end, LOOKED_AT + 4 * len(entries))
        words: dict[str, dict[str, None]] = {}
        for entry in entries:
            labels = self._labels(entry, end, near)
            for asset in dict.fromkeys(self._visible_inputs(entry)):
                words.setdefault(asset, {}).update(labels)
        return [(asset, _either(list(labels))) for asset, labels in words.items()]

    def _near(self, end: str, limit: int) -> dict[str, list[str]]:
        """The tasks closest before the end, at most `limit`, each with those of them that it feeds."""
        near: dict[str, list[str]] = {end: []}
        queue = [end]
        for task in queue:
            for one in self._feeders.get(task, ()):
                if one not in near and len(near) < limit:
                    near[one] = []
                    queue.append(one)
                if one in near:
                    near[one].append(task)
        return near

    def _labels(self, entry: str, end: str, near: dict[str, list[str]]) -> dict[str, None]:
        if entry not in near:
            return {self._label((entry, end), far=True): None}
        found: dict[str, None] = {}
        stack: list[Path] = [(entry,)]
        tried = 0
        while stack and len(found) <= SHOWN_PATHS and tried < TRIED_PATHS:
            path = stack.pop()
            if path[-1] == end:
                found[self._label(path)] = None
                tried += 1
            elif len(path) > LOOKED_AT:
                found[self._label((entry, end), far=True)] = None
                tried += 1
            else:
                ways = near[path[-1]][: SHOWN_PATHS + 1]
                stack += [(*path, one) for one in reversed(ways)]
        return found

    def _label(self, path: Path, far: bool = False) -> str:
        titles = [self._graph.tasks[one].title for one in path]
        if far:
            titles.insert(1, "…")
        elif len(titles) > SHOWN_TITLES:
            titles[SHOWN_TITLES // 2 : -SHOWN_TITLES // 2 + 1] = ["…"]
        return ", ".join(titles)


def _either(labels: list[str]) -> str:
    if len(labels) > SHOWN_PATHS:
        labels = [*labels[:SHOWN_PATHS], "…"]
    return " / ".join(labels)
