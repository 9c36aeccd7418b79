"""The program on a small project, workers with real processes, a listener that remembers what it was told, and
real terminals."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pyte
import pytest

from bakehouse.core.engine.executor import Given, Order, Outcome
from bakehouse.core.model import Action, Input, PythonAction, ShellAction, SqlAction, Stored
from bakehouse.core.workers.pool import Workers

BREAD = """
pipeline: bread
assets:
  flour: {file: flour.txt, group: pantry}
  water: {group: pantry}
  dough: {deps: [flour, water], verb: knead, task: knead_dough, shell: 'cat "$flour" > "$OUTPUT"; echo kneaded'}
  bread: {deps: [dough], task: bake, shell: 'cat "$dough" > "$OUTPUT"'}
tasks:
  eat: {inputs: [bread], shell: "true"}
  sweep: {after: [eat], shell: "true"}
"""
"""A project of shell steps only."""

Call = Callable[..., subprocess.CompletedProcess[str]]

LIMIT = 30.0
"""Seconds after which a condition that has not come true is a failure."""

numbers = itertools.count(1)


@dataclass
class Steps:
    """A project folder whose steps are run as the engine runs them."""

    root: Path
    workers: Workers
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    logs: dict[str, bytearray] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    told: list[tuple[Any, ...]] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    on_finished: Callable[[Outcome], None] | None = None

    # -- what the workers tell

    def started(self, attempt: str, pid: int) -> None:
        assert attempt not in self.pids and attempt not in self.outcomes
        self.pids[attempt] = pid
        self._hear("started", attempt)

    def output(self, attempt: str, data: bytes) -> None:
        assert attempt in self.pids and attempt not in self.outcomes
        self.logs.setdefault(attempt, bytearray()).extend(data)
        self._hear("output", attempt)

    def progress(self, attempt: str, fraction: float, note: str) -> None:
        assert attempt in self.pids and attempt not in self.outcomes
        self._hear("progress", attempt, fraction, note)

    def metadata(self, attempt: str, asset: str | None, values: Mapping[str, Any]) -> None:
        assert attempt in self.pids and attempt not in self.outcomes
        self._hear("metadata", attempt, asset, values)

    def finished(self, outcome: Outcome) -> None:
        assert outcome.attempt not in self.outcomes, "finished twice"
        self.outcomes[outcome.attempt] = outcome
        if self.on_finished is not None:
            self.on_finished(outcome)
        self._hear("finished", outcome.attempt)

    def _hear(self, *what: Any) -> None:
        self.told.append(what)
        self.heard.set()

    # -- what the test says

    def submit(self, action: Action, **more: Any) -> str:
        """Submit one order; inputs as `{name: Stored | file path | None}`, outputs as names."""
        attempt = f"attempt-{next(numbers)}"
        inputs = tuple(given(name, value) for name, value in more.pop("inputs", {}).items())
        outputs = tuple(Input(name, name.replace(".", "_")) for name in more.pop("outputs", ("result",)))
        task = more.pop("task", attempt)
        self.workers.submit(Order(attempt, task, action, inputs, outputs, **more))
        return attempt

    def python(self, function: str, **more: Any) -> str:
        return self.submit(PythonAction("steps", function), **more)

    def shell(self, command: str, **more: Any) -> str:
        return self.submit(ShellAction(command), **{"outputs": (), **more})

    def sql(self, query: str, **more: Any) -> str:
        return self.submit(SqlAction(query), **more)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that the workers tell."""
        async with asyncio.timeout(LIMIT):
            while not condition():
                self.heard.clear()
                await self.heard.wait()

    async def outcome(self, attempt: str) -> Outcome:
        await self.until(lambda: attempt in self.outcomes)
        return self.outcomes[attempt]

    async def all_outcomes(self, attempts: list[str]) -> list[Outcome]:
        await self.until(lambda: all(attempt in self.outcomes for attempt in attempts))
        return [self.outcomes[attempt] for attempt in attempts]

    async def says(self, attempt: str, text: bytes) -> None:
        """Wait until a step has printed something."""
        await self.until(lambda: text in self.log(attempt))

    def log(self, attempt: str) -> bytes:
        return bytes(self.logs.get(attempt, b""))

    def value(self, outcome: Outcome) -> Any:
        from bakehouse.core.workers.codecs import decode

        (made,) = outcome.made
        scratch = self.root / ".bakehouse" / "seen" / outcome.attempt
        return decode(made.value, made.path, asset=made.asset, scratch=scratch)


def given(name: str, value: Stored | str | None) -> Given:
    identifier = Input(name, "".join(c if c.isalnum() else "_" for c in name))
    if isinstance(value, Stored):
        return Given(identifier, value)
    return Given(identifier, file=value)


StepsFactory = Callable[..., Awaitable[Steps]]


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[StepsFactory]:
    """Starts the workers of a project with these `steps` (the source of steps.py)."""
    made: list[Steps] = []

    async def begin(source: str = "", *, jobs: int = 2, interpreter: str = sys.executable) -> Steps:
        root = tmp_path / "project"
        root.mkdir(exist_ok=True)
        (root / "steps.py").write_text(source)
        steps = Steps(root, Workers(root, root / ".bakehouse", interpreter))
        made.append(steps)
        await steps.workers.start(steps, jobs)
        return steps

    yield begin
    for steps in made:
        await steps.workers.aclose()


def processes_with(mark: str) -> list[int]:
    """The processes of this machine that have the text in their command line or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and (
                any(mark in part for part in process.cmdline()) or mark in str(process.environ())
            ):
                found.append(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def wait_until(condition: Callable[[], bool], limit: float = LIMIT) -> None:
    """Wait for something outside of this process."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


@pytest.fixture
def survivors() -> Callable[[str], list[int]]:
    return processes_with


@pytest.fixture
def eventually() -> Callable[..., None]:
    return wait_until


# ---- the program on a project ---------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "bread"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(BREAD)
    (folder / "flour.txt").write_text("rye\n")
    return folder


@pytest.fixture
def call(project: Path, environ: dict[str, str]) -> Call:
    """Runs `bakehouse -C project …`, trusted unless said otherwise."""

    def run(
        *words: str, trusted: bool = True, at: Path = project, **more: str
    ) -> subprocess.CompletedProcess[str]:
        env = environ | ({"BAKEHOUSE_TRUST": "1"} if trusted else {}) | more
        command = [sys.executable, "-m", "bakehouse", "-C", str(at), *words]
        return subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
        )

    return run


# ---- terminals


class Terminal:
    """A pseudo terminal with a program in it, as its session's leader."""

    ENTERED, LEFT = b"\x1b[?1049h", b"\x1b[?1049l"
    SHOWN, MOUSE_OFF = b"\x1b[?25h", b"\x1b[?1000l"
    _UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p")

    def __init__(
        self, code: str, *arguments: str, env: dict[str, str], size: tuple[int, int] = (24, 80)
    ) -> None:
        self.raw = bytearray()
        self.size = size
        self._ours, self._theirs = pty.openpty()
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.before = termios.tcgetattr(self._theirs)
        name = os.ttyname(self._theirs)
        environ = {
            **os.environ,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "TEXTUAL_ANIMATIONS": "none",
        }
        environ.pop("NO_COLOR", None)
        environ.update(env)
        actions = [(os.POSIX_SPAWN_OPEN, fd, name, os.O_RDWR, 0) for fd in (0, 1, 2)]
        self.pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-c", code, *arguments],
            environ,
            file_actions=actions,
            setsid=True,
        )
        self.code: int | None = None
        self.seen: set[psutil.Process] = set()

    def read(self, timeout: float = 0.05) -> None:
        if select.select([self._ours], [], [], timeout)[0]:
            try:
                self.raw += os.read(self._ours, 1 << 16)
            except OSError:
                return

    def until(self, is_so: Callable[[], object], what: str) -> None:
        end = time.monotonic() + 2 * LIMIT
        while not is_so():
            assert time.monotonic() < end, f"waited for {what}; on the screen:\n{self.text}"
            self.read()

    def sees(self, words: str) -> None:
        self.until(lambda: words in self.text, words)

    @property
    def text(self) -> str:
        return self._shown(bytes(self.raw))

    def text_since(self, sequence: bytes) -> str:
        """What an empty screen shows of what came from the last such sequence on."""
        return self._shown(bytes(self.raw[self.raw.rfind(sequence) :]))

    def _shown(self, raw: bytes) -> str:
        screen = pyte.Screen(self.size[1], self.size[0])
        pyte.ByteStream(screen).feed(self._UNKNOWN_TO_PYTE.sub(b"", raw))
        return "\n".join(line.rstrip() for line in screen.display)

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def children(self) -> set[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            self.seen |= set(psutil.Process(self.pid).children(recursive=True))
        return {one for one in self.seen if one.is_running() and one.status() != psutil.STATUS_ZOMBIE}

    def ended(self) -> bool:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def ends_with(self, code: int) -> None:
        self.until(self.ended, "the program to end")
        self.read()
        assert self.code == code, self.text

    def is_restored(self) -> None:
        """The last word on each mode is the one that was there before."""
        for _ in range(20):
            self.read(0.01)
        raw = bytes(self.raw)
        assert raw.rfind(self.LEFT) > raw.rfind(self.ENTERED) >= 0
        assert raw.rfind(self.SHOWN) > raw.rfind(b"\x1b[?25l")
        assert raw.rfind(self.MOUSE_OFF) > raw.rfind(b"\x1b[?1000h")
        assert termios.tcgetattr(self._theirs) == self.before

    def hang_up(self) -> None:
        """The terminal goes away, as when its window is closed; a terminal that nobody reads replaces it here."""
        for end in (self._ours, self._theirs):
            os.close(end)
        self._ours, self._theirs = pty.openpty()

    def close(self) -> None:
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        for child in self.children():
            child.kill()
        os.close(self._ours)
        os.close(self._theirs)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def open_terminal(code: str, path: Path, *more: str, **env: str) -> Terminal:
        one = Terminal(code, str(path), *more, env={"BAKEHOUSE_HOME": str(tmp_path / "home"), **env})
        opened.append(one)
        return one

    yield open_terminal
    for one in opened:
        one.close()
