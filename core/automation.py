"""All that begins runs by itself in an open project: slots of schedules, files that are watched, what is kept up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .clockwork import Begin, Clockwork, News
from .lookout import Lookout
from .upkeep import Upkeep

if TYPE_CHECKING:
    from .workbench import Workbench


class Automation:
    """Of one open project. `look` is called in one loop, never twice at a time. What it tells goes to `tell`."""

    def __init__(
        self,
        bench: Workbench,
        begin: Begin,
        *,
        tell: Callable[[News], None] = lambda news: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clockwork = Clockwork(bench, begin, tell=tell, clock=clock)
        self._lookout = Lookout(bench, begin, tell=tell, clock=clock)
        self._upkeep = Upkeep(bench, begin, tell=tell, clock=clock)

    def pause(self) -> float:
        """Seconds until the next look."""
        pauses = (self._clockwork.pause(), self._lookout.pause(), self._upkeep.pause())
        return min(pause for pause in pauses if pause is not None)

    @property
    def soonest(self) -> float | None:
        """When (Unix time) the next slot comes, as far as is known; None if none does."""
        return self._clockwork.soonest

    @property
    def settling(self) -> bool:
        """Whether files were seen that have changed, and must be seen once more before that counts."""
        return self._lookout.settling

    async def look(self) -> None:
        """Begins what is due now."""
        await self._clockwork.look()
        await self._lookout.look()
        await self._upkeep.look()
