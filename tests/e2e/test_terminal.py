"""The real program on a real terminal: whatever ends it, the terminal is as before and nothing is left running."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PIPELINES = Path(__file__).parents[2] / "pipelines"
ENTERED, LEFT = b"\x1b[?1049h", b"\x1b[?1049l"
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
from bakehouse.tui.actions import moves
from bakehouse.tui.terminal import run_screen
def turn(self):
    mine = ["what a user " + word for word in ("made", "keeps")]
    raise RuntimeError("a fault of ours")
moves.Moves.turn = turn
sys.exit(run_screen(Path(sys.argv[1]), trust=True))
"""


@pytest.fixture
def cookies(tmp_path: Path) -> Path:
    folder = tmp_path / "cookies"
    shutil.copytree(PIPELINES / "cookies", folder, ignore=shutil.ignore_patterns(".bakehouse", "__pycache__"))
    return folder / "one_cookie.yaml"


Opener = Callable[..., Any]


def test_q_gives_the_terminal_back(cookies: Path, terminal: Opener) -> None:
    t = terminal(SCREEN, cookies)
    t.sees("chocolate_chip_cookies")
    t.press("t")
    t.sees("bake in oven")
    t.press("q")
    t.ends_with(0)
    t.is_restored()


@pytest.mark.case("P11", "U9")
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


@pytest.mark.case("U7")
def test_a_fault_of_ours_gives_the_terminal_back_and_fails(cookies: Path, terminal: Opener) -> None:
    t = terminal(BREAKS, cookies)
    t.sees("chocolate_chip_cookies")
    t.press("o")
    t.ends_with(1)
    t.is_restored()
    assert b"a fault of ours" in t.raw


@pytest.mark.case("H5")
def test_the_report_of_a_fault_of_ours_holds_no_data(cookies: Path, terminal: Opener) -> None:
    t = terminal(BREAKS, cookies)
    t.sees("chocolate_chip_cookies")
    t.press("o")
    t.ends_with(1)
    told = bytes(t.raw[t.raw.rfind(t.LEFT) :])
    assert b"a fault of ours" in told and b"in turn" in told
    assert b"what a user made" not in told and b"cookies" not in told, "values of variables"


@pytest.mark.case("P11", "U9")
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


def test_what_expires_is_seen_to_and_what_is_kept_up_is_made_by_itself(
    tmp_path: Path, terminal: Opener
) -> None:
    file = tmp_path / "fridge.yaml"
    file.write_text(
        "assets:\n  recipe: {file: recipe.txt}\n"
        "  eggs: {max_age: 2s, shell: 'date > \"$OUTPUT\"'}\n"
        '  dough: {deps: [recipe], auto: true, shell: \'cat "$recipe" > "$OUTPUT"\'}\n'
    )
    (tmp_path / "recipe.txt").write_text("whisk")
    t = terminal(SCREEN, file)
    t.until(lambda: "1 never" in t.text and "1 fresh" in t.text, "the dough to be made by itself")
    t.press("a")
    t.until(lambda: "1 fresh" in t.text and "1 stale" in t.text, "the eggs to expire")
    t.press("q")
    t.ends_with(0)


def test_what_is_typed_right_behind_a_slash_is_the_filter_and_no_key(
    tmp_path: Path, terminal: Opener
) -> None:
    file = tmp_path / "slow.yaml"
    file.write_text(SLOW)
    t = terminal(SCREEN, file)
    t.sees("dream")
    t.press("/state:x a")
    t.sees("/state:x a")
    t.sees("Keep the filter")
    t.press("\x1b")
    t.sees("Filter")
    assert "never" in t.text and "asleep" not in t.text
    t.press("q")
    t.ends_with(0)


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


@pytest.mark.case("R8")
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


def test_the_end_of_a_long_run_calls_who_looks_elsewhere(
    cookies: Path, terminal: Opener, tmp_path: Path
) -> None:
    settings = tmp_path / "config.yaml"
    settings.write_text("notify: 0")
    t = terminal(SCREEN, cookies, BAKEHOUSE_CONFIG=str(settings), TMUX="", VTE_VERSION="")
    t.sees("chocolate_chip_cookies")
    t.press("\x1b[O")
    t.press("a")
    t.sees("the run finished")
    t.until(lambda: b"\a\x1b]9;Bakehouse: cookies: the run finished in " in t.raw, "the call")
    t.press("\x1b[I")
    t.press("M")
    t.sees("Materialize by force")
    before = len(t.raw)
    t.press("y")
    t.until(lambda: b"the run finished" in t.raw[before:], "the end of the second run")
    t.press("q")
    t.ends_with(0)
    assert t.raw.count(b"\x1b]9;") == 1


def test_who_wants_no_calls_gets_none(cookies: Path, terminal: Opener, tmp_path: Path) -> None:
    settings = tmp_path / "config.yaml"
    settings.write_text("notify: false")
    t = terminal(SCREEN, cookies, BAKEHOUSE_CONFIG=str(settings))
    t.sees("chocolate_chip_cookies")
    t.press("\x1b[O")
    t.press("a")
    t.sees("the run finished")
    t.press("q")
    t.ends_with(0)
    rung = re.sub(rb"\x1b\]22;[a-z]*\a", b"", t.raw)  # the shape of the pointer
    assert not re.search(rb"\a|\x1b\]", rung)


def test_a_terminal_of_sixteen_colours_is_sent_no_others_and_one_without_colour_none(
    cookies: Path, terminal: Opener
) -> None:
    for more, allowed in (({"TERM": "xterm", "COLORTERM": ""}, range(16)), ({"NO_COLOR": "1"}, range(0))):
        t = terminal(SCREEN, cookies, **more)
        t.sees("chocolate_chip_cookies")
        t.press("t")
        t.sees("bake in oven")
        t.press("q")
        t.ends_with(0)
        sent = {int(n) for sgr in re.findall(rb"\x1b\[([0-9;]*)m", t.raw) for n in sgr.split(b";") if n}
        assert not sent & {38, 48}
        coloured = {n for n in sent if 30 <= n <= 37 or 40 <= n <= 47 or 90 <= n <= 107}
        assert bool(coloured) is bool(allowed), coloured
