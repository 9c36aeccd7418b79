"""The nouns of a pipeline as frozen data: what is defined, what is recorded, what is planned.

Everything else in the core speaks in these words. Nothing here has an effect or imports another room.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from .checks.definition import Check
    from .schedules.schedule import Schedule

Json = Any
"""A value that `json.dumps` accepts without a default."""


class Place(NamedTuple):
    """Where something is defined: `file` relative to the project's root, line and column from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Place("", 0, 0)

NodeKind = Literal["asset", "task"]


class Node(NamedTuple):
    """One node of the bipartite graph. Assets and tasks have separate name spaces."""

    kind: NodeKind
    name: str


def identifier(name: str) -> str:
    """The name as Python, a shell variable or a SQL table can say it: `raw/orders.csv` is `raw_orders_csv`."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
    if plain[:1].isdigit():
        plain = "_" + plain
    return plain + "_" if keyword.iskeyword(plain) else plain


# ---- definitions -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Input:
    """An asset that a task reads, and the identifier by which its code knows it. `mapping` says which partitions
    of it, `part` which of several this one is (see `partitions`)."""

    asset: str
    identifier: str
    mapping: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class PythonAction:
    """Call `function` of `module`; `folder` (relative to the root) is first on the module path."""

    module: str
    function: str
    folder: str = ""
    kind: Literal["python"] = "python"


@dataclass(frozen=True, slots=True)
class ShellAction:
    """Run `command` with `/bin/sh -c` in `folder` (relative to the root)."""

    command: str
    folder: str = ""
    kind: Literal["shell"] = "shell"


@dataclass(frozen=True, slots=True)
class SqlAction:
    """Run `query` on DuckDB, every dependency being a table."""

    query: str
    folder: str = ""
    kind: Literal["sql"] = "sql"


Action = PythonAction | ShellAction | SqlAction


@dataclass(frozen=True, slots=True)
class CodeKey:
    """The fingerprint of the loaded code of a Python step.

    `parts` maps a readable name (`recipes.combine`, `recipes.OVEN`) to the digest of that part, so
    that a change can be named. `untracked` names what the fingerprint cannot see; `paths` are texts in it that may
    be those of files.
    """

    digest: str
    parts: Mapping[str, str] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    untracked: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asset:
    """A thing that a pipeline makes, or (without a `task`) a source that it starts from."""

    name: str
    pipeline: str = ""
    task: str | None = None
    file: str | None = None
    internal: bool = False
    group: str = ""
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    description: str = ""
    metadata: Mapping[str, Json] = field(default_factory=dict)
    max_age: float | None = None
    partitions: Json = None
    checks: tuple[Check, ...] = ()
    place: Place = NOWHERE

    @property
    def is_source(self) -> bool:
        return self.task is None


@dataclass(frozen=True, slots=True)
class Task:
    """A step: what it reads, what it makes, how it is run. `rest` are the inputs that its function takes in
    `**kwargs`, in the order in which it gets them. `takes` are those of its params that are the project's, by name.
    `partition` is what one of its `partitions` is given; under the identifiers `gathers` it gets several at once."""

    name: str
    action: Action
    pipeline: str = ""
    inputs: tuple[Input, ...] = ()
    rest: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    verb: str = ""
    group: str = ""
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    description: str = ""
    metadata: Mapping[str, Json] = field(default_factory=dict)
    params: Mapping[str, Json] = field(default_factory=dict)
    takes: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str | None] = field(default_factory=dict)
    retries: int = 0
    backoff: float = 1.0
    timeout: float | None = None
    pool: str | None = None
    code_version: str | None = None
    isolate: bool = False
    code: CodeKey | None = None
    partitions: Json = None
    partition: Mapping[str, Json] | None = None
    gathers: tuple[str, ...] = ()
    place: Place = NOWHERE

    @property
    def title(self) -> str:
        """The verb in words: `bake_in_oven` reads `bake in oven`."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A project module as it was loaded: the copy under `code/<digest>` is what the workers run."""

    module: str
    path: str
    digest: str
    is_package: bool = False


@dataclass(frozen=True, slots=True)
class Definitions:
    """One immutable snapshot of everything the project defines. A run keeps the one it began with.

    `files` maps every file that was read (relative path) to the sha256 of the bytes that were read.
    `variables` are the environment variables that were looked up, with digests; of `secrets` no value is told.
    `withheld` are the Python files that were not loaded because the project is not trusted: those that define, and
    those of the functions that steps call.
    `params` are the project's, under `profile` and the caller's word; `hooks` are by task, those of the run by none;
    `auto` are the tasks that are kept up to date, each with the seconds between two runs of it at least."""

    root: str
    assets: Mapping[str, Asset]
    tasks: Mapping[str, Task]
    pipelines: tuple[str, ...] = ()
    pools: Mapping[str, int] = field(default_factory=dict)
    params: Mapping[str, Json] = field(default_factory=dict)
    profiles: Mapping[str, Json] = field(default_factory=dict)
    profile: str = ""
    hooks: Mapping[str, Json] = field(default_factory=dict)
    auto: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    modules: tuple[SourceFile, ...] = ()
    interpreter: str = ""
    python_version: str = ""
    withheld: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    output: str = ""


# ---- what is recorded ------------------------------------------------------------------------


class ReasonKind(StrEnum):
    """Why a step is out of date. The order is the order in which reasons are told."""

    NEVER_MATERIALIZED = "never_materialized"
    CODE_CHANGED = "code_changed"
    CONFIG_CHANGED = "config_changed"
    CHECK_CHANGED = "check_changed"
    ENV_CHANGED = "env_changed"
    INPUT_CHANGED = "input_changed"
    UPSTREAM_STALE = "upstream_stale"
    VALUE_MISSING = "value_missing"
    VALUE_DAMAGED = "value_damaged"
    EXPIRED = "expired"
    FAILED_LAST_TIME = "failed_last_time"
    CHECK_FAILED = "check_failed"
    FORCED = "forced"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason in words. `key` is the asset or task it comes from, `old` and `new` what changed, as recorded."""

    kind: ReasonKind
    detail: str
    key: str | None = None
    old: str | None = None
    new: str | None = None

    def as_json(self) -> dict[str, Json]:
        out: dict[str, Json] = {"kind": self.kind.value, "detail": self.detail}
        for name in ("key", "old", "new"):
            if (value := getattr(self, name)) is not None:
                out[name] = value
        return out


class State(StrEnum):
    """What is shown of a node, by glyph, word and colour."""

    SOURCE = "source"
    MISSING = "missing"
    """A source whose file is not there."""
    NEVER = "never"
    FRESH = "fresh"
    STALE = "stale"
    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    REUSED = "reused"
    SPARED = "spared"

    @property
    def kind(self) -> str:
        """The state as documents name it: a source is one whether or not its file is there; a reason tells that."""
        return State.SOURCE.value if self is State.MISSING else self.value


@dataclass(frozen=True, slots=True)
class StepKey:
    """The key of a step, component by component (see docs/concepts.md).

    `code`, `config` and `env` map readable names to digests or short values; `inputs` maps each input
    asset (and `after:NAME` for a task that only comes before) to its data version. `digest` is the
    sha256 over the canonical encoding of all four.
    """

    digest: str
    code: Mapping[str, str]
    config: Mapping[str, str]
    env: Mapping[str, str]
    inputs: Mapping[str, str]


OWN_CODECS = frozenset({"json", "pickle", "parquet", "npy", "file", "folder", "none"})
"""Encodings of values that need no plugin."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored value: its bytes are `inline`, or the file `values/<digest[:2]>/<digest>`.

    `codec` names the encoding: one of `OWN_CODECS`, or one that a plugin brought. `version`
    is the data version: equal versions are equal values. `digest` is the sha256 of the bytes.
    """

    codec: str
    digest: str
    size: int
    version: str
    inline: bytes | None = None
    type: str = ""


@dataclass(frozen=True, slots=True)
class Materialization:
    """A value of an asset that was committed, with what it was made of."""

    asset: str
    task: str
    value: Stored
    run: str
    seq: int
    ts: float
    duration: float
    metadata: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepRecord:
    """The last success of a task: the key it ran with, and a version for those that come `after` it."""

    task: str
    key: StepKey
    version: str
    run: str
    seq: int
    ts: float
    duration: float
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """The end of the last attempt at a task, whatever it was. `number` counts from 1; it is 0 where the run was
    cancelled before the step began."""

    task: str
    run: str
    number: int
    state: Literal["succeeded", "failed", "cancelled", "interrupted"]
    started: float
    finished: float
    error: str = ""
    log: str | None = None


class Damage(StrEnum):
    """What a check of a stored value found."""

    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the store knows, read in one transaction: the whole input of the planner from its side.

    `damage` names the assets whose stored value is not what was committed. `durations` are the last
    few durations of each task in seconds, newest first. `digests` are those of the keys in `steps`.
    """

    materializations: Mapping[str, Materialization] = field(default_factory=dict)
    steps: Mapping[str, StepRecord] = field(default_factory=dict)
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    damage: Mapping[str, Damage] = field(default_factory=dict)
    durations: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
