"""Folds the events of a run into what is shown of it. Knows no screen; equal events give equal states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...core.events import Event, Kind, ended_at
from ...core.model import State
from ...core.naming import SEPARATOR, split
from ...core.plan import Plan

if TYPE_CHECKING:
    from ...core.verdicts import Verdict

_ENDS: Mapping[Kind, State] = {
    Kind.STEP_SUCCEEDED: State.FRESH,
    Kind.STEP_FAILED: State.FAILED,
    Kind.STEP_REUSED: State.REUSED,
    Kind.STEP_SPARED: State.SPARED,
    Kind.STEP_BLOCKED: State.BLOCKED,
    Kind.STEP_CANCELLED: State.CANCELLED,
}
OPEN = frozenset({State.QUEUED, State.RUNNING})


@dataclass(slots=True)
class Step:
    """One task in the run. Times are Unix seconds, `seconds` is how long the last attempt took; `queued` is when
    all that it needs was there, `started` when its last attempt began. `broken_off` is whether the process that
    was to end the step died before."""

    state: State
    planned: str = "run"
    estimate: float | None = None
    queued: float | None = None
    started: float | None = None
    seconds: float | None = None
    fraction: float | None = None
    attempt: int = 0
    note: str = ""
    line: str = ""
    error: str = ""
    by: str = ""
    lines: int = 0
    broken_off: bool = False

    def elapsed(self, now: float) -> float | None:
        if self.state is State.RUNNING and self.started is not None:
            return max(0.0, now - self.started)
        return self.seconds


def shown(base: State | None, step: Step | None, is_settled: bool) -> State | None:
    """What is shown of a node: the run's word until a survey knows how it ended, then the survey's (`base`)."""
    return base if step is None or (is_settled and base is not None) else step.state


class Live:
    """The run as told so far. `touched` collects the tasks that changed; the reader empties it."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.counts: Counter[State] = Counter()
        self.touched: set[str] = set()
        self.run = ""
        self.seq = -1
        self.jobs = 1
        self.started: float | None = None
        self.ended: float | None = None
        self.ok: bool | None = None
        self.error = ""
        self.last_failed = ""
        self.cancelled = False
        self._running: dict[str, None] = {}
        self.parts: dict[str, dict[str, Step]] = {}
        """Of what is divided the steps of its partitions, by the name of the whole."""
        self.verdicts: dict[tuple[str, str], Verdict] = {}
        """What checks came to, by asset and check."""

    @property
    def is_over(self) -> bool:
        return self.ended is not None

    def expect(self, plan: Plan) -> None:
        """The steps of `plan` are under way: those that will run count as queued until told otherwise."""
        for planned in plan.steps:
            step = self.steps.get(planned.task)
            if planned.action != "run" or (step is not None and step.state in OPEN):
                continue
            self._set(planned.task, State.QUEUED)
            self.steps[planned.task].estimate = planned.estimate

    def put(self, task: str, state: State) -> None:
        """Puts down a step that no event has told of."""
        self._set(task, state)

    def apply(self, event: Event) -> None:
        """Takes one event in. One that was told before (by its number) changes nothing."""
        if event.seq <= self.seq:
            return
        self.seq = event.seq
        task = event.task
        match event.kind:
            case Kind.LOG if task is not None:
                step = self._step(task)
                step.line = str(event.data.get("line", ""))
                step.lines += 1
                self._touch(task)
            case Kind.PROGRESS if task is not None:
                step = self._step(task)
                fraction = event.data.get("fraction")
                if isinstance(fraction, int | float):
                    step.fraction = min(1.0, max(0.0, float(fraction)))
                step.note = str(event.data.get("note", step.note))
                self._touch(task)
            case Kind.RUN_STARTED:
                self.run, self.started, self.ended = event.run, event.ts, None
                self.jobs = int(event.data.get("jobs") or 1)
                for name in event.data.get("queued") or ():
                    self._set(str(name), State.QUEUED)
            case Kind.RUN_FINISHED:
                self.ended = ended_at(event)
                self.ok = bool(event.data.get("ok"))
                self.error = str(event.data.get("error", ""))
                self.cancelled = event.data.get("status") == "cancelled"
            case Kind.CHECK_PASSED | Kind.CHECK_FAILED if task is not None:
                self._check(task, event)
            case Kind.STEP_QUEUED if task is not None:
                self._queue(task, event)
            case Kind.STEP_STARTED if task is not None:
                self._begin(task, event)
            case kind if task is not None and kind in _ENDS:
                self._end(task, event, _ENDS[kind])
            case _:
                pass

    def break_off(self, ts: float) -> None:
        """The process that ran this died at `ts` or before: what it had not ended is ended."""
        self.ended, self.ok = ts, False
        for task, step in self.steps.items():
            if step.state in OPEN:
                step.broken_off = True
                self._set(task, State.CANCELLED)

    def _step(self, task: str) -> Step:
        step = self.steps.get(task)
        if step is None:
            step = self.steps[task] = Step(State.QUEUED)
            self.counts[State.QUEUED] += 1
            if SEPARATOR in task:
                self.parts.setdefault(split(task)[0], {})[task] = step
        return step

    def _touch(self, task: str) -> None:
        self.touched.add(task)
        if SEPARATOR in task:
            self.touched.add(split(task)[0])

    def _set(self, task: str, state: State) -> Step:
        step = self._step(task)
        if step.state is not state:
            self.counts[step.state] -= 1
            self.counts[state] += 1
            step.state = state
        if state is State.RUNNING:
            self._running[task] = None
        else:
            self._running.pop(task, None)
        if state is State.QUEUED:
            step.seconds = None
        self._touch(task)
        return step

    def _check(self, task: str, event: Event) -> None:
        from ...core.verdicts import verdict_of

        verdict = verdict_of(event)
        self.verdicts[verdict.asset, verdict.check] = verdict
        self._touch(task)

    def _queue(self, task: str, event: Event) -> None:
        step = self._set(task, State.QUEUED)
        if step.queued is None or event.data.get("attempt") == 1:
            step.queued, step.started = event.ts, None

    def _begin(self, task: str, event: Event) -> None:
        step = self._set(task, State.RUNNING)
        step.started, step.seconds, step.fraction = event.ts, None, None
        step.attempt = int(event.data.get("attempt") or step.attempt + 1)
        step.error = step.by = step.line = step.note = ""
        step.lines = 0
        step.broken_off = False

    def _end(self, task: str, event: Event, state: State) -> None:
        was_running = task in self.steps and self.steps[task].state is State.RUNNING
        step = self._set(task, state)
        taken = event.data.get("seconds")
        if isinstance(taken, int | float):
            step.seconds = float(taken)
        elif was_running and step.started is not None:
            step.seconds = max(0.0, event.ts - step.started)
        step.error = str(event.data.get("error") or event.data.get("reason") or "")
        step.by = str(event.data.get("by") or "")
        step.broken_off = bool(event.data.get("interrupted"))
        if state is State.FAILED:
            if event.data.get("retry_in") is not None:
                step.note = "will be tried again"
                self._set(task, State.QUEUED)
            else:
                self.last_failed = task

    # ---- what follows ----------------------------------------------------------------------------

    @property
    def total(self) -> int:
        return len(self.steps)

    @property
    def done(self) -> int:
        return self.total - self.counts[State.QUEUED] - self.counts[State.RUNNING]

    @property
    def running(self) -> Collection[str]:
        """The steps that run, in the order in which they began."""
        return self._running

    def saved(self) -> float:
        """Seconds that the spared steps would have taken, as far as that is known: they were out of date, and
        would have run if what they need had come out otherwise. What was reused was never due."""
        spared = (step for step in self.steps.values() if step.state is State.SPARED)
        return sum(step.estimate or 0.0 for step in spared)
