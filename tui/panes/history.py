"""The History tab: the values that a thing has had and the last runs; or one run, or one step of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ...core.history import Idle, asked
from ...core.model import Json, Materialization
from ...core.schedules.schedule import by_words
from ..paint.ink import Bit, Line, cut, pad, width_of
from ..paint.sanitize import one_line, strip_sequences
from ..projection.states import LOOKS, glyph, seconds, state_after
from .overview import bytes_in_words, text_lines

if TYPE_CHECKING:
    from ...core.history import PastStep
    from ...core.store.store import RunSummary

_WHEN = 17


def history_lines(
    runs: Iterable[RunSummary | Idle],
    made: Sequence[Materialization],
    now: float,
    restored: Mapping[int, float] = {},
    *,
    ascii_only: bool = False,
) -> list[Line]:
    """`made` are values of one asset, or of all that a task makes, newest first; `restored` are those, by their
    `seq`, that are earlier ones made current again, and when."""
    lines: list[Line] = list(_value_lines(made, now, restored))
    if not lines:
        lines.append((Bit("never made", "muted"),))
    past = list(runs)
    lines += [
        (),
        (Bit("runs of the project  ", "muted"), Bit("Enter opens one", "guide")),
    ]
    lines += [
        _idle_line(one, now) if isinstance(one, Idle) else _run_line(one, now, ascii_only) for one in past
    ]
    if not past:
        lines.append((Bit("nothing was run yet", "muted"),))
    return lines


def past_run_lines(
    run: RunSummary, steps: Sequence[PastStep], reused: int, more: int, now: float, ascii_only: bool = False
) -> list[Line]:
    """What a run did, step by step; `reused` steps, and `more` of the others, are only counted."""
    lines: list[Line] = [
        (Bit(f"run {run.run}", "text bold"), Bit(f"  {run.status}", LOOKS[state_after(run.status)].style)),
        (Bit(f"by process {run.pid}, {run.jobs} at once{_chosen(run)}{_slot_of(run, now)}", "muted"),),
        _run_line(run, now, ascii_only),
    ]
    if reused:
        lines.append((Bit(f"{reused:,} more {'was' if reused == 1 else 'were'} reused", "muted"),))
    lines.append(())
    if not steps:
        lines.append((Bit("no step of it was run", "muted"),))
    lines += [_step_line(step, now, ascii_only) for step in steps]
    if more > 0:
        lines.append((Bit(f"and {more:,} more: bakehouse runs {run.run} lists all", "muted"),))
    return lines


def past_step_lines(
    run: RunSummary, step: PastStep, log: Sequence[str], ascii_only: bool = False
) -> list[Line]:
    """What became of one step of a run, why it ran, and what it printed."""
    state = state_after(step.outcome)
    attempts = f"  attempt {step.attempts}" if step.attempts > 1 else ""
    took = f"  {seconds(step.seconds)}" if step.seconds is not None else ""
    lines: list[Line] = [
        (Bit(step.task, "text bold"), Bit(f"  in run {run.run}", "muted")),
        (
            Bit(f"{glyph(state, ascii_only)} {step.outcome}", LOOKS[state].style),
            Bit(attempts + took, "muted"),
        ),
    ]
    lines += [(Bit(str(reason.get("detail", "")), "stale"),) for reason in step.reasons]
    if step.by:
        lines.append((Bit(f"blocked by {step.by}", "blocked"),))
    lines += text_lines(step.error, "failed") if step.error else []
    lines.append(())
    lines += [(Bit(strip_sequences(line)),) for line in log]
    if not log:
        lines.append((Bit("it printed nothing, or its log is not kept any more", "muted"),))
    return lines


def _step_line(step: PastStep, now: float, ascii_only: bool) -> Line:
    state = state_after(step.outcome)
    took = seconds(step.seconds) if step.seconds is not None else ""
    words = one_line(step.error) or (f"by {step.by}" if step.by else "")
    words = words or "; ".join(str(reason.get("detail", "")) for reason in step.reasons)
    return (
        Bit(f"{glyph(state, ascii_only)} ", LOOKS[state].style),
        Bit(f"{step.outcome:<12}", LOOKS[state].style),
        Bit(f"{took:>6}  ", "muted"),
        Bit(pad(step.task, 24) + " " * (width_of(step.task) >= 24), "text"),
        Bit(f"{step.attempts} attempts  " if step.attempts > 1 else "", "muted"),
        Bit("log  " if step.logs else "", "accent"),
        Bit(words, "failed" if step.error else "muted"),
    )


def moment(ts: float, now: float) -> str:
    """The time of day of what is from today, else the date too."""
    then, today = time.localtime(ts), time.localtime(now)
    return time.strftime("%H:%M:%S" if then[:3] == today[:3] else "%Y-%m-%d %H:%M", then)


def _value_lines(
    made: Sequence[Materialization], now: float, restored: Mapping[int, float]
) -> Iterator[Line]:
    several = len({one.asset for one in made}) > 1
    for n, one in enumerate(made):
        before = next((older for older in made[n + 1 :] if older.asset == one.asset), None)
        told = "" if before is None else "same" if before.value.version == one.value.version else "changed"
        if one.seq in restored:
            told = "restored"
        yield (
            Bit(pad(moment(restored.get(one.seq, one.ts), now), _WHEN)),
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


def _idle_line(idle: Idle, now: float) -> Line:
    since = moment(idle.runs[-1].started, now)
    told = f"{len(idle.runs):,} runs with nothing to do, since {since}"
    return (
        Bit("  "),
        Bit(pad(moment(idle.runs[0].started, now), _WHEN), "muted"),
        Bit(" " * 8),
        Bit(told, "muted"),
    )


def _run_line(run: RunSummary, now: float, ascii_only: bool) -> Line:
    state = state_after(run.status)
    took = seconds(run.finished - run.started) if run.finished else ""
    told = "  ".join(f"{size} {name}" for name, size in run.counts.items() if size)
    return (
        Bit(f"{glyph(state, ascii_only)} ", LOOKS[state].style),
        Bit(pad(moment(run.started, now), _WHEN)),
        Bit(f"{took:>6}  ", "muted"),
        Bit(told or run.status, "text"),
        Bit(f"  by {one_line(run.schedule)}" if run.schedule else "", "accent"),
        Bit(f"  {run.run}{_chosen(run)}", "muted"),
    )


def _slot_of(run: RunSummary, now: float) -> str:
    if run.schedule is None:
        return ""
    slot = f", for the slot of {moment(run.slot, now)}" if run.slot is not None else ""
    return f", {one_line(by_words(run.schedule))}{slot}"


def _chosen(run: RunSummary) -> str:
    """What was asked for, where that is known."""
    return f"  {cut(words, 60)}" if (words := asked(run)) else ""
