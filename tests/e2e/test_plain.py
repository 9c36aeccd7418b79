"""`--plain`: the same work in words alone, one line after another, as a screen reader wants it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PIPELINES = Path(__file__).parents[2] / "pipelines"
PLAIN = "import sys; from bakehouse.tui.cli import main; main()"
Opener = Callable[..., Any]
SLOW = """
pipeline: slow
tasks:
  nap: {outputs: [dream], shell: "echo asleep; sleep 300; echo > $OUTPUT"}
"""


@pytest.fixture
def cookies(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "cookies"
    shutil.copytree(PIPELINES / "cookies", folder, ignore=shutil.ignore_patterns(".bakehouse", "__pycache__"))
    yield folder / "two_cookies.yaml"


def opened(terminal: Opener, project: Path, *more: str) -> Any:
    t = terminal(PLAIN, Path("--plain"), "--trust", "-C", str(project), *more)
    t.until(lambda: b"q quits\r\n> " in t.raw, "the first question")
    return t


def ask(t: Any, command: str) -> str:
    """What is answered."""
    before = len(t.raw)
    t.press(command + "\n")
    t.until(lambda: t.raw[before:].endswith(b"\r\n> "), f"the answer to {command}")
    answer: str = t.raw[before:].decode().replace("\r\n", "\n").removesuffix("> ")
    return answer.partition("\n")[2]


def test_one_works_in_words_alone(cookies: Path, terminal: Opener) -> None:
    t = opened(terminal, cookies)
    assert "1 chocolate_chip_cookies, never, by bake in oven\r\n" in t.raw.decode()
    assert "\n    3 cookie_dough, never, told above\n" in ask(t, "tree")
    assert ask(t, "tree tasks").startswith(
        "1 combine ingredients, never\n  2 wet_ingredients, source, reads\n"
    )
    assert ask(t, "ls cookie_dough").startswith("cookie_dough, never, ")
    assert ask(t, "plan cookie_dough").startswith("run, combine_ingredients")
    made = ask(t, "m cookie_dough")
    assert "combine_ingredients started\n" in made and "combine_ingredients made in " in made
    assert "cookie_dough: fresh" in ask(t, "why cookie_dough")
    assert "because chocolate_chip_cookies from" in ask(t, "w chocolate_chip_cookies")
    assert ask(t, "log cookie_dough") != ""
    assert "succeeded" in ask(t, "runs")
    assert ask(t, "status").startswith("9 assets: 4 never, 1 fresh, 4 source\n")
    assert ask(t, "m") == "m needs a name: m NAME\n"
    assert ask(t, "mm") == "there is no command 'mm', did you mean 'm'?\n"
    assert "there is no asset or task 'dough'" in ask(t, "why dough")
    assert "this cannot be read" in ask(t, "why 'x")
    assert "Ctrl-C cancels a run" in ask(t, "help")
    assert "Usage" in ask(t, "ls --help")
    t.press("q\n")
    t.ends_with(0)
    said = bytes(t.raw)
    assert said.isascii() and not re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", said)


def test_ctrl_c_cancels_the_run_and_not_the_program(tmp_path: Path, terminal: Opener) -> None:
    file = tmp_path / "slow.yaml"
    file.write_text(SLOW)
    t = opened(terminal, file)
    t.press("a\n")
    t.until(lambda: b"nap | asleep" in t.raw, "the step")
    t.press("\x03")
    t.until(lambda: t.raw.endswith(b"\r\n> "), "the end of the run")
    assert b"nap cancelled" in t.raw and not t.children()
    t.press("\x03")
    t.until(lambda: t.raw.endswith(b"q quits\r\n> "), "the hint")
    t.press("\x04")
    t.ends_with(0)


def test_any_command_can_be_told_in_words(cookies: Path, terminal: Opener) -> None:
    t = terminal(PLAIN, Path("--trust"), "-C", str(cookies), "status", "--plain", FORCE_COLOR="1")
    t.ends_with(0)
    assert bytes(t.raw).isascii() and b"\x1b" not in t.raw and b"5 never" in t.raw
