"""Runs of this screen: begun by a key or by a schedule, shown live, seen to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.plan import Plan
from ...core.problems import ProblemError
from ..projection.endings import end_words, told
from ..projection.live import Live
from ..projection.status import run_words

if TYPE_CHECKING:
    from ...core.engine.engine import RunResult
    from ...core.running import Running
    from ...core.schedules.due import Occasion
    from ..stage import Stage
    from .feed import Feed
    from .stream import Streamer


class Runs:
    """Begins them. Only while this process runs nothing."""

    def __init__(self, app: Stage, feed: Feed, streamer: Streamer) -> None:
        self.app = app
        self._feed = feed
        self._streamer = streamer

    def begin(self, plan: Plan, occasion: Occasion | None = None) -> None:
        """Raises as `Workbench.start` does; then nothing has changed."""
        session = self.app.session
        if session is None:
            return
        live = Live()
        live.expect(plan)
        before, session.live = session.live, live
        listeners = (self._feed.hear, self._streamer)
        try:
            run = self.app.bench.start(plan, jobs=self.app.jobs, listeners=listeners, occasion=occasion)
        except ProblemError:
            session.live = before
            raise
        session.run = run
        session.recount()
        self._feed.began()
        self.app.run_worker(self._see_to_the_end(run, live), name="run", group="run", exit_on_error=True)

    async def _see_to_the_end(self, run: Running, live: Live) -> None:
        """What is left of a run that did not end well is known when it is known how things stand now."""
        lost: RunResult | None = None
        try:
            result = await run.wait()
            if result.error:
                self.app.tell(result.error.replace("\n", ": "), "failed")
            elif result.ok:
                self.app.tell(*end_words(live, True, run_words(live)))
            else:
                lost = result
            for warning in run.warnings:
                self.app.tell(f"hook {warning}".replace("\n", ": "), "stale")
        except ProblemError as error:
            self.app.tell(str(error).replace("\n", ": "), "failed")
        if live.ended is None and live.started is not None:
            live.ended = self.app.clock()
        self._feed.ended()
        await self.app.look_again()
        if lost is not None and self.app.session is not None:
            is_left = self.app.session.has_outdated()
            self.app.tell(*end_words(live, False, told(lost.counts), is_left=is_left))
