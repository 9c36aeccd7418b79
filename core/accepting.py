"""Taking what a step has made as up to date though something changed: the user knows that it makes no difference."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from .model import Reason, ReasonKind, StepRecord
from .plan.keys import step_key, with_checks_of
from .plan.survey import Survey, input_versions
from .problems import ProblemError
from .store.lock import ProjectLock
from .store.store import Store

CHANGES = frozenset(
    {
        ReasonKind.CODE_CHANGED,
        ReasonKind.CONFIG_CHANGED,
        ReasonKind.ENV_CHANGED,
        ReasonKind.INPUT_CHANGED,
    }
)
"""What can be accepted. Other reasons say that there is no value, that it is bad, or that something above is stale."""

_OTHERS = frozenset({ReasonKind.UPSTREAM_STALE, ReasonKind.CHECK_CHANGED})
"""What is no fault of the value, and stays as it is: a check is run, never believed."""


class CannotAccept(ProblemError):
    """Something that was to be accepted has no good value. Nothing was accepted."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What was accepted in `run` (empty: nothing had to be): of each task the reasons that count no more."""

    run: str
    reasons: dict[str, tuple[Reason, ...]]


def accept_as_is(
    store: Store, survey: Callable[[], Survey], tasks: Collection[str], *, named: str = ""
) -> Acceptance:
    """Records that what `tasks` made last is up to date as things are defined now. Nothing runs; what is fresh is
    left alone. `named` is how the lock's holder is told of.

    One durable commit, or none. Blocking: `survey` is asked while the project is held. Raises ProjectHeld while a
    run holds it, and CannotAccept, naming each, where there is no good value to accept.
    """
    run = time.strftime("%Y%m%dT%H%M%S-") + os.urandom(3).hex()
    store.furnish()
    with ProjectLock.acquire(store.folder, f"bakehouse accept {named}".rstrip()) as lock:
        accepted = acceptable(survey(), tasks)
        if not accepted:
            return Acceptance("", {})
        records, reasons = zip(*accepted.values(), strict=True)
        store.accept(records, reasons, run=run, lock=lock)
    return Acceptance(run, {task: why for task, (_, why) in accepted.items()})


def acceptable(survey: Survey, tasks: Collection[str]) -> dict[str, tuple[StepRecord, tuple[Reason, ...]]]:
    """Of each of `tasks` that is out of date of itself the record that would make it fresh, and the reasons that
    count no more then. Raises CannotAccept."""
    found: dict[str, tuple[StepRecord, tuple[Reason, ...]]] = {}
    wrong = []
    for task in (name for name in survey.facts.graph.task_order if name in tasks):
        reasons = survey.reasons.get(task, ())
        own = tuple(why for why in reasons if why.kind not in _OTHERS)
        if why_not := _why_not(survey, task, reasons, tasks):
            wrong.append(f"{task} cannot be accepted as it is: {why_not}")
        elif own:
            found[task] = (_record(survey, task), own)
    if wrong:
        raise CannotAccept("\n".join(wrong))
    return found


def _why_not(survey: Survey, task: str, reasons: Sequence[Reason], tasks: Collection[str]) -> str:
    """Why there is nothing good to accept of `task`; empty if there is."""
    bad = [why for why in reasons if why.kind not in CHANGES | _OTHERS]
    if bad:
        return f"{bad[0].detail} (materialize it)"
    if reasons and all(why.kind is ReasonKind.CHECK_CHANGED for why in reasons):
        return f"{reasons[0].detail} (materialize it: only the checks are run)"
    if reasons and survey.facts.keys[task].code is None:
        return "its code was not read (bakehouse trust)"
    above = [why.key or "" for why in reasons if why.kind is ReasonKind.UPSTREAM_STALE]
    elsewhere = [key for key in above if survey.task_of(key) not in tasks]
    if len(above) == len(reasons) and elsewhere:
        return f"it is stale because {', '.join(elsewhere[:3])} is: accept or materialize that"
    return ""


def _record(survey: Survey, task: str) -> StepRecord:
    facts = survey.facts
    inputs = input_versions(facts.graph.tasks[task], survey.versions, facts.recorded.steps)
    known = {name: version or "" for name, version in inputs.items()}
    record = facts.recorded.steps[task]
    return replace(record, key=step_key(with_checks_of(facts.keys[task], record.key.config), known))
