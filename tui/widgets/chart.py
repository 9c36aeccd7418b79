"""The graph as a drawing, with the cursor in it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from textual.geometry import Region
from textual.message import Message

from ...core.model import Node
from ..paint.ink import Bit, Ink, Line
from ..panes.graph import Drawing
from .sheet import Sheet

_MARGIN = 2


class Chart(Sheet):
    """Shows a drawing, and keeps the node it is about in sight. Its keys go from node to node."""

    class Chosen(Message):
        """The cursor is to go to `node`."""

        def __init__(self, node: Node) -> None:
            super().__init__()
            self.node = node

    def __init__(self, ink: Callable[[], Ink], *, id: str | None = None) -> None:
        super().__init__(ink, wrap=False, id=id)
        self.drawing: Drawing | None = None
        self._node: Node | None = None

    def show_drawing(self, drawing: Drawing, node: Node) -> None:
        """Shows `drawing`, which is about `node`."""
        is_other = node != self._node
        self.drawing, self._node = drawing, node
        left_out: list[Line] = []
        if drawing.left_out:
            left_out = [
                (),
                (Bit(f"{drawing.left_out:,} more are not drawn: they are further away", "muted"),),
            ]
        self.show([*drawing.lines, *left_out], "graph")
        if is_other and (spot := drawing.spots.get(node)) is not None:
            row, at, width = spot
            region = Region(at - _MARGIN, row - _MARGIN, width + 2 * _MARGIN, 1 + 2 * _MARGIN)
            self.scroll_to_region(region, animate=False, immediate=True, force=True, origin_visible=True)

    def shows(self, nodes: Collection[Node]) -> bool:
        """Whether any of `nodes` is drawn."""
        return self.drawing is not None and not self.drawing.chosen.isdisjoint(nodes)

    # ---- keys ------------------------------------------------------------------------------------

    def move(self, by: int) -> None:
        self._go(lambda drawing, node: drawing.beside(node, by))

    def move_across(self, by: int) -> None:
        self._go(lambda drawing, node: drawing.next_to(node, by))

    def move_top(self) -> None:
        self._go(lambda drawing, node: drawing.beside(node, -len(drawing.spots)))

    def move_bottom(self) -> None:
        self._go(lambda drawing, node: drawing.beside(node, len(drawing.spots)))

    def _go(self, where: Callable[[Drawing, Node], Node | None]) -> None:
        if self.drawing is None or self._node is None:
            return
        node = where(self.drawing, self._node)
        if node is not None and node != self._node:
            self.post_message(self.Chosen(node))
