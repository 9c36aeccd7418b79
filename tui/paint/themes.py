"""The palettes as Textual's themes."""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

from .colours import PALETTES

PREFIX = "bakehouse-"
"""Before the names of palettes in those of Textual's themes."""


def _theme(name: str) -> Theme:
    palette = PALETTES[name]
    grounds = palette.grounds
    return Theme(
        name=PREFIX + name,
        dark=palette.dark,
        ansi=palette.ansi,
        variables=dict(palette.inks),
        background=grounds["background"],
        surface=grounds["surface"],
        panel=grounds["panel"],
        foreground=grounds["foreground"],
        primary=grounds["primary"],
        accent=grounds["accent"],
        success=grounds["success"],
        warning=grounds["warning"],
        error=grounds["error"],
    )


THEMES: Mapping[str, Theme] = {name: _theme(name) for name in PALETTES}
VARIABLES = dict(PALETTES["dark"].inks)
"""What every variable is where a theme does not say."""
