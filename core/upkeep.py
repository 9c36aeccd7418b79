"""Keeps steps up to date that ask for it (`auto`): begins a run of those that are out of date, not too often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .clockwork import Begin, News
from .defined import SEPARATOR
from .model import Attempt, Node
from .plan import Plan
from .plan.survey import Survey, expiry, input_versions
from .problems import ProblemError, ProjectHeld
from .schedules.due import Occasion
from .schedules.schedule import KEPT_UP
from .store import lock as locks
from .store.timetable import Timetable

if TYPE_CHECKING:
    from .workbench import Workbench

LOOK = 2.0
"""Seconds between two looks."""


@dataclass(frozen=True, slots=True)
class _Try:
    """An attempt that came to nothing, and what the step was made of then."""

    attempt: Attempt
    static: str
    inputs: Mapping[str, str | None]


class Upkeep:
    """Of one open project. `look` is called in one loop, never twice at a time. What it tells goes to `tell`.

    A step that failed, or whose run was cancelled, is not tried again before something that it is made of has changed,
    or its `max_age` has passed once more; nor is a step that needs such a one.
    """

    def __init__(
        self,
        bench: Workbench,
        begin: Begin,
        *,
        tell: Callable[[News], None] = lambda news: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._bench = bench
        self._begin = begin
        self._tell = tell
        self._clock = clock
        self._timetable = Timetable(bench.store.folder)
        self._begun: dict[str, str] = {}
        self._tried: dict[str, _Try] = {}
        self._idle: Survey | None = None
        self._until: float | None = None
        self._trouble = ""

    def pause(self) -> float | None:
        """Seconds until the next look; None where nothing is kept up."""
        return LOOK if self._bench.definitions.auto else None

    async def look(self) -> None:
        """Begins one run of what is out of date and may run now."""
        bench = self._bench
        if not bench.definitions.auto or not bench.trusted or not bench.store.writable:
            return
        if bench.running is not None or self._is_paused():
            return
        try:
            plan = await asyncio.to_thread(self._wanted)
            if plan is not None and locks.holder(bench.store.folder) is None:
                await self._begin(plan, Occasion(KEPT_UP))
            self._trouble = ""
        except ProjectHeld:
            return
        except ProblemError as problem:
            if self._trouble != (words := str(problem)):
                self._trouble = words
                self._tell(News("trouble", KEPT_UP, words))

    def _is_paused(self) -> bool:
        entry = self._timetable.entries().get(KEPT_UP)
        return entry is not None and entry.paused

    def _wanted(self) -> Plan | None:
        survey, now = self._bench.survey().whole, self._clock()
        if survey is self._idle and (self._until is None or now < self._until):
            return None
        ready, later = self._ready(survey, now)
        plan = self._plan(survey, ready) if ready else None
        if plan is None:
            self._idle = survey
            self._until = min((at for at in (later, expiry(survey)) if at is not None), default=None)
            return None
        self._idle = None
        self._begun |= {task: survey.facts.keys[task].text for task in _to_run(plan)}
        return plan

    def _ready(self, survey: Survey, now: float) -> tuple[set[str], float | None]:
        """What is out of date and may be tried now, and when more of it may be."""
        ready, later = set(), []
        auto = self._bench.definitions.auto
        for task in survey.reasons:
            seconds = auto.get(task.partition(SEPARATOR)[0])
            if seconds is None or task in survey.missing or self._rests(survey, task, now):
                continue
            last = survey.facts.recorded.attempts.get(task)
            since = 0.0 if last is None else last.finished
            if since <= now < since + seconds:
                later.append(since + seconds)
            else:
                ready.add(task)
        return ready, min(later, default=None)

    def _rests(self, survey: Survey, task: str, now: float) -> bool:
        """Whether its last attempt failed or was cancelled, and nothing has changed since."""
        last = survey.facts.recorded.attempts.get(task)
        if last is None or last.state not in ("failed", "cancelled"):
            return False
        ages = (survey.facts.graph.assets[name].max_age for name in survey.facts.graph.tasks[task].outputs)
        if any(age is not None and now > last.finished + age for age in ages):
            return False
        inputs = input_versions(survey.facts.graph.tasks[task], survey.versions, survey.facts.recorded.steps)
        static = survey.facts.keys[task].text
        tried = self._tried.get(task)
        if tried is None or tried.attempt != last:
            tried = self._tried[task] = _Try(last, self._begun.pop(task, static), inputs)
        return (tried.static, tried.inputs) == (static, inputs)

    def _plan(self, survey: Survey, ready: set[str]) -> Plan | None:
        """A run of what is ready and does not need what rests."""
        graph, now = survey.facts.graph, self._clock()
        plan = self._bench.plan([Node("task", task) for task in sorted(ready)])
        resting = {task for task in _to_run(plan) if self._rests(survey, task, now)}
        if resting:
            below = graph.downstream({Node("task", task) for task in resting})
            ready -= {node.name for node in below if node.kind == "task"} | resting
            if not ready:
                return None
            plan = self._bench.plan([Node("task", task) for task in sorted(ready)])
        return plan if _to_run(plan) else None


def _to_run(plan: Plan) -> set[str]:
    return {step.task for step in plan.steps if step.action == "run"}
