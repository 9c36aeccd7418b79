"""The keys that change how many steps of a run go on at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..stage import Stage


class Tempo:
    """One method for each key's id. Only called while this screen's run is under way."""

    def __init__(self, app: Stage) -> None:
        self.app = app

    def more_jobs(self) -> None:
        self._by(1)

    def fewer_jobs(self) -> None:
        self._by(-1)

    def _by(self, more: int) -> None:
        session = self.app.session
        if session is None or session.run is None:
            return
        run = session.run
        note = run.resize(run.jobs + more)
        self.app.jobs = run.jobs
        if session.live is not None:
            session.live.jobs = run.jobs
        words = "one step at a time" if run.jobs == 1 else f"{run.jobs} steps at once"
        self.app.tell(note or words + (" from now on" if more > 0 else " from now on; what runs is let end"))
