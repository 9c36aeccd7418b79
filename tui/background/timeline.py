"""Keeps the Timeline tab true: of the run under way, of the one that ended last, of the project's last."""

from __future__ import annotations

import operator
import time
from typing import TYPE_CHECKING

from ...core.problems import ProblemError
from ..paint.ink import Bit
from ..projection.live import Live
from ..projection.session import Session
from ..projection.spans import gantt_of

if TYPE_CHECKING:
    from ...core.workbench import Workbench
    from ..stage import Stage

EVENTS = 500_000
"""Of a past run at most so many events are read."""
_SHARE = 10
"""Drawing anew is followed by this many times its own length without it."""


class TimelineWork:
    """Draws beside the loop; one picture at a time."""

    def __init__(self, app: Stage) -> None:
        self.app = app
        self._drawn: tuple[object, ...] = (None, None, None)
        self._is_drawing = self._is_wanted = False
        self._next = 0.0
        self._past: tuple[object, Live | None] = (None, None)

    def tick(self) -> None:
        """The run goes on: its bars grow, as often as there is time for it."""
        if self.app.side.tab.name == "timeline" and time.monotonic() >= self._next:
            self._draw()

    def show(self, *, again: bool = False) -> None:
        """The tab is shown, or what it shows may have changed."""
        if again or not all(map(operator.is_, self._drawn, self._what())):
            self._draw()

    def _what(self) -> tuple[object, ...]:
        """What the picture is of: while it is the same, `tick` keeps it up to date."""
        session = self.app.session
        if session is None:
            return (None, None, None)
        return session.graph, session.live or session.survey, session.under_way

    def _draw(self) -> None:
        self._is_wanted = True
        if not self._is_drawing and self.app.session is not None and self.app.is_running:
            self._is_drawing = True
            self.app.run_worker(self._keep_drawing(self.app.session), group="timeline", exit_on_error=True)

    async def _keep_drawing(self, session: Session) -> None:
        try:
            while self._is_wanted:
                self._is_wanted, self._drawn = False, self._what()
                await self._draw_once(session)
        except ProblemError as error:
            self.app.tell(str(error).replace("\n", ": "), "failed")
        finally:
            self._is_drawing = False

    async def _draw_once(self, session: Session) -> None:
        began, view = time.monotonic(), self.app.side.gantt
        live, graph, durations = session.live or await self._last(session), session.graph, session.durations
        if live is None or not live.steps:
            view.show([(Bit("nothing has run yet", "muted"),)])
            return
        now, under_way = session.clock(), session.under_way
        gantt = await self.app.aside.call(gantt_of, live, graph, durations, now, under_way=under_way)
        view.draw(gantt)
        ended = time.monotonic()
        self._next = ended + _SHARE * (ended - began)

    async def _last(self, session: Session) -> Live | None:
        """The project's last run, read once for each state of its store."""
        if self._past[0] is not session.survey:
            self._past = session.survey, await self.app.aside.call(last_run, session.bench)
        return self._past[1]


def last_run(bench: Workbench) -> Live | None:
    """The last run of the project as it was told; None if there was none. Blocking."""
    runs = bench.history(1)
    if not runs:
        return None
    live = Live()
    for event in bench.store.events(runs[0].run, limit=EVENTS):
        live.apply(event)
    return live
