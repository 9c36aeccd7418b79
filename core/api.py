"""What a pipeline's own code says: `asset`, `task`, `source`, `check`, `schedule`, and what a step is given: `Context`.

Decorating a function only notes it down; the function itself comes back, callable as ever.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, TypeVar, Unpack, overload

from .mistakes import wrong
from .table import Table as Table

if TYPE_CHECKING:
    import logging
    from datetime import datetime

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)
Names = Sequence[str | Function] | Mapping[str, str]
Seconds = float | str


class SharedOptions(TypedDict, total=False):
    """What can be said of everything: of an asset, a task and a source."""

    group: str
    tags: Sequence[str]
    owners: Sequence[str]
    description: str
    metadata: Mapping[str, Any]


class StepOptions(SharedOptions, total=False):
    """What can be said of a step, whichever of its two sides is defined. Times are in seconds or `"5m"`."""

    name: str
    deps: Names
    after: Sequence[str | Function]
    verb: str
    on_success: Any
    on_failure: Any
    params: Mapping[str, Any] | Sequence[str]
    env: Mapping[str, str | None] | Sequence[str]
    retries: int
    backoff: Seconds
    timeout: Seconds
    pool: str
    code_version: str | int
    isolate: bool
    partitions: Any
    auto: bool | Seconds


class ValueOptions(TypedDict, total=False):
    internal: bool
    max_age: Seconds
    checks: Any


class AssetOptions(StepOptions, ValueOptions, total=False):
    task: str


class TaskOptions(StepOptions, total=False):
    inputs: Names
    outputs: Sequence[str]


class SourceOptions(SharedOptions, ValueOptions, total=False):
    file: str | Path


class ScheduleOptions(TypedDict, total=False):
    cron: str
    on_change: str | Sequence[str]
    timezone: str
    select: str
    catch_up: Literal["skip", "one"]
    jitter: Seconds
    force: bool
    description: str


class CheckOptions(TypedDict, total=False):
    asset: str | Function
    name: str
    severity: Literal["error", "warn"]
    description: str


Kind = Literal["asset", "task", "source", "schedule", "check"]

OPTIONS: Mapping[Kind, frozenset[str]] = {
    "asset": AssetOptions.__optional_keys__,
    "task": TaskOptions.__optional_keys__,
    "source": SourceOptions.__optional_keys__,
    "schedule": ScheduleOptions.__optional_keys__,
    "check": CheckOptions.__optional_keys__,
}


@dataclass(slots=True)
class Registered:
    """One definition made in Python: `function` is None for a source. `file` is absolute."""

    kind: Kind
    name: str
    options: dict[str, Any]
    function: Function | None
    file: str
    line: int

    @property
    def reference(self) -> str:
        """How the function is named to whoever is to find it again."""
        about = f"{self.options.get('asset')}:" if self.kind == "check" else ""
        return f"@{self.kind}:{about}{self.name}"

    @property
    def description(self) -> str:
        """What was given, else the first paragraph of the docstring."""
        if (given := self.options.get("description")) is not None:
            return str(given)
        text = None if self.function is None else getattr(self.function, "__doc__", None)
        return first_paragraph(text) if isinstance(text, str) else ""


_registered: list[Registered] = []
_names: dict[int, str] = {}


def registered() -> list[Registered]:
    """Everything defined in this process so far, in order: the list itself, which a loader may clear."""
    return _registered


@overload
def asset(function: F, /) -> F: ...
@overload
def asset(**options: Unpack[AssetOptions]) -> Callable[[F], F]: ...
def asset(function: Any = None, /, **options: Any) -> Any:
    """The decorated function makes an asset of its own name. Its parameters are what it is made of.

    A parameter is an upstream asset, a key of `params`, or the `Context`. Use it bare or with options.
    Raises TypeError for an option that does not exist.
    """
    return _decorate("asset", function, options)


@overload
def task(function: F, /) -> F: ...
@overload
def task(**options: Unpack[TaskOptions]) -> Callable[[F], F]: ...
def task(function: Any = None, /, **options: Any) -> Any:
    """The decorated function is a task; with several `outputs` it returns a dict of them by name.

    Raises TypeError for an option that does not exist.
    """
    return _decorate("task", function, options)


def source(name: str, **options: Unpack[SourceOptions]) -> None:
    """An asset that nothing here makes; with `file=` (relative to the project) it is watched by content."""
    said: Any = name
    if not isinstance(said, str):
        wrong(f"source() needs a name in quotes, not {name!r}")
        return
    given, caller = _known_options("source", options), sys._getframe(1)
    _registered.append(Registered("source", name, given, None, caller.f_code.co_filename, caller.f_lineno))


def schedule(name: str = "", /, **options: Unpack[ScheduleOptions]) -> Callable[[F], F]:
    """When something runs by itself: over an @asset or @task, which it selects, or alone with a name and `select=`."""
    given, caller = _known_options("schedule", options), sys._getframe(1)
    entry = Registered("schedule", name, given, None, caller.f_code.co_filename, caller.f_lineno)
    _registered.append(entry)

    def decorator(function: F) -> F:
        entry.function = function
        return function

    return decorator


def check(**options: Unpack[CheckOptions]) -> Callable[[F], F]:
    """The decorated function says whether the value of `asset` may stand: it gets the value, once that is made and
    before it is current, and returns True, False or a `CheckResult`.

    A failure keeps the value from becoming current; with `severity="warn"` it is only told. Raises TypeError for an
    option that does not exist.
    """
    return _decorate("check", None, {**options})  # type: ignore[no-any-return]


def _decorate(kind: Kind, function: Any, options: dict[str, Any]) -> Any:
    options = _known_options(kind, options)
    if callable(function):
        return _register(kind, function, options)
    if function is not None:
        wrong(f"@{kind} takes its options by name: @{kind}(name={function!r})")

    def decorator(function: F) -> F:
        decorated: Any = function
        if not callable(decorated):
            wrong(f"@{kind} decorates a function, not {decorated!r}")
            return function
        return _register(kind, function, options)

    return decorator


def _register(kind: Kind, function: F, options: dict[str, Any]) -> F:
    name = options.get("name")
    if name is None:
        name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        wrong(f"@{kind} needs name= in quotes for {_called(function)}, not {name!r}")
        return function
    for key in ("deps", "inputs", "after"):
        if key in options:
            options = {**options, key: _by_name(kind, key, options[key])}
    if kind == "check":
        named = [options["asset"]] if "asset" in options else []
        options = {**options, "asset": next(iter(_by_name(kind, "asset", named)), None)}
    else:
        _names[id(function)] = name
    file, line = _place(function)
    _registered.append(Registered(kind, name, options, function, file, line))
    return function


def _by_name(kind: Kind, option: str, given: Any) -> Any:
    """The same list with the name of each decorated function in its place."""
    if isinstance(given, str):
        wrong(f"@{kind}: {option} is a list: {option}=[{given!r}]")
        return [given]
    if isinstance(given, Mapping) or not isinstance(given, Sequence):
        return given
    names = [_name_of(item, kind, option) if callable(item) else item for item in given]
    return [name for name in names if name is not None]


def _name_of(function: Function, kind: Kind, option: str) -> str | None:
    name = _names.get(id(function))
    if name is None:
        wrong(f"@{kind}: {_called(function)} in {option} is no @asset or @task; give its name in quotes")
    return name


def _called(function: Any) -> str:
    return getattr(function, "__qualname__", "") or repr(function)


def _known_options(kind: Kind, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that exist."""
    known = OPTIONS[kind]
    if options.keys() <= known:
        return {**options}
    import difflib  # only a mistake pays for it

    for unknown in sorted(options.keys() - known):
        close = difflib.get_close_matches(unknown, sorted(known), 1)
        hint = f"did you mean {close[0]!r}?" if close else "it has " + ", ".join(sorted(known))
        wrong(f"{kind} has no option {unknown!r}: {hint}")
    return {name: value for name, value in options.items() if name in known}


def _place(function: Function) -> tuple[str, int]:
    inner: Any = function
    while True:
        code = getattr(inner, "__code__", None)
        if code is not None and not hasattr(inner, "__wrapped__"):
            return code.co_filename, code.co_firstlineno
        following = getattr(inner, "__wrapped__", None) or getattr(inner, "func", None)
        if following is None or following is inner:
            break
        inner = following
    caller = sys._getframe(3)
    return caller.f_code.co_filename, caller.f_lineno


def first_paragraph(text: str) -> str:
    """The first paragraph of a docstring on one line."""
    return " ".join(line.strip() for line in text.strip().split("\n\n", 1)[0].splitlines())


# ---- what a step is given --------------------------------------------------------------------


class Teller(Protocol):
    """Where a context passes on what a step says."""

    def progress(self, fraction: float, note: str) -> None: ...
    def metadata(self, asset: str | None, values: Mapping[str, Any]) -> None: ...


@dataclass
class Context:
    """What a step knows of its run, and how it tells how far it is. `attempt` counts from 1 with each retry.

    Outside a run (`Context(params={"day": 1})` in a unit test) it only remembers: `fraction` and `note`
    are the last progress told, `recorded` is the metadata by asset (None: of the step's only asset).

    `partition` is the key that is made (of two dimensions, the key of each by name), `window` its time from (inclusive)
    and to (exclusive), and `partitions` which keys of an input arrived, where it can be several.
    """

    task: str = ""
    attempt: int = 1
    params: Mapping[str, Any] = field(default_factory=dict)
    teller: Teller | None = field(default=None, repr=False)
    partition: str | Mapping[str, str] | None = None
    window: tuple[datetime, datetime] | None = None
    partitions: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    fraction: float = field(default=0.0, init=False)
    note: str = field(default="", init=False)
    recorded: dict[str | None, dict[str, Any]] = field(default_factory=dict, init=False)
    _log: logging.Logger | None = field(default=None, init=False, repr=False, compare=False)

    def progress(self, fraction: float, note: str = "") -> None:
        """Say how much is done, from 0 to 1 (the rest is cut off), and in a few words what is going on."""
        fraction = float(fraction)
        if fraction != fraction:
            raise ValueError("progress is a number from 0 to 1, not nan")
        self.fraction, self.note = min(1.0, max(0.0, fraction)), str(note)
        if self.teller is not None:
            self.teller.progress(self.fraction, self.note)

    def metadata(self, *, asset: str | None = None, **values: Any) -> None:
        """Record facts about what is made: numbers, text, lists. `asset` says which of several outputs."""
        self.recorded.setdefault(asset, {}).update(values)
        if self.teller is not None:
            self.teller.metadata(asset, values)

    @property
    def log(self) -> logging.Logger:
        """A logger whose lines go where `print` goes: into the log of this step."""
        if self._log is None:
            self._log = _printing_logger(self.task or "step")
        return self._log


def _printing_logger(name: str) -> logging.Logger:
    import logging

    class Printer(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                line = self.format(record)
            except Exception:  # a wrong format string must not fail the step
                self.handleError(record)
                return
            mark = "" if record.levelno <= logging.INFO else f"{record.levelname}: "
            print(f"{mark}{line}", flush=True)

    logger = logging.Logger(name, logging.DEBUG)
    logger.addHandler(Printer())
    logger.propagate = False
    return logger


@dataclass(frozen=True)
class CheckResult:
    """What an `@check` found. `rows` are some that are wrong (dicts, lists or a table): the first ten are kept.

    `failing` is how many are wrong, where that is known; `message` says in a sentence what is.
    """

    passed: bool
    metadata: Mapping[str, Any] = field(default_factory=dict)
    rows: Any = ()
    failing: int | None = None
    message: str = ""
