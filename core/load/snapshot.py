"""Definitions as JSON and back, equal after the round trip; what is as by default is left out.

They are told in pieces, so that of a large project no second copy is in memory while it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from itertools import islice
from typing import Any

from ..model import (
    Asset,
    CodeKey,
    Definitions,
    Input,
    Json,
    Place,
    PythonAction,
    ShellAction,
    SourceFile,
    SqlAction,
    Task,
)

_TUPLES = ("tags", "owners", "rest", "outputs", "after", "on_change")
_ACTIONS: dict[str, type[PythonAction] | type[ShellAction] | type[SqlAction]] = {
    "python": PythonAction,
    "shell": ShellAction,
    "sql": SqlAction,
}


_PIECE = 500
"""Assets or tasks in one piece."""

_fields: dict[type[Any], tuple[tuple[str, Any], ...]] = {}


def _usual(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    """Every field with its default; MISSING where it has none."""
    if kind not in _fields:
        _fields[kind] = tuple(
            (f.name, f.default if f.default_factory is MISSING else f.default_factory()) for f in fields(kind)
        )
    return _fields[kind]


def to_json(definitions: Definitions) -> Iterator[Json]:
    """Pieces of plain data for `json.dumps`: all but assets and tasks, then these, some at a time."""
    said = _said(definitions)
    said["assets"] = said["tasks"] = None
    if definitions.schedules:
        said["schedules"] = [_said(schedule) for schedule in definitions.schedules.values()]
    said["modules"] = [[m.module, m.path, m.digest, m.is_package] for m in definitions.modules]
    numbers: dict[Input, int] = {}
    for task in definitions.tasks.values():
        for given in task.inputs:
            numbers.setdefault(given, len(numbers))
    said["inputs"] = [
        given.asset
        if given == Input(given.asset, given.asset)
        else [given.asset, given.identifier, given.mapping]
        for given in numbers
    ]
    parts = _numbered(task.code for task in definitions.tasks.values())
    said["parts"] = list(parts)
    yield said
    yield from _pieces("assets", map(_asset_json, definitions.assets.values()))
    yield from _pieces("tasks", (_task_json(task, numbers, parts) for task in definitions.tasks.values()))


def _numbered(codes: Iterable[CodeKey | None]) -> dict[tuple[str, str], int]:
    """Each part of all that code once: most tasks share most of theirs."""
    parts: dict[tuple[str, str], int] = {}
    for code in codes:
        for part in code.parts.items() if code is not None else ():
            parts.setdefault(part, len(parts))
    return parts


def _pieces(kind: str, things: Iterable[Json]) -> Iterator[Json]:
    things = iter(things)
    while piece := list(islice(things, _PIECE)):
        yield [kind, piece]


def _said(thing: Any) -> dict[str, Json]:
    said = {}
    for name, usual in _usual(type(thing)):
        value = getattr(thing, name)
        if usual is MISSING or value != usual:
            said[name] = value
    return said


def _asset_json(asset: Asset) -> Json:
    said = _said(asset)
    if asset.checks:
        said["checks"] = [check.as_json() for check in asset.checks]
    if asset.task == asset.name:
        said["task"] = True
    return said


def _task_json(task: Task, numbers: Mapping[Input, int], parts: Mapping[tuple[str, str], int]) -> Json:
    said = _said(task)
    action = task.action
    said["action"] = [
        action.kind,
        *(getattr(action, name) for name, _ in _usual(type(action)) if name != "kind"),
    ]
    if task.inputs:
        said["inputs"] = [numbers[given] for given in task.inputs]
    if task.outputs == (task.name,):
        said["outputs"] = True
    if task.code is not None:
        code = task.code
        numbered = [parts[part] for part in code.parts.items()]
        said["code"] = [code.digest, numbered, dict(code.libraries), list(code.untracked), list(code.paths)]
    return said


def from_json(pieces: Iterable[Json]) -> Definitions:
    """The definitions that `to_json` told of. Raises KeyError, TypeError or ValueError for anything else."""
    pieces = iter(pieces)
    rest: Any = next(pieces, None)
    reading = _Reading(rest.pop("inputs"), rest.pop("parts"))
    made: dict[str, list[Any]] = {"assets": [], "tasks": []}
    for kind, piece in pieces:
        made[kind] += map(reading.asset if kind == "assets" else reading.task, piece)
    for key in ("pipelines", "secrets", "withheld", "notes"):
        if key in rest:
            rest[key] = tuple(rest[key])
    if "schedules" in rest:
        from ..schedules.schedule import Schedule

        schedules = [Schedule(**reading.plain(one)) for one in rest["schedules"]]
        rest["schedules"] = {schedule.name: schedule for schedule in schedules}
    rest["modules"] = tuple(SourceFile(*one) for one in rest["modules"])
    rest["assets"] = {asset.name: asset for asset in made["assets"]}
    rest["tasks"] = {task.name: task for task in made["tasks"]}
    return Definitions(**rest)


class _Reading:
    """Makes assets and tasks that share what is the same in many of them: each input, each part of their code, each
    empty mapping, and the names, which are the keys of many tables."""

    def __init__(self, inputs: Iterable[Json], parts: Iterable[tuple[str, str]]) -> None:
        self._names: dict[str, str] = {}
        self._parts = [(self._name(name), digest) for name, digest in parts]
        self._places: dict[tuple[str, int, int], Place] = {}
        self._inputs = [self._input(one) for one in inputs]
        self._asset = _shared(Asset)
        self._task = _shared(Task)

    def _name(self, text: str) -> str:
        return self._names.setdefault(text, text)

    def _input(self, said: Json) -> Input:
        if isinstance(said, str):
            name = self._name(said)
            return Input(name, name)
        asset, identifier, mapping = said
        return Input(self._name(asset), identifier, mapping)

    def plain(self, said: dict[str, Any]) -> dict[str, Any]:
        for key in _TUPLES:
            if key in said:
                said[key] = tuple(said[key])
        if "place" in said:
            at = tuple(said["place"])
            said["place"] = self._places.get(at) or self._places.setdefault(at, Place(*at))
        return said

    def asset(self, said: dict[str, Any]) -> Asset:
        if "checks" in said:
            from ..checks.definition import Check

            said["checks"] = tuple(map(Check.from_json, said["checks"]))
        own = said["name"] = self._name(said["name"])
        task = said.get("task")
        if task is not None:
            said["task"] = own if task is True else self._name(task)
        return Asset(**{**self._asset, **self.plain(said)})

    def task(self, said: dict[str, Any]) -> Task:
        own = said["name"] = self._name(said["name"])
        kind, *rest = said["action"]
        said["action"] = _ACTIONS[kind](*rest)
        if "inputs" in said:
            inputs = self._inputs
            said["inputs"] = tuple([inputs[number] for number in said["inputs"]])
        if "outputs" in said:
            made = said["outputs"]
            said["outputs"] = (own,) if made is True else [self._name(one) for one in made]
        if "code" in said:
            digest, numbers, libraries, untracked, paths = said["code"]
            parts = self._parts
            known = dict([parts[n] for n in numbers])
            named = tuple([self._name(path) for path in paths])
            said["code"] = CodeKey(digest, known, libraries, tuple(untracked), named)
        return Task(**{**self._task, **self.plain(said)})


def _shared(kind: type[Any]) -> dict[str, Any]:
    """The mappings that a thing of `kind` has where nothing is said: one for all of them."""
    return {name: usual for name, usual in _usual(kind) if isinstance(usual, dict)}
