"""What a run knows while it goes on: the snapshot it began with, and what has been made since."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from ..graph.graph import Graph
from ..model import Definitions, Input, StepKey, StepRecord, Stored, Task, identifier
from ..plan.keys import AFTER, StaticKey, step_key
from ..plan.survey import Survey
from ..sources import SourceVersions
from ..store.store import Store
from .executor import Given


class Desk:
    """Current values, versions and records. Starts from a survey; `note` puts down what a step made."""

    def __init__(self, definitions: Definitions, survey: Survey) -> None:
        facts = survey.facts
        self.definitions = definitions
        self.graph: Graph = facts.graph
        self.static: Mapping[str, StaticKey] = facts.keys
        self.pools = definitions.pools
        self.records: dict[str, StepRecord] = dict(facts.recorded.steps)
        self._versions: dict[str, str] = dict(survey.versions)
        self._values: dict[str, Stored] = {a: m.value for a, m in facts.recorded.materializations.items()}

    def inputs_of(self, task: str) -> dict[str, str]:
        """The data version of each input, by asset (and `after:TASK`)."""
        definition = self.definitions.tasks[task]
        inputs = {given.asset: self._versions.get(given.asset, "") for given in definition.inputs}
        for name in definition.after:
            record = self.records.get(name)
            inputs[AFTER + name] = record.version if record else ""
        return inputs

    def given_to(self, task: Task, sources: SourceVersions, store: Store) -> tuple[Given, ...]:
        given = []
        for one in task.inputs:
            asset = self.definitions.assets[one.asset]
            if not asset.is_source:
                value = self._values[one.asset]
                path = (
                    None
                    if value.inline is not None or value.codec == "none"
                    else str(store.values.path(value))
                )
                given.append(Given(one, value, path))
            else:
                given.append(Given(one, file=str(sources.path(asset)) if asset.file else None))
        return tuple(given)

    def outputs_of(self, task: Task) -> tuple[Input, ...]:
        return tuple(Input(name, identifier(name)) for name in task.outputs)

    def stamps_of(self, task: str, sources: SourceVersions) -> dict[str, object]:
        """The stamps of the files that the step reads, to see whether they change under it."""
        assets = [self.definitions.assets[given.asset] for given in self.definitions.tasks[task].inputs]
        return {a.name: sources.stamp(a) for a in assets if a.is_source and a.file}

    def key_that_ran(self, task: Task, planned: StepKey, disturbed: tuple[str, ...]) -> StepKey:
        """The key to record. It is never equal again if an input moved while the step read it.

        The code in it is the planned one: the workers run the very copies that were fingerprinted.
        """
        if not disturbed:
            return planned
        moved = {name: f"changed while {task.name} ran" for name in disturbed}
        return step_key(self.static[task.name], {**planned.inputs, **moved})

    def record(
        self,
        task: Task,
        key: StepKey,
        values: Mapping[str, Stored],
        run: str,
        seq: int,
        ended: float,
        seconds: float,
    ) -> StepRecord:
        versions = [values[name].version for name in task.outputs]
        version = (
            hashlib.sha256("\n".join(versions).encode()).hexdigest() if versions else os.urandom(16).hex()
        )
        return StepRecord(task.name, key, version, run, seq, ended, seconds, task.outputs)

    def note(self, record: StepRecord, values: Mapping[str, Stored]) -> None:
        """What a step made is what the next ones get."""
        self.records[record.task] = record
        self._values.update(values)
        self._versions.update({name: value.version for name, value in values.items()})
