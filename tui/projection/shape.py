"""What stands at the root of a tree and what below each thing, for one view turned one way. Pure.

What is asked of a node is found then and there: the tree of 100,000 nodes is never made as a whole, unless all of it
is opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from ...core.graph.views import View
from ...core.model import Node

Direction = Literal["up", "down"]
"""`up`: under a node stands what it is made of; `down`: under a node stands what follows from it."""

RowKey = tuple[str, ...]

SMALLEST_GROUP = 3
LARGE = 5_000
"""From so many nodes on a graph is large: a way to a node is then the shortest there is and not the topmost, and more
is done beside the loop."""
_REMEMBERED = 500


def node_key(node: Node) -> RowKey:
    """The key of a node's own row, and of its fold."""
    return ("node", node.kind, node.name)


class Bunch:
    """Nodes of one group that stand beside each other; no two are equal."""

    __slots__ = ("members", "name", "nodes")

    def __init__(self, name: str, members: Sequence[Node]) -> None:
        self.name = name
        self.members = tuple(members)
        self.nodes = frozenset(members)


class Part(NamedTuple):
    """One partition of what it stands under, and what it is called there."""

    node: Node
    label: str


Entry = Node | Bunch


class Words(NamedTuple):
    """How a thing belongs to what it stands under."""

    verb: str = ""
    dim: bool = False


_NO_WORDS = Words()


class Shape:
    """The entries at the root and those below each node."""

    def __init__(self, view: View, direction: Direction) -> None:
        self.view = view
        self.direction = direction
        self.is_large = len(view.nodes) >= LARGE
        self._words: dict[Node, dict[Node, Words]] = {}
        self.roots = self._bunched(self._tops(), at_root=True)

    def below(self, node: Node) -> tuple[Entry, ...]:
        near = self._near_task(node) if self.view.kind == "task" else self._near(node)
        return self._bunched(near, at_root=False)

    def size(self, most: int | None = None) -> int:
        """How many rows there are when everything is open; beyond `most` it is not counted on."""
        total = 0
        seen: set[Node] = set()
        todo: list[Entry] = list(self.roots)
        while todo and (most is None or total <= most):
            entry = todo.pop()
            total += 1
            if isinstance(entry, Bunch):
                todo.extend(entry.members)
            elif entry not in seen:
                seen.add(entry)
                todo.extend(self.below(entry))
        return total

    def two_levels(self, most: int) -> int:
        """How many rows the first two levels have; beyond `most` it is not counted on."""
        total = len(self.roots)
        for entry in self.roots:
            if total > most:
                break
            total += len(entry.members if isinstance(entry, Bunch) else self.below(entry))
        return total

    # ---- what is next to what --------------------------------------------------------------------

    def _near(self, node: Node) -> tuple[Node, ...]:
        return self.view.before(node) if self.direction == "up" else self.view.behind(node)

    def _near_task(self, node: Node) -> tuple[Node, ...]:
        """What the task reads from outside, what it makes, and the tasks that come next (or before)."""
        if node.kind != "task":
            return ()
        before, behind = self.view.before(node), self.view.behind(node)
        reads = [one for one in before if one.kind == "asset" and self.view.is_source(one)]
        makes = [one for one in behind if one.kind == "asset"]
        steps = [one for one in (before if self.direction == "up" else behind) if one.kind == "task"]
        return (*reads, *makes, *steps) if self.direction == "down" else (*makes, *steps, *reads)

    def parents(self, node: Node) -> list[Node]:
        """What the node stands under, in this direction."""
        before, behind = self.view.before(node), self.view.behind(node)
        if self.view.kind != "task":
            return list(behind if self.direction == "up" else before)
        if node.kind == "asset":
            return list(behind if self.view.is_source(node) else before)
        return [one for one in (behind if self.direction == "up" else before) if one.kind == "task"]

    def _tops(self) -> Sequence[Node]:
        view = self.view
        if view.kind != "task":
            return view.leaves if self.direction == "up" else view.roots
        stands_under = view.leads_to_task if self.direction == "up" else view.follows_task

        def hangs(node: Node) -> bool:
            if node.kind == "task":
                return stands_under(node)
            return view.leads_to_task(node) if view.is_source(node) else view.follows_task(node)

        return [node for node in view.nodes if not hangs(node)]

    # ---- words -----------------------------------------------------------------------------------

    def words(self, above: Node, node: Node) -> Words:
        """How `node` belongs to `above`, which it stands under."""
        found = self._words.get(above)
        if found is None:
            if len(self._words) >= _REMEMBERED:
                self._words.clear()
            found = self._words[above] = dict(self._told(above))
        return found.get(node, _NO_WORDS)

    def _told(self, above: Node) -> Iterator[tuple[Node, Words]]:
        into, out_of = self.view.into(above), self.view.out_of(above)
        if self.view.kind != "task":
            if self.direction == "down":
                yield from ((edge.target, Words(edge.label)) for edge in out_of)
            else:
                is_said = len({edge.label for edge in into}) == 1
                yield from ((edge.source, _NO_WORDS if is_said else Words(edge.label)) for edge in into)
            return
        for edge in into:
            if edge.source.kind == "asset" and self.view.is_source(edge.source):
                yield edge.source, Words("reads")
        for edge in out_of:
            if edge.target.kind == "asset":
                yield edge.target, Words("makes", self.view.nodes[edge.target].byproduct)
        for edge in into if self.direction == "up" else out_of:
            step = edge.source if self.direction == "up" else edge.target
            if step.kind == "task":
                yield step, Words("after" if edge.kind == "after" else "")

    def verb(self, node: Node) -> str:
        """The one verb by which a thing is made of all that stands below it. Where paths differ, each edge has
        its own, and this is empty."""
        if self.view.kind == "task" or self.direction == "down":
            return ""
        labels = {edge.label for edge in self.view.into(node)}
        return labels.pop() if len(labels) == 1 else ""

    def common_verb(self, above: Node, bunch: Bunch) -> str:
        """How what is in a bunch belongs to what that stands under."""
        told = (self.words(above, node).verb for node in bunch.members)
        return next((verb for verb in told if verb), "")

    # ---- groups ----------------------------------------------------------------------------------

    def _bunched(self, nodes: Sequence[Node], *, at_root: bool) -> tuple[Entry, ...]:
        view = self.view
        if len(nodes) < SMALLEST_GROUP or not view.has_groups:
            return tuple(nodes)
        group_of = {node: view.nodes[node].group for node in nodes if at_root or view.is_source(node)}
        sizes = Counter(group for group in group_of.values() if group)
        wanted = {
            group
            for group, size in sizes.items()
            if size >= SMALLEST_GROUP and not (at_root and size == len(nodes))
        }
        if not wanted:
            return tuple(nodes)
        gathered: dict[str, list[Node]] = {}
        for node in nodes:
            if (group := group_of.get(node, "")) in wanted:
                gathered.setdefault(group, []).append(node)
        out: list[Entry] = []
        for node in nodes:
            group = group_of.get(node, "")
            if group not in wanted:
                out.append(node)
            elif members := gathered.pop(group, None):
                out.append(Bunch(group, members))
        return tuple(out)
