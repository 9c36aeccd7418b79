"""One set of definitions with all that follows from it alone: taken whole, replaced whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property

from .graph.graph import Graph
from .graph.views import View, ViewKind, asset_view, task_view
from .model import Definitions, Plan, Task
from .plan import StaticKey, static_key
from .problems import ProblemError
from .secrets import Secrets


class Defined:
    """What is defined at one moment. Never changed: whoever holds one sees no half of a reload."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.graph = Graph(definitions)
        self.keys: Mapping[str, StaticKey] = _static_keys(definitions)

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
