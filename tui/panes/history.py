"""The History tab: every value that the thing under the cursor has had, then the project's last runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ...core.model import Json, Materialization, State
from ..ink import Bit, Line, pad
from ..states import LOOKS, glyph, seconds
from .overview import bytes_in_words

if TYPE_CHECKING:
    from ...core.store.store import RunSummary

_STATES = {"running": State.RUNNING, "succeeded": State.FRESH, "failed": State.FAILED}
_WHEN = 17


def history_lines(
    runs: Iterable[RunSummary], made: Sequence[Materialization], now: float, *, ascii_only: bool = False
) -> list[Line]:
    """`made` are values of one asset, or of all that a task makes, newest first."""
    lines: list[Line] = list(_value_lines(made, now))
    if not lines:
        lines.append((Bit("never made", "muted"),))
    past = list(runs)
    lines += [
        (),
        (Bit("runs of the project  ", "muted"), Bit("bakehouse runs RUN shows the steps of one", "guide")),
    ]
    lines += [_run_line(run, now, ascii_only) for run in past]
    if not past:
        lines.append((Bit("nothing was run yet", "muted"),))
    return lines


def moment(ts: float, now: float) -> str:
    """The time of day of what is from today, else the date too."""
    then, today = time.localtime(ts), time.localtime(now)
    return time.strftime("%H:%M:%S" if then[:3] == today[:3] else "%Y-%m-%d %H:%M", then)


def _value_lines(made: Sequence[Materialization], now: float) -> Iterator[Line]:
    several = len({one.asset for one in made}) > 1
    for n, one in enumerate(made):
        before = next((older for older in made[n + 1 :] if older.asset == one.asset), None)
        told = "" if before is None else "same" if before.value.version == one.value.version else "changed"
        if any((older.asset, older.run, older.ts) == (one.asset, one.run, one.ts) for older in made[n + 1 :]):
            told = "restored"
        yield (
            Bit(pad(moment(one.ts, now), _WHEN)),
            Bit(f"{told:<8}", "fresh" if told == "same" else "changed"),
            *((Bit(f"{one.asset}  "),) if several else ()),
            Bit(f"{seconds(one.duration):>6}", "muted"),
            Bit(f"{bytes_in_words(one.value.size):>10}  ", "muted"),
            Bit(f"{one.value.version[:8]}  ", "muted" if told == "same" else "accent"),
            Bit(one.run, "muted"),
            Bit(_told(one.metadata), "muted"),
        )


def _told(metadata: Mapping[str, Json]) -> str:
    short = [(name, value) for name, value in metadata.items() if not isinstance(value, list | dict)]
    return "".join(f"  {name}={value}" for name, value in short[:4])


def _run_line(run: RunSummary, now: float, ascii_only: bool) -> Line:
    state = _STATES.get(run.status, State.CANCELLED)
    took = seconds(run.finished - run.started) if run.finished else ""
    told = "  ".join(f"{size} {name}" for name, size in run.counts.items() if size)
    return (
        Bit(f"{glyph(state, ascii_only)} ", LOOKS[state].style),
        Bit(pad(moment(run.started, now), _WHEN)),
        Bit(f"{took:>6}  ", "muted"),
        Bit(told or run.status, "text"),
        Bit(f"  {run.run}", "muted"),
    )
