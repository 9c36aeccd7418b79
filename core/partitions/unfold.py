"""Definitions in which each divided task is one task a partition: survey, plan and engine work on them as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from ..model import Asset, Definitions, Input, Json, Task
from ..naming import joined, part_name
from ..problems import ProblemError, number_of
from .grid import MOST_KEYS, period_at
from .grid import dimensions_of as read_dimensions
from .mapping import Keys, Rule, Space, rule

MOST_READ = 1_000_000
"""Partitions that all steps of a project read in sum."""


Readers = Sequence[Rule | None]


@dataclass(frozen=True, slots=True)
class Unfolded:
    """`parts` gives for each divided task its nodes, by encoded key in the order of its grid. All of it holds until
    `until` (Unix seconds): then a period is over, and there is one more."""

    definitions: Definitions
    parts: Mapping[str, Mapping[str, str]]
    until: float


class _Unfolder:
    def __init__(self, definitions: Definitions, now: datetime) -> None:
        self.definitions = definitions
        self.now = now
        self.spaces = {name: self.space(task.partitions) for name, task in definitions.tasks.items()}
        self.read = 0
        self.known: tuple[Task | None, dict[str, Any]] = (None, {})
        total = sum(len(space) for space in self.spaces.values() if space.dimensions)
        if total > MOST_KEYS:
            told = (
                f"all tasks together have {number_of(total, 'partition')}: at most {MOST_KEYS:,} are possible"
            )
            raise ProblemError(told, "begin a grid later, or take longer periods")

    def space(self, said: Json) -> Space:
        return Space.at(read_dimensions(said), self.now)

    def tasks(self) -> Iterator[tuple[str, Mapping[str, Task]]]:
        """Each task with its nodes, by encoded key."""
        for name, task in self.definitions.tasks.items():
            mine = self.spaces[name]
            readers = [self.reader(task, mine, given) for given in task.inputs]
            after = [self.rule(mine, other, "") for other in task.after]
            if not mine.dimensions:
                if any(readers) or any(after):
                    task = self.filled(task, (), readers, after)
                yield name, {"": task}
            else:
                yield name, dict(self.nodes(task, mine, readers, after))

    def nodes(self, task: Task, mine: Space, readers: Readers, after: Readers) -> Iterator[tuple[str, Task]]:
        names = [one.name for one in mine.dimensions]
        for keys in mine.all():
            part, window = joined(keys), mine.window(keys)
            partition: dict[str, Json] = {"values": dict(zip(names, keys, strict=True))}
            if window is not None:
                partition |= window.as_json()
            outputs = tuple(part_name(asset, part) for asset in task.outputs)
            name = part_name(task.name, part)
            more = {"name": name, "outputs": outputs, "partitions": None, "partition": partition}
            yield part, self.filled(task, keys, readers, after, **more)

    def reader(self, task: Task, mine: Space, given: Input) -> Rule | None:
        maker = self.definitions.assets[given.asset].task
        return None if maker is None else self.rule(mine, maker, given.mapping)

    def rule(self, mine: Space, maker: str, mapping: str) -> Rule | None:
        theirs = self.spaces[maker]
        return rule(mine, theirs, mapping) if theirs.dimensions else None

    def filled(self, task: Task, keys: Keys, readers: Readers, after: Readers, **more: Any) -> Task:
        """The task with what it reads for these keys."""
        inputs: list[Input] = []
        gathers: list[str] = []
        for given, reads in zip(task.inputs, readers, strict=True):
            if reads is None:
                inputs.append(given)
                continue
            if reads.gathers:
                gathers.append(given.identifier)
            name, word, said = given.asset, given.identifier, given.mapping
            for part in map(joined, reads(keys)):
                inputs.append(Input(part_name(name, part), word, said, part if reads.gathers else ""))
        before: list[str] = []
        for name, reads in zip(task.after, after, strict=True):
            before += [name] if reads is None else [part_name(name, joined(one)) for one in reads(keys)]
        self.read += len(inputs) + len(before)
        if self.read > MOST_READ:
            told = f"the partitions read more than {MOST_READ:,} others in sum, most of them by {task.name}"
            raise ProblemError(told, "say {last: N} where not all are needed, or put a step between")
        needs = {"inputs": tuple(inputs), "after": tuple(before), "gathers": tuple(gathers)}
        return Task(**{**self.said(task), **needs, **more})

    def said(self, task: Task) -> dict[str, Any]:
        """All fields of a task, looked up once for all its partitions."""
        if self.known[0] is not task:
            self.known = task, _fields_of(task)
        return self.known[1]


def _fields_of(thing: Task | Asset) -> dict[str, Any]:
    return {one.name: getattr(thing, one.name) for one in fields(thing)}


def unfold(definitions: Definitions, now: float) -> Unfolded:
    """One node for each partition that there is at `now` (Unix seconds), and what each of them reads.

    Raises ProblemError where there are too many.
    """
    at = datetime.fromtimestamp(now, UTC)
    unfolder = _Unfolder(definitions, at)
    tasks: dict[str, Task] = {}
    parts: dict[str, Mapping[str, str]] = {}
    for name, nodes in unfolder.tasks():
        if unfolder.spaces[name].dimensions:
            parts[name] = {part: node.name for part, node in nodes.items()}
        tasks.update((node.name, node) for node in nodes.values())
    assets = dict(_assets(definitions, parts))
    return Unfolded(replace(definitions, assets=assets, tasks=tasks), parts, _until(definitions, at))


def _assets(definitions: Definitions, parts: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, Asset]]:
    for name, asset in definitions.assets.items():
        if asset.task not in parts:
            yield name, asset
            continue
        said = _fields_of(asset)
        for part, maker in parts[asset.task or ""].items():
            node = part_name(name, part)
            yield node, Asset(**{**said, "name": node, "task": maker, "partitions": None})


def _until(definitions: Definitions, now: datetime) -> float:
    grids = {
        dimension for task in definitions.tasks.values() for dimension in read_dimensions(task.partitions)
    }
    return min((period_at(one, now)[1].timestamp() for one in grids if one.is_open), default=float("inf"))
