"""The course of one run: which step may begin, what becomes of the others. Decides, never does."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ..graph.graph import Graph
from ..plan import Plan, PlannedStep


class Phase(StrEnum):
    """Where a step of the run stands."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REUSED = "reused"
    SPARED = "spared"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


GOOD = frozenset({Phase.SUCCEEDED, Phase.REUSED, Phase.SPARED})
OVER = GOOD | {Phase.FAILED, Phase.BLOCKED, Phase.CANCELLED}


@dataclass(frozen=True, slots=True)
class Blocked:
    """A step that will not run, and the step that keeps it from running."""

    task: str
    by: str


class Course:
    """The steps of a plan, growing as plans are added, each in one phase.

    Every method says what follows from it: which steps are blocked now. Steps that may begin are taken
    with `take`. A step is released when all steps of the run before it are done.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.steps: dict[str, PlannedStep] = {}
        self.phases: dict[str, Phase] = {}
        self._needs: dict[str, set[str]] = {}
        self._ready: deque[str] = deque()
        self._open = 0

    def add(self, plan: Plan) -> tuple[str, ...]:
        """Takes in the steps of `plan` that are not here, or are over and planned to run again.

        Returns their names in order."""
        fresh = [step for step in plan.steps if self._is_wanted(step)]
        for step in fresh:
            self.steps[step.task] = step
            self.phases[step.task] = Phase.WAITING
        self._open += len(fresh)
        for step in fresh:
            before = self._graph.before(step.task)
            self._needs[step.task] = {b for b in before if b in self.phases and self.phases[b] not in GOOD}
            if not self._needs[step.task]:
                self._release(step.task)
        return tuple(step.task for step in fresh)

    def _is_wanted(self, step: PlannedStep) -> bool:
        phase = self.phases.get(step.task)
        if phase is None:
            return True
        return phase in OVER and step.action == "run"

    def _release(self, task: str) -> None:
        self.phases[task] = Phase.READY
        self._ready.append(task)

    def take(self) -> str | None:
        """The next step that may begin, or None."""
        while self._ready:
            task = self._ready.popleft()
            if self.phases[task] is Phase.READY:
                return task
        return None

    def began(self, task: str) -> None:
        self.phases[task] = Phase.RUNNING

    def again(self, task: str) -> None:
        """Puts a step that failed and is to be retried back among those that may begin."""
        self._release(task)

    def done(self, task: str, phase: Phase) -> None:
        """A step ended well; what waited only for it may begin."""
        self._close(task, phase)
        for after in self._graph.behind(task):
            if self.phases.get(after) is Phase.WAITING:
                self._needs[after].discard(task)
                if not self._needs[after]:
                    self._release(after)

    def lost(self, task: str, phase: Phase) -> tuple[Blocked, ...]:
        """A step failed, was cancelled or is blocked: what depends on it is blocked too, all of it."""
        self._close(task, phase)
        blocked: list[Blocked] = []
        todo = deque([task])
        while todo:
            by = todo.popleft()
            for after in self._graph.behind(by):
                if self.phases.get(after) in (Phase.WAITING, Phase.READY):
                    self._close(after, Phase.BLOCKED)
                    blocked.append(Blocked(after, task))
                    todo.append(after)
        return tuple(blocked)

    def _close(self, task: str, phase: Phase) -> None:
        if self.phases[task] not in OVER:
            self._open -= 1
        self.phases[task] = phase

    def not_begun(self) -> tuple[str, ...]:
        """Steps that are waiting or ready, in plan order."""
        return tuple(t for t, p in self.phases.items() if p in (Phase.WAITING, Phase.READY))

    @property
    def is_over(self) -> bool:
        return self._open == 0

    def counts(self) -> dict[str, int]:
        """How many steps ended in each phase."""
        tally = Counter(phase.value for phase in self.phases.values())
        return {phase.value: tally.get(phase.value, 0) for phase in Phase if phase in OVER}

    def all_well(self, tasks: Iterable[str]) -> bool:
        return all(self.phases.get(task) in GOOD for task in tasks)
