"""`schedule run`: a clock without a screen. Tells as `materialize` does, and of slots that were missed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from dataclasses import asdict

from ...core.automation import Automation
from ...core.clockwork import News
from ...core.defined import Defined
from ...core.events import Event, Kind
from ...core.plan import Plan
from ...core.problems import ProblemError, ProjectHeld, StoreError, number_of
from ...core.running import Running
from ...core.schedules.due import Occasion
from ...core.workbench import Workbench
from ..paint.sanitize import clean
from ..projection.agenda import at, missed_words, trouble_words
from .output import print_json, print_line, talk
from .running import INTERRUPTS, Voice, teller
from .streams import flush

REREAD = 5.0
"""Seconds between two looks whether the definitions were edited."""


class _Clock:
    """The loop of one process: what begins runs by itself, the run that it is at, and what was asked of it."""

    def __init__(self, bench: Workbench, *, jobs: int | None, as_json: bool, quiet: bool) -> None:
        self._bench = bench
        self._jobs = jobs
        self._as_json, self._quiet = as_json, quiet
        self._voice = Voice(teller(as_json, quiet))
        self._automation = Automation(bench, self._begin, tell=self._told)
        self._received = 0
        self._ended = asyncio.Event()
        self._failed = False
        self._trouble = ""
        self._told_of: Defined | None = None

    async def keep(self, once: bool) -> int:
        loop = asyncio.get_running_loop()
        for number in INTERRUPTS:
            loop.add_signal_handler(number, self._interrupt, number)
        try:
            while not self._ended.is_set():
                await self._reread()
                await self._look(once)
                if self._voice.broken is not None:
                    raise self._voice.broken
                if once:
                    return 128 + self._received if self._received else int(self._failed)
                self._say_when()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), min(REREAD, self._automation.pause()))
            return 128 + self._received
        finally:
            await self._bench.aclose()

    async def _look(self, once: bool) -> None:
        await self._automation.look()
        while once and self._automation.settling and not self._ended.is_set():
            await asyncio.sleep(self._automation.pause())
            await self._automation.look()

    def _interrupt(self, number: int) -> None:
        if self._received:
            Running.abandon()
            os._exit(128 + number)
        self._received = number
        self._ended.set()
        if (running := self._bench.running) is not None:
            talk("ending the run; once more ends it at once")
            running.cancel()

    async def _reread(self) -> None:
        """What is broken is told once; what was read before stands."""
        trouble = ""
        try:
            await asyncio.to_thread(self._bench.reload)
        except ProblemError as problem:
            trouble = str(problem)
        if trouble and trouble != self._trouble:
            talk(f"the definitions cannot be read, so what was read before stands:\n{trouble}")
        elif self._trouble and not trouble:
            talk("the definitions can be read again", self._quiet)
        self._trouble = trouble

    async def _begin(self, plan: Plan, occasion: Occasion) -> None:
        if self._ended.is_set():
            raise ProjectHeld("this process is ending")
        running = self._bench.start(plan, jobs=self._jobs, listeners=[self._voice], occasion=occasion)
        self._voice.running = running
        result = await running.wait()
        self._failed = self._failed or not result.ok

    def _told(self, news: News) -> None:
        name = clean(news.schedule)
        if news.missed is not None:
            self._tell_missed(news)
        elif news.kind == "waits" and not self._ended.is_set():
            talk(f"schedule {name} is due and waits: {news.words}", self._quiet)
        elif news.kind == "trouble":
            self._failed = True
            talk(trouble_words(name, news.words))

    def _tell_missed(self, news: News) -> None:
        if news.missed is None:
            return
        if self._as_json:
            seq = self._bench.store.max_seq()
            data = {"schedule": news.schedule, "missed": asdict(news.missed)}
            print_json(Event(seq, time.time(), "", Kind.SLOTS_MISSED, data=data).as_json())
        else:
            said = self._bench.definitions.schedules.get(news.schedule)
            zone = said.timezone if said is not None else "UTC"
            print_line(f"missed of {clean(news.schedule)}: {missed_words(news.missed, zone)}")
        flush()

    def _say_when(self) -> None:
        """At the start, and when the definitions have changed."""
        if self._told_of is self._bench.defined:
            return
        self._told_of, soonest = self._bench.defined, self._automation.soonest
        definitions = self._bench.definitions
        words = [number_of(len(definitions.schedules), "schedule")]
        if definitions.auto:
            words.append(f"{number_of(len(definitions.auto), 'step')} kept up to date")
        of_times = any(one.cron for one in definitions.schedules.values())
        words.append(
            f"the next slot is at {at(soonest, 'UTC')}" if soonest else "no slot to come" if of_times else ""
        )
        talk(", ".join(word for word in words if word), self._quiet)


def keep_time(bench: Workbench, *, once: bool, jobs: int | None, as_json: bool, quiet: bool) -> int:
    """Runs the slots of `bench` as they come; returns the exit code. Raises StoreError where nothing can be run."""
    if not bench.store.writable:
        raise StoreError(
            f"the store {bench.store.folder} cannot be written", "nothing can be run here until it can be"
        )

    async def kept() -> int:
        return await _Clock(bench, jobs=jobs, as_json=as_json, quiet=quiet).keep(once)

    return asyncio.run(kept())
