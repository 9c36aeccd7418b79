"""The colours of the themes, as data: state colours (`state-…`), all other text (`ink-…`), and the grounds they
stand on. Every state has a sign and a word too: no theme tells anything by colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

AUTO = "auto"
"""The theme that the terminal decides."""
NEW = "#DEDDFF"
"""The light purple in which the lesson draws what is newly added."""


@dataclass(frozen=True)
class Palette:
    """`grounds` are background, surface, panel, foreground, primary, accent, success, warning and error; `inks` all
    variables. An `ansi` palette holds names of the terminal's own sixteen colours."""

    grounds: Mapping[str, str]
    inks: Mapping[str, str]
    dark: bool = True
    ansi: bool = False


def _grounds(
    background: str, surface: str, panel: str, foreground: str, inks: Mapping[str, str]
) -> Mapping[str, str]:
    return {
        "background": background,
        "surface": surface,
        "panel": panel,
        "foreground": foreground,
        "primary": inks["ink-accent"],
        "accent": inks["ink-accent"],
        "success": inks["state-fresh"],
        "warning": inks["state-stale"],
        "error": inks["state-failed"],
    }


_DARK = {
    "state-source": "#a9a4ff",
    "state-never": "#a8a4b4",
    "state-fresh": "#1dbf8f",
    "state-stale": "#E69F00",
    "state-queued": "#b6b2c2",
    "state-running": "#56B4E9",
    "state-slow": "#ffc145",
    "state-failed": "#ff7a45",
    "state-blocked": "#d98a6a",
    "state-cancelled": "#a8a4b4",
    "ink-text": "#e8e6f0",
    "ink-muted": "#a8a4b4",
    "ink-verb": "#a29eaa",
    "ink-guide": "#5b5866",
    "ink-accent": "#a9a4ff",
    "ink-alias": "#b9b5c9",
    "ink-marked": "#ffd75f",
    "ink-new": NEW,
    "ink-on-new": "#221b6b",
    "ink-new-tint": "#34324c",
    "ink-changed": "#c4b5fd",
    "ink-key": "#a9a4ff",
    "ink-cursor": "#2b2757",
    "ink-cursor-far": "#2c2a38",
    "border-blurred": "#4a4757",
    "footer-key-foreground": "#a9a4ff",
}
_LIGHT = {
    "state-source": "#4F43DD",
    "state-never": "#5e5a67",
    "state-fresh": "#00684a",
    "state-stale": "#8a5600",
    "state-queued": "#57535f",
    "state-running": "#005f99",
    "state-slow": "#7d4f00",
    "state-failed": "#b03000",
    "state-blocked": "#8f4326",
    "state-cancelled": "#5e5a67",
    "ink-text": "#1d1a26",
    "ink-muted": "#5e5a67",
    "ink-verb": "#615d68",
    "ink-guide": "#a9a5b3",
    "ink-accent": "#4F43DD",
    "ink-alias": "#514d5c",
    "ink-marked": "#7a5200",
    "ink-new": NEW,
    "ink-on-new": "#221b6b",
    "ink-new-tint": NEW,
    "ink-changed": "#4F43DD",
    "ink-key": "#4F43DD",
    "ink-cursor": "#d0e2f6",
    "ink-cursor-far": "#e6e4ea",
    "border-blurred": "#b9b5c4",
    "footer-key-foreground": "#4F43DD",
}

_CONTRAST_DARK = {
    "state-source": "#c9c5ff",
    "state-never": "#d6d6d6",
    "state-fresh": "#4be8b4",
    "state-stale": "#ffc65c",
    "state-queued": "#e6e6e6",
    "state-running": "#8bd0ff",
    "state-slow": "#ffe08a",
    "state-failed": "#ffa982",
    "state-blocked": "#f0bda6",
    "state-cancelled": "#d6d6d6",
    "ink-text": "#ffffff",
    "ink-muted": "#d6d6d6",
    "ink-verb": "#d6d6d6",
    "ink-guide": "#a8a8a8",
    "ink-accent": "#cfcbff",
    "ink-alias": "#e6e6e6",
    "ink-marked": "#ffe08a",
    "ink-new": NEW,
    "ink-on-new": "#000000",
    "ink-new-tint": "#232042",
    "ink-changed": "#dccfff",
    "ink-key": "#cfcbff",
    "ink-cursor": "#26235c",
    "ink-cursor-far": "#2b2b2b",
    "border-blurred": "#8c8c8c",
    "footer-key-foreground": "#cfcbff",
}
_CONTRAST_LIGHT = {
    "state-source": "#2a1fa8",
    "state-never": "#3d3d3d",
    "state-fresh": "#00452f",
    "state-stale": "#583600",
    "state-queued": "#333333",
    "state-running": "#003e70",
    "state-slow": "#543400",
    "state-failed": "#801f00",
    "state-blocked": "#6b2c14",
    "state-cancelled": "#3d3d3d",
    "ink-text": "#000000",
    "ink-muted": "#3d3d3d",
    "ink-verb": "#3d3d3d",
    "ink-guide": "#6e6e6e",
    "ink-accent": "#2a1fa8",
    "ink-alias": "#333333",
    "ink-marked": "#543400",
    "ink-new": NEW,
    "ink-on-new": "#000000",
    "ink-new-tint": "#eceBff",
    "ink-changed": "#2a1fa8",
    "ink-key": "#2a1fa8",
    "ink-cursor": "#d3e4f7",
    "ink-cursor-far": "#e8e8e8",
    "border-blurred": "#6e6e6e",
    "footer-key-foreground": "#2a1fa8",
}
_ANSI = {
    "state-source": "ansi_blue",
    "state-never": "ansi_default",
    "state-fresh": "ansi_green",
    "state-stale": "ansi_yellow",
    "state-queued": "ansi_default",
    "state-running": "ansi_cyan",
    "state-slow": "ansi_yellow",
    "state-failed": "ansi_red",
    "state-blocked": "ansi_red",
    "state-cancelled": "ansi_default",
    "ink-text": "ansi_default",
    "ink-muted": "ansi_default",
    "ink-verb": "ansi_default",
    "ink-guide": "ansi_default",
    "ink-accent": "ansi_magenta",
    "ink-alias": "ansi_default",
    "ink-marked": "ansi_yellow",
    "ink-new": "ansi_magenta",
    "ink-on-new": "ansi_default",
    "ink-new-tint": "ansi_default",
    "ink-changed": "ansi_magenta",
    "ink-key": "ansi_magenta",
    "ink-cursor": "ansi_default",
    "ink-cursor-far": "ansi_default",
    "border-blurred": "ansi_default",
    "footer-key-foreground": "ansi_magenta",
    "ansi-background": "ansi_default",
    "ansi-foreground": "ansi_default",
    "border": "ansi_magenta",
    "block-cursor-foreground": "ansi_default",
    "block-cursor-background": "ansi_default",
    "block-cursor-text-style": "reverse",
    "scrollbar": "ansi_magenta",
    "scrollbar-hover": "ansi_magenta",
    "scrollbar-active": "ansi_magenta",
    "scrollbar-background": "ansi_default",
    "scrollbar-corner-color": "ansi_default",
    "scrollbar-background-hover": "ansi_default",
    "scrollbar-background-active": "ansi_default",
}
"""What is quiet elsewhere is plain text here: a sixteen-colour terminal promises no readable grey. The row of the
cursor and what is new are in reverse video (see Ink)."""

PALETTES: Mapping[str, Palette] = {
    "dark": Palette(_grounds("#15141b", "#1b1a22", "#24222d", "#e8e6f0", _DARK), _DARK),
    "light": Palette(_grounds("#f4f3f7", "#fdfcff", "#eae8f0", "#1d1a26", _LIGHT), _LIGHT, dark=False),
    "contrast-dark": Palette(
        _grounds("#000000", "#0a0a0a", "#161616", "#ffffff", _CONTRAST_DARK), _CONTRAST_DARK
    ),
    "contrast-light": Palette(
        _grounds("#ffffff", "#ffffff", "#f0f0f0", "#000000", _CONTRAST_LIGHT), _CONTRAST_LIGHT, dark=False
    ),
    "ansi": Palette(
        _grounds("ansi_default", "ansi_default", "ansi_default", "ansi_default", _ANSI), _ANSI, ansi=True
    ),
}
"""In the order in which one goes through them."""


def theme_for(environ: Mapping[str, str]) -> str:
    """The theme of a terminal that says what it is: `ansi` where no colour is wanted (NO_COLOR), or where neither
    COLORTERM nor TERM says that it has 256 colours or more; else `dark`."""
    if environ.get("NO_COLOR"):
        return "ansi"
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return "dark"
    term = environ.get("TERM", "").strip().lower()
    many = ("256color", "direct", "kitty", "truecolor", "24bit")
    return "dark" if any(term.endswith(word) for word in many) else "ansi"
