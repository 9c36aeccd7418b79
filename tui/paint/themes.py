"""The themes. State colours are variables (`$state-…`), all other text colours too (`$ink-…`)."""

from __future__ import annotations

from textual.theme import Theme

NEW = "#DEDDFF"
"""The light purple in which the lesson draws what is newly added."""

_DARK = {
    "state-source": "#a9a4ff",
    "state-never": "#9a96a6",
    "state-fresh": "#1dbf8f",
    "state-stale": "#E69F00",
    "state-queued": "#b6b2c2",
    "state-running": "#56B4E9",
    "state-slow": "#ffc145",
    "state-failed": "#ff7a45",
    "state-blocked": "#d98a6a",
    "state-cancelled": "#9a96a6",
    "ink-text": "#e8e6f0",
    "ink-muted": "#9a96a6",
    "ink-verb": "#918d99",
    "ink-guide": "#5b5866",
    "ink-accent": "#a9a4ff",
    "ink-alias": "#b9b5c9",
    "ink-marked": "#ffd75f",
    "ink-new": NEW,
    "ink-on-new": "#221b6b",
    "ink-new-tint": "#34324c",
    "ink-changed": "#c4b5fd",
    "ink-key": "#a9a4ff",
    "ink-cursor": "#3b3670",
    "ink-cursor-far": "#2c2a38",
    "border-blurred": "#4a4757",
    "footer-key-foreground": "#a9a4ff",
}
_LIGHT = {
    "state-source": "#4F43DD",
    "state-never": "#66626f",
    "state-fresh": "#00684a",
    "state-stale": "#8a5600",
    "state-queued": "#57535f",
    "state-running": "#005f99",
    "state-slow": "#7d4f00",
    "state-failed": "#b03000",
    "state-blocked": "#8f4326",
    "state-cancelled": "#66626f",
    "ink-text": "#1d1a26",
    "ink-muted": "#66626f",
    "ink-verb": "#6b6771",
    "ink-guide": "#a9a5b3",
    "ink-accent": "#4F43DD",
    "ink-alias": "#514d5c",
    "ink-marked": "#7a5200",
    "ink-new": NEW,
    "ink-on-new": "#221b6b",
    "ink-new-tint": NEW,
    "ink-changed": "#4F43DD",
    "ink-key": "#4F43DD",
    "ink-cursor": "#c3d9f2",
    "ink-cursor-far": "#e6e4ea",
    "border-blurred": "#b9b5c4",
    "footer-key-foreground": "#4F43DD",
}

DARK = Theme(
    name="bakehouse-dark",
    primary="#4F43DD",
    secondary="#21463D",
    accent="#a9a4ff",
    foreground="#e8e6f0",
    background="#15141b",
    surface="#1b1a22",
    panel="#24222d",
    success="#1dbf8f",
    warning="#E69F00",
    error="#ff7a45",
    dark=True,
    variables=_DARK,
)
LIGHT = Theme(
    name="bakehouse-light",
    primary="#4F43DD",
    secondary="#21463D",
    accent="#4F43DD",
    foreground="#1d1a26",
    background="#f4f3f7",
    surface="#fdfcff",
    panel="#eae8f0",
    success="#00684a",
    warning="#8a5600",
    error="#b03000",
    dark=False,
    variables=_LIGHT,
)
VARIABLES = dict(_DARK)
"""What every variable is where a theme does not say."""
