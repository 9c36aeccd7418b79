"""A run in time: which step waited, ran and ended when, and which chain of steps decides how long it takes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...core.model import State
from ...core.naming import split
from ...core.plan.timing import critical_path, slow_after, usual
from .live import OPEN, Live, Step
from .parts import together

if TYPE_CHECKING:
    from ...core.graph.graph import Graph

_NEVER_RUNS = frozenset({State.REUSED, State.SPARED, State.BLOCKED})


@dataclass(frozen=True, slots=True)
class Span:
    """One step of a run. Times are Unix times in seconds: `queued` is when all that it needs was there, `started`
    when its last attempt began. `seconds` is how long that took, or None: it still runs, or never began. `usual`
    is how long the step takes, `slow_after` when it is slow, where that is known. `parts` is of how many partitions
    it is the row, and `over` how many of them are over: then it stands from the first that began to the last that
    ended."""

    task: str
    state: State
    queued: float | None = None
    started: float | None = None
    seconds: float | None = None
    usual: float | None = None
    slow_after: float | None = None
    parts: int = 0
    over: int = 0

    @property
    def name(self) -> str:
        """What stands before the bar."""
        return f"{self.task} ({self.parts:,})" if self.parts else self.task

    def taken(self, now: float) -> float | None:
        """How long it ran, or has been running."""
        if self.started is None:
            return None
        return max(0.0, now - self.started) if self.state is State.RUNNING else self.seconds or 0.0

    @property
    def due(self) -> float | None:
        """When it will be over if it takes as long as usual, where that is known and it still runs."""
        if self.state is not State.RUNNING or self.started is None or self.usual is None:
            return None
        return self.started + self.usual

    def is_slow(self, now: float) -> bool:
        """Whether it runs for longer than all but a tenth of its own successes."""
        limit, taken = self.slow_after, self.taken(now)
        return self.state is State.RUNNING and None not in (limit, taken) and (taken or 0) > (limit or 0)


@dataclass(frozen=True, slots=True)
class Gantt:
    """All steps of a run, in the order of their start; those that have not begun stand last. `now` is the moment
    that it was drawn for, in Unix time; `critical` is the chain that takes longest, `length` its seconds."""

    run: str
    spans: tuple[Span, ...]
    began: float
    now: float
    is_over: bool
    critical: frozenset[str] = frozenset()
    length: float = 0.0
    reused: int = 0

    @property
    def seconds(self) -> float:
        return max(0.0, self.now - self.began)

    @property
    def steps(self) -> tuple[int, int]:
        """How many are over, of how many."""
        over = sum(span.over if span.parts else span.state not in OPEN for span in self.spans)
        return over, sum(span.parts or 1 for span in self.spans)

    @property
    def expected(self) -> float:
        """From the beginning to when all that runs now will be over, as far as that is known; else 0."""
        return max((span.due - self.began for span in self.spans if span.due is not None), default=0.0)


def make_gantt(
    run: str,
    spans: Iterable[Span],
    needs: Callable[[str], Iterable[str]],
    now: float,
    *,
    began: float | None = None,
    is_over: bool = True,
    reused: int = 0,
) -> Gantt:
    """Orders `spans` and looks for the critical path: by what steps took, by what they usually take where they are
    not over. Takes time in proportion to the spans."""
    ordered = tuple(sorted(spans, key=_order))
    times = [at for span in ordered for at in (span.queued, span.started) if at is not None]
    began = min([*times, *([] if began is None else [began])], default=now)
    path, length = critical_path(_weights(ordered, now), needs)
    critical = frozenset(path) if length > 0 and len(path) > 1 else frozenset()
    return Gantt(run, ordered, began, now, is_over, critical, length, reused)


def _order(span: Span) -> tuple[int, float]:
    if span.started is not None:
        return 0, span.started
    return (1, span.queued) if span.queued is not None and span.state is State.QUEUED else (2, 0.0)


def _weights(spans: Sequence[Span], now: float) -> dict[str, float]:
    known = [span.usual for span in spans if span.usual is not None]
    known += [span.seconds for span in spans if span.seconds is not None]
    middle = usual(known) or 0.0
    weights = {}
    for span in spans:
        if span.state in _NEVER_RUNS:
            continue
        weight = span.taken(now) or 0.0
        if span.state in OPEN:
            weight = max(weight, middle if span.usual is None else span.usual)
        weights[span.task] = weight
    return weights


def _span(task: str, step: Step, durations: Mapping[str, Sequence[float]]) -> Span:
    limit = slow_after(durations.get(task, ())) if step.state is State.RUNNING else None
    return Span(task, step.state, step.queued, step.started, step.seconds, step.estimate, limit)


def _folded(task: str, steps: Mapping[str, Step]) -> Span:
    """The partitions of one task as one row."""
    state = together(steps).state
    begun = [(step.started, step.seconds or 0.0) for step in steps.values() if step.started is not None]
    started = min((at for at, _ in begun), default=None)
    ended = max((at + seconds for at, seconds in begun), default=None)
    return Span(
        task,
        state,
        min((step.queued for step in steps.values() if step.queued is not None), default=None),
        started,
        ended - started if ended is not None and started is not None and state not in OPEN else None,
        parts=len(steps),
        over=sum(step.state not in OPEN for step in steps.values()),
    )


def gantt_of(
    live: Live, graph: Graph, durations: Mapping[str, Sequence[float]], now: float, *, under_way: bool
) -> Gantt:
    """The run as it was told so far, the partitions of a task as one row. May be called beside the loop that tells
    `live`."""
    steps = list(live.steps.items())
    is_over = not under_way
    if is_over:
        now = live.ended if live.ended is not None else max((s.started or 0 for _, s in steps), default=now)
    ran = [(task, step) for task, step in steps if step.state is not State.REUSED]
    whole: dict[str, dict[str, Step]] = {}
    for task, step in ran:
        whole.setdefault(split(task)[0], {})[task] = step
    spans = [
        _span(task, those[task], durations) if task in those else _folded(task, those)
        for task, those in whole.items()
    ]
    if is_over:  # what is open then was given up with its process
        spans = [
            replace(span, state=State.CANCELLED, over=span.parts) if span.state in OPEN else span
            for span in spans
        ]
    return make_gantt(
        live.run,
        spans,
        lambda task: graph.before(task) if task in graph.tasks else (),
        now,
        began=live.started,
        is_over=is_over,
        reused=len(steps) - len(ran),
    )
