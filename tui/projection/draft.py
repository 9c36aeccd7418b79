"""A plan that is looked at before it runs, and what of it was taken out. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ...core.graph.graph import Graph
from ...core.model import Node
from ...core.plan import Plan, PlannedStep


class Draft:
    """`whole` is the plan as it was made. A step that is taken out takes along what follows from it; one that is
    taken in again, what it needs."""

    def __init__(self, whole: Plan, graph: Graph) -> None:
        self.whole = whole
        self.out: frozenset[str] = frozenset()
        self._graph = graph
        self._steps: Mapping[str, PlannedStep] = {step.task: step for step in whole.steps}
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
        return self._steps.get(task) if task is not None else None

    def toggle(self, task: str | None) -> str:
        """Takes a step out, or in again. Returns why not, or nothing."""
        step = self.step(task)
        if step is None:
            return "this is no step of the plan"
        if step.action != "run":
            return "nothing would run here: there is nothing to take out"
        one = {Node("task", step.task)}
        if step.task in self.out:
            self.out -= {step.task} | _tasks(self._graph.upstream(one))
        else:
            below = _tasks(self._graph.downstream(one))
            self.out |= {step.task} | {name for name in below if self._runs(name)}
        kept = tuple(step for step in self.whole.steps if step.task not in self.out)
        self._left = Plan(kept, self.whole.forced - self.out, self.whole.definitions)
        return ""

    def _runs(self, task: str) -> bool:
        step = self.step(task)
        return step is not None and step.action == "run"


def _tasks(nodes: set[Node]) -> frozenset[str]:
    return frozenset(node.name for node in nodes if node.kind == "task")
