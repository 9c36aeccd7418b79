"""What a step of the run waits for: another step, room in its pool, or a free job. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...core.model import Definitions
from .live import OPEN, Live

_NAMED = 2


def waits_for(live: Live, definitions: Definitions, above: Iterable[str], task: str) -> str:
    """Why `task`, which is queued, does not run; `above` are the tasks that it needs. Empty where it is about to."""
    open_above = [name for name in above if name in live.steps and live.steps[name].state in OPEN]
    if open_above:
        return f"waits for {_names(open_above)}"
    running = list(live.running)
    pool = definitions.tasks[task].pool
    if pool is not None:
        inside = [
            name for name in running if name in definitions.tasks and definitions.tasks[name].pool == pool
        ]
        if len(inside) >= definitions.pools.get(pool, 1):
            return f"{pool} is full: {_names(inside)}"
    if len(running) >= live.jobs:
        return "all jobs are busy" if live.jobs > 1 else f"one at a time: {_names(running)}"
    return ""


def _names(tasks: Sequence[str]) -> str:
    more = len(tasks) - _NAMED
    return ", ".join(tasks[:_NAMED]) + (f" and {more} more" if more > 0 else "")
