"""One Python step inside a worker: inputs decoded, the function called, what it returned encoded."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from ..api import Context
from ..engine.executor import Given, Made, Order, Outcome
from ..fingerprint.importer import ProjectImporter
from ..load.callables import call_parameters, find_function
from ..load.python_types import Parameter
from ..model import Json, PythonAction, Stored
from ..problems import ProblemError
from .codecs import CannotRead, CannotStore, ValueDamaged, decode, encode
from .state import Modules, Process

OURS = str(Path(__file__).absolute().parent.parent)
SENTENCE = 500
TRACEBACK = 16 * 1024
T = TypeVar("T")
METADATA = 64 * 1024


@dataclass(slots=True)
class Loaded:
    """A function that was found, and all that is asked of it more than once."""

    function: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    annotations: Mapping[str, Any]


@dataclass(slots=True)
class Said:
    """Passes on what a step tells, and keeps the metadata of the step itself."""

    tell: Callable[[str, Any], None]
    kept: dict[str, Json] = field(default_factory=dict)

    def progress(self, fraction: float, note: str) -> None:
        self.tell("progress", [fraction, note[:SENTENCE]])

    def metadata(self, asset: str | None, values: Mapping[str, Any]) -> None:
        plain = as_json(values)
        if asset is None:
            self.kept.update(plain)
        self.tell("metadata", [asset, plain])


class PythonSteps:
    """Runs orders for Python functions of one project. `is_spent` says that the last one has left something in
    this process that another one could see."""

    def __init__(self, root: Path, store: Path, importer: ProjectImporter) -> None:
        self.root, self.store, self.importer = root, store, importer
        self._scratch, self._cwd = os.path.join(store, "tmp"), os.fspath(root)  # noqa: PTH118 - a step needs text
        self._loaded: dict[PythonAction, Loaded] = {}
        self._modules = Modules(importer)
        self.is_spent = False
        self._folder: str | None = None
        self._within = ExitStack()

    def run(self, order: Order, tell: Callable[[str, Any], None]) -> Outcome:
        """Never raises but for what ends the process."""
        if order.checks:
            from .checking import run_functions

            return run_functions(self, order, tell)
        began = time.perf_counter()
        said = Said(tell)
        try:
            assert isinstance(order.action, PythonAction)
            made = self.within(order.action, order.env, lambda loaded: self._call(loaded, order, said))
        except BaseException as error:  # whatever a step raises ends that step, not its worker
            seconds = time.perf_counter() - began
            return Outcome(order.attempt, False, (), said.kept, *told(error, self.store), seconds=seconds)
        return Outcome(order.attempt, True, made, said.kept, seconds=time.perf_counter() - began)

    def within(self, action: PythonAction, env: Mapping[str, str], call: Callable[[Loaded], T]) -> T:
        """What `call` gives for the function of `action`. Whatever it does to this process is undone, or noted."""
        self._enter(action.folder)
        loaded = self._load(action)
        self._modules.settle()
        process = Process()
        try:
            with changed_env(env):
                return copy_context().run(call, loaded)
        finally:
            spent = not process.restore() or self._modules.is_changed()
            self.is_spent = self.is_spent or spent

    def _enter(self, folder: str) -> None:
        if folder != self._folder:
            self._within.close()
            self._within.enter_context(self.importer.within(folder))
            self._folder, self._cwd = folder, os.fspath(self.root / folder)
        os.chdir(self._cwd)

    def _load(self, action: PythonAction) -> Loaded:
        loaded = self._loaded.get(action)
        if loaded is None:
            function = find_function(self.importer, action)
            annotations = getattr(inspect.unwrap(function), "__annotations__", {})
            loaded = self._loaded[action] = Loaded(function, call_parameters(function), annotations)
        return loaded

    def _call(self, loaded: Loaded, order: Order, said: Said) -> tuple[Made, ...]:
        scratch = f"{self._scratch}/{order.attempt}"
        arguments = self._arguments(loaded, order, said, scratch)
        result = awaited(loaded.function(**arguments))
        return tuple(
            self._made(asset, value, f"{scratch}/{number}.value")
            for number, (asset, value) in enumerate(outputs_of(order, result))
        )

    def _arguments(self, loaded: Loaded, order: Order, said: Said, scratch: str) -> dict[str, Any]:
        inputs: dict[str, list[Given]] = {name: [] for name in order.gathers}
        for given in order.inputs:
            inputs.setdefault(given.input.identifier, []).append(given)
        arguments: dict[str, Any] = {}
        wanted, rest = [], False
        for parameter in loaded.parameters:
            if parameter.variadic:
                rest = True
            elif parameter.name in inputs:
                wanted.append(parameter.name)
            elif parameter.name in order.params:
                arguments[parameter.name] = order.params[parameter.name]
            elif parameter.is_context:
                arguments[parameter.name] = context_of(order, said)
        if rest:
            wanted += [name for name in inputs if name not in wanted]
        for name in wanted:
            annotation = loaded.annotations.get(name)
            if name in order.gathers:
                arguments[name] = {
                    _key(given.input.part): self._value(
                        given, item_of(annotation), f"{scratch}/in/{number}_{name}"
                    )
                    for number, given in enumerate(inputs[name])
                }
            else:
                arguments[name] = self._value(inputs[name][0], annotation, f"{scratch}/in/{name}")
        return arguments

    @staticmethod
    def _value(given: Given, wanted: Any, scratch: str) -> Any:
        if given.value is None:
            return None if given.file is None else Path(given.file)
        return decode(given.value, given.path, asset=given.input.asset, wanted=wanted, scratch=scratch)

    def _made(self, asset: str, value: object, scratch_file: str) -> Made:
        encoded = encode(value, scratch_file)
        stored = self._with_code(encoded.stored, encoded.classes)
        return Made(asset, stored, encoded.path, as_json(encoded.metadata) if encoded.metadata else {})

    def _with_code(self, stored: Stored, classes: tuple[type, ...]) -> Stored:
        """The version of an instance of the project's own classes is made of their code too: a reader calls it."""
        files = {one: getattr(sys.modules.get(one.__module__), "__file__", None) for one in classes}
        ours = [one for one, file in files.items() if file is not None and self.importer.is_ours(file)]
        if not ours:
            return stored
        from ..fingerprint.code import fingerprint

        code = sorted(fingerprint(one, self.importer).digest for one in ours)
        version = hashlib.sha256("\n".join([stored.digest, *code]).encode()).hexdigest()
        return replace(stored, version=version)


def awaited(result: Any) -> Any:
    """What an async function comes to; anything else as it is."""
    if inspect.iscoroutine(result):
        import asyncio

        return asyncio.run(result)
    return result


def context_of(order: Order, said: Said) -> Context:
    """What the step is told of its run."""
    params = dict(sorted(order.params.items()))
    if order.partition is None and not order.gathers:
        return Context(order.task, order.number, params, said)
    from .partitions import key_of, partition_of, window_of

    partitions: dict[str, list[Any]] = {name: [] for name in order.gathers}
    for given in order.inputs:
        if given.input.part:
            partitions[given.input.identifier].append(key_of(given.input.part))
    return Context(
        order.task.partition("\x1f")[0], order.number, params, said,
        partition=partition_of(order), window=window_of(order),
        partitions={name: tuple(keys) for name, keys in partitions.items()},
    )  # fmt: skip


def _key(part: str) -> str | tuple[str, ...]:
    from .partitions import key_of

    return key_of(part)


def item_of(annotation: Any) -> Any:
    """Of `dict[str, Table]`, in text or as a type, what the values are to be; else nothing."""
    if isinstance(annotation, str):
        inside = annotation.partition("[")[2] if annotation.endswith("]") else ""
        return inside[:-1].rpartition(",")[2].strip() or None
    return getattr(annotation, "__args__", (None,))[-1]


def outputs_of(order: Order, result: Any) -> list[tuple[str, Any]]:
    """What was returned, by asset. Raises CannotStore where it does not fit what the task makes."""
    if not order.outputs:
        return []
    if len(order.outputs) == 1:
        return [(order.outputs[0].asset, result)]
    names = ", ".join(repr(output.asset.partition("\x1f")[0]) for output in order.outputs)
    if not isinstance(result, dict):
        raise CannotStore(
            f"a task with several outputs returns a dict of {names}, not {type(result).__name__}"
        )
    found = []
    for output in order.outputs:
        name = output.asset.partition("\x1f")[0]
        key = name if name in result else output.identifier
        if key not in result:
            raise CannotStore(f"the returned dict has no {name!r}: it has to have {names}")
        found.append((output.asset, result[key]))
    return found


class changed_env:
    """The process environment with some values changed, for the time of one step."""

    def __init__(self, changes: Mapping[str, str]) -> None:
        self.changes = changes
        self.before: dict[str, str | None] = {}

    def __enter__(self) -> None:
        if self.changes:
            self.before = {name: os.environ.get(name) for name in self.changes}
            os.environ.update(self.changes)

    def __exit__(self, *_: object) -> None:
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# ---- errors ----------------------------------------------------------------------------------


def told(error: BaseException, store: Path) -> tuple[str, str]:
    """An exception as one sentence and as a traceback that begins in the user's own code."""
    if isinstance(error, SystemExit):
        return f"the step called sys.exit({'' if error.code is None else repr(error.code)})", ""
    if isinstance(error, ValueDamaged | CannotStore | CannotRead):
        return sentence(str(error)), ""
    if isinstance(error, ProblemError):
        return sentence(str(error).replace("\n", " · ")), ""
    name = type(error).__name__
    try:
        text = str(error)
    except Exception:
        text = "its text cannot be shown"
    head = f"{name}: {text}" if text else name
    return sentence(head), traceback_of(error)


def sentence(text: str) -> str:
    """One line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= SENTENCE else line[: SENTENCE - 1] + "…"


def traceback_of(error: BaseException) -> str:
    shown = traceback.TracebackException(
        type(error), error, _users_part(error.__traceback__), limit=60, compact=True
    )
    _drop_ours(shown)
    try:
        text = "".join(shown.format())
    except Exception:
        return ""
    if len(text) <= TRACEBACK:
        return text
    return f"{text[: TRACEBACK // 2]}\n  …\n{text[-TRACEBACK // 2 :]}"


def _users_part(frames: TracebackType | None) -> TracebackType | None:
    at = frames
    while at is not None and at.tb_frame.f_code.co_filename.startswith(OURS):
        at = at.tb_next
    return at


def _drop_ours(shown: traceback.TracebackException) -> None:
    """Also in what it was caused by, and where our frames stand between the user's."""
    todo: list[traceback.TracebackException | None] = [shown]
    while todo:
        one = todo.pop()
        if one is not None:
            one.stack = traceback.StackSummary.from_list(
                [f for f in one.stack if not f.filename.startswith((OURS, "<frozen importlib"))]
            )
            todo += [one.__cause__, one.__context__]


# ---- metadata --------------------------------------------------------------------------------


def as_json(values: Mapping[str, Any]) -> dict[str, Json]:
    """What was told, as JSON of bounded size; what does not fit is left out and named under `…`."""
    out: dict[str, Json] = {}
    left, room = [], METADATA
    for name, value in values.items():
        text = _json_text(value)
        room -= len(text) + len(str(name))
        if room < 0:
            left.append(str(name)[:100])
        else:
            out[str(name)] = json.loads(text)
    if left:
        out["…"] = f"too large: {', '.join(left[:10])}"
    return out


def _json_text(value: Any) -> str:
    try:
        return json.dumps(value, default=_json_default, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return json.dumps(_shown(value))


def _json_default(value: Any) -> Json:
    for method in ("item", "tolist", "isoformat"):  # numpy scalars and arrays, dates
        if callable(found := getattr(value, method, None)):
            try:
                return found()
            except (TypeError, ValueError):
                continue
    return list(value) if isinstance(value, set | frozenset | tuple) else _shown(value)


def _shown(value: Any) -> str:
    try:
        return str(value)[:2000]
    except Exception:
        return f"<{type(value).__name__}>"
