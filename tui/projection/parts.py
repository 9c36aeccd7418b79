"""What is divided: its partitions as things of their own, and what they come to together. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from ...core.model import Node, Reason, State
from ...core.naming import SEPARATOR, shown_part, split
from ...core.plan import PlannedStep, StepAction
from .live import OPEN, Step
from .states import ORDER

if TYPE_CHECKING:
    from ...core.graph.graph import Graph
    from ...core.model import Recorded
    from ...core.workbench import Snapshot

_DONE = frozenset({State.FRESH, State.REUSED, State.SPARED})
STRIP = 24
"""Cells of a heat strip in the tree."""


def is_part(node: Node) -> bool:
    """Whether it is one partition."""
    return SEPARATOR in node.name


def whole(node: Node) -> Node:
    """The thing of which `node` is a partition, or the thing itself."""
    return Node(node.kind, split(node.name)[0])


def label(node: Node) -> str:
    """What a partition is called below the thing it belongs to."""
    return shown_part(split(node.name)[1])


class Partitions:
    """The partitions of a project, as it was looked at last. `shown` are the tasks whose partitions have rows."""

    def __init__(self) -> None:
        self._look: Snapshot | None = None
        self.shown: set[str] = set()

    def take(self, look: Snapshot) -> None:
        self._look = look if look.divided is not None else None
        self.shown &= self._of().keys()

    def _of(self) -> Mapping[str, Mapping[str, str]]:
        look = self._look
        return look.divided.parts if look is not None and look.divided is not None else {}

    def graph(self, written: Graph) -> Graph:
        """The graph of what runs: of every partition, where something is divided."""
        return self._look.whole.facts.graph if self._look is not None else written

    def recorded(self, written: Recorded) -> Recorded:
        """What the store knows of what runs."""
        return self._look.whole.facts.recorded if self._look is not None else written

    def tasks(self, task: str | None) -> Collection[str]:
        """The tasks of the partitions of `task`, in their order; none if it is not divided."""
        return self._of().get(task or "", {}).values()

    def nodes(self, node: Node, task: str | None) -> list[Node]:
        """The partitions of a thing that `task` makes, or is."""
        return [Node(node.kind, node.name + SEPARATOR + part) for part in self._of().get(task or "", {})]

    def state(self, node: Node) -> State | None:
        """What the survey says of a partition."""
        return self._look.whole.states.get(node) if self._look is not None else None

    def reasons(self, node: Node) -> tuple[Reason, ...]:
        return self._look.whole.of(node) if self._look is not None else ()

    def producer(self, asset: str) -> str | None:
        """The task that makes a partition of an asset."""
        return self._look.whole.facts.graph.producer(asset) if self._look is not None else None

    def has(self, node: Node) -> bool:
        return self._look is not None and node in self._look.whole.states


# ---- together ----------------------------------------------------------------------------------


def together(steps: Mapping[str, Step]) -> Step:
    """The steps of the partitions of one task as one: what asks for attention counts, progress is how many are done."""
    counts = Counter(step.state for step in steps.values())
    done = sum(counts[state] for state in State if state not in OPEN)
    found = Step(_state_of(counts))
    begun = [step.started for step in steps.values() if step.started is not None]
    found.started = min(begun, default=None)
    found.attempt = max(step.attempt for step in steps.values())
    found.lines = sum(step.lines for step in steps.values())
    taken = [step.seconds for step in steps.values() if step.seconds is not None]
    if found.state in OPEN:
        found.fraction = done / len(steps) if done else None
        running = [task for task, step in steps.items() if step.state is State.RUNNING]
        found.note = ", ".join(shown_part(split(task)[1]) for task in running[:3])
    elif taken:
        found.seconds = sum(taken)
    first = next((task for task, step in steps.items() if step.state is found.state), None)
    if first is not None and found.state in (State.FAILED, State.BLOCKED, State.CANCELLED):
        step = steps[first]
        word = shown_part(split(first)[1])
        if len(steps) > 1:
            word = f"{counts[found.state]:,} of {len(steps):,}: {word}"
        found.error = f"{word}: {step.error}" if step.error else word
        found.by, found.broken_off = step.by, step.broken_off
    return found


def _state_of(counts: Counter[State]) -> State:
    if counts[State.RUNNING] or (counts[State.QUEUED] and sum(counts.values()) > counts[State.QUEUED]):
        return State.RUNNING
    return next(
        state
        for state in (State.QUEUED, State.FAILED, State.BLOCKED, State.CANCELLED, *ORDER)
        if counts[state]
    )


def planned_together(task: str, steps: Sequence[PlannedStep]) -> PlannedStep:
    """The planned steps of the partitions of one task as one: what is told first is how many run."""
    found = {step.action for step in steps}
    action: StepAction = "run" if "run" in found else "skip" if "skip" in found else "reuse"
    alike = [step for step in steps if step.action == action]
    reasons: tuple[Reason, ...] = ()
    if alike[0].reasons:
        first = alike[0].reasons[0]
        detail = f"{len(alike):,} of {len(steps):,} partitions"
        reasons = (Reason(first.kind, detail, first.key, first.old, first.new),)
    known = [step.estimate for step in alike if step.estimate is not None]
    return PlannedStep(task, alike[0].assets, action, reasons, sum(known) if known else None)


# ---- on the screen -----------------------------------------------------------------------------


def strip(states: Sequence[State], cells: int, *, ascii_only: bool = False) -> list[State]:
    """One state a cell: of several partitions in one cell the one that asks for most attention."""
    if len(states) <= cells:
        return list(states)
    rank = {state: number for number, state in enumerate(ORDER)}
    bounds = [len(states) * n // cells for n in range(cells + 1)]
    return [min(states[a:b], key=rank.__getitem__) for a, b in pairwise(bounds)]


def counted(states: Iterable[State]) -> str:
    """`11/12`: how many are made and up to date."""
    found = list(states)
    return f"{sum(state in _DONE for state in found):,}/{len(found):,}"
