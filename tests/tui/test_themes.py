"""Themes can be read: measured contrast, no state by colour alone, and only colours that the terminal has."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.color import Color

from bakehouse.tui.paint.colours import PALETTES, theme_for
from bakehouse.tui.projection.states import LOOKS

OWN = [name for name, palette in PALETTES.items() if palette.ansi]
MEASURED = [name for name, palette in PALETTES.items() if not palette.ansi]
LINES = {"ink-guide", "border-blurred"}
GROUNDS = {"ink-cursor", "ink-cursor-far", "ink-new", "ink-new-tint", "ink-on-new"}


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """As WCAG 2 measures it: from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", MEASURED)
def test_all_text_can_be_read_on_every_ground_it_stands_on(name: str) -> None:
    palette = PALETTES[name]
    text, lines = (7.0, 3.0) if name.startswith("contrast") else (4.5, 0.0)
    grounds = [palette.grounds[ground] for ground in ("background", "surface", "panel")]
    rows = [palette.inks[ground] for ground in ("ink-cursor", "ink-cursor-far", "ink-new-tint")]
    inks = {ink: colour for ink, colour in palette.inks.items() if ink not in GROUNDS}
    faint = [
        (ink, ground, round(contrast(colour, ground), 2))
        for ink, colour in inks.items()
        for ground in (*grounds, *(rows if ink not in LINES else ()))
        if contrast(colour, ground) < (lines if ink in LINES else text if ground in grounds else 4.5)
    ]
    assert faint == []
    assert contrast(palette.inks["ink-on-new"], palette.inks["ink-new"]) >= 7


def test_no_two_states_differ_by_colour_alone() -> None:
    for signs in ([look.glyph for look in LOOKS.values()], [look.plain for look in LOOKS.values()]):
        assert len(set(signs)) == len(LOOKS)
    assert len({look.word for look in LOOKS.values()}) == len(LOOKS)


@pytest.mark.parametrize(
    ("environ", "theme"),
    [
        ({"COLORTERM": "truecolor", "TERM": "xterm"}, "dark"),
        ({"COLORTERM": "24bit"}, "dark"),
        ({"TERM": "xterm-256color"}, "dark"),
        ({"TERM": "tmux-256color"}, "dark"),
        ({"TERM": "xterm-kitty"}, "dark"),
        ({"TERM": "xterm-direct"}, "dark"),
        ({"TERM": "xterm"}, "ansi"),
        ({"TERM": "xterm-16color"}, "ansi"),
        ({"TERM": "linux"}, "ansi"),
        ({"TERM": "screen"}, "ansi"),
        ({}, "ansi"),
        ({"COLORTERM": "truecolor", "NO_COLOR": "1"}, "ansi"),
        ({"COLORTERM": "truecolor", "NO_COLOR": ""}, "dark"),
    ],
)
def test_the_terminal_says_which_theme_it_can_show(environ: dict[str, str], theme: str) -> None:
    assert theme_for(environ) == theme


async def colours(s: Any, *keys: str) -> set[Color]:
    """All colours on the screen, after each of these keys."""
    found: set[Color] = set()
    for key in ("", *keys):
        if key:
            await s.press(key)
        for strip in s.app.screen._compositor.render_strips():
            for text, style, _ in strip:
                if style is not None:  # the ink of nothing is not seen
                    seen = (style.color if text.strip() else None, style.bgcolor)
                    found |= {colour for colour in seen if colour is not None}
    return found


EVERYWHERE = ["t", "c", "enter", "escape", *["right_square_bracket"] * 8, "question_mark", "escape", "tab",
    "colon", "escape", "M", "escape", "slash", "x", "escape"]  # fmt: skip


@pytest.mark.parametrize("name", OWN)
async def test_a_theme_of_the_terminals_own_colours_uses_no_others(
    name: str, cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / "two_cookies.yaml", theme=name) as s:
        found = await colours(s, *EVERYWHERE)
        assert [colour for colour in found if colour.number is None and not colour.is_default] == []
        assert [colour for colour in found if (colour.number or 0) > 15] == []
        assert len(found) > 4
        s.app.session.new = frozenset({s.node})
        s.app.tree_view.refresh()
        cursor = s.app.tree_view.render_line(s.app.tree_view.cursor)
        assert all(style.reverse for _, style, _ in cursor if style)


async def test_with_no_color_there_is_none(
    cookies: Path, screen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    for name in PALETTES:
        async with screen(cookies / "two_cookies.yaml", theme=name) as s:
            assert all(colour.is_default for colour in await colours(s, "t", "enter"))
            assert re.search(r"▌ .*[∘▸] ", s.text)
