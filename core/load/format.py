"""The YAML format as pydantic models: what keys there are, what they may hold, what they mean.

No model is ever shown to a user: `entries.py` turns what pydantic says into problems with a place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from ..model import Json
from .names import is_identifier, name_fault, shown
from .scalars import shown_scalar

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhd])", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def fault(message: str) -> PydanticCustomError:
    """A validation error in our own words (braces of the text kept as they are)."""
    return PydanticCustomError("fault", "{text}", {"text": message})


def _name(value: str) -> str:
    if problem := name_fault(value):
        raise fault(problem)
    return value


def seconds(value: object) -> float:
    """A duration in seconds from a number or `30s`, `5m`, `2h`, `7d`."""
    if isinstance(value, bool):
        raise fault("must be a duration")
    if isinstance(value, str) and (found := _DURATION.fullmatch(value)):
        number = float(found[1]) * _UNITS[found[2]]
    elif isinstance(value, int | float):
        number = float(value)
    else:
        raise fault("must be a duration: a number of seconds, or 30s, 5m, 2h, 7d")
    if not math.isfinite(number) or not 0 <= number <= 1e10:
        raise fault("must be a duration between 0 and 300 years")
    return number


def _more_than_zero(value: float) -> float:
    if value <= 0:
        raise fault("must be longer than 0 seconds")
    return value


def _environment(value: object) -> object:
    """A list of names inherits them all: the same as a mapping to null."""
    items: dict[Any, object] = Field(default_factory=dict)
    if isinstance(value, list):
        items = dict.fromkeys(item for item in value if isinstance(item, str))
        if len(items) != len(value):
            raise fault("must be a list of different names, or a mapping of names to values")
    elif isinstance(value, dict):
        items = dict(value)
    else:
        raise fault("must be a mapping of names to values, or a list of names")
    for name, item in items.items():
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            raise fault(f"{shown(str(name))} cannot be the name of an environment variable")
        if isinstance(item, list | dict):
            raise fault(f"{name} must be text, a number, true, false or null")
        if isinstance(item, str) and "\0" in item:
            raise fault(f"{name} must not hold a NUL character")
    return {name: None if item is None else shown_scalar(item) for name, item in items.items()}


def _params(value: object) -> object:
    """A list of names takes those parameters of the project: the same as a mapping of each to itself."""
    if isinstance(value, list):
        if len({item for item in value if isinstance(item, str)}) != len(value):
            raise fault("must be a list of different names, or a mapping of names to values")
        return {name: f"${{{name}}}" for name in value}
    return value


def _hooks(value: object) -> object:
    """A command, one hook or a list of both, as a list of hooks; each does one thing."""
    hooks = [
        {"shell": one} if isinstance(one, str) else one
        for one in (value if isinstance(value, list) else [value])
    ]
    for hook in hooks:
        if not isinstance(hook, dict):
            raise fault("must be a command, or a mapping with one of shell, python, webhook, desktop")
        if sum(1 for key in ("shell", "python", "webhook", "desktop", "notify") if hook.get(key)) != 1:
            raise fault("a hook does one thing: shell, python, webhook, desktop or notify")
    return hooks


def _dependencies(value: object) -> object:
    """Every form of `deps` as a list of `{asset, as}`."""
    if isinstance(value, Mapping):
        return [{"asset": name, "as": word} for name, word in value.items()]
    if isinstance(value, list):
        return [{"asset": item} if isinstance(item, str) else item for item in value]
    raise fault("must be a list" + (f": [{value}]" if isinstance(value, str) and value.isprintable() else ""))


def _alias(value: str) -> str:
    if not is_identifier(value):
        raise fault(f"{shown(value)} is not an identifier: letters, digits and _ only, no Python keyword")
    return value


def _reference(value: str) -> str:
    module, colon, function = value.partition(":")
    words = [*module.split("."), *function.split(".")]
    if not colon or not all(word.isidentifier() for word in words):
        raise fault(f"{shown(value)} must be module:function, as in recipes:combine")
    return value


def _text(value: str) -> str:
    if "\0" in value:
        raise fault("must not hold a NUL character")
    if not value.strip():
        raise fault("must not be empty")
    return value


def _variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise fault(f"{shown(value)} cannot be the name of an environment variable")
    return value


def _pattern(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/"):
        raise fault("must stay inside of the project: no / in front, no ..")
    return value


def _version(value: object) -> object:
    if isinstance(value, float):
        raise fault(f'must be text: quote it, "{value}"')
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _one_or_more_maps(value: Json) -> Json:
    if not isinstance(value, list | dict):
        raise fault("must be a list or a mapping")
    return value


def _word_or_map(value: Json) -> Json:
    if not isinstance(value, str | dict):
        raise fault("must be a mapping or a word")
    return value


_SECONDS_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"type": "number", "minimum": 0},
            {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*[smhd]$"},
        ]
    }
)
_NAME_SCHEMA = WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 255})
_REFERENCE_SCHEMA = WithJsonSchema({"type": "string", "pattern": "^[^:]+:[^:]+$"})
_DEPENDENCY_SCHEMA = {
    "type": "object",
    "properties": {"asset": {"type": "string"}, "as": {"type": "string"}},
    "required": ["asset"],
    "additionalProperties": False,
}
Name = Annotated[str, AfterValidator(_name), _NAME_SCHEMA]
Word = Annotated[str, StringConstraints(max_length=255)]
Text = Annotated[str, AfterValidator(_text)]
Seconds = Annotated[float, BeforeValidator(seconds), _SECONDS_SCHEMA]
Limit = Annotated[float, AfterValidator(_more_than_zero), BeforeValidator(seconds), _SECONDS_SCHEMA]
Environment = Annotated[
    dict[str, str | None],
    BeforeValidator(_environment),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
                {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            ]
        }
    ),
]
Params = Annotated[
    dict[Name, Json],
    BeforeValidator(_params),
    WithJsonSchema(
        {"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "string"}, "uniqueItems": True}]}
    ),
]
Reference = Annotated[str, AfterValidator(_reference), _REFERENCE_SCHEMA]


Pools = dict[Name, Annotated[int, Field(ge=1, le=10_000)]]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Dependency(_Strict):
    """An asset that is read, and the identifier by which the code knows it."""

    asset: Name
    """The asset's name."""
    identifier: Annotated[str, AfterValidator(_alias)] = Field("", alias="as")
    """The Python parameter, shell variable or SQL table; by default the name with other characters as `_`."""


class Hook(_Strict):
    """What is done after something ended."""

    shell: Text = ""
    """A command for /bin/sh, told what happened by variables: `$BAKEHOUSE_STATUS` and so on."""
    python: Reference = ""
    """`module:function`, told what happened by arguments: those that it has."""
    webhook: Text = ""
    """An address that gets what happened as JSON; `${NAME}` takes it from the environment."""
    desktop: bool = False
    """A notice on the desktop."""
    notify: Name = ""
    """The notifier of a plugin."""
    timeout: Limit = 60.0
    """Seconds after which it is ended."""


Hooks = Annotated[list[Hook], BeforeValidator(_hooks)]


Dependencies = Annotated[
    list[Dependency],
    BeforeValidator(_dependencies),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "items": {"anyOf": [{"type": "string"}, _DEPENDENCY_SCHEMA]},
                },
                {"type": "object", "additionalProperties": {"type": "string"}},
            ]
        }
    ),
]


class Defaults(_Strict):
    """What holds for everything in this file (in the project, if it is the root's bakehouse.yaml)."""

    group: Word = ""
    """The group under which this is shown."""
    tags: list[Name] = Field(default_factory=list)
    """Words to select by: `tag:daily`."""
    owners: list[Name] = Field(default_factory=list)
    """People or teams to ask."""
    params: Params = Field(default_factory=dict)
    """Values that the step gets by name; a change of one makes it stale. `${name}`, or a list of names, takes those of
    the project."""
    env: Environment = Field(default_factory=dict)
    """Environment variables of the step: `NAME: value`, or null to inherit and watch the caller's."""
    retries: Annotated[int, Field(ge=0, le=100)] = 0
    """How often a failed step is tried again."""
    backoff: Seconds = 1.0
    """Seconds before the first retry; doubled for each further one."""
    timeout: Limit = 0.0
    """Seconds after which the step is stopped; by default there is no limit."""
    pool: Name = ""
    """The pool that the step takes a place in (see `pools`)."""
    isolate: bool = False
    """Run in a fresh worker process."""


class Step(Defaults):
    """What every task may say, and every asset that is made."""

    description: str = ""
    """What it is, in a sentence or more."""
    metadata: dict[Name, Json] = Field(default_factory=dict)
    """Anything worth showing next to it."""
    after: list[Name] = Field(default_factory=list)
    """Tasks that must be done before, without passing data."""
    verb: Text = ""
    """What stands on the edges of the asset view; by default the task's title."""
    on_success: Hooks = Field(default_factory=list)
    """What is done after it was made: a command, `{shell, python, webhook, desktop, timeout}`, or a list of these."""
    on_failure: Hooks = Field(default_factory=list)
    """The same after it failed for good."""
    code_version: Annotated[str, BeforeValidator(_version)] = ""
    """Stands for the code in the step's key: it is stale when this changes, not when the code does."""
    python: Reference = ""
    """`module:function`; the module lies next to this file."""
    shell: Text = ""
    """A command for /bin/sh; each input is a variable, and the value goes to "$OUTPUT"."""
    sql: Text = ""
    """A DuckDB query; each input is a table, and the last SELECT is the value."""


class AssetEntry(Step):
    """A thing that the pipeline makes, or (without an action) a source that it starts from."""

    deps: Dependencies = Field(default_factory=list)
    """The assets that this one is made of."""
    file: Text = ""
    """A source that is a file or a folder, watched by content; relative to this file. No `.bakehouse` is part of it."""
    task: Name = ""
    """The name of the task that makes this asset; by default the asset's own."""
    internal: bool = False
    """Only passes a value between tasks: drawn in neither view."""
    max_age: Limit = 0.0
    """Seconds after which a materialization has expired."""
    partitions: Annotated[Json, BeforeValidator(_word_or_map)] = None
    """How the asset is divided into parts."""
    checks: Annotated[Json, BeforeValidator(_one_or_more_maps)] = None
    """What must hold of the value."""


class TaskEntry(Step):
    """A step: what it reads, what it makes, how it is run."""

    inputs: Dependencies = Field(default_factory=list)
    """The assets that the task reads."""
    outputs: list[Name] = Field(default_factory=list)
    """The assets that the task makes."""


class Profile(_Strict):
    """What is otherwise when it is asked for (`--profile NAME`)."""

    params: dict[Name, Json] = Field(default_factory=dict)
    """Other values of the project's parameters."""
    env: Environment = Field(default_factory=dict)
    """Other values of environment variables, for the steps that have them under `env`."""
    pools: Pools = Field(default_factory=dict)
    """Other sizes of pools."""


class DefinitionFile(_Strict):
    """A file of definitions of Bakehouse."""

    model_config = ConfigDict(title="Bakehouse definitions")

    pipeline: Name = ""
    """The name of the pipeline that this file defines, alone or with others."""
    assets: dict[Name, AssetEntry] = Field(default_factory=dict)
    """Sources and what is made of them."""
    tasks: dict[Name, TaskEntry] = Field(default_factory=dict)
    """Steps with their inputs and outputs."""
    defaults: Defaults = Defaults()
    """What holds for everything here that does not say otherwise."""
    schedules: dict[Name, dict[str, Json]] = Field(default_factory=dict)
    """When something is materialized by itself."""
    params: dict[Name, Json] = Field(default_factory=dict)
    """The project's parameters with their usual values, for the steps that name them; `-p NAME=VALUE` sets one."""
    profiles: dict[Name, Profile] = Field(default_factory=dict)
    """Named sets of other parameters, variables and pools."""
    pools: Pools = Field(default_factory=dict)
    """How many steps of each named pool may run at once."""
    on_success: Hooks = Field(default_factory=list)
    """What is done after a run in which all went well: a command, or `{shell, python, webhook, desktop, timeout}`."""
    on_failure: Hooks = Field(default_factory=list)
    """What is done after a run in which something failed."""
    secrets: list[Annotated[Name, AfterValidator(_variable)]] = Field(default_factory=list)
    """Environment variables whose values are kept out of logs, events, errors and the screen."""
    definitions: list[Annotated[Text, AfterValidator(_pattern)]] = Field(default_factory=list)
    """Only in the root's bakehouse.yaml: which files of the folder are read, as in `pipelines/**/*.yaml`."""


ACTIONS = ("python", "shell", "sql")
