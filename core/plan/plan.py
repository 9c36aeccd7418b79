"""Which steps a run would take, in which order, and why. The preview and the run use the same plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..graph.graph import Graph
from ..model import Definitions, Node, Reason, ReasonKind
from .survey import Survey

StepAction = Literal["run", "reuse", "skip"]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One task in a plan. `skip` means that it cannot run, and `reasons` names the sources that are wanting for it or
    for what it needs."""

    task: str
    assets: tuple[str, ...]
    action: StepAction
    reasons: tuple[Reason, ...] = ()
    estimate: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in an order in which they can run, each after all that it needs. A run of it keeps to the
    `definitions` that it was made of, whatever is read later."""

    steps: tuple[PlannedStep, ...]
    forced: frozenset[str] = frozenset()
    definitions: Definitions | None = field(default=None, compare=False, repr=False)

    @property
    def counts(self) -> dict[str, int]:
        tally = {"run": 0, "reuse": 0}
        for step in self.steps:
            tally[step.action] = tally.get(step.action, 0) + 1
        return tally


_MOST_ROOTS = 20
"""Missing sources that are told on from a step to each that needs it."""


def median(times: tuple[float, ...]) -> float:
    """The middle one; of an even number the later of the two."""
    return sorted(times)[len(times) // 2]


def checks_alone(reasons: Iterable[Reason]) -> bool:
    """Whether nothing is to be made: the value that is there is checked, for its checks are other ones now."""
    kinds = {reason.kind for reason in reasons}
    return ReasonKind.CHECK_CHANGED in kinds and kinds <= {ReasonKind.CHECK_CHANGED, ReasonKind.CHECK_FAILED}


def needed_for(survey: Survey, tasks: Iterable[str]) -> set[str]:
    """`tasks` and every task upstream of them."""
    graph = survey.facts.graph
    seen = set(tasks)
    todo = list(seen)
    while todo:
        for before in graph.before(todo.pop()):
            if before not in seen:
                seen.add(before)
                todo.append(before)
    return seen


def kept_from_running(survey: Survey) -> Mapping[str, tuple[Reason, ...]]:
    """Of each task that a source's file is wanting for, or for something that it needs, which."""
    if not survey.missing:
        return {}
    graph = survey.facts.graph
    kept: dict[str, tuple[Reason, ...]] = {}
    for name in graph.task_order:
        above = (reason for before in graph.before(name) for reason in kept.get(before, ())[:_MOST_ROOTS])
        if roots := tuple(dict.fromkeys((*survey.missing.get(name, ()), *above))):
            kept[name] = roots
    return kept


def _planned(survey: Survey, name: str, forced: bool, running: set[str]) -> PlannedStep:
    graph = survey.facts.graph
    assets = graph.tasks[name].outputs
    reasons = survey.reasons.get(name, ())
    if forced:
        reasons = (*reasons, Reason(ReasonKind.FORCED, "asked for", name))
    if not forced and not reasons:
        followed = next((b for b in graph.before(name) if b in running), None)
        if followed is not None:
            reasons = (Reason(ReasonKind.UPSTREAM_STALE, f"{followed} runs again", followed),)
    times = survey.facts.recorded.durations.get(name)
    estimate = median(times) if times else None
    if not reasons:
        return PlannedStep(name, assets, "reuse", (), None)
    if checks_alone(reasons):
        estimate = None
    return PlannedStep(name, assets, "run", reasons, estimate)


def make_plan(survey: Survey, targets: Iterable[str] | None = None, *, force: bool = False) -> Plan:
    """A plan that brings `targets` (tasks; None: all) up to date with everything upstream that is stale.

    Fresh steps stand in the plan as `reuse`, steps whose source is not there as `skip`, and so does what needs one of
    those. With `force` the targets run whatever their state, and so does what stands downstream of them inside the
    plan.
    """
    graph = survey.facts.graph
    wanted = set(graph.tasks) if targets is None else set(targets)
    inside = needed_for(survey, wanted)
    forced = frozenset(wanted) if force else frozenset()
    running: set[str] = set()
    kept = kept_from_running(survey)
    steps = []
    for name in graph.task_order:
        if name not in inside:
            continue
        if name in kept:
            steps.append(PlannedStep(name, graph.tasks[name].outputs, "skip", kept[name]))
            continue
        step = _planned(survey, name, name in forced, running)
        if step.action == "run":
            running.add(name)
        steps.append(step)
    return Plan(tuple(steps), forced, graph.definitions)


def without(plan: Plan, tasks: Iterable[str], graph: Graph) -> tuple[Plan, tuple[str, ...]]:
    """`plan` without the steps of `tasks`, and without those that would have to wait for one of them, which are told
    beside it: they would not come out up to date."""
    asked = set(tasks)
    steps = {step.task: step for step in plan.steps}
    late = {Node("task", name) for name in asked if name in steps and steps[name].action != "reuse"}
    below = {node.name for node in graph.downstream(late) if node.kind == "task"} - asked
    lost = tuple(name for name, step in steps.items() if name in below and step.action != "reuse")
    out = asked.union(lost)
    kept = tuple(step for name, step in steps.items() if name not in out)
    return Plan(kept, plan.forced - out, plan.definitions), lost
