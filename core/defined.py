"""One set of definitions with all that follows from it alone, taken and replaced whole; its state at a moment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from .graph.graph import Graph
from .graph.views import View, ViewKind, asset_view, task_view
from .model import Asset, Definitions, Node, Reason, Recorded, State, Task
from .plan import Plan, StaticKey, Survey, make_plan, static_key
from .problems import ProblemError
from .secrets import Secrets

if TYPE_CHECKING:
    from .events import Event
    from .folding import Divided, Parts
    from .verdicts import Verdict


SEPARATOR = "\x1f"
"""As in `naming`, which only divided projects need."""


class Defined:
    """What is defined at one moment. Never changed: whoever holds one sees no half of a reload."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.graph = Graph(definitions)
        self._divided: Divided | None = None

    @cached_property
    def keys(self) -> Mapping[str, StaticKey]:
        """The part of each step's key that its definition decides, as the environment was when first asked for."""
        return _static_keys(self.definitions)

    @cached_property
    def is_divided(self) -> bool:
        """Whether any task has partitions."""
        return any(task.partitions for task in self.definitions.tasks.values())

    def divided(self, now: float) -> Divided | None:
        """One task for each partition that there is at `now`; None where nothing is divided. Kept until there is one
        more. Raises `ProblemError` where there are too many."""
        if not self.is_divided:
            return None
        if self._divided is None or now >= self._divided.until:
            from .folding import Divided

            self._divided = Divided.of(self.definitions, now)
        return self._divided

    def as_it_runs(self, now: float) -> Defined:
        """One task for each partition: itself where nothing is divided."""
        found = self.divided(now)
        return self if found is None else found.runs

    def asset(self, name: str) -> Asset:
        """The asset as it was written; `name` may be one of its partitions. Raises KeyError."""
        return self.definitions.assets[name.partition(SEPARATOR)[0]]

    def view(self, kind: ViewKind) -> View:
        """One of the two views, derived when it is first asked for."""
        return self._asset_view if kind == "asset" else self._task_view

    @cached_property
    def _asset_view(self) -> View:
        return asset_view(self.graph)

    @cached_property
    def _task_view(self) -> View:
        return task_view(self.graph)

    def secrets(self) -> Secrets:
        """The secrets that the definitions name, as they are in the environment now."""
        return Secrets(self.definitions.secrets, os.environ)

    @property
    def is_empty(self) -> bool:
        """True if there is no asset and no task, as far as is known."""
        return not (self.definitions.assets or self.definitions.tasks)

    @property
    def is_known(self) -> bool:
        """True if nothing was withheld and the code of every step is known."""
        return not self.definitions.withheld and all(key.code is not None for key in self.keys.values())

    def check(self, plan: Plan) -> None:
        """Raises `ProblemError` if `plan` has a step that is not defined here as it was for the plan."""
        if plan.definitions is None or plan.definitions is self.definitions:
            return
        for step in plan.steps:
            if not _is_same(step.task, plan.definitions, self.definitions):
                raise ProblemError(
                    f"{step.task} was defined or changed after the run began, which keeps to what it began with",
                    "materialize it when the run is over",
                )


def _static_keys(definitions: Definitions) -> dict[str, StaticKey]:
    environ, python = os.environ, definitions.python_version
    assets = definitions.assets
    return {
        name: static_key(task, environ, python, [c for made in task.outputs for c in assets[made].checks])
        for name, task in definitions.tasks.items()
    }


def _is_same(name: str, one: Definitions, other: Definitions) -> bool:
    task = one.tasks[name]
    if other.tasks.get(name) != task:
        return False
    return all(one.assets[asset] == other.assets.get(asset) for asset in _touched(task))


def _touched(task: Task) -> tuple[str, ...]:
    return (*(given.asset for given in task.inputs), *task.outputs)


def tasks_of(graph: Graph, nodes: Iterable[Node]) -> set[str]:
    """The tasks that are, or make, `nodes`; sources have none, nor has what is not defined."""
    return {task for node in nodes if (task := _task_of(graph, node)) is not None}


def _task_of(graph: Graph, node: Node) -> str | None:
    return (
        graph.producer(node.name) if node.kind == "asset" else node.name if node.name in graph.tasks else None
    )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of everything at one moment."""

    defined: Defined
    survey: Survey
    divided: Divided | None = None
    runs: Survey | None = None
    verdicts: Mapping[str, Sequence[Verdict]] = field(default_factory=dict)
    drifts: Mapping[str, Event] = field(default_factory=dict)

    @property
    def whole(self) -> Survey:
        """The survey of what would run: of every partition where something is divided."""
        return self.runs or self.survey

    def parts(self, task: str | None) -> Parts | None:
        """The partitions of a task with their states; None if it is not divided."""
        if self.divided is None:
            return None
        from .folding import parts_of

        return parts_of(self.whole.states, self.divided, task)

    def plan(
        self,
        nodes: Iterable[Node] | None,
        *,
        force: bool = False,
        downstream: bool = False,
        retry: bool = False,
        partitions: Sequence[str] = (),
    ) -> Plan:
        """As `Workbench.plan`, by what was known at this moment."""
        if nodes is None and not retry and not partitions:
            return make_plan(self.whole, None, force=force)
        graph, written = self.whole.facts.graph, self.defined.graph
        if nodes is None and retry:
            targets = set(self.whole.unfinished)
        elif nodes is None:
            targets = self.partitions_of([n for n, t in written.tasks.items() if t.partitions], partitions)
        else:
            chosen = list(nodes)
            targets = self.partitions_of(tasks_of(written, chosen) | tasks_of(graph, chosen), partitions)
        if downstream or retry:
            below = graph.downstream({Node("task", name) for name in targets})
            targets |= {node.name for node in below if node.kind == "task"}
        return make_plan(self.whole, targets, force=force)

    def made_last(self, asset: str) -> str:
        """Of a divided asset the partition that was made last, if any was; else the asset itself."""
        parts = (
            {}
            if self.divided is None
            else self.divided.parts.get(self.defined.graph.producer(asset) or "", {})
        )
        made = self.whole.facts.recorded.materializations
        known = [made[name] for part in parts if (name := asset + SEPARATOR + part) in made]
        return max(known, key=lambda one: one.seq).asset if known else asset

    def tried_last(self, task: str) -> str:
        """Of a divided task the partition that was tried last (one that failed before others); else the task."""
        parts = {} if self.divided is None else self.divided.parts.get(task, {})
        tried = self.whole.facts.recorded.attempts
        known = [tried[node] for node in parts.values() if node in tried]
        return max(known, key=lambda one: (one.state == "failed", one.finished)).task if known else task

    def partitions_of(self, tasks: Iterable[str], partitions: Sequence[str] = ()) -> set[str]:
        """What runs for `tasks`: all partitions of what is divided, or those that `partitions` mean. Raises
        `ProblemError` for one that none of them has."""
        if self.divided is None:
            if partitions:
                raise ProblemError("nothing here is divided into partitions", "leave --partition out")
            return set(tasks)
        return self.divided.tasks_of(tasks, partitions)

    @property
    def states(self) -> Mapping[Node, State]:
        return self.survey.states

    @property
    def recorded(self) -> Recorded:
        return self.survey.facts.recorded

    @property
    def reasons(self) -> Mapping[Node, tuple[Reason, ...]]:
        """Of every node that is out of date. Made anew at each call: for one node ask `survey.of`."""
        return {node: why for node in self.states if (why := self.survey.of(node))}
