"""The YAML format as pydantic models: what keys there are, what they may hold, what they mean.

No model is ever shown to a user: `entries.py` turns what pydantic says into problems with a place.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from ..model import Json
from . import rules
from .checks import CheckEntry
from .fields import SECONDS_SCHEMA, Limit, Seconds, Strict, Text
from .grids import Grids, Mapped, NamedGrid

_NAME_SCHEMA = WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 255})
_WORDS_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
)
_AUTO_SCHEMA = WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "number"}, {"type": "string"}]})
_REFERENCE_SCHEMA = WithJsonSchema({"type": "string", "pattern": "^[^:]+:[^:]+$"})
_DEPENDENCY_SCHEMA = {
    "type": "object",
    "properties": {
        "asset": {"type": "string"},
        "as": {"type": "string"},
        "partitions": {"anyOf": [{"enum": ["all", "same"]}, {"type": "object", "required": ["last"]}]},
    },
    "required": ["asset"],
    "additionalProperties": False,
}
Name = Annotated[str, AfterValidator(rules.name), _NAME_SCHEMA]
Word = Annotated[str, StringConstraints(max_length=255)]
Environment = Annotated[
    dict[str, str | None],
    BeforeValidator(rules.environment),
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
    BeforeValidator(rules.params),
    WithJsonSchema(
        {"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "string"}, "uniqueItems": True}]}
    ),
]
Reference = Annotated[str, AfterValidator(rules.reference), _REFERENCE_SCHEMA]


Pools = dict[Name, Annotated[int, Field(ge=1, le=10_000)]]


class Dependency(Strict):
    """An asset that is read, and the identifier by which the code knows it."""

    asset: Name
    """The asset's name."""
    identifier: Annotated[str, AfterValidator(rules.alias)] = Field("", alias="as")
    """The Python parameter, shell variable or SQL table; by default the name with other characters as `_`."""
    partitions: Mapped = ""
    """Which partitions of it: `all`, `same`, or `{last: 3}` (this one and the two before)."""


class Hook(Strict):
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


Hooks = Annotated[list[Hook], BeforeValidator(rules.hooks)]


Dependencies = Annotated[
    list[Dependency],
    BeforeValidator(rules.dependencies),
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


class Defaults(Strict):
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
    auto: Annotated[float, BeforeValidator(rules.auto), _AUTO_SCHEMA] = 0.0
    """Materialized by itself when it is out of date, while a screen or `bakehouse schedule run` is open: true, or a
    time within which this is done once at most, as in `10m`."""


class Step(Defaults):
    """What every task may say, and every asset that is made."""

    description: str = ""
    """What it is, as Markdown."""
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
    code_version: Annotated[str, BeforeValidator(rules.version)] = ""
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
    partitions: Grids = Field(default_factory=list)
    """What it is divided by: the name of a grid, a grid, or a list of two of them."""
    checks: list[CheckEntry] = Field(default_factory=list)
    """What must hold of the value before it becomes current."""


class TaskEntry(Step):
    """A step: what it reads, what it makes, how it is run."""

    inputs: Dependencies = Field(default_factory=list)
    """The assets that the task reads."""
    outputs: list[Name] = Field(default_factory=list)
    """The assets that the task makes."""
    partitions: Grids = Field(default_factory=list)
    """What it, and all that it makes, is divided by: the name of a grid, a grid, or a list of two of them."""


class Profile(Strict):
    """What is otherwise when it is asked for (`--profile NAME`)."""

    params: dict[Name, Json] = Field(default_factory=dict)
    """Other values of the project's parameters."""
    env: Environment = Field(default_factory=dict)
    """Other values of environment variables, for the steps that have them under `env`."""
    pools: Pools = Field(default_factory=dict)
    """Other sizes of pools."""


class ScheduleEntry(Strict):
    """When something is materialized by itself, while a screen or `bakehouse schedule run` is open."""

    cron: Annotated[Text, AfterValidator(rules.cron)] = ""
    """Five fields (minute, hour, day of the month, month, day of the week), or a word as `@daily`."""
    on_change: Annotated[
        list[Annotated[Text, AfterValidator(rules.pattern)]],
        BeforeValidator(rules.one_or_more),
        _WORDS_SCHEMA,
    ] = Field(default_factory=list)
    """In place of `cron`: a file or several, as in `inbox/*.csv`; it runs when they hold something else than before."""
    timezone: Annotated[Text, AfterValidator(rules.zone)] = "UTC"
    """The IANA zone in which the fields are read, as in Europe/Berlin; by default UTC, which is the same everywhere."""
    select: Text = ""
    """What is brought up to date, as a selection; by default all that is stale or missing."""
    catch_up: Annotated[Literal["skip", "one"], BeforeValidator(rules.catch_up)] = "skip"
    """Slots that passed while nothing was open: `skip` notes them as missed, `one` runs the latest of them once."""
    jitter: Annotated[
        float, AfterValidator(rules.less_than_a_day), BeforeValidator(rules.seconds), SECONDS_SCHEMA
    ] = 0.0
    """A slot begins up to this much late, always as much for the same slot, so that many do not begin at once."""
    force: bool = False
    """Run what is selected even where it is fresh."""
    description: str = ""
    """What it is for."""


class DefinitionFile(Strict):
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
    schedules: dict[Name, ScheduleEntry] = Field(default_factory=dict)
    """When something is materialized by itself."""
    partitions: dict[Name, NamedGrid] = Field(default_factory=dict)
    """Grids by name: days, weeks, months, hours or listed keys that assets and tasks are divided by."""
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
    secrets: list[Annotated[Name, AfterValidator(rules.variable)]] = Field(default_factory=list)
    """Environment variables whose values are kept out of logs, events, errors and the screen."""
    definitions: list[Annotated[Text, AfterValidator(rules.pattern)]] = Field(default_factory=list)
    """Only in the root's bakehouse.yaml: which files of the folder are read, as in `pipelines/**/*.yaml`."""


ACTIONS = ("python", "shell", "sql")
