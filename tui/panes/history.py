"""The History tab: past values of an asset, and past runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ...core.model import Json, Materialization, State
from ..ink import Bit, Line, pad
from ..states import LOOKS, glyph, seconds
from .overview import bytes_in_words, when

if TYPE_CHECKING:
    from ...core.store.store import RunSummary

_STATES = {"running": State.RUNNING, "succeeded": State.FRESH, "failed": State.FAILED}


def history_lines(
    runs: Iterable[RunSummary], made: Sequence[Materialization], now: float, *, ascii_only: bool = False
) -> list[Line]:
    """First the values of what is under the cursor, newest first, then the project's runs."""
    lines: list[Line] = []
    if made:
        lines.append((Bit("values", "muted"),))
    for n, one in enumerate(made):
        before = made[n + 1] if n + 1 < len(made) else None
        same = before is not None and before.value.version == one.value.version
        lines.append(
            (
                Bit(pad(when(one.ts, now), 20)),
                Bit(f"{seconds(one.duration):>7}  ", "muted"),
                Bit(f"{one.value.version[:8]}  ", "muted" if same else "accent"),
                Bit("the same  " if same else "", "fresh"),
                Bit(bytes_in_words(one.value.size), "muted"),
                Bit(_told(one.metadata), "muted"),
            )
        )
    lines += [()] if made else []
    lines.append((Bit("runs", "muted"),))
    for run in runs:
        lines.append(_run_line(run, now, ascii_only))
    if len(lines) == 1:
        lines.append((Bit("nothing was run yet", "muted"),))
    return lines


def _told(metadata: Mapping[str, Json]) -> str:
    short = [(name, value) for name, value in metadata.items() if not isinstance(value, list | dict)]
    return "".join(f"  {name}={value}" for name, value in short[:4])


def _run_line(run: RunSummary, now: float, ascii_only: bool) -> Line:
    state = _STATES.get(run.status, State.CANCELLED)
    took = seconds(run.finished - run.started) if run.finished else ""
    told = "  ".join(f"{size} {name}" for name, size in run.counts.items() if size)
    return (
        Bit(f"{glyph(state, ascii_only)} {run.status:<12}", LOOKS[state].style),
        Bit(pad(when(run.started, now), 20)),
        Bit(f"{took:>7}  ", "muted"),
        Bit(told, "text"),
        Bit(f"  {run.run}", "muted"),
    )
