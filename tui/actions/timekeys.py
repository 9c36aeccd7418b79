"""The key of the schedules: their page, and what is done there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.problems import ProblemError

if TYPE_CHECKING:
    from ...core.agenda import Item
    from ..background.timekeeper import Timekeeper
    from ..stage import Stage


class TimeKeys:
    """One method for each key's id."""

    def __init__(self, app: Stage, timekeeper: Timekeeper) -> None:
        self.app = app
        self._timekeeper = timekeeper

    async def schedules(self) -> None:
        """The page of all schedules."""
        from ..widgets.agenda import AgendaPage

        app = self.app
        items = await self._look()
        app.did("schedule")
        app.push_screen(AgendaPage(app.ink(), items, app.clock, self._look, self._pause, self._fire))

    async def _look(self) -> list[Item]:
        from ...core.agenda import agenda

        app = self.app
        try:
            return await app.aside.call(agenda, app.bench, app.clock())
        except ProblemError as error:
            app.tell(str(error).replace("\n", ": "), "failed")
            return []

    async def _pause(self, item: Item) -> None:
        from ...core.agenda import pause

        app, name = self.app, item.schedule.name
        try:
            await app.aside.call(pause, app.bench, name, not item.paused, app.clock())
        except ProblemError as error:
            app.tell(str(error).replace("\n", ": "), "failed")
            return
        app.did("schedule", None, "resume" if item.paused else "pause", name)

    def _fire(self, item: Item) -> None:
        if not self.app.bench.trusted:
            self.app.tell("the project is not trusted, so nothing of it runs", "failed")
            return
        self.app.run_worker(self._timekeeper.fire(item.schedule.name), name="fire", group="key")
