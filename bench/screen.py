"""The figures of the screen, on a pseudo terminal of 120 by 40, beside a bare Textual tree and table."""

from __future__ import annotations

import fcntl
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from contestants import JOBS, PEERS, Bakehouse
from graphs import graph
from measure import Cost, Figure, Unfit, environment, family, resident, run
from rounds import Turn, rounds, scratch

FLOOR = "floor: bare tree and table"
LIMIT = 120.0
KEYS = 20
_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|.)")
_FIRST_ROW = re.compile(rb"(?<!\w)n\d+(?!\w)")
_TICKS = os.sysconf("SC_CLK_TCK")


class Terminal:
    """A program on a pseudo terminal."""

    def __init__(self, command: list[str | Path], folder: Path, more: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_ANIMATIONS": "none"}
        self.began = time.perf_counter()
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment({**terminal, **more}), stdin=theirs, stdout=theirs,
            stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def until(self, wanted: re.Pattern[bytes]) -> None:
        """Reads until the text matches. Raises Unfit where it does not within the limit."""
        text = b""
        while time.perf_counter() - self.began < LIMIT:
            if not (data := self.read(1.0)) and self._process.poll() is not None:
                break
            text += data
            if wanted.search(_ESCAPES.sub(b" ", text)):
                return
        raise Unfit(f"nothing like {wanted.pattern!r} came to the screen")

    def read(self, patience: float) -> bytes:
        if not select.select([self._ours], [], [], patience)[0]:
            return b""
        try:
            return os.read(self._ours, 1 << 16)
        except OSError:
            return b""

    def quieten(self, seconds: float) -> None:
        """Reads until nothing has come for so long."""
        while self.read(seconds):
            pass

    def quieten_for(self, seconds: float) -> None:
        """Reads for so long, whatever comes."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self.read(left)

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def press(self, key: bytes) -> float:
        """Seconds until the screen answers."""
        began = time.perf_counter()
        os.write(self._ours, key)
        if not self.read(5.0):
            raise Unfit(f"the key {key!r} changed nothing")
        return time.perf_counter() - began

    def seconds(self) -> float:
        return sum(map(_seconds_of, family(self._process.pid)))

    def megabytes(self) -> float:
        return sum(map(resident, family(self._process.pid))) / 2**20

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            while self._process.poll() is None and time.perf_counter() - self.began < 2 * LIMIT:
                self.read(0.05)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._ours)


def _seconds_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


@contextmanager
def opened(command: list[str | Path], folder: Path, more: dict[str, str]) -> Iterator[Terminal]:
    terminal = Terminal(command, folder, more)
    try:
        terminal.until(_FIRST_ROW)
        yield terminal
    finally:
        terminal.close()


def _started(command: list[str | Path], folder: Path, more: dict[str, str]) -> Cost:
    with opened(command, folder, more) as terminal:
        wall, cpu = time.perf_counter() - terminal.began, terminal.seconds()
        return Cost(wall, cpu, terminal.megabytes())


def _pressed(command: list[str | Path], folder: Path, more: dict[str, str]) -> Cost:
    with opened(command, folder, more) as terminal:
        terminal.quieten(1.0)
        before, answers = terminal.seconds(), 0.0
        for _ in range(KEYS):
            answers += terminal.press(b"\x1b[B")
            terminal.quieten(0.05)
        return Cost(answers, terminal.seconds() - before, terminal.megabytes())


def _beside(figure: Figure, pairs: int, name: str, look: Callable[..., Cost]) -> Figure:
    size = name.partition(":")[2]
    with scratch() as base:
        ours, project = Bakehouse(), base / "project"
        project.mkdir()
        ours.prepare(project, name, -1)
        ours.command(project, "ls")
        command, more = ours.screen(project)
        bare: list[str | Path] = [sys.executable, PEERS / "bare_screen.py", size]
        each: list[Turn] = [
            ("bakehouse", partial(look, command, project, more)),
            (FLOOR, partial(look, bare, base, {})),
        ]
        return rounds(figure, pairs, each)


def start(pairs: int, name: str) -> Figure:
    """From the command to the first row of the tree, definitions from the cache."""
    size = len(graph(name))
    figure = Figure(f"screen {name}", f"start of the screen with {name}, to the first row", size)
    return _beside(figure, pairs, name, _started)


def keys(pairs: int, size: int) -> Figure:
    """From a key to the first answer of the screen; the CPU is of all that the key causes."""
    figure = Figure(f"keys {size}", f"{KEYS} keys down a tree of {size:,} nodes (a node is a key)", KEYS)
    return _beside(figure, pairs, f"w4:{size}", _pressed)


def log_lines(pairs: int, size: int) -> Figure:
    """A step that prints: what it costs to keep every line, beside the same lines sent to a file."""
    program = f"seq -f 'line %.0f of the log' {size}"
    with scratch() as base:
        project = base / "project"
        project.mkdir()

        def ours() -> Cost:
            run(["rm", "-rf", ".bakehouse"], project)
            (project / "bakehouse.yaml").write_text(f'tasks:\n  talk: {{shell: "{program}"}}\n')
            return Bakehouse().command(project, "--quiet", "materialize", "--jobs", JOBS)

        each: list[Turn] = [
            ("bakehouse", ours),
            ("floor: to a file", lambda: run(["/bin/sh", "-c", f"{program} > lines"], base)),
        ]
        title = f"a step that prints {size:,} lines (a node is a line)"
        return rounds(Figure("log", title, size), pairs, each)
