"""The owner's side of the loader process: asks, waits no longer than allowed, and leaves nothing running."""

from __future__ import annotations

import base64
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import psutil

from ..model import CodeKey, SourceFile
from ..store.crash import crash_point
from .crash import death_of
from .interpreter import HASH_SEED
from .output import HeadAndTail
from .python_types import (
    CallKey,
    LoadFailure,
    Parameter,
    PythonRequest,
    PythonResult,
    Signature,
    Spec,
)

BOOT = Path(__file__).absolute().parent.parent / "boot.py"
TOKEN = "BAKEHOUSE_LOADER"
LARGEST_ANSWER = 256 * 1024 * 1024
TICK = 0.1
LAST_WORDS = 1.0


def load_python(request: PythonRequest) -> PythonResult:
    """Import the request's files in a process of the project's interpreter. Blocks up to the time limit.

    Whatever goes wrong there is a LoadFailure in the result, never an exception here.
    """
    if not request.files and not request.calls:
        return PythonResult()
    try:
        loader = LoaderProcess(request)
    except OSError as error:
        name = request.interpreter or sys.executable
        reason = error.strerror or str(error)
        return _failed(request, LoadFailure("", 1, f"the interpreter {name} cannot be started: {reason}"), "")
    try:
        loader.listen()
    finally:
        loader.end()
    output = loader.output.text()
    if loader.answer is None:
        return _failed(request, loader.failure(), output)
    if request.code_folder is not None:
        with suppress(OSError):  # a run then reads the files themselves, if they are still the same
            write_copies(Path(request.code_folder), loader.answer["copies"])
    return _result(request, loader.answer, output)


class LoaderProcess:
    """One loader at work: its messages, its output, its end."""

    def __init__(self, request: PythonRequest, memory_limit: int | None = None) -> None:
        self.request = request
        self.memory_limit = memory_limit or min(8 << 30, psutil.virtual_memory().total * 3 // 4)
        self.deadline = time.monotonic() + request.time_limit
        self.output = HeadAndTail()
        self.answer: dict[str, Any] | None = None
        self.stopped: dict[str, Any] | None = None
        self.loading = ""
        self.verdict = ""
        self._received = bytearray()
        self._token = secrets.token_hex(8)
        self._crash: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._start()

    def _start(self) -> None:
        self._messages, messages = os.pipe()
        life, self._life = os.pipe()
        self._printed, printed = os.pipe()
        try:
            with tempfile.TemporaryFile() as question:
                question.write(json.dumps(_question(self.request)).encode())
                question.seek(0)
                given = (question.fileno(), messages, life, self._crash.fileno())
                self.process = subprocess.Popen(
                    [self.request.interpreter or sys.executable, "-P", "-X", "utf8", str(BOOT), "load"]
                    + [str(fd) for fd in given],
                    cwd=self.request.root,
                    env=_environment({TOKEN: self._token}),
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=printed,
                    pass_fds=given,
                    start_new_session=True,
                )
        except BaseException:
            self._close(self._messages, self._life, self._printed)
            self._crash.close()
            raise
        finally:
            self._close(messages, life, printed)
        for fd in (self._messages, self._printed):
            os.set_blocking(fd, False)

    def listen(self) -> None:
        """Take in messages and output until there is an answer, an end, or no time left."""
        asked = False
        next_look = time.monotonic() + TICK
        with selectors.DefaultSelector() as selector:
            selector.register(self._messages, selectors.EVENT_READ, self._take_message)
            selector.register(self._printed, selectors.EVENT_READ, self._take_output)
            while self.answer is None and self.stopped is None:
                for key, _ in selector.select(TICK):
                    if not key.data():
                        selector.unregister(key.fileobj)
                now = time.monotonic()
                if now >= next_look:
                    next_look = now + TICK
                    if self._has_ended():
                        break
                    if self._is_too_large():
                        self.verdict = f"took more than {self.memory_limit >> 20} MB of memory"
                        break
                if now >= self.deadline:
                    if asked:
                        break
                    self.verdict = f"took more than {self.request.time_limit:g} s to load"
                    asked, self.deadline = True, now + LAST_WORDS
                    with suppress(OSError):
                        os.write(self._life, b"?")
                if not selector.get_map():
                    break
        while self._take_message():
            pass
        for _ in range(64):
            if not self._take_output():
                break

    def end(self) -> None:
        """Kill the loader and everything below it, even what left its session."""
        regular = self.answer is not None
        for _ in range(20):
            found = self._descendants(thorough=not regular)
            for child in found:
                with suppress(psutil.Error):
                    child.kill()
            if not found:
                break
            regular = False
            time.sleep(0.005)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.status = self.process.wait()
        if self.verdict == "" and self.answer is None and self.stopped is None:
            self._crash.seek(0)
            self._report = self._crash.read(64 * 1024).decode("utf-8", "replace")
        self._crash.close()
        self._close(self._messages, self._life, self._printed)

    def failure(self) -> LoadFailure:
        """Why there is no answer."""
        if self.stopped is not None:
            stopped = LoadFailure(**self.stopped)
            if stopped.message or not self.verdict:
                return stopped
            return LoadFailure(stopped.file, stopped.line, self.verdict, stopped.traceback)
        if self.verdict:
            return LoadFailure(self.loading, 1, self.verdict)
        name = self.request.interpreter or sys.executable
        return death_of(self.status, self._report, self.loading, self.request.root, name, self.output.text())

    # ---- reading -----------------------------------------------------------------------------

    def _take_output(self) -> bool:
        data = _read(self._printed)
        self.output.add(data or b"")
        return bool(data)

    def _take_message(self) -> bool:
        data = _read(self._messages)
        if not data:
            return False
        *lines, rest = data.split(b"\n")
        if not lines:
            self._received += rest
            if len(self._received) > LARGEST_ANSWER:
                self.verdict = f"answered with more than {LARGEST_ANSWER >> 20} MB"
                return False
            return True
        lines[0] = bytes(self._received) + lines[0]
        self._received = bytearray(rest)
        for line in lines:
            kind, body = json.loads(line)
            if kind == "loading":
                self.loading = body
            elif kind == "stopped":
                self.stopped = body
            else:
                self.answer = body
        return True

    # ---- watching ----------------------------------------------------------------------------

    def _has_ended(self) -> bool:
        if not hasattr(os, "waitid"):
            return self.process.poll() is not None
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _is_too_large(self) -> bool:
        try:
            return psutil.Process(self.process.pid).memory_info().rss > self.memory_limit
        except psutil.Error:
            return False

    def _descendants(self, *, thorough: bool) -> list[psutil.Process]:
        found: dict[int, psutil.Process] = {}
        with suppress(psutil.Error):
            found = {p.pid: p for p in psutil.Process(self.process.pid).children(recursive=True)}
        if thorough:
            for process in psutil.process_iter():
                with suppress(psutil.Error, OSError):
                    if process.pid != self.process.pid and process.environ().get(TOKEN) == self._token:
                        found[process.pid] = process
        return [p for p in found.values() if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]

    @staticmethod
    def _close(*fds: int) -> None:
        for fd in fds:
            with suppress(OSError):
                os.close(fd)


def _read(fd: int) -> bytes | None:
    """What is there, b"" at the end, None if there is nothing now."""
    try:
        return os.read(fd, 1 << 18)
    except BlockingIOError:
        return None


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Ours, without what would make the child interactive or put its own folder on the module path."""
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONINSPECT", "PYTHONSTARTUP")}
    entries = [str(Path(entry).absolute()) for entry in env.get("PYTHONPATH", "").split(os.pathsep) if entry]
    env.setdefault("PYTHONHASHSEED", HASH_SEED)
    env.pop("PYTHONPATH", None)
    if entries:
        env["PYTHONPATH"] = os.pathsep.join(entries)
    return {**env, **extra}


def _question(request: PythonRequest) -> dict[str, Any]:
    return {
        "root": request.root,
        "files": request.files,
        "calls": request.calls,
        "code_folder": request.code_folder,
        "time_limit": request.time_limit,
    }


# ---- from the answer to a result ---------------------------------------------------------------


def _failed(request: PythonRequest, failure: LoadFailure, output: str) -> PythonResult:
    calls: dict[CallKey, Signature | LoadFailure] = {
        (call.folder, call.module, call.function): failure for call in request.calls
    }
    return PythonResult(calls=calls, failures=(failure,), output=output)


def _result(request: PythonRequest, answer: dict[str, Any], output: str) -> PythonResult:
    modules = tuple(SourceFile(*module) for module in answer["modules"])
    parts = [(name, digest) for name, digest in answer["parts"]]
    return PythonResult(
        specs=tuple(_spec(spec, parts) for spec in answer["specs"]),
        calls={
            (call.folder, call.module, call.function): _called(found, parts)
            for call, found in zip(request.calls, answer["calls"], strict=True)
        },
        modules=modules,
        files={**answer["files"], **{module.path: module.digest for module in modules}},
        variables=answer["variables"],
        failures=tuple(LoadFailure(**failure) for failure in answer["failures"]),
        output=output,
        python_version=answer["python_version"],
    )


Parts = list[tuple[str, str]]


def _called(found: dict[str, Any], parts: Parts) -> Signature | LoadFailure:
    return LoadFailure(**found) if "message" in found else _signature(found, parts)


def _signature(data: dict[str, Any], parts: Parts) -> Signature:
    parameters = tuple(Parameter(*parameter) for parameter in data["parameters"])
    digest, indexes, libraries, untracked, paths = data["code"]
    known = dict(parts[index] for index in indexes)
    code = CodeKey(digest, known, libraries, tuple(untracked), tuple(paths))
    return Signature(parameters, code, data["line"])


def _spec(data: dict[str, Any], parts: Parts) -> Spec:
    if "code" not in data:
        return Spec(**data)
    signature = _signature(data, parts)
    data = {key: value for key, value in data.items() if key != "parameters"}
    return Spec(**{**data, "code": signature.code, "signature": signature})


def write_copies(folder: Path, copies: Mapping[str, str]) -> None:
    """Put each module's bytes (base64) at `folder/<sha256>`, whole or not at all, for its owner only."""
    if copies:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for digest, data in copies.items():
        fd, name = tempfile.mkstemp(dir=folder, prefix=".copy-")
        try:
            with os.fdopen(fd, "wb") as stream:
                stream.write(base64.b64decode(data))
            crash_point("copy.before_rename")
            Path(name).replace(folder / digest)
            crash_point("copy.renamed")
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
