"""The screen with the events of the project's last run told again and again: PROJECT RESULT RATE SECONDS.

Everything but the engine is the product's own. What came of it is written to RESULT as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual import _time as clock
from textual import events

from bakehouse.core.engine.engine import RunResult
from bakehouse.core.events import PASSING, Event, Kind
from bakehouse.core.plan.plan import Plan
from bakehouse.core.workbench import Workbench
from bakehouse.tui.app import BakehouseApp

BEAT = 0.01
"""Seconds between two handfuls of events."""
REST = 3.0
"""Seconds for what is looked at beside the loop when a screen opens."""


class Told:
    """A run whose events are those of an earlier one, `rate` a second for `seconds`."""

    def __init__(self, past: list[Event], listeners: Iterable[Callable[[Event], None]]) -> None:
        self.run, self.jobs, self.active, self.warnings = "told", 2, True, ()
        self._past, self._listeners = past, tuple(listeners)
        self.told = 0
        self.over = asyncio.Event()

    async def wait(self) -> RunResult:
        rate, seconds = int(sys.argv[3]), int(sys.argv[4])
        self._tell(Event(0, time.time(), "told", Kind.RUN_STARTED, data={"jobs": 2}))
        began, spent = time.perf_counter(), time.process_time()
        while self.told < rate * seconds:
            for _ in range(min(rate * seconds, int(rate * (time.perf_counter() - began))) - self.told):
                event = self._past[self.told % len(self._past)]
                self._tell(replace(event, seq=self.told + 1, run="told", ts=time.time()))
                self.told += 1
            await asyncio.sleep(BEAT)
        self.wall, self.cpu = time.perf_counter() - began, time.process_time() - spent
        self._tell(
            Event(self.told + 1, time.time(), "told", Kind.RUN_FINISHED, data={"ok": True, "counts": {}})
        )
        self.active = False
        self.over.set()
        return RunResult("told", True, {})

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

    def cancel(self, task: str | None = None) -> None: ...
    def log_file(self, task: str) -> Path | None:
        return None


class Bench(Workbench):
    def start(self, plan: Plan, *, listeners: Iterable[Callable[[Event], None]] = (), **more: Any) -> Any:
        self.run = Told(self.past, listeners)
        return self.run

    def remember(self) -> None:
        """Takes in what is to be told again. Blocking."""
        last = self.store.runs(1)[0].run
        self.past = [event for event in self.store.events(last) if event.task and event.kind not in PASSING]

    def knows_run(self, run: str) -> bool:
        return run == "told" or super().knows_run(run)


class Screen(BakehouseApp):
    def __init__(self) -> None:
        super().__init__(lambda: Bench.open(Path(sys.argv[1]), trust=True), watching=False)
        self.keys: list[float] = []
        self.frames = 0
        self.is_telling = False

    def on_mount(self) -> None:
        super().on_mount()
        self._waits = self.set_interval(BEAT, self._tell_when_known)

    def _tell_when_known(self) -> None:
        if self.session is not None and self.session.survey is not None:
            self._waits.stop()
            self.run_worker(self._replay())

    async def _replay(self) -> None:
        await asyncio.sleep(REST)
        plan = await self.aside.call(lambda: self.bench.plan(None, force=True))
        await self.aside.call(self.bench.remember)
        catch_up = self.feed.catch_up

        def counted() -> None:
            self.frames += 1
            catch_up()

        self.feed.catch_up = counted  # type: ignore[method-assign]
        self.is_telling = True
        self.runs.begin(plan)
        run: Told = self.bench.run  # type: ignore[attr-defined]
        await run.over.wait()
        self.is_telling = False
        live = self.session.live if self.session is not None else None
        known = live.seq - 1 if live is not None else -1
        told = {"told": run.told, "known": known, "wall": run.wall, "cpu": run.cpu, "keys": self.keys}
        partly = Path(sys.argv[2]).with_suffix(".part")
        partly.write_text(json.dumps({**told, "frames": self.frames}))
        partly.rename(sys.argv[2])

    async def on_event(self, event: events.Event) -> None:
        await super().on_event(event)
        if isinstance(event, events.Key) and self.is_telling:
            pressed = event.time
            self.call_after_refresh(lambda: self.keys.append(1000 * (clock.get_time() - pressed)))


if __name__ == "__main__":
    Screen().run()
