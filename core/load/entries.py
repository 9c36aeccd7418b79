"""From documents and decorated functions to drafts; what pydantic refuses becomes a problem in our words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..model import Json, Place
from ..problems import Problem
from .checks import keys_at
from .document import Document
from .drafts import Draft, Origin
from .extending import with_step_kinds
from .format import ACTIONS, AssetEntry, Defaults, DefinitionFile, Profile, ScheduleEntry, Step, TaskEntry
from .grids import known_keys
from .names import did_you_mean, name_fault, shown
from .python_types import Spec
from .scalars import shown_scalar

M = TypeVar("M", bound=BaseModel)

_MEANT = {
    "depends_on": "deps",
    "dependencies": "deps",
    "upstream": "deps",
    "needs": "deps",
    "command": "shell",
    "cmd": "shell",
    "run": "shell",
    "bash": "shell",
    "query": "sql",
    "function": "python",
    "call": "python",
    "callable": "python",
    "retry": "retries",
    "environment": "env",
    "parameters": "params",
    "labels": "tags",
    "owner": "owners",
    "catchup": "catch_up",
    "tz": "timezone",
    "selection": "select",
}


@dataclass(frozen=True, slots=True)
class YamlFile:
    """What one YAML file says, and all that is wrong with it."""

    document: Document
    head: DefinitionFile
    drafts: tuple[Draft, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def file(self) -> str:
        return self.document.file


def read_entries(document: Document) -> YamlFile:
    """Check one document against the format. Raises nothing: what is wrong is in `problems`."""
    problems = list(document.problems)
    data = document.data
    if data is None:
        return YamlFile(document, DefinitionFile(), (), tuple(problems))
    if not isinstance(data, dict):
        problems.append(document.problem("a definition file must be a mapping: assets:, tasks:, …"))
        return YamlFile(document, DefinitionFile(), (), tuple(problems))
    origin = Origin(document.file, Place(document.file), document)
    head_data = {key: value for key, value in data.items() if key not in ("assets", "tasks")}
    head, _ = _validated(DefinitionFile, head_data, origin, "", problems)
    drafts: list[Draft] = []
    for section, model in (("assets", AssetEntry), ("tasks", TaskEntry)):
        drafts += _section(document, section, data.get(section, {}), model, problems)
    return YamlFile(document, head, tuple(drafts), tuple(problems))


def _section(
    document: Document, section: str, entries: Json, model: type[Step], problems: list[Problem]
) -> Iterable[Draft]:
    if entries is None:
        return
    if not isinstance(entries, dict):
        problems.append(document.problem(f"{section} must be a mapping of names", section, key=True))
        return
    for name, data in entries.items():
        place = Place(document.file, *document.mark(section, name, key=True))
        origin = Origin(document.file, place, document, (section, name))
        if fault := name_fault(name):
            problems.append(origin.problem(fault))
            continue
        kind: Literal["asset", "task"] = "asset" if section == "assets" else "task"
        label = f"{kind} {shown(name)}: "
        if isinstance(data, dict) and not data.keys() <= model.model_fields.keys():
            data = with_step_kinds(data, model.model_fields, origin, label, problems)
        entry, broken = _validated(model, {} if data is None else data, origin, label, problems)
        draft = Draft(kind, name, entry, origin, broken=broken)
        _one_action(draft, problems)
        yield draft


def spec_draft(spec: Spec, line: str | None, pipeline: str, problems: list[Problem]) -> Draft | None:
    """The draft of a decorated function or a `source()`; `line` is the text of its line."""
    origin = Origin(spec.file, Place(spec.file, spec.line, 1), line=line)
    if fault := name_fault(spec.name):
        problems.append(origin.problem(fault))
        return None
    kind = "task" if spec.kind == "task" else "asset"
    options = {key: value for key, value in spec.options.items() if value is not None}
    if kind == "task" and "deps" in options:
        options["inputs"] = _pairs(options.get("inputs", [])) + _pairs(options.pop("deps"))
    model: type[Step] = TaskEntry if kind == "task" else AssetEntry
    label = f"{spec.kind} {shown(spec.name)}: "
    entry, broken = _validated(model, options, origin, label, problems)
    return Draft("task" if kind == "task" else "asset", spec.name, entry, origin, pipeline, (), broken, spec)


def spec_schedule(
    spec: Spec, line: str | None, problems: list[Problem]
) -> tuple[ScheduleEntry, Origin] | None:
    """What a `schedule()` in Python says; None where that is wrong."""
    origin = Origin(spec.file, Place(spec.file, spec.line, 1), line=line)
    if fault := name_fault(spec.name):
        problems.append(origin.problem(fault))
        return None
    options = {key: value for key, value in spec.options.items() if value is not None}
    try:
        return ScheduleEntry.model_validate(options), origin
    except ValidationError as error:
        details = error.errors(include_url=False)
    label = f"schedule {shown(spec.name)}: "
    problems += [_problem(ScheduleEntry, detail, origin, label) for detail in details]
    return None


def _pairs(given: Json) -> list[Json]:
    if isinstance(given, Mapping):
        return [{"asset": name, "as": word} for name, word in given.items()]
    return list(given) if isinstance(given, list) else [given]


def _one_action(draft: Draft, problems: list[Problem]) -> None:
    said = [key for key in ACTIONS if getattr(draft.entry, key)]
    for extra in said[1:]:
        message = f"{extra} stands next to {said[0]}: a step has one action"
        problems.append(draft.problem(message, extra, key=True))
    if draft.kind == "task" and not said and not draft.broken:
        problems.append(draft.problem("a task needs an action", hint="add python:, shell: or sql:"))


# ---- what pydantic says, in our words ----------------------------------------------------------


def _validated(
    model: type[M], data: Json, origin: Origin, label: str, problems: list[Problem]
) -> tuple[M, frozenset[str]]:
    """The model of what is right in `data`, and the keys that are wrong."""
    if not isinstance(data, dict):
        problems.append(origin.problem(f"{label}must be a mapping, not {_what(data)}"))
        return model(), frozenset({""})
    empty = {key for key, value in data.items() if value is None}
    for key in sorted(empty):
        problems.append(origin.problem(f"{label}{key} has no value", key, key=True))
    kept = {key: value for key, value in data.items() if key not in empty}
    try:
        return model.model_validate(kept), frozenset(empty)
    except ValidationError as error:
        details = error.errors(include_url=False)
    for detail in details:
        detail["loc"] = _as_written(detail["loc"], kept)
    problems += [_problem(model, detail, origin, label) for detail in details]
    wrong = {str(detail["loc"][0]) for detail in details if detail["loc"]}
    rest = {key: value for key, value in kept.items() if key not in wrong}
    return model.model_validate(rest), frozenset(wrong | empty)


def _as_written(path: tuple[int | str, ...], data: Mapping[str, Json]) -> tuple[int | str, ...]:
    """A single grid is read as a list of one."""
    is_single = path[:2] == ("partitions", 0) and not isinstance(data.get("partitions"), list)
    return (path[0], *path[2:]) if is_single else path


def _problem(model: type[BaseModel], detail: ErrorDetails, origin: Origin, label: str) -> Problem:
    of_key = detail["loc"][-1:] == ("[key]",)
    path = tuple(part for part in detail["loc"] if part != "[key]")
    if detail["type"] == "extra_forbidden":
        return _unknown(model, path, origin, label)
    message, hint = _words(detail)
    thing = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    thing = thing if thing.isprintable() and len(thing) < 80 else str(path[0])
    return origin.problem(f"{label}{thing}: {message}", *path, key=of_key, hint=hint)


def _unknown(model: type[BaseModel], path: tuple[int | str, ...], origin: Origin, label: str) -> Problem:
    key = str(path[-1])
    known = _known_keys(model, path)
    meant = _MEANT.get(key, key)
    if model is TaskEntry and meant == "deps":
        meant = "inputs"
    if model is TaskEntry and meant in AssetEntry.model_fields and meant not in known:
        hint = f"{meant} belongs to an asset: say it under assets:"
    elif model is AssetEntry and meant in TaskEntry.model_fields and meant not in known:
        hint = "an asset has deps" if meant == "inputs" else f"{meant} belongs to a task: say it under tasks:"
    elif model is DefinitionFile and key in Step.model_fields and len(path) == 1:
        hint = "this key belongs to an asset or a task: look at the indentation"
    else:
        hint = f"did you mean {shown(meant)}?" if meant in known else did_you_mean(key, known)
    return origin.problem(f"{label}unknown key {shown(key)}", *path, key=True, hint=hint)


def _known_keys(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    if len(path) > 1 and path[0] == "checks":
        return keys_at(path)
    if len(path) > 1:
        if path[0] == "partitions":
            return known_keys(path)
        below: dict[int | str, type[BaseModel]] = {
            "defaults": Defaults,
            "schedules": ScheduleEntry,
            "profiles": Profile,
        }
        return list(below[path[0]].model_fields) if path[0] in below else ["asset", "as", "partitions"]
    return list(model.model_fields)


def _words(detail: ErrorDetails) -> tuple[str, str]:
    given, context = detail["input"], detail.get("ctx", {})
    kind = detail["type"]
    if kind == "fault":
        return detail["msg"], ""
    if kind == "string_type":
        scalar = not isinstance(given, list | dict)
        hint = f'quote it: "{shown_scalar(given)}"' if scalar and given is not None else ""
        return f"must be text, not {_what(given)}", hint
    if kind == "list_type":
        text = shown_scalar(given) if not isinstance(given, list | dict) else ""
        return f"must be a list, not {_what(given)}", f"write [{text}]" if text and text.isprintable() else ""
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return f"must be a mapping, not {_what(given)}", ""
    if kind == "int_type":
        return f"must be a whole number, not {_what(given)}", ""
    if kind == "bool_type":
        return f"must be true or false, not {_what(given)}", ""
    if kind == "missing":
        return "is missing", ""
    if kind == "literal_error":
        return f"must be {context.get('expected')}, not {_what(given)}", ""
    if kind in ("too_short", "too_long"):
        few, many = context.get("min_length"), context.get("max_length")
        return f"must have {f'at least {few}' if kind == 'too_short' else f'at most {many}'}", ""
    limits = {"greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}
    if kind in limits:
        name, words = limits[kind]
        return f"must be {words} {context.get(name)}", ""
    return detail["msg"][:1].lower() + detail["msg"][1:], ""


def _what(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, str):
        return f"the text {shown(value, 40)}"
    return f"the number {value}" if not isinstance(value, bool) else shown_scalar(value)
