"""What a past run did, step by step: a fold over its events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from .events import Event, Kind
from .model import Json
from .problems import ProblemError
from .store.store import RunSummary, Store

_OUTCOMES = {
    Kind.STEP_QUEUED: "queued",
    Kind.STEP_STARTED: "running",
    Kind.STEP_SUCCEEDED: "succeeded",
    Kind.STEP_FAILED: "failed",
    Kind.STEP_REUSED: "reused",
    Kind.STEP_SPARED: "spared",
    Kind.STEP_BLOCKED: "blocked",
    Kind.STEP_CANCELLED: "cancelled",
    Kind.STEP_RESTORED: "restored",
    Kind.STEP_ACCEPTED: "accepted",
}
_UNDER_WAY = ("queued", "running")


@dataclass(slots=True)
class PastStep:
    """What became of one step. Times are Unix times in seconds, `seconds` is how long its last attempt took.

    `outcome` is a phase of a step (`succeeded`, `failed`, `reused`, …), or `interrupted` where the run was
    killed over it. `reasons` (`kind`, `detail`, `key`) say why it was to run. `logs` are the files of its
    attempts that printed something, in order; `collected` is whether one of them is not there any more.
    """

    task: str
    outcome: str = "queued"
    attempts: int = 0
    started: float | None = None
    seconds: float | None = None
    error: str = ""
    by: str | None = None
    reasons: Sequence[Json] = ()
    assets: list[str] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)
    collected: bool = False


@dataclass(frozen=True, slots=True)
class Idle:
    """Runs one after the other, the newest first, each of which found nothing to do."""

    runs: Sequence[RunSummary]


_DEEP = 10
"""Runs that are looked at for each entry that is wanted."""


def entries(store: Store, most: int) -> list[RunSummary | Idle]:
    """At most so many entries of the runs that were, newest first; two and more in a row that had nothing to do are
    one entry. Blocking."""
    found: list[RunSummary | Idle] = []
    for is_idle, group in groupby(store.runs(most * _DEEP), key=_was_idle):
        runs = tuple(group)
        found += [Idle(runs)] if is_idle and len(runs) > 1 else runs
    return found[:most]


def asked(run: RunSummary) -> str:
    """What was asked for, where that is known: `of SELECTION`, or `undo bread`."""
    has_verb = bool(run.counts.keys() & {"restored", "accepted"})
    return run.selection if has_verb or not run.selection else f"of {run.selection}"


def _was_idle(run: RunSummary) -> bool:
    return run.status == "succeeded" and not any(
        number for phase, number in run.counts.items() if phase != "reused"
    )


def steps_of(events: Iterable[Event], *, is_over: bool) -> list[PastStep]:
    """The steps of a run in the order in which they were first told, from its events."""
    steps: dict[str, PastStep] = {}
    for event in events:
        if event.task is None:
            continue
        step = steps.setdefault(event.task, PastStep(event.task))
        if event.kind in (Kind.ASSET_MATERIALIZED, Kind.ASSET_RESTORED) and event.asset is not None:
            step.assets.append(event.asset)
        elif (outcome := _OUTCOMES.get(event.kind)) is not None:
            _take(step, event, outcome)
    for step in steps.values():
        if is_over and step.outcome in _UNDER_WAY:
            step.outcome = "interrupted"
    return list(steps.values())


def _take(step: PastStep, event: Event, outcome: str) -> None:
    data = event.data
    step.outcome = "interrupted" if data.get("interrupted") else outcome
    if event.kind is not Kind.STEP_QUEUED:  # an attempt counts when it begins
        step.attempts = max(step.attempts, int(data.get("attempt") or 0))
    step.reasons = data.get("reasons") or step.reasons
    if outcome not in _UNDER_WAY:
        step.error = str(data.get("error") or data.get("reason") or "")
    step.by = data.get("by") or step.by
    if event.kind is Kind.STEP_STARTED and step.started is None:
        step.started = event.ts
    if "seconds" in data and step.started is not None:
        step.seconds = data["seconds"]


def find_run(store: Store, name: str) -> RunSummary:
    """The run of that name, or the only one whose name, or the part behind its time, begins so.

    Blocking. Raises ProblemError where there is none, or more than one.
    """
    runs = store.runs(-1)
    found = [one for one in runs if one.run == name] or [
        one
        for one in runs
        if name and (one.run.startswith(name) or one.run.partition("-")[2].startswith(name))
    ]
    if not found:
        raise ProblemError(f"there is no run {name!r}", "`bakehouse runs` lists them")
    if len(found) > 1:
        some = ", ".join(one.run for one in found[:3]) + (", …" if len(found) > 3 else "")
        raise ProblemError(f"{name!r} may be any of {len(found)} runs: {some}", "say more of its name")
    return found[0]


def past_steps(store: Store, run: RunSummary) -> list[PastStep]:
    """What became of each step of `run`, with the logs that are still there. Blocking."""
    steps = steps_of(store.events(run.run), is_over=run.status != "running")
    names = store.log_names(run.run)
    for step in steps:
        paths = [store.logs.path(run.run, step.task, number) for number in range(1, step.attempts + 1)]
        step.logs = [path for path in paths if path.is_file()]
        step.collected = any(store.logs.name(path) in names for path in paths if path not in step.logs)
    return steps
