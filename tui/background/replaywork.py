"""Shows a run of the past on the tree as it came, event by event. Nothing of the project is touched meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.timer import Timer

from ...core.problems import ProblemError
from ..projection.live import Live
from ..projection.replay import Replay
from ..projection.session import Session
from .timeline import EVENTS

if TYPE_CHECKING:
    from ..stage import Stage

_FRAME = 0.1


class ReplayWork:
    """Puts a replay in the place of the live run, and the live run back."""

    def __init__(self, app: Stage) -> None:
        self.app = app
        self.shown: Replay | None = None
        self._before: tuple[Live | None, Callable[[], float]] = (None, time.time)
        self._timer: Timer | None = None
        self._last = 0.0
        self._is_beginning = False

    async def begin(self, run: str) -> None:
        """Reads the events of `run` and stands after the first."""
        if self.shown is None and not self._is_beginning and self.app.session is not None:
            self._is_beginning = True
            try:
                await self._begin(self.app.session, run)
            finally:
                self._is_beginning = False

    async def _begin(self, session: Session, run: str) -> None:
        try:
            events = await self.app.aside.call(session.bench.store.events, run, limit=EVENTS)
        except ProblemError as error:
            self.app.tell(str(error).replace("\n", ": "), "failed")
            return
        if not events:
            self.app.tell(f"no event of run {run} is kept: there is nothing to replay")
            return
        replay = await self.app.aside.call(Replay, run, events, tuple(session.graph.tasks))
        if session.under_way:  # begun while the events were read
            self.app.tell("not while a run goes on: a replay would hide it")
            return
        self.shown = replay
        self._before = (session.live, session.clock)
        session.clock = lambda: replay.now
        session.preview = None
        session.marked.clear()
        self._timer = self.app.set_interval(_FRAME, self._tick)
        self._last = time.monotonic()
        self._show(whole=True)

    def leave(self, words: str = "") -> bool:
        """Back to how things stand; False if nothing is replayed."""
        session = self.app.session
        if self.shown is None or session is None:
            return False
        self.shown = None
        if self._timer is not None:
            self._timer.stop()
        session.live, session.clock = self._before
        session.recount()
        self.app.show_rows()
        self.app.tell(words or "the replay is left: this is how things stand now")
        self.app.run_worker(self.app.look_again(), group="replay", exit_on_error=True)
        return True

    def _tick(self) -> None:
        now, replay = time.monotonic(), self.shown
        passed, self._last = now - self._last, now
        if replay is None or replay.paused:
            return
        if replay.pass_time(passed):
            self._show()
        else:
            self.app.tree_view.refresh()
            self.app.status.refresh()

    def step(self, by: int) -> None:
        if self.shown is not None:
            self.shown.step(by)
            self._show()

    def play(self) -> None:
        if self.shown is not None:
            self.shown.toggle()
            self._last = time.monotonic()
            self._show()

    def faster(self, by: int) -> None:
        if self.shown is not None:
            self.shown.faster(by)
            self.app.refresh_bars()

    def _show(self, *, whole: bool = False) -> None:
        session, replay = self.app.session, self.shown
        if session is None or replay is None:
            return
        session.live = replay.live
        session.recount()
        if whole or session.faults_only:
            self.app.show_rows()
        self.app.tree_view.refresh()
        self.app.refresh_bars()
        if self.app.side.tab.name != "history":
            self.app.show_side(again=True)
