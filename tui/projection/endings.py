"""What is said when a run is over: what became of it, and how to go on. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ...core.model import State
from .caps import named
from .live import Live, Step
from .states import LOOKS, seconds

_NAMED = 3


def broken_words(step: Step) -> str:
    """What became of a step whose process died."""
    return "interrupted" if step.attempt else "not begun: the run was interrupted"


def told_steps(live: Live) -> str:
    """How many steps of a run ended how: `2 fresh, 1 interrupted`."""
    return told(
        Counter(
            ("interrupted" if step.attempt else "not begun") if step.broken_off else LOOKS[step.state].word
            for step in live.steps.values()
        )
    )


def told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{size} {word}" for word, size in counts.items() if size)


def left_words(is_left: bool) -> str:
    """How to go on with what a run has left, if anything is out of date."""
    return f" · {named('all')} makes what is left" if is_left else ""


def end_words(
    live: Live, ok: bool, counts: str, run: str = "the run", *, is_left: bool = True
) -> tuple[str, str]:
    """What is said of `run`, which is over, and in which style. `counts` says how many steps ended how, `is_left` that
    something is out of date."""
    cancelled = [task for task, step in live.steps.items() if step.state is State.CANCELLED]
    if ok:
        return f"{run} finished: {counts}", "fresh"
    if live.cancelled:
        also = f", {live.last_failed} failed before" if live.last_failed else ""
        begun = [task for task in cancelled if live.steps[task].attempt]
        what = f" in mid-step: {_names(begun)}" if begun else ""
        return (
            f"{run} was cancelled{what} ({counts}){also}{left_words(is_left)}",
            "failed" if also else "cancelled",
        )
    if live.last_failed:
        return (
            f"{live.last_failed} failed: {named('faults')} shows the faults, {named('retry')} tries again · {counts}",
            "failed",
        )
    if cancelled:
        return (
            f"{run} finished without {_names(cancelled)}: {counts}{left_words(is_left)}",
            "cancelled",
        )
    return f"{run} finished, not all is well: {counts}", "failed"


def call_words(live: Live, took: float) -> str:
    """How a run ended that took so many seconds, for who looks elsewhere."""
    if live.ok:
        return f"the run finished in {seconds(took)}"
    if live.last_failed and not live.cancelled:
        return f"{live.last_failed} failed; the run took {seconds(took)}"
    return f"the run {'was cancelled' if live.cancelled else 'ended'} after {seconds(took)}"


def _names(tasks: list[str]) -> str:
    more = len(tasks) - _NAMED
    return ", ".join(tasks[:_NAMED]) + (f" and {more} more" if more > 0 else "")
