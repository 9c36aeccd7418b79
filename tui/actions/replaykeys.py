"""The keys of a replay: begin, pause, step, change its speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..background.sidework import SideWork

if TYPE_CHECKING:
    from ..stage import Stage
    from .tempo import Tempo


class ReplayKeys:
    """One method for each key's id. Only called where the key's reason does not forbid it."""

    def __init__(self, app: Stage, tempo: Tempo, side_work: SideWork) -> None:
        self.app = app
        self._tempo = tempo
        self._side_work = side_work
        self._work = side_work.replay

    async def replay(self) -> None:
        if self._work.shown is not None:
            self._work.play()
        elif run := self._side_work.run:
            await self._work.begin(run)

    def event_after(self) -> None:
        self._work.step(1)

    def event_before(self) -> None:
        self._work.step(-1)

    def more_jobs(self) -> None:
        """Faster in a replay, else more steps at once."""
        if self._work.shown is not None:
            self._work.faster(1)
        else:
            self._tempo.more_jobs()

    def fewer_jobs(self) -> None:
        if self._work.shown is not None:
            self._work.faster(-1)
        else:
            self._tempo.fewer_jobs()
