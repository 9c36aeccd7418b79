"""The real program on a real terminal: whatever ends it, the terminal is as before and nothing is left running."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pyte
import pytest

PIPELINES = Path(__file__).parents[2] / "pipelines"
PATIENCE = 60.0
ENTERED, LEFT, SHOWN, MOUSE_OFF = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l"
_UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p")
SLOW = """
pipeline: slow
tasks:
  nap: {outputs: [dream], shell: "echo asleep; sleep 300; echo > $OUTPUT"}
"""
SCREEN = """
import sys
from contextlib import suppress
from pathlib import Path
from bakehouse.tui.terminal import run_screen
sys.exit(run_screen(Path(sys.argv[1]), trust=True))
"""
BREAKS = """
import sys
from contextlib import suppress
from pathlib import Path
from bakehouse.tui import moves
from bakehouse.tui.terminal import run_screen
def turn(self): raise RuntimeError("a fault of ours")
moves.Moves.turn = turn
sys.exit(run_screen(Path(sys.argv[1]), trust=True))
"""


class Terminal:
    """A pseudo terminal with a program in it, as its session's leader or (`shell`) under a shell."""

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
        end = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < end, f"waited for {what}; on the screen:\n{self.text}"
            self.read()

    def sees(self, words: str) -> None:
        self.until(lambda: words in self.text, words)

    @property
    def text(self) -> str:
        screen = pyte.Screen(self.size[1], self.size[0])
        pyte.ByteStream(screen).feed(_UNKNOWN_TO_PYTE.sub(b"", bytes(self.raw)))
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
        assert raw.rfind(LEFT) > raw.rfind(ENTERED) >= 0
        assert raw.rfind(SHOWN) > raw.rfind(b"\x1b[?25l")
        assert raw.rfind(MOUSE_OFF) > raw.rfind(b"\x1b[?1000h")
        assert termios.tcgetattr(self._theirs) == self.before

    def close(self) -> None:
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        for child in self.children():
            child.kill()
        os.close(self._ours)
        os.close(self._theirs)


@pytest.fixture
def cookies(tmp_path: Path) -> Path:
    folder = tmp_path / "cookies"
    shutil.copytree(PIPELINES / "cookies", folder, ignore=shutil.ignore_patterns(".bakehouse", "__pycache__"))
    return folder / "one_cookie.yaml"


Opener = Callable[..., Terminal]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Opener]:
    opened: list[Terminal] = []

    def open_terminal(code: str, path: Path, **env: str) -> Terminal:
        one = Terminal(code, str(path), env={"BAKEHOUSE_HOME": str(tmp_path / "home"), **env})
        opened.append(one)
        return one

    yield open_terminal
    for one in opened:
        one.close()


def test_q_gives_the_terminal_back(cookies: Path, terminal: Opener) -> None:
    t = terminal(SCREEN, cookies)
    t.sees("chocolate_chip_cookies")
    t.press("t")
    t.sees("bake in oven")
    t.press("q")
    t.ends_with(0)
    t.is_restored()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGQUIT, 131)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_signal_gives_the_terminal_back(
    cookies: Path, terminal: Opener, number: signal.Signals, code: int
) -> None:
    t = terminal(SCREEN, cookies)
    t.sees("chocolate_chip_cookies")
    os.kill(t.pid, number)
    t.ends_with(code)
    t.is_restored()


def test_a_fault_of_ours_gives_the_terminal_back_and_fails(cookies: Path, terminal: Opener) -> None:
    t = terminal(BREAKS, cookies)
    t.sees("chocolate_chip_cookies")
    t.press("o")
    t.ends_with(1)
    t.is_restored()
    assert b"a fault of ours" in t.raw


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_mid_run_leaves_no_child_behind(
    tmp_path: Path, terminal: Opener, number: signal.Signals
) -> None:
    file = tmp_path / "slow.yaml"
    file.write_text(SLOW)
    t = terminal(SCREEN, file)
    t.sees("dream")
    t.press("a")
    t.sees("asleep")
    assert t.children()
    os.kill(t.pid, number)
    t.ends_with(128 + number)
    t.is_restored()
    t.until(lambda: not t.children(), "the children to be gone")


def test_quitting_mid_run_asks_and_then_leaves_no_child_behind(tmp_path: Path, terminal: Opener) -> None:
    file = tmp_path / "slow.yaml"
    file.write_text(SLOW)
    t = terminal(SCREEN, file)
    t.sees("dream")
    t.press("a")
    t.sees("asleep")
    t.press("q")
    t.sees("A run is under way")
    t.press("y")
    t.ends_with(0)
    t.is_restored()
    t.until(lambda: not t.children(), "the children to be gone")
    assert "cancelled" in t.text


def test_s_leaves_the_screen_for_plain_lines_and_comes_back(tmp_path: Path, terminal: Opener) -> None:
    file = tmp_path / "slow.yaml"
    file.write_text(SLOW)
    t = terminal(SCREEN, file)
    t.sees("dream")
    t.press("a")
    t.sees("asleep")
    t.press("s")
    t.until(lambda: t.raw.rfind(LEFT) > t.raw.rfind(ENTERED), "the screen to be left")
    t.until(lambda: b"plain lines" in t.raw, "plain lines")
    t.press("\n")
    t.until(lambda: t.raw.rfind(ENTERED) > t.raw.rfind(LEFT), "the screen to be back")
    t.press("x")
    t.until(lambda: "cancelled" in t.text, "the step to be cancelled")
    t.press("q")
    t.ends_with(0)
    t.is_restored()


@pytest.mark.parametrize("term", ["xterm-16color", "linux"])
def test_a_plain_terminal_is_enough(cookies: Path, terminal: Opener, term: str) -> None:
    t = terminal(SCREEN, cookies, TERM=term, COLORTERM="", NO_COLOR="1")
    t.sees("chocolate_chip_cookies")
    t.press("q")
    t.ends_with(0)
    t.is_restored()


def test_a_dumb_terminal_is_refused_politely(cookies: Path, terminal: Opener) -> None:
    t = terminal(SCREEN, cookies, TERM="dumb")
    t.ends_with(2)
    assert b"cannot show a screen" in t.raw and ENTERED not in t.raw


def test_broken_definitions_are_told_on_the_plain_terminal(cookies: Path, terminal: Opener) -> None:
    cookies.write_text("pipeline: x\nassets:\n  a: {dep: [b]}\n")
    t = terminal(SCREEN, cookies)
    t.ends_with(2)
    t.is_restored()
    assert b"one_cookie.yaml:3" in t.raw
