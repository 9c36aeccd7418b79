"""Steps that are reused one after the other share one row of the event log: a run that finds all fresh writes
a few rows, however large the graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..events import Event, Kind


def packed(events: Iterable[Event]) -> Iterator[Event]:
    """The events, in order, with those `step_reused` that follow each other (by `seq`, at one `ts`) as one: it
    has the number of the last, no task, and `data["tasks"]` in order."""
    run: list[Event] = []
    for event in events:
        if run and not _follows(run[-1], event):
            yield _as_one(run)
            run = []
        if event.kind is Kind.STEP_REUSED and event.task is not None and not event.data:
            run.append(event)
        else:
            yield event
    if run:
        yield _as_one(run)


def _follows(before: Event, event: Event) -> bool:
    return (event.kind, event.seq, event.ts) == (Kind.STEP_REUSED, before.seq + 1, before.ts)


def _as_one(run: list[Event]) -> Event:
    return run[0] if len(run) == 1 else replace(run[-1], task=None, data={"tasks": [e.task for e in run]})


def unpacked(event: Event) -> Iterator[Event]:
    """What `packed` was given."""
    if event.kind is not Kind.STEP_REUSED or event.task is not None:
        yield event
        return
    tasks = event.data["tasks"]
    for seq, task in enumerate(tasks, event.seq - len(tasks) + 1):
        yield Event(seq, event.ts, event.run, event.kind, task)
