"""Plain lines for a run, for the time that the screen is left."""

from __future__ import annotations

from collections.abc import Callable

from ...core.events import Event, Kind
from ..paint.sanitize import clean, strip_sequences
from ..projection.states import seconds

_WORDS = {
    Kind.STEP_STARTED: "running",
    Kind.STEP_SUCCEEDED: "done",
    Kind.STEP_FAILED: "failed",
    Kind.STEP_BLOCKED: "blocked",
    Kind.STEP_CANCELLED: "cancelled",
    Kind.STEP_REUSED: "reused",
    Kind.STEP_SPARED: "spared",
}


def plain_line(event: Event) -> str | None:
    """The event as one line of text, or None where it says nothing to a reader."""
    task = clean(event.task or "")
    if event.kind is Kind.LOG:
        return f"{'':<10} {task} | {strip_sequences(str(event.data.get('line', '')))}"
    if event.kind is Kind.RUN_FINISHED:
        ends = {"succeeded": "the run finished", "cancelled": "the run was cancelled"}
        return ends.get(str(event.data.get("status")), "the run finished, not all is well")
    word = _WORDS.get(event.kind)
    if word is None:
        return None
    taken = event.data.get("seconds")
    rest = f" in {seconds(taken)}" if isinstance(taken, int | float) else ""
    if error := event.data.get("error"):
        rest += f": {clean(str(error))}"
    if by := event.data.get("by"):
        rest += f" by {clean(str(by))}"
    return f"{word:<10} {task}{rest}"


class Streamer:
    """A listener that prints while it is open, and is silent else."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self.open = False

    def __call__(self, event: Event) -> None:
        if self.open and (line := plain_line(event)) is not None:
            self._write(line + "\n")
