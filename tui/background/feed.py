"""From the engine's events to the screen: many in, at most thirty pictures a second out."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from contextvars import copy_context
from typing import TYPE_CHECKING

from textual.timer import Timer

from ...core.events import Event, Kind
from ...core.model import Node
from ..aside import Aside
from ..projection.endings import call_words
from ..projection.live import OPEN
from ..projection.session import Session
from ..widgets.tree import TreeView

if TYPE_CHECKING:
    from ..stage import Stage
    from .sidework import SideWork

FRAME = 1 / 30
TICK = 0.25
"""Seconds between two pictures of a spinner; it turns only while something runs."""
MOST_REBUILT = 2000


class Feed:
    """Listens to the run and tells the widgets, together and not too often."""

    def __init__(self, app: Stage, side_work: SideWork) -> None:
        self.app = app
        self._side_work = side_work
        self._due = False
        self._begun: set[str] = set()
        self._ticker: Timer | None = None
        self._foreseeing = Aside()
        self._context = copy_context()

    def hear(self, event: Event) -> None:
        """A listener of the engine: called in the app's loop, as often as the engine likes."""
        session = self.app.session
        if session is None or session.live is None:
            return
        session.live.apply(event)
        if event.kind is Kind.STEP_STARTED and event.task is not None:
            self._begun.add(event.task)
        self.came()

    def came(self) -> None:
        """Something changed: it is painted with the next frame."""
        if not self._due and self.app.is_running:
            self._due = True
            loop = asyncio.get_running_loop()
            loop.call_later(FRAME, self.app.call_later, self.catch_up, context=self._context)

    def catch_up(self) -> None:
        self._due = False
        session, tree = self.app.session, self.app.tree_view
        if session is None or session.live is None:
            return
        tasks, session.live.touched = session.live.touched, set()
        nodes = session.touched(tasks)
        self._repaint(nodes)
        begun, self._begun = self._begun, set()
        self._side_work.came(tasks, nodes, begun)
        if session.faults_only and len(tree.rows) < MOST_REBUILT:
            self.app.show_rows()

    def _trees(self) -> Iterable[TreeView]:
        return (tree for tree in (self.app.tree_view, self.app.side.twin) if tree.display)

    def _repaint(self, nodes: Collection[Node]) -> None:
        for tree in self._trees():
            tree.repaint(nodes)

    def _under_way(self, session: Session) -> set[Node]:
        """What is in view and runs, or waits in words that may have changed."""
        nodes = {row.node for tree in self._trees() for row in tree.in_view() if row.node is not None}
        return {node for node in nodes if session.state_of(node) in OPEN}

    def began(self) -> None:
        """A run begins. Called in the app's own context, which the engine's callbacks do not have."""
        self._context = copy_context()
        self.app.tell("")
        self.app.tree_view.refresh()
        if self._ticker is None:
            self._ticker = self.app.set_interval(TICK, self._tick)

    def _tick(self) -> None:
        session = self.app.session
        if session is not None and session.live is not None:
            self._repaint(self._under_way(session))
        self._foresee()
        self._side_work.timeline.tick()
        self.app.refresh_bars()
        if session is not None and "state" in session.sieve.text:
            self.app.select_again()

    def _foresee(self) -> None:
        """Of a run of many steps, how long it takes is looked at beside the loop."""
        session = self.app.session
        if session is None or session.live is None:
            return
        foresight = session.outlook.of(session.live)
        if foresight.is_due():
            self.app.run_worker(self._foreseeing.call(foresight.look, session.clock()), group="foresight")

    def ended(self) -> None:
        if self._ticker is not None:
            self._ticker.stop()
            self._ticker = None
        self.catch_up()
        self._call()
        self._side_work.run_ended()

    def _call(self) -> None:
        """The end of a long run is told where nobody looks."""
        session, after = self.app.session, self.app.preferences.notify
        live = session.live if session is not None else None
        if session is None or live is None or after is None or live.started is None:
            return
        took = (live.ended or self.app.clock()) - live.started
        if took >= after:
            self.app.call(f"{session.title}: {call_words(live, took)}")
