"""The loader process: imports the project's definitions and answers with plain data, never more.

Messages go to a pipe of their own, one JSON object a line: `loading`, then `result` or `stopped`.
"""

from __future__ import annotations

import base64
import faulthandler
import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..api import Registered
from ..fingerprint.canonical import digest
from ..fingerprint.code import fingerprint
from ..fingerprint.importer import ProjectImporter
from ..mistakes import note_mistakes
from ..model import CodeKey, PythonAction
from ..problems import ProblemError
from .blame import Blame
from .callables import call_parameters, find_function, load_module
from .names import did_you_mean, modules_beside
from .options import NotData, as_data
from .reads import Reads

PR_SET_CHILD_SUBREAPER = 36

T = TypeVar("T")
Failure = dict[str, Any]


def main(argv: list[str]) -> int:
    """`argv` are four file descriptors: request, messages, the owner's life, crash report."""
    request_fd, messages_fd, life_fd, crash_fd = (int(fd) for fd in argv)
    for fd in (request_fd, messages_fd, life_fd, crash_fd):
        os.set_inheritable(fd, False)
    faulthandler.enable(crash_fd)
    with open(request_fd, "rb") as stream:  # noqa: PTH123
        request = json.load(stream)
    sys.argv[:] = ["bakehouse"]
    signal.alarm(int(request["time_limit"]) + 10)
    adopt_orphans()
    loader = Loader(request, Messages(messages_fd))
    threading.Thread(target=watch_owner, args=(life_fd, loader), daemon=True).start()
    os._exit = loader.leave  # type: ignore[assignment]
    answer = loader.load()
    flush_output()
    loader.messages.send("result", answer)
    while True:  # the owner ends us, and first all that the definitions have started
        time.sleep(60)


class Messages:
    """The pipe to the owner. Only the process that opened it may speak, not what it forks."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pid = os.getpid()
        self._lock = threading.Lock()

    @property
    def is_ours(self) -> bool:
        return os.getpid() == self._pid

    def send(self, kind: str, body: Any) -> None:
        if not self.is_ours:
            LEAVE(0)
        data = memoryview(json.dumps([kind, body]).encode() + b"\n")
        with self._lock:
            while data:
                data = data[os.write(self._fd, data) :]


class Loader:
    """Loads the files and finds the calls of one request: first every import, then every fingerprint, so that
    no digest depends on which file came first."""

    def __init__(self, request: dict[str, Any], messages: Messages) -> None:
        self.request = request
        self.messages = messages
        self.importer = ProjectImporter(request["root"])
        self.reads = Reads(self.importer.root, self.importer.is_ours)
        self.blame = Blame(self.importer.root)
        self.current = ""
        self.main_thread = threading.get_ident()
        self.parts: dict[tuple[str, str], int] = {}
        self.failures: list[Failure] = []
        self._definitions: list[Definition] = []
        self._owners: dict[tuple[Any, ...], Definition] = {}

    def load(self) -> dict[str, Any]:
        """The body of the `result` message."""
        self.importer.install()
        self.reads.watch()
        mistakes = note_mistakes()
        for file in self.request["files"]:
            self.attempt(file, self.load_file, file)
        self.failures += [self.blame.at(*wrong, self.current) for wrong in dict.fromkeys(mistakes)]
        found = [self.find(*call) for call in self.request["calls"]]
        specs = [self.attempt(item.loaded, self.spec, item) for item in self._definitions]
        calls = [item if isinstance(item, dict) else self.signature(*item) for item in found]
        return {
            "specs": [spec for spec in specs if spec is not None],
            "calls": calls,
            "parts": list(self.parts),
            "failures": self.failures,
            "modules": [(s.module, s.path, s.digest, s.is_package) for s in self.importer.sources],
            "copies": self.missing_copies(),
            "files": self.reads.files(),
            "variables": self.reads.variables,
            "python_version": "{}.{}".format(*sys.version_info[:2]),
        }

    def attempt(self, file: str, action: Callable[..., T], *given: Any) -> T | None:
        """What the action returns. Whatever the definitions raise becomes a failure, and None."""
        done, failure = self.guarded(file, action, *given)
        if failure is not None:
            self.failures.append(failure)
        return done

    def guarded(self, file: str, action: Callable[..., T], *given: Any) -> tuple[T | None, Failure | None]:
        """Either a value or a failure; `file` is to blame if no frame of the project is."""
        if file != self.current:
            self.current = file
            self.messages.send("loading", file)
        try:
            return action(*given), None
        except ProblemError as problem:
            return None, self.blame.problem(problem, file)
        except BaseException as error:
            return None, self.blame.error(error, file)

    def load_file(self, file: str) -> None:
        folder, module = module_of(self.importer.root, file)
        os.chdir(Path(self.importer.root, folder))
        _, defined = load_module(self.importer, module, folder)
        path = str(Path(self.importer.root, file))
        for entry in defined:
            self.take(Definition(entry, module, folder, file, entry.file == path))

    def take(self, new: Definition) -> None:
        """A file that is imported in two contexts defines its assets twice: those of its own folder count."""
        entry = new.entry
        key = (entry.reference, entry.file, entry.line)
        earlier = self._owners.setdefault(key, new)
        if earlier.loaded != new.loaded:
            if earlier.is_own or not new.is_own:
                return
            self._definitions = [d for d in self._definitions if d.entry is not earlier.entry]
            self._owners[key] = new
        self._definitions.append(new)

    def spec(self, definition: Definition) -> dict[str, Any] | None:
        entry = definition.entry
        try:
            return self._spec(definition)
        except (NotData, ProblemError) as wrong:
            message = f"{entry.kind} {entry.name!r}: {wrong}"
            self.failures.append(self.blame.at(entry.file, entry.line, message, definition.loaded))
            return None

    def _spec(self, definition: Definition) -> dict[str, Any]:
        entry = definition.entry
        options = as_data(entry.options)
        options.pop("name", None)
        if entry.kind == "schedule":
            return self._schedule(entry, options)
        if entry.description:
            options["description"] = entry.description
        spec: dict[str, Any] = {
            "kind": entry.kind,
            "name": entry.name,
            "options": options,
            "file": self.blame.relative(entry.file) or entry.file,
            "line": entry.line,
        }
        if entry.function is None:
            return spec
        return {
            **spec,
            "module": definition.module,
            "folder": definition.folder,
            "function": entry.reference,
            "parameters": parameters_of(entry.function),
            "code": self.fingerprint(entry.function, definition.folder),
        }

    def _schedule(self, entry: Registered, options: dict[str, Any]) -> dict[str, Any]:
        """Over a function it bears the name of what that defines, and selects it."""
        others = (d.entry for d in self._definitions if d.entry.kind != "schedule")
        over = next((o for o in others if o.function is not None and o.function is entry.function), None)
        if over is not None:
            options.setdefault("select", json.dumps(over.name, ensure_ascii=False))
        name = entry.name or (over.name if over is not None else "")
        if not isinstance(name, str) or not name:
            raise ProblemError("it needs a name in quotes, or an @asset or @task below it")
        file = self.blame.relative(entry.file) or entry.file
        return {"kind": "schedule", "name": name, "options": options, "file": file, "line": entry.line}

    def find(self, module: str, function: str, folder: str) -> Failure | tuple[Any, str, str]:
        """The function of a call with its folder and file, or the failure."""
        file = f"{folder}/{module.replace('.', '/')}.py".lstrip("/")
        action = PythonAction(module, function, folder)
        os.chdir(Path(self.importer.root, folder))
        found, failure = self.guarded(file, self._find, action)
        return (found, folder, file) if failure is None else failure

    def _find(self, action: PythonAction) -> Callable[..., Any]:
        try:
            return find_function(self.importer, action)
        except ModuleNotFoundError as error:
            wanted = error.name or ""
            if not f"{action.module}.".startswith(f"{wanted}.") or self.blame.is_of_project(error):
                raise
            hint = did_you_mean(wanted, modules_beside(wanted, self.importer.roots(action.folder)))
            raise ProblemError(f"No module named {wanted!r}", hint) from None

    def signature(self, function: Callable[..., Any], folder: str, file: str) -> dict[str, Any]:
        done, failure = self.guarded(file, self._signature, function, folder)
        return failure or done or {}

    def _signature(self, function: Callable[..., Any], folder: str) -> dict[str, Any]:
        inner: Any = function
        while hasattr(inner, "__wrapped__") or hasattr(inner, "func"):
            inner = getattr(inner, "__wrapped__", None) or inner.func
        return {
            "parameters": parameters_of(function),
            "code": self.fingerprint(function, folder),
            "line": getattr(getattr(inner, "__code__", None), "co_firstlineno", 1),
        }

    def fingerprint(self, function: Callable[..., Any], folder: str) -> list[Any]:
        """The code key; where the walk itself breaks on something odd, every file read stands in for it."""
        try:
            with self.importer.within(folder):
                code = fingerprint(function, self.importer)
        except Exception as error:
            parts = {source.path: source.digest for source in self.importer.sources}
            note = f"all files stand in for it: {type(error).__name__}: {error}"
            code = CodeKey(digest(parts), parts, {}, (note,))
        indexes = [self.parts.setdefault(part, len(self.parts)) for part in code.parts.items()]
        return [code.digest, indexes, dict(code.libraries), list(code.untracked), list(code.paths)]

    def missing_copies(self) -> dict[str, str]:
        """The bytes of the modules whose copy is not in the code folder, or not whole."""
        folder = self.request["code_folder"]
        if folder is None:
            return {}
        return {
            unit.source.digest: base64.b64encode(unit.data).decode()
            for unit in self.importer.units
            if not is_copied(Path(folder, unit.source.digest), unit.source.digest)
        }

    # ---- ending early ------------------------------------------------------------------------

    def stop(self) -> None:
        """Say where the definitions are stuck."""
        stack = sys._current_frames().get(self.main_thread)
        self.messages.send("stopped", self.blame.stack(stack, "", self.current))

    def leave(self, status: int) -> None:
        """Stands in for `os._exit` while definitions are loaded."""
        if self.messages.is_ours:
            message = f"os._exit({status}) was called while the definitions were loaded"
            self.messages.send("stopped", self.blame.stack(sys._getframe(1), message, self.current))
        LEAVE(status)


LEAVE = os._exit


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """One use of a decorator, met while `loaded` was loaded. `is_own`: it stands in that very file."""

    entry: Registered
    module: str
    folder: str
    loaded: str
    is_own: bool


def parameters_of(function: Callable[..., Any]) -> list[tuple[Any, ...]]:
    """As plain tuples in the order of the fields of `Parameter`."""
    return [(p.name, p.has_default, p.variadic, p.is_context) for p in call_parameters(function)]


def module_of(root: str, file: str) -> tuple[str, str]:
    """The (folder, module) by which a definitions file is imported: a package counts from its outermost
    `__init__.py`. Raises ProblemError for a name that no import can say."""
    path = Path(file)
    parts = [] if path.name == "__init__.py" else [path.stem]
    if "." in path.stem:
        raise ProblemError(f"{file}: a definitions file cannot have a dot in its name", "rename it")
    folder = path.parent
    while folder != folder.parent and Path(root, folder, "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return "" if folder == Path() else folder.as_posix(), ".".join(parts)


def is_copied(path: Path, digest: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == digest
    except OSError:
        return False


def adopt_orphans() -> None:
    """Let what the definitions start stay below us even when its own parent ends, so that it can be found."""
    if sys.platform == "linux":
        with suppress(Exception):
            import ctypes

            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def watch_owner(life_fd: int, loader: Loader) -> None:
    """One byte on the pipe of life asks where we are; its end means that the owner is gone."""
    while os.read(life_fd, 1):
        flush_output()
        with suppress(OSError):
            loader.stop()
    os.killpg(0, signal.SIGKILL)


def flush_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
