"""The schedules of the project, kept for as long as the screen is open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ...core.plan.survey import expiry
from ...core.problems import ProblemError
from ..projection.agenda import begun_words, missed_words, trouble_words

if TYPE_CHECKING:
    from ...core.clockwork import News
    from ...core.plan import Plan
    from ...core.schedules.due import Occasion
    from ...core.workbench import Snapshot
    from ..stage import Stage
    from .runs import Runs

LOOK = 2.0
"""Seconds between two looks at most: a schedule that was just saved is not waited for longer."""


class Timekeeper:
    """Begins the runs of slots as they come, and says so. Never moves the cursor."""

    def __init__(self, app: Stage, runs: Runs) -> None:
        self.app = app
        self._runs = runs
        self._surveyed: Snapshot | None = None
        self._expiry: float | None = None

    async def keep_watch(self) -> None:
        """Looks at the clock, for as long as the screen is there."""
        from ...core.automation import Automation

        automation = Automation(self.app.bench, self.begin, tell=self._told, clock=self.app.clock)
        while self.app.session is not None:
            await automation.look()
            await self._note_expiry()
            await asyncio.sleep(min(LOOK, automation.pause()))

    async def _note_expiry(self) -> None:
        """Shows that a value has become too old when it does."""
        session = self.app.session
        if session is None or session.survey is None or session.running:
            return
        if self._surveyed is not session.survey:
            self._surveyed, self._expiry = session.survey, expiry(session.survey.survey)
        if self._expiry is not None and self.app.clock() > self._expiry:
            self._expiry = None
            await self.app.look_again()

    async def begin(self, plan: Plan, occasion: Occasion) -> None:
        """Begins the run of a slot, or one that was asked for. Raises as `Workbench.start` does."""
        self._runs.begin(plan, occasion)
        self.app.side_work.replay.leave("a run began by itself: the replay is left")
        self.app.tell(begun_words(occasion.schedule), "running")

    async def fire(self, name: str) -> None:
        """Runs what a schedule runs, now."""
        from ...core.agenda import find_schedule
        from ...core.clockwork import planned
        from ...core.schedules.due import Occasion

        bench, session = self.app.bench, self.app.session
        try:
            if session is not None and session.running:
                raise ProblemError("a run is under way: wait for its end")
            plan = await self.app.aside.call(lambda: planned(bench, find_schedule(bench, name)))
            await self.begin(plan, Occasion(name))
        except ProblemError as error:
            self.app.tell(str(error).replace("\n", ": "), "failed")
            return
        self.app.did("schedule", None, "fire", name)

    def _told(self, news: News) -> None:
        if news.kind == "missed" and news.missed is not None:
            said = self.app.bench.definitions.schedules.get(news.schedule)
            zone = said.timezone if said is not None else "UTC"
            self.app.tell(
                f"the schedule {news.schedule} has missed {missed_words(news.missed, zone)}", "stale"
            )
        elif news.kind == "waits":
            self.app.tell(f"the schedule {news.schedule} is due and waits for the run that holds the project")
        elif news.kind == "trouble":
            self.app.tell(trouble_words(news.schedule, news.words.replace("\n", ": ")), "failed")
