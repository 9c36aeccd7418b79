"""A user's own keys, theme and habits: read from a file, told where they are wrong, and in force everywhere."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.keys import _character_to_key

from bakehouse.tui.paint.colours import PALETTES
from bakehouse.tui.projection.caps import cap, key_name
from bakehouse.tui.projection.keymap import DEFAULT
from bakehouse.tui.projection.keys import KEYS
from bakehouse.tui.projection.preferences import NOTIFY_AFTER, Preferences, read_preferences
from bakehouse.tui.settings import Themes, load_preferences

ONE = "one_cookie.yaml"


def read(text: str) -> Preferences:
    return read_preferences(text.encode(), "config.yaml")


def test_what_is_written_is_in_force() -> None:
    found = read(
        "theme: light\nascii: true\nnotify: 5\nkeys: {materialize: [f5, m], cancel_run: ctrl+x, stream: []}\n"
    )
    assert found.problems == ()
    assert (found.theme, found.ascii, found.notify) == ("light", True, 5.0)
    keys = found.keymap.by_id
    assert keys["materialize"].keys == ("f5", "m") and keys["cancel_run"].shown == "ctrl+x"
    assert found.keymap.by_name["f5"] == "materialize" and "X" not in found.keymap.by_name
    assert keys["stream"].keys == () and keys["plan"] == DEFAULT.by_id["plan"]


def test_an_empty_file_and_one_of_comments_change_nothing() -> None:
    for text in ("", "# nothing\n", "{}"):
        assert read(text) == Preferences(file="config.yaml")
    assert read("notify: false").notify is None and read("notify: true").notify == NOTIFY_AFTER


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("thme: dark", "1:1", "there is no setting 'thme' (did you mean 'theme'?)"),
        ("theme: darc", "1:8", "there is no theme 'darc' (did you mean 'dark'?)"),
        ("ascii: maybe", "1:8", "ascii is true, false or auto, not 'maybe'"),
        ("notify: soon", "1:9", "notify is a number of seconds, or false, not 'soon'"),
        ("notify: -1", "1:9", "notify is a number of seconds"),
        ("keys:\n  materialise: k", "2:3", "there is no action 'materialise' (did you mean 'materialize'?)"),
        ("keys:\n  wrap: F99", "2:9", "there is no key 'F99'"),
        ("keys:\n  wrap: [K, ctrl+m]", "2:13", "to a terminal ctrl+m is enter"),
        ("keys:\n  wrap: ctrl+c", "2:9", "ctrl+c is no action's"),
        ("keys:\n  wrap: shift+a", "2:9", "shift is the other character"),
        ("keys:\n  wrap: true", "2:9", "a key is text, not True"),
        ("keys:\n  wrap: m", "2:9", "m is also the key of materialize (Materialize); give materialize another key too"),
        ("keys:\n  wrap: 7\n  edit: 7", "3:9", "7 is also the key of wrap"),
        ("keys:\n  quit: []", "2:9", "quit needs a key"),
        ("keys: [a]", "1:7", "keys are a mapping"),
        ("- theme", "1:1", "settings are a mapping"),
        ("theme: @x", "1:8", "this is not YAML"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_is_and_the_defaults_hold(text: str, place: str, words: str) -> None:
    found = read(text)
    assert len(found.problems) == 1
    told = str(found.problems[0])
    assert told.startswith(f"config.yaml:{place}: ") and words in told
    if found.problems[0].line:
        _, line, caret = told.split("\n")
        assert caret.index("^") == line.index("|") + 1 + int(place.split(":")[1])
    assert (found.theme, found.ascii, found.notify) == ("auto", None, NOTIFY_AFTER)
    assert found.keymap.keys == KEYS


def test_one_mistake_does_not_spoil_the_other_settings_but_all_keys() -> None:
    found = read("theme: light\nkeys: {wrap: K, fold: nokey}\nnotify: x\n")
    assert len(found.problems) == 2 and found.theme == "light"
    assert found.keymap.keys == KEYS
    assert "and 1 more mistake" in found.complaint


def test_two_keys_can_be_swapped() -> None:
    found = read("keys: {cancel_step: X, cancel_run: x}")
    assert found.problems == ()
    assert found.keymap.by_name["x"] == "cancel_run" and found.keymap.by_name["X"] == "cancel_step"


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: f"keys: {{wrap: {t}}}".encode()))
def test_whatever_is_written_there_the_screen_has_keys(data: bytes) -> None:
    found = read_preferences(data, "c")
    assert found.keymap.by_id["quit"].keys and found.keymap.by_id["help"].keys
    assert len(found.keymap.by_name) == sum(len(key.keys) for key in found.keymap.keys)


def test_every_key_that_can_be_typed_has_the_name_that_events_have_and_its_cap_back() -> None:
    for character in string.printable.strip() + "éßЖ€§":
        assert key_name(character) == _character_to_key(character)
        assert cap(key_name(character)) == character
    assert [key_name(text) for text in ("Ctrl+D", "pgup", "esc", "f5", "ctrl++", "alt+?", " ")] == [
        "ctrl+d", "pageup", "escape", "f5", "ctrl+plus", "alt+question_mark", "space",
    ]  # fmt: skip
    for key in KEYS:
        assert [key_name(cap(name, True)) for name in key.keys] == list(key.keys)


def test_the_file_is_found_where_it_is_named_and_a_named_one_that_lacks_is_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("theme: ansi")
    assert load_preferences({"BAKEHOUSE_CONFIG": str(file)}).theme == "ansi"
    (tmp_path / "config.yaml").write_text("theme: light")
    assert load_preferences({"BAKEHOUSE_CONFIG": str(tmp_path)}).theme == "light"
    gone = load_preferences({"BAKEHOUSE_CONFIG": str(tmp_path / "gone")})
    assert "there is no such file" in gone.complaint
    assert load_preferences({}) == Preferences()
    file.write_bytes(b"#" * 300_000)
    assert "more than" in load_preferences({"BAKEHOUSE_CONFIG": str(file)}).complaint


async def test_the_keys_are_the_users_in_footer_help_palette_and_messages(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    mine = read(
        "keys: {help: f2, materialize: K, quit: Q, back: f12, force: ctrl+f, next_pane: f6, cancel_run: Z}"
    )
    assert mine.problems == ()
    async with screen(cookies / ONE, preferences=mine) as s:
        await s.sees("f2 Help", "K Make", "Q Quit")
        await s.press("tab", "m", "q", "ctrl+q", "question_mark")
        assert s.app.is_running and s.bench.told is None and not s.app.side.has_focus_within
        await s.press("f6")
        assert s.app.side.has_focus_within
        await s.press("f6", "Z")
        await s.sees("nothing is running")
        await s.press("f2")
        await s.sees("  K         Materialize")
        await s.press("escape", "ctrl+p")
        await s.until(lambda: len(s.app.screen_stack) == 2, "the palette")
        await s.type("by force")
        await s.sees("ctrl+f  even what is fresh")
        await s.press("escape")
        await s.until(lambda: len(s.app.screen_stack) == 1, "the screen")
        await s.press("K")
        await s.until(lambda: s.bench.told is not None, "the run")
        await s.press("ctrl+c")
        await s.sees("Q quits", "Z all")


async def test_a_mistake_is_told_when_the_screen_opens_and_shown_again(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / ONE, preferences=read("theme: darc\nkeys: {wrap: m}")) as s:
        await s.sees("config.yaml:1:8: there is no theme 'darc'")
        await s.press("O")
        await s.sees("Settings", "theme: darc", "m is also the key of materialize", "as they come")


def test_what_L_chose_is_remembered_for_terminals_like_this_one(home: Path) -> None:
    rich, poor = {"COLORTERM": "truecolor", "TERM": "xterm"}, {"TERM": "linux"}
    assert Themes(Preferences(), rich).first() == "dark" and Themes(Preferences(), poor).first() == "ansi"
    Themes(Preferences(), rich).remember("contrast-light")
    assert Themes(Preferences(), rich).first() == "contrast-light"
    assert Themes(Preferences(), poor).first() == "ansi"
    assert Themes(Preferences(theme="light"), rich).first() == "light"
    assert Themes(Preferences(), {**rich, "NO_COLOR": "1"}).given == "ansi"
    Themes(Preferences(), rich).remember("dark")
    assert Themes(Preferences(), rich).first() == "dark"
    for damaged in (b"[1]", b"{", b'{"dark": "pink"}', b'{"dark": 1}', b"[" * 4000):
        (home / "themes.json").write_bytes(damaged)
        assert Themes(Preferences(), rich).first() == "dark"


async def test_L_goes_through_all_themes_and_remembers(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / ONE) as s:
        chosen: list[str] = []
        s.app.remember = chosen.append
        await s.press(*["L"] * len(PALETTES))
        assert chosen == [*list(PALETTES)[1:], "dark"]
        await s.sees("theme: dark")
