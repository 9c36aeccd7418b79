"""What a run knows while it goes on: the snapshot it began with, and what has been made since."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ..columns import Drift, columns_of, drift
from ..graph.graph import Graph
from ..model import (
    Definitions,
    Input,
    Json,
    Reason,
    ShellAction,
    StepKey,
    StepRecord,
    Stored,
    Task,
    identifier,
)
from ..plan.keys import AFTER, StaticKey, differs_in_checks_alone, step_key
from ..plan.survey import Survey
from ..sources import SourceVersions
from ..store.store import Store
from .executor import Given, Made

if TYPE_CHECKING:
    from ..checks.definition import Check


def _path(value: Stored, store: Store) -> str | None:
    return None if value.inline is not None or value.codec == "none" else str(store.values.path(value))


class Desk:
    """Current values, versions and records. Starts from a survey; `note` puts down what a step made.

    `stamps` are those of the source files, taken before the survey read them.
    """

    def __init__(self, definitions: Definitions, survey: Survey, stamps: Mapping[str, object]) -> None:
        facts = survey.facts
        self.definitions = definitions
        self.graph: Graph = facts.graph
        self.static: Mapping[str, StaticKey] = facts.keys
        self.pools = definitions.pools
        self._recorded = facts.recorded
        self._out_of_date = frozenset(survey.reasons)
        self._records: dict[str, StepRecord] = {}
        self._stamps = stamps
        self._spoiled: dict[str, str] = {}
        self._versions: dict[str, str] = dict(survey.versions)
        self._values: dict[str, Stored] = {}
        self._columns: dict[str, dict[str, str]] = {}

    def record_of(self, task: str) -> StepRecord | None:
        """The last success of a task, in this run or before."""
        return self._records.get(task) or self._recorded.steps.get(task)

    def was_left_undone(self, task: str) -> bool:
        """Whether it is news that `task` was cancelled before it began: it was to be made, and its last attempt did
        not fail, which says more."""
        attempt = self._recorded.attempts.get(task)
        return task in self._out_of_date and (attempt is None or attempt.state != "failed")

    def told_missing(self, reasons: Iterable[Reason]) -> dict[str, Json]:
        """What is told of a step that cannot run, its sources not being there: which, where they are named, and
        what to do."""
        missing = list(reasons)
        places = dict.fromkeys(str(self.definitions.assets[one.key or ""].place) for one in missing)
        it, file = ("it", "the file") if len(missing) == 1 else ("them", "the files")
        return {
            "by": missing[0].key,
            "reason": "; ".join(one.detail for one in missing),
            "hint": f"put {it} there, or correct {file} at {', '.join(places)}",
        }

    def _value(self, asset: str) -> Stored:
        return self._values.get(asset) or self._recorded.materializations[asset].value

    def inputs_of(self, task: str) -> dict[str, str]:
        """The data version of each input, by asset (and `after:TASK`)."""
        definition = self.definitions.tasks[task]
        inputs = {given.asset: self._versions.get(given.asset, "") for given in definition.inputs}
        for name in definition.after:
            record = self.record_of(name)
            inputs[AFTER + name] = record.version if record else ""
        return inputs

    def key_now(self, task: str) -> StepKey:
        """The key that it would be made with."""
        return step_key(self.static[task], self.inputs_of(task))

    def given_to(self, task: Task, sources: SourceVersions, store: Store) -> tuple[Given, ...]:
        given = []
        for one in task.inputs:
            asset = self.definitions.assets[one.asset]
            if not asset.is_source:
                value = self._value(one.asset)
                given.append(Given(one, value, _path(value, store)))
            else:
                given.append(Given(one, file=str(sources.path(asset)) if asset.file else None))
        return tuple(given)

    def checks_of(self, task: str) -> list[Check]:
        """What must hold of the values that `task` makes."""
        made = self.definitions.tasks[task].outputs
        return [replace(check, asset=name) for name in made for check in self.definitions.assets[name].checks]

    def wants_checks(self, task: str, key: StepKey) -> bool:
        """Whether the values that are there are those that `task` would make, while other things must hold of them."""
        record = self.record_of(task)
        return record is not None and differs_in_checks_alone(record.key, key)

    def values_of(self, task: Task) -> dict[str, Stored]:
        """The current values of what `task` makes."""
        return {name: self._value(name) for name in task.outputs}

    def made_before(self, task: str, store: Store) -> tuple[Made, ...]:
        """The current values of what `task` makes, as if it had just left them."""
        values = self.values_of(self.definitions.tasks[task])
        return tuple(Made(name, value, _path(value, store)) for name, value in values.items())

    def usual(self, task: Task) -> float:
        """How many seconds the last success took."""
        record = self.record_of(task.name)
        return 0.0 if record is None else record.duration

    def outputs_of(self, task: Task) -> tuple[Input, ...]:
        return tuple(Input(name, identifier(name.partition("\x1f")[0])) for name in task.outputs)

    def disturbed(self, task: str, sources: SourceVersions) -> tuple[str, ...]:
        """The source files that the step reads and that are not what they were when the run looked at them."""
        needs = [self.definitions.assets[given.asset] for given in self.definitions.tasks[task].inputs]
        files = [asset for asset in needs if asset.is_source and asset.file]
        return tuple(asset.name for asset in files if sources.stamp(asset) != self._stamps.get(asset.name))

    def open_to(self, task: str, store: Store) -> dict[str, object]:
        """Stamps of the stored values that a shell step is handed as files, by asset: it could write to them."""
        definition = self.definitions.tasks[task]
        if not isinstance(definition.action, ShellAction):
            return {}
        made = [
            given.asset for given in definition.inputs if not self.definitions.assets[given.asset].is_source
        ]
        values = {asset: self._value(asset) for asset in made}
        return {
            name: store.values.stamp(value.digest, is_folder=value.codec == "folder")
            for name, value in values.items()
            if value.inline is None and value.codec != "none"
        }

    def changed_under(self, task: str, before: Mapping[str, object], store: Store) -> list[str]:
        """Of the values in `before`, those whose bytes are not what was committed any more."""
        after = self.open_to(task, store) if before else {}
        moved = [name for name, stamp in before.items() if after[name] != stamp]
        return [name for name in moved if store.values.check(self._value(name)) is not None]

    def spoil(self, assets: Iterable[str], by: str) -> None:
        """The stored values of `assets` were changed while `by` ran: nobody is given them any more."""
        self._spoiled.update(dict.fromkeys(assets, by))

    def spoiler_of(self, task: str) -> tuple[str, str] | None:
        """An input of `task` that was spoiled, and by which step."""
        needs = self.definitions.tasks[task].inputs
        return next(((g.asset, self._spoiled[g.asset]) for g in needs if g.asset in self._spoiled), None)

    def key_that_ran(self, task: Task, planned: StepKey, disturbed: tuple[str, ...]) -> StepKey:
        """The key to record. It is never equal again if an input moved while the step read it.

        The code in it is the planned one: the workers run the very copies that were fingerprinted.
        """
        if not disturbed:
            return planned
        moved = {name: f"changed while {task.name} ran" for name in disturbed}
        return step_key(self.static[task.name], {**planned.inputs, **moved})

    def drift(self, asset: str, metadata: Mapping[str, Json]) -> Drift | None:
        """What sets the columns of a value of `asset` apart from those of the value before, in this run or earlier."""
        now = columns_of(metadata)
        before = self._columns.get(asset)
        if before is None and now is not None and (known := self._recorded.materializations.get(asset)):
            before = columns_of(known.metadata)
        if now is not None:
            self._columns[asset] = now
        return drift(before, now) if before is not None and now is not None else None

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
        self._records[record.task] = record
        for name in values:
            self._spoiled.pop(name, None)
        self._values.update(values)
        self._versions.update({name: value.version for name, value in values.items()})
