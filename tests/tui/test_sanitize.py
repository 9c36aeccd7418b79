"""Nothing that a terminal would obey gets past the sanitiser."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from bakehouse.tui.paint.ink import sgr_style
from bakehouse.tui.paint.sanitize import clean, clean_lines, last_state, split_colours, strip_sequences
from bakehouse.tui.tty.gate import ControlGate

OBEYED = {
    "clipboard": "\x1b]52;c;UFdORUQ=\x07",
    "title": "\x1b]0;OWNED\x07",
    "link": "\x1b]8;;http://evil.example/\x1b\\here\x1b]8;;\x1b\\",
    "clear": "\x1b[2J\x1b[H",
    "leave the screen": "\x1b[?1049l",
    "mouse off": "\x1b[?1003l",
    "ask": "\x1b[6n\x1b[>0q",
    "device string": "\x1bP+q544e\x1b\\",
    "application": "\x1b_Gf=100;QUJD\x1b\\",
    "reset": "\x1bc",
    "eight bits": "\x9b2J\x9d0;OWNED\x9c",
    "bells and shifts": "a\x07b\x08c\x0bd\x0ee\x7ff\x85g\x00h",
    "hidden direction": "abc\u202efed\u2066x\u2069",
    "zero width": "a\u200bb\ufeffc",
    "line separators": "a\u2028b\u2029c",
    "tags": "a\U000e0041b",
    "half a character": "a\udc80b",
    "cut off": "\x1b]52;c;AAAA",
}


def is_harmless(text: str) -> bool:
    return not any(
        unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in "\u202e\u2066\u200b\ufeff" for c in text
    )


@pytest.mark.parametrize("text", OBEYED.values(), ids=OBEYED)
def test_a_name_shows_its_control_characters_and_loses_nothing(text: str) -> None:
    shown = clean(text)
    assert is_harmless(shown)
    assert shown.encode()
    assert len(shown) >= len(text)
    left = iter(shown)
    assert all(c in left for c in text if c.isascii() and c.isprintable())


@pytest.mark.parametrize("text", OBEYED.values(), ids=OBEYED)
def test_a_printed_line_keeps_no_sequence_but_colour(text: str) -> None:
    for piece, sgr in split_colours(text):
        assert is_harmless(piece)
        assert set(sgr) <= set("0123456789;")
    assert is_harmless(strip_sequences(text))


@pytest.mark.case("U1", "U3")
@given(st.text())
def test_any_text_becomes_harmless_and_stays_so(text: str) -> None:
    assert is_harmless(clean(text))
    assert clean(clean(text)) == clean(text)
    assert is_harmless(clean_lines(text).replace("\n", ""))
    assert all(is_harmless(piece) for piece, _ in split_colours(text))


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp"))))
def test_ordinary_text_of_any_script_is_left_alone(text: str) -> None:
    assert clean(text) == text


@given(st.text(alphabet="\x1b[0123456789;:mJ\x9bK]\x07ab \r\t"))
def test_colour_codes_never_leak_or_crash(text: str) -> None:
    for piece, sgr in split_colours(text):
        assert "\x1b" not in piece and "\x9b" not in piece
        sgr_style(sgr)


@pytest.mark.case("L4")
def test_colours_of_a_program_survive() -> None:
    pieces = split_colours("plain \x1b[1;31mred\x1b[0m and \x1b[38;5;208morange\x1b[38;2;0;0;5mdark")
    assert [(t, s) for t, s in pieces] == [
        ("plain ", ""),
        ("red", "1;31"),
        (" and ", ""),
        ("orange", "38;5;208"),
        ("dark", "38;5;208;38;2;0;0;5"),
    ]
    assert sgr_style("1;31") == Style(bold=True, color="red")


@pytest.mark.case("L4")
def test_a_progress_bar_shows_its_last_state() -> None:
    assert last_state("10%\r20%\r30%\r") == "30%"
    assert strip_sequences("10%\r\x1b[K99%") == "99%"


@pytest.mark.case("U1")
def test_the_gate_stops_what_a_widget_painted_all_the_same() -> None:
    painted = [Segment("ok"), Segment("a\x1b[2Jb\u202e"), Segment("c", Style(link="http://evil.example"))]
    out = ControlGate().apply(painted, Color(0, 0, 0))
    assert [s.text for s in out] == ["ok", "a\ufffd[2Jb\ufffd", "c"]
    assert out[2].style is not None and out[2].style.link is None
    safe = [Segment("grüße ✓ 漢字")]
    assert ControlGate().apply(safe, Color(0, 0, 0)) is safe
