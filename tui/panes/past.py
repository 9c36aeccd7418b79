"""What was: where the user stands in it (the list of runs, one run, one step's log), and the page for that."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

from ...core.history import Idle, PastStep, entries, find_run, past_steps
from ...core.store.logs import LogReader
from ..paint.ink import Bit
from .history import history_lines, past_run_lines, past_step_lines
from .page import Page
from .trends import trend_lines

if TYPE_CHECKING:
    from ...core.workbench import Workbench

_VALUES = 100
RUNS = 50
_STEPS = 1000
_LOG = 2000
"""Values, steps and lines of a log that are shown at most, and the runs of a page of them."""

OLDER = "older runs"
"""What the line below the last run that is shown leads to."""


class Past:
    """`way` is empty in the list of runs, then the run's name, then the step's."""

    def __init__(self) -> None:
        self.way: tuple[str, ...] = ()
        self.runs = RUNS

    def open(self, target: str) -> None:
        self.way = (*self.way, target)

    def leave(self) -> str:
        """One step back; returns what was open."""
        *rest, last = self.way
        self.way = tuple(rest)
        return last


def read_page(
    bench: Workbench, way: tuple[str, ...], runs: int, assets: Sequence[str], now: float, ascii_only: bool
) -> Page:
    """The page at `way`; in the list, which has at most so many `runs`, the values of `assets` come first. Blocking.
    Raises `ProblemError`."""
    if not way:
        return _list(bench, runs, assets, now, ascii_only)
    run = find_run(bench.store, way[0])
    steps = past_steps(bench.store, run)
    if len(way) == 1:
        told = sorted(
            (step for step in steps if step.outcome != "reused"), key=lambda step: step.started or inf
        )
        shown = told[:_STEPS]
        lines = past_run_lines(run, shown, len(steps) - len(told), len(told) - len(shown), now, ascii_only)
        first = len(lines) - len(shown) - (len(told) > len(shown))
        return Page(lines, {first + n: step.task for n, step in enumerate(shown)})
    step = next((one for one in steps if one.task == way[1]), None)
    if step is None:
        return Page(past_step_lines(run, PastStep(way[1], "reused"), [], ascii_only), {})
    return Page(past_step_lines(run, step, _log_of(step), ascii_only), {})


def _list(bench: Workbench, most: int, assets: Sequence[str], now: float, ascii_only: bool) -> Page:
    made = [one for name in assets for one in bench.materializations(name, _VALUES)]
    made = sorted(made, key=lambda one: -one.seq)[:_VALUES]
    found = entries(bench.store, most + 1)
    runs = found[:most]
    own = dict.fromkeys(one.asset for one in made)
    restored = {seq: ts for name in own for seq, ts in bench.store.restored(name, _VALUES).items()}
    trends = trend_lines([one for one in made if one.seq not in restored], ascii_only=ascii_only)
    lines = [*trends, *history_lines(runs, made, now, restored, ascii_only=ascii_only)]
    targets = {len(trends) + n: one.run for n, one in enumerate(made)}
    first = len(lines) - len(runs)
    targets |= {first + n: (one.runs[0] if isinstance(one, Idle) else one).run for n, one in enumerate(runs)}
    if len(found) > most:
        targets[len(lines)] = OLDER
        lines.append((Bit(f"older ones: Enter shows {RUNS} more", "guide"),))
    return Page(lines, targets)


def _log_of(step: PastStep) -> list[str]:
    """The end of what the last attempt printed."""
    try:
        return LogReader(step.logs[-1]).tail(_LOG) if step.logs else []
    except OSError as error:
        return [f"{os.fspath(step.logs[-1])} cannot be read: {error.strerror}"]
