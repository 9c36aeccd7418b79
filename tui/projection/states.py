"""How each state looks: a glyph, a word and the name of a style, in that order of importance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...core.model import State


class Look(NamedTuple):
    """`style` is the name of a theme variable without its `state-`."""

    glyph: str
    plain: str
    word: str
    style: str


LOOKS: Mapping[State, Look] = {
    State.SOURCE: Look("⋄", "o", "source", "source"),
    State.MISSING: Look("◌", "?", "missing", "failed"),
    State.NEVER: Look("∘", ".", "never", "never"),
    State.FRESH: Look("✓", "+", "fresh", "fresh"),
    State.STALE: Look("~", "~", "stale", "stale"),
    State.QUEUED: Look("⋅", ":", "queued", "queued"),
    State.RUNNING: Look("▸", ">", "running", "running"),
    State.FAILED: Look("✗", "x", "failed", "failed"),
    State.BLOCKED: Look("⊘", "!", "blocked", "blocked"),
    State.CANCELLED: Look("⊝", "-", "cancelled", "cancelled"),
    State.REUSED: Look("↺", "=", "reused", "fresh"),
    State.SPARED: Look("∿", "_", "spared", "fresh"),
}

ORDER = (
    State.RUNNING,
    State.FAILED,
    State.MISSING,
    State.BLOCKED,
    State.STALE,
    State.QUEUED,
    State.CANCELLED,
    State.NEVER,
    State.FRESH,
    State.REUSED,
    State.SPARED,
    State.SOURCE,
)
"""The order in which states are counted on the screen: what asks for attention first."""

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
PLAIN_SPINNER = "|/-\\"


_OUTCOMES = {state.value: state for state in State} | {
    "succeeded": State.FRESH,
    "interrupted": State.CANCELLED,
    "restored": State.REUSED,
    "accepted": State.REUSED,
}


def state_after(outcome: str) -> State:
    """The state whose look an outcome of a step or a run of the past has."""
    return _OUTCOMES.get(outcome, State.CANCELLED)


def glyph(state: State, ascii_only: bool = False) -> str:
    look = LOOKS[state]
    return look.plain if ascii_only else look.glyph


def seconds(value: float) -> str:
    """A duration in at most six cells: `0.4s`, `12.3s`, `4:07`, `1:02:33`."""
    if value < 0.05:
        return "0s"
    if value < 60:
        return f"{value:.1f}s"
    minutes, rest = divmod(int(value), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours < 100 else f"{hours}h"
