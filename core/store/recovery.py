"""What becomes of runs whose process died: closed as interrupted, before the next one begins."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ..events import Event, Kind
from ..model import Attempt
from .crash import crash_point
from .facts import ENDINGS, Batch, RunStart, StepCommit
from .ledger import LedgerWriter, Row
from .logs import LogStore

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_WORDS = "the process that ran it is gone"


def recover(
    ledger: LedgerWriter,
    logs: LogStore,
    stamps: dict[str, str],
    run: str,
    selection: str,
    jobs: int,
    now: float,
) -> tuple[RunStart, tuple[Event, ...], int]:
    """Takes the ledger over for `run`. Returns what is known of it, the events that close earlier runs, and
    the number of the last event."""
    epoch, last, dead, attempts = ledger.take_over(stamps)
    start = RunStart(run, selection, jobs, os.getpid(), _boot(), epoch)
    batch = Batch(start)
    events: list[Event] = []
    for row in dead:
        rows = attempts[row[0]]
        commits = _unfinished(row[0], rows, logs, last + len(events), now)
        for commit in commits:
            batch.take(commit)
            events += commit.events
        until, counts = remains(row[2], rows)
        data = {"ok": False, "status": "interrupted", "counts": counts, "error": _WORDS, "until": until}
        end = Event(last + len(events) + 1, now, row[0], Kind.RUN_FINISHED, data=data)
        batch.tell((end,))
        events.append(end)
    if events:
        crash_point("recover.before_write")
        ledger.write(batch)
        crash_point("recover.written")
    return start, tuple(events), last + len(events)


def remains(started: float, rows: Sequence[Row]) -> tuple[float, dict[str, int]]:
    """What is known of a run whose process is gone, from the beginnings and ends of its attempts: the last moment it
    was heard of, and how many steps came to which end."""
    until = max([started, *(ts for _, _, ts, _ in rows)])
    return until, {**_ended(rows), "interrupted": len(_begun(rows))}


def _begun(rows: Sequence[Row]) -> dict[str, tuple[int, float]]:
    """The number and the beginning of the attempts that did not end, by task."""
    begun: dict[str, tuple[int, float]] = {}
    for task, kind, ts, data in rows:
        if kind in ENDINGS:
            begun.pop(task, None)
        elif kind == Kind.STEP_STARTED:
            begun[task] = (_number(data), ts)
    return begun


def _unfinished(run: str, rows: list[Row], logs: LogStore, last: int, now: float) -> list[StepCommit]:
    """The attempts that began and did not end, each with the event that ends it."""
    until = max((ts for _, _, ts, _ in rows), default=0.0)
    commits = []
    for index, (task, (number, started)) in enumerate(_begun(rows).items(), 1):
        log = logs.path(run, task, number)
        attempt = Attempt(
            task, run, number, "interrupted", started, until, _WORDS, logs.name(log) if log.exists() else None
        )
        data = {"attempt": number, "error": _WORDS, "interrupted": True}
        commits.append(
            StepCommit(0, (Event(last + index, now, run, Kind.STEP_CANCELLED, task, data=data),), attempt)
        )
    return commits


def _ended(rows: Sequence[Row]) -> dict[str, int]:
    """How many steps came to which end before the process died."""
    ends: dict[str, str] = {}
    for task, kind, _, data in rows:
        for one in [task] if task is not None else json.loads(data)["tasks"]:
            if kind == Kind.STEP_STARTED:
                ends.pop(one, None)
            else:
                ends[one] = kind.removeprefix("step_")
    return dict(Counter(ends.values()))


def _number(data: str) -> int:
    number = json.loads(data).get("attempt")
    return number if isinstance(number, int) else 1


def _boot() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
