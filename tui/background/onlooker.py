"""What other processes do to the project that is on the screen: seen, shown as an own run is, and asked to end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ...core.cancelling import cancel_elsewhere
from ...core.events import Kind
from ...core.plan.plan import median
from ...core.problems import ProblemError
from ...core.store.lock import Holder
from ...core.watching import Lookout, Sight
from ..aside import Aside
from ..projection.caps import named
from ..projection.endings import end_words, left_words, told_steps
from ..projection.live import Live
from ..projection.session import Session
from ..projection.status import run_words

if TYPE_CHECKING:
    from ..stage import Stage
    from .feed import Feed

_LOST = "the run of another process broke off, and nothing of it is recorded: run again"
IDLE = 0.5
BUSY = 0.1
"""Seconds between two looks: while nothing goes on, and while another process runs steps."""


class Onlooker:
    """Keeps the screen true to a store that others write. Never moves the cursor, never blocks the loop."""

    def __init__(self, app: Stage, feed: Feed) -> None:
        self.app = app
        self._feed = feed
        self._live: Live | None = None
        self._asking = Aside()

    async def keep_watch(self, lookout: Lookout) -> None:
        """Looks again and again, for as long as the screen is there."""
        trouble = ""
        while (session := self.app.session) is not None:
            sight = Sight()
            try:
                if session.running:
                    self._live = session.elsewhere = None
                    if (await self.app.aside.call(lookout.pass_over)).accepted:
                        await self.app.look_again()
                else:
                    sight = await self.app.aside.call(lookout.look)
                    await self._take(session, sight)
                trouble = ""
            except ProblemError as error:
                if trouble != (trouble := str(error).replace("\n", ": ")):
                    self.app.tell(trouble, "failed")
            if not sight.more:
                await asyncio.sleep(BUSY if self._live is not None else IDLE)

    async def _take(self, session: Session, sight: Sight) -> None:
        if session.running:  # begun while we looked
            return
        if sight.holder is not None and session.elsewhere != sight.holder:
            if self._live is not None:
                await self.app.look_again()
            self.app.side_work.replay.leave()
            self._begin(session, sight.holder)
        live = self._live
        if sight.accepted or (live is None and sight.committed):
            await self.app.look_again()
        if live is None:
            return
        for event in sight.events:
            self._feed.hear(event)
            if event.kind is Kind.RUN_STARTED and session.survey is not None:
                took = session.durations
                for task, step in live.steps.items():
                    step.estimate = median(took[task]) if took.get(task) else None
        self._read_log_on()
        if sight.holder is None and not sight.more:
            await self._end(session, live, lost=sight.lost)

    def _begin(self, session: Session, holder: Holder) -> None:
        self._live = session.live = Live()
        session.elsewhere = holder
        session.recount()
        self._feed.began()
        since = time.strftime("%H:%M:%S", time.localtime(holder.since))
        self.app.tell(
            f"process {holder.pid} runs this project since {since}: it is shown live, {named('cancel_run')} cancels it",
            "running",
        )

    async def _end(self, session: Session, live: Live, *, lost: bool) -> None:
        holder, is_over = session.elsewhere, live.is_over
        self._live = session.elsewhere = None
        if lost and not is_over:
            session.live = None
        elif not is_over:
            live.break_off(self.app.clock())
        self._feed.ended()
        await self.app.look_again()
        is_left = session.has_outdated()
        if is_over:
            counts = run_words(live) if live.ok else told_steps(live)
            whose = "the run of another process"
            self.app.tell(*end_words(live, bool(live.ok), counts, whose, is_left=is_left))
        elif lost:
            self.app.tell(_LOST, "failed")
        else:
            whose = f"process {holder.pid}" if holder is not None else "another process"
            self.app.tell(f"run of {whose} interrupted: {told_steps(live)}{left_words(is_left)}", "failed")

    # ---- logs ------------------------------------------------------------------------------------

    def _read_log_on(self) -> None:
        """What another process's step prints is told in no event: only its log file grows."""
        side = self.app.side
        if side.tab.name != "log":
            return
        if side.log_view.count:
            side.log_view.feed()
        else:
            self.app.show_side(again=True)

    # ---- cancelling ------------------------------------------------------------------------------

    async def cancel(self, task: str | None = None) -> None:
        """Asks the other process to end its run or one step of it, and says what became of that."""
        self.app.tell(f"asked to end: {task or 'the run'}")
        try:
            answer = await self._asking.call(
                cancel_elsewhere, self.app.bench.store, () if task is None else (task,)
            )
        except ProblemError as error:
            self.app.tell(str(error).replace("\n", ": "), "failed")
            return
        self.app.tell(answer.told, "muted" if answer.ok else "failed")
