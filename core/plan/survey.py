"""One pass over the graph that says of every task whether it is out of date, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..events import CHECK_FAILED
from ..graph.graph import Graph
from ..model import Damage, Node, Reason, ReasonKind, Recorded, State, StepRecord, Task
from .keys import AFTER, StaticKey, key_digest
from .reasons import key_changes

BARE_SOURCE = "source"
"""The data version of a source that is only a name."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that decides what is stale. `sources` maps each source to its data version, None where its file is
    not there; `now` is Unix time in seconds."""

    graph: Graph
    recorded: Recorded
    sources: Mapping[str, str | None]
    keys: Mapping[str, StaticKey]
    now: float


@dataclass(frozen=True, slots=True)
class Survey:
    """`reasons` has an entry for each task that is out of date; `missing` for each that cannot run because
    a source's file is not there; `versions` the current data version of every asset that has one."""

    facts: Facts
    reasons: Mapping[str, tuple[Reason, ...]]
    missing: Mapping[str, tuple[Reason, ...]]
    versions: Mapping[str, str]
    states: Mapping[Node, State] = field(default_factory=dict)

    def of(self, node: Node) -> tuple[Reason, ...]:
        """The reasons that concern an asset (its task's) or a task."""
        task = node.name if node.kind == "task" else self.facts.graph.producer(node.name)
        if task is None:
            return self._of_source(node.name)
        return tuple(dict.fromkeys(self.missing.get(task, ()) + self.reasons.get(task, ())))

    @property
    def unfinished(self) -> list[str]:
        """The tasks out of date whose last attempt failed, was cancelled or was interrupted."""
        attempts = self.facts.recorded.attempts
        return [task for task in self.reasons if task in attempts and attempts[task].state != "succeeded"]

    def task_of(self, name: str) -> str | None:
        """The task that makes the asset `name`, or is called so."""
        graph = self.facts.graph
        if name in graph.assets:
            return graph.producer(name)
        return name if name in graph.tasks else None

    def _of_source(self, asset: str) -> tuple[Reason, ...]:
        return (_missing_reason(self.facts, asset),) if _is_missing(self.facts, asset) else ()


def input_versions(
    task: Task, versions: Mapping[str, str], steps: Mapping[str, StepRecord]
) -> dict[str, str | None]:
    """The current data version of each input of `task`, None where there is none yet."""
    inputs: dict[str, str | None] = {given.asset: versions.get(given.asset) for given in task.inputs}
    for name in task.after:
        record = steps.get(name)
        inputs[AFTER + name] = None if record is None else record.version
    return inputs


def _upstream_reasons(facts: Facts, task: Task, stale: Mapping[str, object]) -> list[Reason]:
    reasons = []
    for given in task.inputs:
        if facts.graph.producer(given.asset) in stale:
            is_made = given.asset in facts.recorded.materializations
            told = f"{given.asset} {'is out of date' if is_made else 'was never made'}"
            reasons.append(Reason(ReasonKind.UPSTREAM_STALE, told, given.asset))
    for name in task.after:
        if name in stale:
            told = f"{name} {'is out of date' if name in facts.recorded.steps else 'has never run'}"
            reasons.append(Reason(ReasonKind.UPSTREAM_STALE, told, name))
    return reasons


_DAMAGE = {
    Damage.MISSING: (ReasonKind.VALUE_MISSING, "the stored value of {} is not there"),
    Damage.DAMAGED: (ReasonKind.VALUE_DAMAGED, "the stored value of {} is not what was committed"),
}


def _value_reasons(facts: Facts, task: Task) -> list[Reason]:
    reasons = []
    for name in task.outputs:
        if (found := facts.recorded.damage.get(name)) is not None:
            kind, words = _DAMAGE[found]
            reasons.append(Reason(kind, words.format(name), name))
        age_limit = facts.graph.assets[name].max_age
        if age_limit is not None:
            age = facts.now - facts.recorded.materializations[name].ts
            if age > age_limit:
                told = f"{name} is {age:,.0f} s old, {age_limit:,.0f} s are allowed"
                reasons.append(Reason(ReasonKind.EXPIRED, told, name))
    return reasons


def _made_by_others(facts: Facts, task: Task) -> list[Reason]:
    """The record of a task says nothing of a value that another task has put in its place since."""
    reasons = []
    for name in task.outputs:
        maker = facts.recorded.materializations[name].task
        if maker != task.name:
            told = f"the value of {name} is one that {maker} made"
            reasons.append(Reason(ReasonKind.VALUE_MISSING, told, name, maker, task.name))
    return reasons


def _attempt_reason(facts: Facts, task: Task) -> list[Reason]:
    attempt = facts.recorded.attempts.get(task.name)
    if attempt is None or attempt.state != "failed":
        return []
    if attempt.error.startswith(CHECK_FAILED):
        return [Reason(ReasonKind.CHECK_FAILED, attempt.error.removeprefix(CHECK_FAILED), task.name)]
    return [Reason(ReasonKind.FAILED_LAST_TIME, attempt.error or "the last attempt failed", task.name)]


def _key_reasons(facts: Facts, task: Task, versions: Mapping[str, str]) -> list[Reason]:
    """What differs from the recorded key; that is read whole only where its digest is another."""
    inputs = input_versions(task, versions, facts.recorded.steps)
    static = facts.keys[task.name]
    recorded = facts.recorded.digests.get(task.name)
    if static.code is not None and recorded == key_digest(static, inputs):
        return []
    withheld = bool(facts.graph.definitions.withheld)
    return key_changes(facts.recorded.steps[task.name].key, static, inputs, withheld=withheld)


def _was_never_made(facts: Facts, task: Task) -> bool:
    made = facts.recorded.materializations
    return task.name not in facts.recorded.steps or not all([one in made for one in task.outputs])


def _task_reasons(
    facts: Facts, task: Task, versions: Mapping[str, str], stale: Mapping[str, object]
) -> list[Reason]:
    reasons = []
    if _was_never_made(facts, task):
        absent = [a for a in task.outputs if a not in facts.recorded.materializations]
        named = ", ".join(absent[:3]) or task.name
        reasons.append(
            Reason(
                ReasonKind.NEVER_MATERIALIZED,
                f"{named} {'were' if len(absent) > 1 else 'was'} never made",
                (absent or [task.name])[0],
            )
        )
    else:
        reasons += _key_reasons(facts, task, versions)
        reasons += _value_reasons(facts, task)
        reasons += _made_by_others(facts, task)
    return reasons + _upstream_reasons(facts, task, stale) + _attempt_reason(facts, task)


def _is_missing(facts: Facts, asset: str) -> bool:
    return asset in facts.sources and facts.sources[asset] is None


def _missing_reason(facts: Facts, asset: str) -> Reason:
    return Reason(ReasonKind.VALUE_MISSING, f"{facts.graph.assets[asset].file} is not there", asset)


def _missing_sources(facts: Facts, task: Task) -> tuple[Reason, ...]:
    return tuple(_missing_reason(facts, g.asset) for g in task.inputs if _is_missing(facts, g.asset))


class Reasons(Mapping[str, tuple[Reason, ...]]):
    """Of each task that is out of date, why. What was never made is so without being told: its reasons, one for each
    input, are put into words when they are asked for."""

    def __init__(self, facts: Facts, versions: Mapping[str, str]) -> None:
        self._facts, self._versions = facts, versions
        self._found: dict[str, tuple[Reason, ...] | None] = {}

    def look_at(self, task: Task) -> None:
        """Notes why `task` is out of date, if it is. Those before it were looked at."""
        if _was_never_made(self._facts, task):
            self._found[task.name] = None
        elif reasons := self._told(task):
            self._found[task.name] = reasons

    def _told(self, task: Task) -> tuple[Reason, ...]:
        return tuple(_task_reasons(self._facts, task, self._versions, self))

    def cannot_run(self, name: str, missing: tuple[Reason, ...]) -> None:
        self._found.setdefault(name, missing)

    def is_untold(self, name: str) -> bool:
        """Whether `name` was never made, and nobody has asked for more yet."""
        return self._found.get(name, ()) is None

    def __getitem__(self, name: str) -> tuple[Reason, ...]:
        found = self._found[name]
        if found is None:
            found = self._found[name] = self._told(self._facts.graph.tasks[name])
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def _task_state(facts: Facts, name: str, stale: Reasons, can_run: bool) -> State:
    """How the last attempt ended is the word only while it says why there is nothing newer: a failure until the
    next success (it is a reason itself), a cancelling as long as only another attempt is wanting."""
    if name not in stale:
        return State.FRESH
    attempt = facts.recorded.attempts.get(name)
    if attempt is not None and (attempt.state == "failed" or (attempt.state == "cancelled" and can_run)):
        return State(attempt.state)
    if stale.is_untold(name):
        return State.NEVER
    return State.NEVER if stale[name][0].kind is ReasonKind.NEVER_MATERIALIZED else State.STALE


def _states(facts: Facts, stale: Reasons, missing: Mapping[str, object]) -> dict[Node, State]:
    states: dict[Node, State] = {}
    of_task: dict[str, State] = {}
    for name in facts.graph.tasks:
        states[Node("task", name)] = of_task[name] = _task_state(facts, name, stale, name not in missing)
    for name, asset in facts.graph.assets.items():
        if asset.task is not None:
            states[Node("asset", name)] = of_task[asset.task]
        else:
            states[Node("asset", name)] = State.MISSING if _is_missing(facts, name) else State.SOURCE
    return states


def expiry(survey: Survey) -> float | None:
    """When (Unix time) the next value that is not too old becomes so; None where none will."""
    facts = survey.facts
    made = facts.recorded.materializations
    limits = ((made[name].ts, asset.max_age) for name, asset in facts.graph.assets.items() if name in made)
    ends = (ts + limit for ts, limit in limits if limit is not None)
    return min((end for end in ends if end >= facts.now), default=None)


def still_holds(survey: Survey, facts: Facts) -> bool:
    """Whether a survey of `facts` would come out the same. An asset with a `max_age` ages by itself."""
    before = survey.facts
    is_same = before.graph is facts.graph and before.recorded is facts.recorded and before.keys is facts.keys
    if not is_same or before.sources != facts.sources:
        return False
    end = expiry(survey)
    return end is None or before.now <= facts.now <= end


def take_survey(facts: Facts) -> Survey:
    """Says of every task whether it is out of date. One pass in topological order, O(nodes + edges)."""
    made = facts.recorded.materializations
    versions = {name: m.value.version for name, m in made.items() if name in facts.graph.assets}
    versions.update({name: v for name, v in facts.sources.items() if v is not None})
    stale, missing = Reasons(facts, versions), _missing(facts)
    for name in facts.graph.task_order:
        stale.look_at(facts.graph.tasks[name])
        if name in missing:
            stale.cannot_run(name, missing[name])
    return Survey(facts, stale, missing, versions, _states(facts, stale, missing))


def _missing(facts: Facts) -> dict[str, tuple[Reason, ...]]:
    """Of each task that a source's file is wanting for, which."""
    if all([version is not None for version in facts.sources.values()]):
        return {}
    tasks = facts.graph.tasks
    return {name: found for name in tasks if (found := _missing_sources(facts, tasks[name]))}
