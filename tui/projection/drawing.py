"""What follows from a graph for its trees, each made once, and what decides the rows of one at a moment: so that they
can be made beside the loop. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ...core.graph.graph import Graph
from ...core.graph.views import View, ViewKind, asset_view, task_view
from ...core.model import Node
from .folds import OPEN_AT_MOST, Folds
from .rows import Part, Rows, build, prune, with_ghosts, with_parts
from .shape import LARGE, Direction, Shape
from .sieve import Names

MANY = 5_000
"""From so many matches on they are put into rows beside the loop."""


class Whole:
    """The rows of a tree that is open throughout, made when they are first needed."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._rows: Rows | None = None

    @property
    def is_made(self) -> bool:
        return self._rows is not None

    def rows(self) -> Rows:
        if self._rows is None:
            self._rows = build(self._shape, Folds())
        return self._rows


class Derived:
    """Views of one graph, whole or `around` a node, and what is made of them. Whoever asks first has it made; a second
    thread that asks meanwhile may make it too, and one of both is kept."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.is_large = len(graph.assets) + len(graph.tasks) >= 2 * LARGE
        self._views: dict[tuple[ViewKind, Node | None], View] = {}
        self._shapes: dict[tuple[View, Direction], Shape] = {}
        self._wholes: dict[Shape, Whole] = {}
        self._names: dict[View, Names] = {}

    def view(self, kind: ViewKind, around: Node | None = None) -> View:
        """A view, or of it what is up- and downstream of a node."""
        at = kind, around
        if at not in self._views:
            if around is None:
                made = asset_view(self.graph) if kind == "asset" else task_view(self.graph)
            else:
                graph, one = self.graph, {around}
                made = self.view(kind).only(one | graph.upstream(one) | graph.downstream(one))
            self._views.setdefault(at, made)
        return self._views[at]

    def shape(self, view: View, direction: Direction) -> Shape:
        at = view, direction
        if at not in self._shapes:
            self._shapes.setdefault(at, Shape(view, direction))
        return self._shapes[at]

    def whole(self, shape: Shape) -> Whole:
        return self._wholes.setdefault(shape, Whole(shape))

    def names(self, view: View) -> Names:
        if view not in self._names:
            self._names.setdefault(view, Names(view))
        return self._names[view]

    def get_ready(self, view: View, whole: Whole) -> None:
        """Makes what a filter needs, before it is typed."""
        self.names(view)
        whole.rows()

    def look_around(self, node: Node | None, directions: Mapping[ViewKind, Direction]) -> None:
        """Makes what both trees begin with, whole (None) or around a node."""
        for kind, direction in directions.items():
            shape = self.shape(self.view(kind, node), direction)
            shape.size(OPEN_AT_MOST)

    def forget_parts(self) -> None:
        """What is left of views around a node is not needed any more."""
        parts = {view for (_, around), view in self._views.items() if around is not None}
        gone = [shape for (view, _), shape in self._shapes.items() if view in parts]
        self._wholes = {shape: whole for shape, whole in self._wholes.items() if shape not in gone}
        self._shapes = {at: shape for at, shape in self._shapes.items() if at[0] not in parts}
        self._names = {view: names for view, names in self._names.items() if view not in parts}
        self._views = {at: view for at, view in self._views.items() if at[1] is None}


@dataclass(frozen=True, slots=True)
class Drawing:
    """`keep` are the nodes that a filter leaves, None where there is none; `parts` the partitions that have rows;
    `ghosts` what is not defined any more."""

    shape: Shape
    folds: Folds
    whole: Whole
    keep: Collection[Node] | None = None
    parts: Mapping[Node, Sequence[Part]] = field(default_factory=dict)
    ghosts: Mapping[str, Sequence[Node]] = field(default_factory=dict)

    @property
    def is_long(self) -> bool:
        """Whether it takes more time than a key may take."""
        if not self.shape.is_large:
            return False
        if self.keep is not None:
            return len(self.keep) >= MANY or not self.whole.is_made
        return self.folds.depth is None and not (self.folds == Folds() and self.whole.is_made)

    def rows(self, is_wanted: Callable[[], bool] = lambda: True) -> Rows:
        """Raises Superseded where they are no longer wanted."""
        if self.keep is not None:
            found = prune(self.whole.rows(), self.keep)
        elif self.folds == Folds():
            found = self.whole.rows()
        else:
            found = build(self.shape, self.folds, is_wanted)
        return with_ghosts(with_parts(found, self.parts), self.ghosts)
