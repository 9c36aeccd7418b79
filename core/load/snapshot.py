"""Definitions as JSON and back, equal after the round trip; what is as by default is left out."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from ..model import (
    Action,
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


_fields: dict[type[Any], tuple[tuple[str, Any], ...]] = {}


def _usual(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    """Every field with its default; MISSING where it has none."""
    if kind not in _fields:
        _fields[kind] = tuple(
            (f.name, f.default if f.default_factory is MISSING else f.default_factory()) for f in fields(kind)
        )
    return _fields[kind]


def to_json(definitions: Definitions) -> Json:
    """Plain data for `json.dumps`."""
    said = _said(definitions)
    said["assets"] = [_asset_json(asset) for asset in definitions.assets.values()]
    said["tasks"] = [_task_json(task) for task in definitions.tasks.values()]
    if definitions.schedules:
        said["schedules"] = [_said(schedule) for schedule in definitions.schedules.values()]
    said["modules"] = [[m.module, m.path, m.digest, m.is_package] for m in definitions.modules]
    return said


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
    return said


def _task_json(task: Task) -> Json:
    said = _said(task)
    action = task.action
    said["action"] = [
        action.kind,
        *(getattr(action, name) for name, _ in _usual(type(action)) if name != "kind"),
    ]
    if task.inputs:
        said["inputs"] = [[one.asset, one.identifier, *filter(None, [one.mapping])] for one in task.inputs]
    if task.code is not None:
        code = task.code
        said["code"] = [code.digest, dict(code.parts), dict(code.libraries), list(code.untracked)]
    return said


def from_json(data: Json) -> Definitions:
    """The definitions that `to_json` told of. Raises KeyError, TypeError or ValueError for anything else."""
    assets = [_asset(one) for one in data["assets"]]
    tasks = [_task(one) for one in data["tasks"]]
    rest = {key: value for key, value in data.items() if key not in ("assets", "tasks", "modules")}
    for key in ("pipelines", "secrets", "withheld", "notes"):
        if key in rest:
            rest[key] = tuple(rest[key])
    if "schedules" in rest:
        from ..schedules.schedule import Schedule

        made = [Schedule(**_plain(one)) for one in rest["schedules"]]
        rest["schedules"] = {schedule.name: schedule for schedule in made}
    return Definitions(
        assets={asset.name: asset for asset in assets},
        tasks={task.name: task for task in tasks},
        modules=tuple(SourceFile(*one) for one in data["modules"]),
        **rest,
    )


def _plain(said: dict[str, Any]) -> dict[str, Any]:
    for key in _TUPLES:
        if key in said:
            said[key] = tuple(said[key])
    if "place" in said:
        said["place"] = Place(*said["place"])
    return said


def _asset(said: dict[str, Any]) -> Asset:
    if "checks" in said:
        from ..checks.definition import Check

        said["checks"] = tuple(map(Check.from_json, said["checks"]))
    return Asset(**_plain(said))


def _task(said: dict[str, Any]) -> Task:
    kind, *rest = said["action"]
    action: Action = _ACTIONS[kind](*rest)
    said["action"] = action
    if "inputs" in said:
        said["inputs"] = tuple(Input(*one) for one in said["inputs"])
    if "code" in said:
        digest, parts, libraries, untracked = said["code"]
        said["code"] = CodeKey(digest, parts, libraries, tuple(untracked))
    return Task(**_plain(said))
