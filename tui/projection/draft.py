"""A plan that is looked at before it runs, and what of it was taken out. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ...core.graph.graph import Graph
from ...core.model import Node
from ...core.naming import SEPARATOR, split
from ...core.plan import Plan, PlannedStep
from .parts import planned_together


class Draft:
    """`whole` is the plan as it was made. A step that is taken out takes along what follows from it; one that is
    taken in again, what it needs."""

    def __init__(self, whole: Plan, graph: Graph) -> None:
        self.whole = whole
        self.out: frozenset[str] = frozenset()
        self._graph = graph
        self._steps: Mapping[str, PlannedStep] = {step.task: step for step in whole.steps}
        self._parts: dict[str, list[PlannedStep]] = {}
        for step in whole.steps:
            if SEPARATOR in step.task:
                self._parts.setdefault(split(step.task)[0], []).append(step)
        self._left: Plan = whole

    @property
    def plan(self) -> Plan:
        """What is left: this is what runs."""
        return self._left

    @property
    def is_empty(self) -> bool:
        """Whether every step that would run was taken out."""
        return bool(self.out) and not self._left.counts["run"]

    def step(self, task: str | None) -> PlannedStep | None:
        if task in self._parts:
            return planned_together(task, self._parts[task])
        return self._steps.get(task) if task is not None else None

    def is_out(self, task: str | None) -> bool:
        """Whether the step, or each partition of it that would run, was taken out."""
        return bool(names := self._running(task)) and names <= self.out

    def _running(self, task: str | None) -> frozenset[str]:
        """What would run of it: itself, or its partitions."""
        names = [one.task for one in self._parts[task]] if task in self._parts else [task or ""]
        return frozenset(name for name in names if self._runs(name))

    def toggle(self, task: str | None) -> str:
        """Takes a step out, or in again. Returns why not, or nothing."""
        step = self.step(task)
        if step is None:
            return "this is no step of the plan"
        if step.action != "run":
            return "nothing would run here: there is nothing to take out"
        names = self._running(task)
        those = {Node("task", name) for name in names}
        if names <= self.out:
            self.out -= names | _tasks(self._graph.upstream(those))
        else:
            below = _tasks(self._graph.downstream(those))
            self.out |= names | {name for name in below if self._runs(name)}
        kept = tuple(step for step in self.whole.steps if step.task not in self.out)
        self._left = Plan(kept, self.whole.forced - self.out, self.whole.definitions)
        return ""

    def _runs(self, task: str) -> bool:
        step = self._steps.get(task)
        return step is not None and step.action == "run"


def _tasks(nodes: set[Node]) -> frozenset[str]:
    return frozenset(node.name for node in nodes if node.kind == "task")
