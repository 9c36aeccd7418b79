"""The terminal under violence: the app is killed, the terminal shrinks, grows, goes away, stops and comes back."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import struct
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

PIPELINES = Path(__file__).parents[2] / "pipelines"
SCREEN = """
import sys
from pathlib import Path
from bakehouse.tui.terminal import run_screen
sys.exit(run_screen(Path(sys.argv[1]), trust=True))
"""
SLOW = """
pipeline: slow
tasks:
  nap: {outputs: [dream], shell: "echo asleep; sleep 300; echo > $OUTPUT"}
"""
LAUNCHER = """
import os, signal, subprocess, sys
for number in (signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]], restore_signals=True)
open(sys.argv[1] + ".pid", "w").write(str(child.pid))
sys.exit(child.wait())
"""

Opener = Callable[..., Any]


@pytest.fixture
def cookies(tmp_path: Path) -> Path:
    folder = tmp_path / "cookies"
    shutil.copytree(PIPELINES / "cookies", folder, ignore=shutil.ignore_patterns(".bakehouse", "__pycache__"))
    return folder / "one_cookie.yaml"


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    file = tmp_path / "slow.yaml"
    file.write_text(SLOW)
    return file


@pytest.mark.case("U7")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT], ids=lambda n: n.name)
def test_whatever_kills_the_app_the_terminal_is_given_back(
    slow: Path, terminal: Opener, number: signal.Signals
) -> None:
    t = terminal(SCREEN, slow)
    t.sees("dream")
    t.press("a")
    t.sees("asleep")
    assert t.children()
    os.kill(t.pid, number)
    t.ends_with(-number)
    t.until(lambda: t.raw.rfind(t.LEFT) > t.raw.rfind(t.ENTERED), "the screen to be left")
    t.until(lambda: termios.tcgetattr(t._theirs) == t.before, "the terminal's modes to be back")
    t.is_restored()
    t.until(lambda: not t.children(), "everything that it started to be gone")
    assert b"the screen was killed" in t.raw


@pytest.mark.case("U7")
def test_what_guards_the_terminal_leaves_with_the_app(cookies: Path, terminal: Opener) -> None:
    t = terminal(SCREEN, cookies)
    t.sees("chocolate_chip_cookies")
    assert t.children()
    said = len(t.raw)
    t.press("q")
    t.ends_with(0)
    t.until(lambda: not t.children(), "the guard to be gone")
    assert b"killed" not in t.raw[said:]


@pytest.mark.case("U8")
def test_a_storm_of_sizes_is_weathered(slow: Path, terminal: Opener) -> None:
    dice = random.Random(8)
    t = terminal(SCREEN, slow)
    t.sees("dream")
    t.press("a")
    t.sees("asleep")
    sizes = [(1, 1), (1, 500), (200, 1), (200, 500), (2, 3), (0, 0), (10, 40)]
    sizes += [(dice.randint(1, 200), dice.randint(1, 500)) for _ in range(100)]
    for number, (rows, columns) in enumerate(sizes):
        fcntl.ioctl(t._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(t.pid, signal.SIGWINCH)
        if number % 20 == 0:
            t.press(dice.choice("jkto]"))
        t.read(0.001)
        assert not t.ended(), t.text
    t.press("s")
    t.until(lambda: b"plain lines" in t.raw, "the app to answer")
    os.kill(t.pid, signal.SIGTERM)
    t.ends_with(143)
    t.is_restored()
    assert b"Traceback" not in t.raw


@pytest.mark.case("U9", "P11")
def test_a_terminal_that_goes_away_takes_the_app_and_its_run_along(slow: Path, terminal: Opener) -> None:
    t = terminal(LAUNCHER, slow, SCREEN)
    t.sees("dream")
    t.press("a")
    t.sees("asleep")
    app = psutil.Process(int(Path(f"{slow}.pid").read_text()))
    everything = [app, *app.children(recursive=True)]
    assert len(everything) > 2
    t.hang_up()
    t.until(t.ended, "the app to end with its terminal")
    t.until(lambda: not any(alive(one) for one in everything), "everything that it started to be gone")


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.mark.case("P11")
def test_a_second_interrupt_does_not_wait_for_the_first(slow: Path, terminal: Opener) -> None:
    t = terminal(SCREEN, slow)
    t.sees("dream")
    t.press("a")
    t.sees("asleep")
    assert t.children()
    os.kill(t.pid, signal.SIGSTOP)
    os.kill(t.pid, signal.SIGINT)
    os.kill(t.pid, signal.SIGTERM)
    os.kill(t.pid, signal.SIGCONT)
    t.until(t.ended, "the app to end")
    assert t.code in (130, 143)
    t.is_restored()
    t.until(lambda: not t.children(), "everything that it started to be gone")


@pytest.mark.case("P11")
@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("", ("dream", "Assets", "Overview")),
        ("?", ("1 running", "Here: the tree", "Esc closes")),
        ("/", ("dream", "Assets", "Take it off")),
    ],
)
def test_ctrl_z_leaves_the_screen_and_fg_comes_back(
    slow: Path, terminal: Opener, key: str, shown: tuple[str, ...]
) -> None:
    t = terminal(LAUNCHER, slow, SCREEN)
    t.sees("dream")
    t.press("a")
    t.sees("asleep")
    t.press(key)
    for words in shown:
        t.sees(words)
    app = psutil.Process(int(Path(f"{slow}.pid").read_text()))
    t.press("\x1a")
    t.until(lambda: app.status() == psutil.STATUS_STOPPED, "the app to stop")
    t.until(lambda: t.raw.rfind(t.LEFT) > t.raw.rfind(t.ENTERED), "the screen to be left")
    assert termios.tcgetattr(t._theirs) == t.before
    app.send_signal(signal.SIGCONT)
    t.until(lambda: t.raw.rfind(t.ENTERED) > t.raw.rfind(t.LEFT), "the screen to be back")
    t.until(
        lambda: all(words in t.text_since(t.ENTERED) for words in shown),
        "all of it to be drawn on what is an empty screen again",
    )
    t.press("\x1b" if key else "")
    t.until(lambda: not key or "Esc" not in t.text, "the box to be closed")
    t.press("q")
    t.sees("A run is under way")
    t.press("y")
    t.ends_with(0)
    t.is_restored()
