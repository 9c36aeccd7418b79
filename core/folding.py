"""Divided definitions as they run, and what is known of their partitions folded back: one row for each name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .model import Definitions, Materialization, Node, Reason, ReasonKind, Recorded, State
from .naming import readable, split
from .partitions.choice import choose, named
from .partitions.unfold import unfold
from .plan import Survey

if TYPE_CHECKING:
    from .defined import Defined
    from .graph.graph import Graph


@dataclass(frozen=True)
class Divided:
    """`runs` has one task for each partition that there is until `until` (Unix seconds). `parts` gives for each
    divided task its nodes, by encoded key."""

    runs: Defined
    parts: Mapping[str, Mapping[str, str]]
    until: float

    @classmethod
    def of(cls, definitions: Definitions, now: float) -> Divided:
        """Raises ProblemError where there are too many partitions."""
        from .defined import Defined

        found = unfold(definitions, now)
        return cls(Defined(found.definitions), found.parts, found.until)

    def fold(self, whole: Survey, graph: Graph) -> Survey:
        """The survey of the definitions as they were written, of which `graph` is made."""
        return fold(whole, self, graph)

    def tasks_of(self, names: Iterable[str], partitions: Sequence[str] = ()) -> set[str]:
        """The tasks that run for `names`, which may be partitions themselves: all partitions of what is divided, or
        those that `partitions` mean. Raises ProblemError for one that none of them has."""
        wanted = list(names)
        divided = [name for name in wanted if name in self.parts]
        found = {name for name in wanted if name not in self.parts}
        if not partitions:
            return found | {node for name in divided for node in self.parts[name].values()}
        chosen = choose(partitions, {name: self.parts[name] for name in divided})
        return found | {self.parts[name][part] for name, those in chosen.items() for part in those}


@dataclass(frozen=True, slots=True)
class Parts:
    """The partitions of one task, by encoded key in the order of its grid, with their states."""

    states: Mapping[str, State]

    @property
    def total(self) -> int:
        return len(self.states)

    def having(self, *states: State) -> list[str]:
        """The encoded keys of those in one of `states`."""
        return [part for part, state in self.states.items() if state in states]

    @property
    def state(self) -> State:
        """All in one: what failed counts before what is missing, and that before what is fresh."""
        counts = Counter(self.states.values())
        for state in (State.RUNNING, State.FAILED, State.BLOCKED, State.QUEUED, State.CANCELLED):
            if counts[state]:
                return state
        if counts[State.NEVER] == self.total > 0:
            return State.NEVER
        return State.STALE if counts[State.NEVER] or counts[State.STALE] else State.FRESH

    def as_counts(self) -> dict[str, int]:
        """`fresh` and the rest sum up to `total`."""
        counts = Counter(self.states.values())
        told = {
            "failed": counts[State.FAILED],
            "missing": counts[State.NEVER] + counts[State.MISSING],
            "stale": counts[State.STALE] + counts[State.CANCELLED] + counts[State.BLOCKED],
        }
        return {"total": self.total, "fresh": self.total - sum(told.values()), **told}


def parts_of(states: Mapping[Node, State], divided: Divided, task: str | None) -> Parts | None:
    """The partitions of `task`; None if it is not divided."""
    if task is None or task not in divided.parts:
        return None
    return Parts({part: states[Node("task", node)] for part, node in divided.parts[task].items()})


# ---- a survey, folded --------------------------------------------------------------------------


def fold(whole: Survey, divided: Divided, graph: Graph) -> Survey:
    """The survey of the definitions as they were written (`graph`): what is said of partitions is said of all."""
    facts = whole.facts
    reasons: dict[str, tuple[Reason, ...]] = {}
    missing: dict[str, tuple[Reason, ...]] = {}
    states: dict[Node, State] = {}
    for name in graph.task_order:
        parts = parts_of(whole.states, divided, name)
        if parts is None:
            found, absent = whole.reasons.get(name, ()), whole.missing.get(name, ())
            states[Node("task", name)] = whole.states[Node("task", name)]
        else:
            nodes = divided.parts[name]
            found = _summed(whole, name, nodes, parts)
            absent = next((whole.missing[node] for node in nodes.values() if node in whole.missing), ())
            states[Node("task", name)] = parts.state
        if found:
            reasons[name] = _plain(found)
        if absent:
            missing[name] = _plain(absent)
    for name, asset in graph.assets.items():
        at = Node("asset", name) if asset.task is None else Node("task", asset.task)
        states[Node("asset", name)] = (whole.states if asset.task is None else states)[at]
    versions = {name: version for name, version in whole.versions.items() if name in graph.assets}
    folded = replace(facts, graph=graph, recorded=_recorded(facts.recorded, graph, divided))
    return Survey(folded, reasons, missing, versions, states)


def _plain(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Reasons that name things as they were written; of many partitions of one thing, one reason."""
    groups: dict[tuple[ReasonKind, str], list[Reason]] = {}
    for reason in reasons:
        key = split(reason.key or "")[0]
        groups.setdefault((reason.kind, key), []).append(reason)
    told = []
    for (_, key), alike in groups.items():
        first = alike[0]
        detail = readable(first.detail)
        if len(alike) > 1 and first.key is not None:
            parts = [split(one.key or "")[1] for one in alike]
            detail = f"{detail}, and {len(alike) - 1:,} more of {key}" if all(parts) else detail
        told.append(
            Reason(
                first.kind,
                detail,
                key or None,
                readable(first.old or "") or None,
                readable(first.new or "") or None,
            )
        )
    return tuple(told)


_WORDS = {
    ReasonKind.FAILED_LAST_TIME: "failed last time",
    ReasonKind.NEVER_MATERIALIZED: "never made",
    ReasonKind.UPSTREAM_STALE: "with upstream out of date",
}


def _summed(whole: Survey, name: str, nodes: Mapping[str, str], parts: Parts) -> tuple[Reason, ...]:
    """Why partitions of one task are out of date: one reason a kind, with the first of them by name."""
    groups: dict[ReasonKind, list[tuple[str, Reason]]] = {}
    for part, node in nodes.items():
        if not (found := whole.reasons.get(node)):
            continue
        failed = next((one for one in found if one.kind is ReasonKind.FAILED_LAST_TIME), None)
        first = failed or found[0]
        groups.setdefault(first.kind, []).append((part, first))
    told = []
    order = [
        ReasonKind.FAILED_LAST_TIME,
        *(kind for kind in ReasonKind if kind is not ReasonKind.FAILED_LAST_TIME),
    ]
    for kind in sorted(groups, key=order.index):
        alike = groups[kind]
        keys = named([part for part, _ in alike])
        words = _WORDS.get(kind) or readable(alike[0][1].detail)
        detail = f"{len(alike):,} of {parts.total:,} partitions {words}: {keys}"
        if kind not in _WORDS:
            detail = f"{len(alike):,} of {parts.total:,} partitions ({keys}): {words}"
        first = alike[0][1]
        told.append(Reason(kind, detail, split(first.key or name)[0], first.old, first.new))
    if parts.state is State.NEVER:
        told.sort(key=lambda one: one.kind is not ReasonKind.NEVER_MATERIALIZED)
    return (*told, *_above(whole, nodes)) if told else ()


def _above(whole: Survey, nodes: Mapping[str, str]) -> tuple[Reason, ...]:
    """What stands above any of the partitions and is out of date, each thing once: it leads to the root cause."""
    found: dict[str, set[str]] = {}
    for node in nodes.values():
        for reason in whole.reasons.get(node, ()):
            if reason.kind is ReasonKind.UPSTREAM_STALE and reason.key is not None:
                told = reason.detail.removeprefix(reason.key)
                found.setdefault(split(reason.key)[0], set()).add(told)
    return tuple(
        Reason(ReasonKind.UPSTREAM_STALE, f"{key}{told.pop() if len(told) == 1 else ' is out of date'}", key)
        for key, told in found.items()
    )


_FEW = 50
"""Partitions whose durations are looked at for how long one usually takes."""


def _recorded(recorded: Recorded, graph: Graph, divided: Divided) -> Recorded:
    """What is recorded of each name: of a divided one, that of the partition that was made last."""
    made: dict[str, Materialization] = {}
    for name, one in recorded.materializations.items():
        plain = split(name)[0]
        if plain in graph.assets and (plain not in made or one.seq > made[plain].seq):
            made[plain] = one if plain == name else replace(one, asset=plain, task=split(one.task)[0])
    steps = {name: one for name, one in recorded.steps.items() if name in graph.tasks}
    attempts = {name: one for name, one in recorded.attempts.items() if name in graph.tasks}
    durations = {name: one for name, one in recorded.durations.items() if name in graph.tasks}
    for name, nodes in divided.parts.items():
        those = list(nodes.values())
        done = [recorded.steps[node] for node in those if node in recorded.steps]
        if done:
            steps[name] = replace(max(done, key=lambda one: one.seq), task=name)
        tried = [recorded.attempts[node] for node in those if node in recorded.attempts]
        if tried:
            last = max(tried, key=lambda one: (one.state == "failed", one.finished))
            attempts[name] = replace(last, task=name)
        known = [recorded.durations[node] for node in those[-_FEW:] if node in recorded.durations]
        durations[name] = tuple(times[0] for times in known if times)
    damage = {split(name)[0]: one for name, one in recorded.damage.items()}
    return Recorded(made, steps, attempts, damage, durations, recorded.digests)
