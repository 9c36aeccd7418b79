"""Both views side by side: the other one beside the tree, its cursor on the same thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.graph.views import View, counterpart
from ..projection.session import Session

if TYPE_CHECKING:
    from ..stage import Stage


class TwinWork:
    """Keeps the tree of the other view with the first one, and the other way round while that has the focus."""

    def __init__(self, app: Stage) -> None:
        self.app = app
        self._shown: View | None = None

    def show(self, session: Session, *, again: bool) -> None:
        """The cursor is elsewhere, or (`again`) there are other rows."""
        tree, view = self.app.side.twin, session.view(session.other)
        node = None if tree.has_focus else self.app.tree_view.node
        if node is not None and session.is_defined(node):
            node = counterpart(session.graph, node, view)
        is_other, self._shown = self._shown is not view, view
        if again or is_other or (node is not None and not tree.go_to(node)):
            rows = session.rows_beside()
            if node is not None and rows.of(node) is None:
                session.reveal(node, session.other)
                rows = session.rows_beside()
            tree.show(rows, node)

    def moved(self, session: Session) -> None:
        """The cursor of the other view was moved: that of the tree follows it."""
        node = self.app.side.twin.node
        if node is not None and self.app.side.twin.has_focus:
            same = counterpart(session.graph, node, session.view())
            if same is not None and same != self.app.tree_view.node:
                self.app.go_to(same, leaves_trail=False)
