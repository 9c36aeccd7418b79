"""The Timeline tab: a row for each step of a run, with a bar that stands where the step did in time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...core.model import State
from ...core.problems import number_of
from ..paint.ink import Bit, Line, cut_middle, pad, pad_left, width_of
from ..projection.spans import Gantt, Span
from ..projection.states import LOOKS, glyph, seconds

HEAD = 2
"""Lines above the first row: the run in words, the axis."""
_TIME = 8
_FEWEST = 8
"""With room for fewer cells of a bar than this there are none."""
_TICK = 9
"""At least so many cells from a tick to the next."""
_MEASURED = 2000
_STEPS = (
    *(factor * 10.0**power for power in (-2, -1, 0) for factor in (1, 2, 5)),
    *(10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0),
)
_EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True, slots=True)
class Scale:
    """Where things stand in a row: the name takes `name` cells, the bar `cells` for `seconds` from `began` on."""

    name: int
    cells: int
    began: float
    seconds: float

    def at(self, moment: float) -> float:
        """How many cells from the left a moment stands."""
        return min(max((moment - self.began) / self.seconds, 0.0), 1.0) * self.cells


def scale_of(gantt: Gantt, width: int) -> Scale:
    """What fits into `width` cells. While a run goes on, its time grows in steps, so that the bars stand still."""
    longest = max((width_of(span.name) for span in gantt.spans[:_MEASURED]), default=0)
    name = min(longest, max(8, width // 3), 40)
    cells = width - name - _TIME - 5
    if cells < _FEWEST:
        name, cells = max(1, width - _TIME - 5), 0
    span = max(gantt.seconds, gantt.expected, 0.01)
    return Scale(name, cells, gantt.began, span if gantt.is_over else _rounded_up(span))


def _rounded_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        (step * power for step in (1.0, 1.5, 2.0, 3.0, 5.0, 7.5) if step * power >= value), 10 * power
    )


def timeline_lines(
    gantt: Gantt, width: int, *, at: str | None = None, ascii_only: bool = False
) -> list[Line]:
    """The whole picture; the row of the step `at` is marked."""
    scale = scale_of(gantt, width)
    rows = (span_line(gantt, span, scale, at=at, ascii_only=ascii_only) for span in gantt.spans)
    return [*head_lines(gantt, scale, ascii_only=ascii_only), *rows]


def head_lines(gantt: Gantt, scale: Scale, *, ascii_only: bool = False) -> tuple[Line, Line]:
    """What the run comes to, then the axis."""
    over, steps = gantt.steps
    words = [f"{over:,}/{number_of(steps, 'step')}", seconds(gantt.seconds)]
    mark = _critical_mark(ascii_only)
    path = (
        [f"{mark} critical path {'' if gantt.is_over else '~'}{seconds(gantt.length)}"]
        if gantt.critical
        else []
    )
    more = [f"{gantt.reused} reused"] if gantt.reused else []
    dot = "  "
    title = (
        Bit("last run" if gantt.is_over else "this run", "text bold"),
        Bit("".join(dot + one for one in words), "text"),
        Bit("".join(dot + one for one in path), "accent"),
        Bit("".join(dot + one for one in (*more, gantt.run)), "muted"),
    )
    return title, _axis(scale, ascii_only)


def _axis(scale: Scale, ascii_only: bool) -> Line:
    if not scale.cells:
        return ()
    most = scale.cells // _TICK or 1
    step = next((step for step in _STEPS if scale.seconds / step <= most), scale.seconds)
    text = ""
    for n in range(int(scale.seconds / step + 1e-9) + 1):
        place = int(scale.at(scale.began + n * step))
        label = ("|" if ascii_only else "╷") + _tick(n * step, step)
        if place >= len(text) and place + len(label) <= scale.cells:
            text = text.ljust(place) + label
    return (Bit(" " * (scale.name + 5)), Bit(text, "muted"))


def _tick(value: float, step: float) -> str:
    if value >= 60:
        return seconds(value)
    digits = 0 if step >= 1 else 1 if step >= 0.1 else 2
    return f"{value:.{digits}f}s"


def span_line(
    gantt: Gantt, span: Span, scale: Scale, *, at: str | None = None, ascii_only: bool = False
) -> Line:
    """The row of one step: marks, state, name, lead-in and bar, how long it took."""
    look, is_slow, is_critical = LOOKS[span.state], span.is_slow(gantt.now), span.task in gantt.critical
    style = "slow" if is_slow else look.style
    name_style = "text bold" if span.task == at else "text" if is_critical else "muted"
    taken = span.taken(gantt.now)
    told = seconds(taken) if taken is not None else ""
    return (
        Bit((">" if ascii_only else "▌") if span.task == at else " ", "accent"),
        Bit(_critical_mark(ascii_only) if is_critical else " ", "accent bold"),
        Bit(glyph(span.state, ascii_only) + " ", style),
        Bit(pad(cut_middle(span.name, scale.name, ascii_only), scale.name), name_style),
        Bit(" "),
        *_bar(gantt, span, scale, f"{style} bold" if is_critical else style, ascii_only),
        Bit(pad_left(("!" if is_slow else "") + told, _TIME), f"{style} bold" if is_slow else "muted"),
    )


def _critical_mark(ascii_only: bool) -> str:
    return "*" if ascii_only else "»"


def _bar(gantt: Gantt, span: Span, scale: Scale, style: str, ascii_only: bool) -> tuple[Bit, ...]:
    """The lead-in while it was queued, the bar, and faint what is still to come of it if it takes as long as usual;
    together as wide as the axis."""
    if not scale.cells:
        return ()
    taken = span.taken(gantt.now)
    begins = _cell(scale, span.started if span.started is not None else gantt.now)
    bar = (
        ""
        if span.started is None or taken is None
        else _blocks(scale, span.started, taken, begins, ascii_only)
    )
    waits = span.queued is not None and (span.started is not None or span.state is State.QUEUED)
    lead = max(0, begins - _cell(scale, span.queued)) if waits and span.queued is not None else 0
    lead_in = ("." if ascii_only else "┄") * lead
    rest = scale.cells - begins - len(bar)
    due = span.due
    ghost = 0 if due is None else min(rest, max(0, math.ceil(scale.at(due)) - begins - len(bar)))
    return (
        Bit(" " * (begins - lead)),
        Bit(lead_in, "guide"),
        Bit(bar, style),
        Bit(("-" if ascii_only else "░") * ghost, "guide"),
        Bit(" " * (rest - ghost)),
    )


def _cell(scale: Scale, moment: float) -> int:
    return min(int(scale.at(moment)), scale.cells - 1)


def _blocks(scale: Scale, started: float, taken: float, begins: int, ascii_only: bool) -> str:
    """A bar from cell `begins` to the eighth of a cell where the step ended; never nothing."""
    length = scale.at(started + taken) - begins
    if ascii_only:
        return "#" * max(1, round(length))
    eighths = max(1, round(length * 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
