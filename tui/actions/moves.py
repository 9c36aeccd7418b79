"""The keys that only look: moving, folding, filtering, marking, flipping, tabs and panes."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ...core.model import Node
from ..paint.colours import PALETTES
from ..paint.themes import PREFIX
from ..projection.caps import named
from ..projection.parts import whole
from ..projection.rows import Folds, node_key
from ..tty.clipboard import copy
from ..widgets.log import LogView
from ..widgets.sheet import Sheet
from ..widgets.tree import TreeView

if TYPE_CHECKING:
    from ..projection.draft import Draft
    from ..projection.session import Session
    from ..stage import Stage


class Moves:
    """One method for each key's id."""

    def __init__(self, app: Stage) -> None:
        self.app = app
        self.tree_view = app.tree_view
        self.side = app.side
        self._before = 0

    # ---- move ------------------------------------------------------------------------------------

    def _focused(self) -> TreeView | Sheet | LogView:
        return self.side.inside if self.side.has_focus_within else self.tree_view

    def down(self) -> None:
        self._focused().move(1)

    def up(self) -> None:
        self._focused().move(-1)

    def top(self) -> None:
        self._focused().move_top()

    def bottom(self) -> None:
        self._focused().move_bottom()

    def half_down(self) -> None:
        self._focused().move_half(1)

    def half_up(self) -> None:
        self._focused().move_half(-1)

    def fold(self) -> None:
        at = self._focused()
        if not isinstance(at, TreeView):
            at.move_across(-1)
        elif (row := at.row) is not None:
            if row.open:
                self._set_open(at, at.cursor, False)
            elif row.parent >= 0:
                at.go(row.parent)

    def unfold(self) -> None:
        at = self._focused()
        if not isinstance(at, TreeView):
            at.move_across(1)
        elif (row := at.row) is not None:
            if row.kind == "alias" and at is self.tree_view:
                self.jump()
            elif row.kind == "alias" and row.node is not None:
                at.go_to(row.node)
            elif row.open is False:
                self._set_open(at, at.cursor, True)
            elif row.open:
                at.go(at.cursor + 1)

    def toggle(self, tree: TreeView, at: int) -> None:
        row = tree.rows.rows[at]
        if row.open is not None:
            self._set_open(tree, at, not row.open)

    def _set_open(self, tree: TreeView, at: int, is_open: bool) -> None:
        session, row = self.app.session, tree.rows.rows[at]
        if session is None or (session.filtered and tree is self.tree_view):
            return
        kind = session.which if tree is self.tree_view else session.other
        key = row.key if row.node is None else node_key(row.node)
        folds = session.folds(kind)
        session.set_folds(folds.open(key) if is_open else folds.close(key), kind)
        self.app.show_rows()

    def fold_all(self) -> None:
        self._all(Folds(0))

    def unfold_all(self) -> None:
        self._all(Folds())

    def _all(self, folds: Folds) -> None:
        if self.app.session is not None:
            self.app.session.set_folds(folds)
            self.app.show_rows()

    def jump(self) -> None:
        """From an alias to the thing's own row."""
        if (node := self.tree_view.node) is not None:
            self.app.go_to(node)

    # ---- look ------------------------------------------------------------------------------------

    def toggle_view(self) -> None:
        session = self.app.session
        if session is None:
            return
        node = session.flip(self.tree_view.node)
        self.app.show_rows(node, reveal=True)

    def both(self) -> None:
        """The other view beside the tree, or what was there before."""
        if self.side.tab.name == "twin":
            self.side.turn_to(self._before)
        else:
            self._before = self.side.at
            self.side.go_to_tab("twin")

    def turn(self) -> None:
        if self.app.session is not None:
            self.app.session.turn()
            self.app.show_rows(self.tree_view.node, reveal=True)

    def partitions(self) -> None:
        session, node = self.app.session, self.tree_view.node
        if session is not None and node is not None:
            session.parts.shown ^= {session.task_of(whole(node)) or ""}
            self.app.show_rows(whole(node))

    async def isolate(self) -> None:
        """Only what is up- and downstream of this, or all again."""
        session, node = self.app.session, self.tree_view.node
        if session is None:
            return
        around = None if session.isolated is not None else node
        if session.derived.is_large and around is not None:
            self.app.easel.say_working()
            await self.app.easel.beside(session.derived.look_around, around, session.directions)
        session.isolate(around)
        self.app.show_rows(node, reveal=True)

    def go_back(self) -> None:
        self._along(self.app.trail.back(self.tree_view.node), "this is where it began")

    def go_forward(self) -> None:
        self._along(self.app.trail.forward(self.tree_view.node), "there is nothing further on")

    def _along(self, node: Node | None, nowhere: str) -> None:
        if node is None:
            self.app.tell(nowhere)
        else:
            self.app.go_to(node, leaves_trail=False)

    def faults(self) -> None:
        session = self.app.session
        if session is not None:
            session.faults_only = not session.faults_only
            self.app.show_rows(then=self.tree_view.seek)

    def to_match(self) -> None:
        session = self.app.session
        if session is None:
            return
        if not self._next(session.matches if session.matches is not None else session.faults()):
            self.app.tell("nothing matches")

    def next_new(self) -> None:
        session = self.app.session
        if session is None:
            return
        marked = session.new | session.changed | set(session.removed)
        if not self._next(marked):
            hidden = next((n for n in session.view().nodes if n in marked), None)
            if hidden is not None:
                self.app.go_to(hidden)

    def _next(self, wanted: Collection[Node]) -> bool:
        at = self.tree_view.rows.next_of(wanted, self.tree_view.cursor + 1)
        if at is not None:
            self.app.trail.leave(self.tree_view.node)
            self.tree_view.go(at)
        return at is not None

    # ---- mark ------------------------------------------------------------------------------------

    def mark(self) -> None:
        session = self.app.session
        if session is None:
            return
        if session.preview is not None:
            self._leave_out(session, session.preview)
            return
        if self.tree_view.range_from is not None:
            self.to_range()
            return
        if (node := self.tree_view.node) is not None:
            session.marked ^= {node}
            self.tree_view.repaint([node])
        self.tree_view.move(1)

    def _leave_out(self, session: Session, draft: Draft) -> None:
        node = self.tree_view.node
        why_not = draft.toggle(session.task_of(node) if node is not None else None)
        if why_not:
            self.app.tell(why_not)
            return
        self.app.show_rows()
        self.tree_view.move(1)
        self.app.run_worker(self._weigh(draft), name="draft", group="draft", exclusive=True)

    async def _weigh(self, draft: Draft) -> None:
        await self.app.weigh_plan(draft.plan)
        self.app.show_rows()

    def to_range(self) -> None:
        session, tree = self.app.session, self.tree_view
        if session is None:
            return
        if tree.range_from is None:
            tree.range_from = tree.cursor
        else:
            low, high = sorted((tree.range_from, tree.cursor))
            nodes = [row.node for row in tree.rows.rows[low : high + 1]]
            session.marked |= {node for node in nodes if node is not None}
            tree.range_from = None
        tree.refresh()

    # ---- panes -----------------------------------------------------------------------------------

    def next_tab(self) -> None:
        self.side.turn_to(self.side.at + 1)

    def previous_tab(self) -> None:
        self.side.turn_to(self.side.at - 1)

    def next_pane(self) -> None:
        self.app.turn_to("tree" if self.side.has_focus_within else "side")

    previous_pane = next_pane

    def zoom(self) -> None:
        if self.app.is_alone:
            self.next_pane()
        else:
            self.app.zoom()

    # ---- screen ----------------------------------------------------------------------------------

    def help(self) -> None:
        from ..widgets.confirm import Help

        self.app.push_screen(Help(self.app.ink(), self.app.situation(), self.app.keymap))

    def palette(self) -> None:
        self.app.action_command_palette()

    def theme(self) -> None:
        """The next of them."""
        names = list(PALETTES)
        name = names[(names.index(self.app.palette) + 1) % len(names)]
        self.app.theme = PREFIX + name
        self.app.screen.refresh(layout=True)
        self.app.tell(f"theme: {name}")
        if self.app.remember is not None:
            self.app.remember(name)

    def settings(self) -> None:
        from ..widgets.confirm import Box, settings_lines

        app = self.app
        lines = settings_lines(app.preferences, app.palette, app.ascii_only)
        app.push_screen(Box(app.ink(), "Settings", lines, "Esc closes"))

    def suspend(self) -> None:
        self.app.action_suspend_process()

    def copy_command(self) -> None:
        self.app.tell(f"sent to the clipboard: {copy(self.app, self.app.echo.said[-1].command)}")

    def commands(self) -> None:
        from ..widgets.confirm import Box

        foot = f"Esc closes · {self.app.keymap.cap('copy_command')} copies the last"
        self.app.push_screen(Box(self.app.ink(), "What the keys did", self.app.echo.lines(), foot))

    def back(self) -> None:
        """One step: the preview, a range, the filter, the marks, the zoom, the pane; first a replay, what is
        open of the past and what is sought in a log, where the focus is there. Never quits."""
        app, session = self.app, self.app.session
        if session is None:
            return
        if app.side_work.leave():
            return
        if session.preview is not None:
            session.preview = None
            app.show_rows()
        elif self.tree_view.range_from is not None:
            self.tree_view.range_from = None
            self.tree_view.refresh()
        elif session.filtered:
            app.clear_filter()
        elif session.isolated is not None:
            session.isolate(None)
            app.show_rows(self.tree_view.node, reveal=True)
        elif session.marked:
            session.marked.clear()
            self.tree_view.refresh()
        elif app.zoomed and not app.is_alone:
            app.zoom()
        elif self.side.has_focus_within:
            self.next_pane()
        else:
            self.app.tell(f"there is nothing to go back from ({named('quit')} quits)")
