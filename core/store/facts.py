"""What a committed event says about the state: rows are made from it when it is written, and by a replay."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ..encoding import json_encoder
from ..events import Event, Kind, ended_at
from ..model import Attempt, Json, StepRecord, Stored


class Taken(Protocol):
    """A value that a step left (`engine.executor.Made`): inline, or a finished file at `path`."""

    @property
    def asset(self) -> str: ...
    @property
    def value(self) -> Stored: ...
    @property
    def path(self) -> str | None: ...
    @property
    def metadata(self) -> Mapping[str, Json]: ...


@dataclass(frozen=True, slots=True)
class StepCommit:
    """The end of one attempt, to be made durable as a whole.

    `events` hold one `asset_materialized` for each value in `made`, and one event that says how the attempt
    ended. `record` is there if it succeeded. `token` (growing) is how the writer says that it is done.
    """

    token: int
    events: tuple[Event, ...]
    attempt: Attempt | None = None
    record: StepRecord | None = None
    made: tuple[Taken, ...] = ()


@dataclass(frozen=True, slots=True)
class RunStart:
    """What is known of a run when it begins. `epoch` counts the runs of a store; the highest one owns it."""

    run: str
    selection: str
    jobs: int
    pid: int
    boot: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Restored:
    """An earlier success of a step, to be made current again.

    `values` are the rows of what it made, `record` and `body` what was recorded of it (as in the facts of its
    event, which `restores` is the number of). `events` are one for each value and one for the step. `ahead` is
    the event that gave what undoing this brings back; None if there is none.
    """

    events: tuple[Event, ...]
    values: tuple[ValueRow, ...]
    record: tuple[str, str, float]
    body: Json
    restores: int
    ahead: int | None


ENDINGS = frozenset({Kind.STEP_SUCCEEDED, Kind.STEP_FAILED, Kind.STEP_CANCELLED})

_DURATIONS = 5


class EventRow(NamedTuple):
    seq: int
    run: str
    ts: float
    kind: str
    task: str | None
    asset: str | None
    data: str
    facts: str | None


class ValueRow(NamedTuple):
    seq: int
    asset: str
    task: str
    run: str
    ts: float
    duration: float
    codec: str
    digest: str
    size: int
    version: str
    type: str
    metadata: str
    inline: bytes | None


class StepRow(NamedTuple):
    """`body` is the JSON of `[code, config, env, inputs, outputs]`."""

    task: str
    digest: str
    body: str
    version: str
    run: str
    seq: int
    ts: float
    duration: float


class AttemptRow(NamedTuple):
    task: str
    run: str
    number: int
    state: str
    started: float
    finished: float
    error: str
    log: str | None
    seq: int


class RunRow(NamedTuple):
    run: str
    first: int
    started: float
    selection: str
    jobs: int
    pid: int
    boot: str
    epoch: int


class SlotRow(NamedTuple):
    """Where `missed` is 0, `run` began at `slot`; else so many slots from `first` to `slot` passed without a run."""

    schedule: str
    slot: int
    first: int
    missed: int
    run: str | None
    seq: int


class EndRow(NamedTuple):
    run: str
    last: int
    finished: float
    status: str
    counts: str


encode = json_encoder(default=str)


def slots_of(event: Event) -> list[SlotRow]:
    """What the beginning of a run or a `slots_missed` settles: the slot that it is the run of, those missed before."""
    data = event.data
    if (name := data.get("schedule")) is None:
        return []
    rows = []
    if (missed := data.get("missed")) is not None:
        rows.append(SlotRow(name, missed["last"], missed["first"], missed["count"], None, event.seq))
    if (slot := data.get("slot")) is not None:
        rows.append(SlotRow(name, slot, slot, 0, event.run, event.seq))
    return rows


def _plain(text: str) -> str:
    """Text that a database can hold: lone surrogates (from undecodable bytes) are spelled out."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


@dataclass(slots=True)
class Batch:
    """All rows of one transaction, in the order of their events."""

    start: RunStart
    events: list[EventRow] = field(default_factory=list)
    values: list[ValueRow] = field(default_factory=list)
    steps: list[StepRow] = field(default_factory=list)
    attempts: list[AttemptRow] = field(default_factory=list)
    restored: list[StepRow] = field(default_factory=list)
    begun: list[RunRow] = field(default_factory=list)
    ended: list[EndRow] = field(default_factory=list)
    slots: list[SlotRow] = field(default_factory=list)
    stamps: dict[str, str] = field(default_factory=dict)

    def tell(self, events: Iterable[Event]) -> None:
        """Takes in events that change nothing but the run itself."""
        for event in events:
            if event.kind is Kind.RUN_STARTED:
                self._begin(event)
            elif event.kind is Kind.RUN_FINISHED:
                self._end(event)
            else:
                self._note(event, None)

    def _note(self, event: Event, facts: str | None) -> None:
        data = encode(dict(event.data)) if event.data else "{}"
        row = (event.seq, event.run, event.ts, event.kind.value, event.task, event.asset, data, facts)
        self.events.append(EventRow._make(row))

    def _begin(self, event: Event) -> None:
        start = self.start
        row = RunRow(
            event.run,
            event.seq,
            event.ts,
            _plain(start.selection),
            start.jobs,
            start.pid,
            start.boot,
            start.epoch,
        )
        self.begun.append(row)
        self.slots += slots_of(event)
        self._note(event, encode(row[3:]))

    def miss(self, event: Event) -> None:
        """Takes in a `slots_missed`: it is of no run."""
        self.slots += slots_of(event)
        self._note(event, "{}")

    def _end(self, event: Event) -> None:
        status = event.data.get("status") or ("succeeded" if event.data.get("ok") else "failed")
        counts = encode(event.data.get("counts") or {})
        row = EndRow(event.run, event.seq, ended_at(event), str(status), counts)
        self.ended.append(row)
        self._note(event, encode({"status": row.status, "counts": json.loads(row.counts)}))

    def take(self, commit: StepCommit) -> None:
        """Takes in the end of an attempt. Raises ValueError where the commit lacks an event it needs."""
        made = {one.asset: one for one in commit.made}
        ending = _ending(commit)
        for event in commit.events:
            facts: str | None = None
            if event.kind is Kind.ASSET_MATERIALIZED:
                facts = self._value(event, made.pop(event.asset or "", None), commit.record)
            elif event is ending:
                facts = self._outcome(event, commit)
            self._note(event, facts)
        if made:
            raise ValueError(f"no asset_materialized event for {', '.join(made)}")

    def _value(self, event: Event, made: Taken | None, record: StepRecord | None) -> str:
        if made is None or record is None or event.asset is None:
            raise ValueError(f"asset_materialized for {event.asset} without its value and record")
        value = made.value
        metadata = encode(dict(made.metadata)) if made.metadata else "{}"
        row = ValueRow(
            event.seq, event.asset, record.task, event.run, event.ts, record.duration,
            value.codec, value.digest, value.size, value.version, value.type, metadata, value.inline,
        )  # fmt: skip
        self.values.append(row)
        head = encode([row.task, row.duration, row.codec, row.digest, row.size, row.version, row.type])
        return f'{{"value":{head},"metadata":{metadata}}}'

    def _outcome(self, event: Event, commit: StepCommit) -> str:
        facts: dict[str, Json] = {}
        body = None
        if (attempt := commit.attempt) is not None:
            times = attempt.started, attempt.finished
            tail = (attempt.number, attempt.state, *times, _plain(attempt.error), attempt.log)
            self.attempts.append(AttemptRow(attempt.task, event.run, *tail, event.seq))
            facts["attempt"] = tail
        if (record := commit.record) is not None:
            key = record.key
            parts = [dict(part) for part in (key.code, key.config, key.env, key.inputs)]
            body = encode([*parts, record.outputs])
            head = (key.digest, body, record.version)
            self.steps.append(StepRow(record.task, *head, event.run, event.seq, event.ts, record.duration))
            facts["record"] = (key.digest, record.version, record.duration)
        text = encode(facts)
        return text if body is None else f'{text[:-1]},"body":{body}}}'

    def restore(self, earlier: Restored) -> None:
        """Takes in that what a step had made earlier is current again."""
        version, duration = earlier.record[1], float(earlier.record[2])
        *events, ending = earlier.events
        for event, row in zip(events, earlier.values, strict=True):
            self.values.append(row._replace(seq=event.seq))
            self._note(event, encode({"restores": row.seq}))
        body = encode(earlier.body)
        head = (str(ending.task), earlier.record[0], body, version)
        self.restored.append(StepRow(*head, ending.run, ending.seq, ending.ts, duration))
        way = {"restores": earlier.restores, "ahead": earlier.ahead}
        self._note(ending, encode({**way, "record": earlier.record, "body": earlier.body}))

    def accept(self, event: Event, record: StepRecord) -> None:
        """Takes in that what a step made last is up to date under the key in `record`."""
        key = record.key
        parts = [dict(part) for part in (key.code, key.config, key.env, key.inputs)]
        body = [*parts, record.outputs]
        head = (record.task, key.digest, encode(body), record.version)
        self.restored.append(StepRow(*head, event.run, event.seq, event.ts, record.duration))
        told = {"record": (key.digest, record.version, record.duration), "body": body}
        self._note(event, encode(told))


def _ending(commit: StepCommit) -> Event | None:
    task = commit.record.task if commit.record else commit.attempt.task if commit.attempt else None
    if task is None:
        return None
    for event in reversed(commit.events):
        if event.kind in ENDINGS and event.task == task:
            return event
    raise ValueError(f"no event says how the attempt at {task} ended")


@dataclass(slots=True)
class Derived:
    """The current state, as the event log alone gives it."""

    runs: dict[str, tuple[object, ...]] = field(default_factory=dict)
    values: dict[int, tuple[object, ...]] = field(default_factory=dict)
    assets: dict[str, int] = field(default_factory=dict)
    steps: dict[str, tuple[object, ...]] = field(default_factory=dict)
    attempts: dict[str, tuple[object, ...]] = field(default_factory=dict)
    slots: dict[tuple[str, int], tuple[object, ...]] = field(default_factory=dict)

    def differences(self, other: Derived) -> list[str]:
        """What is not the same in both, in words; empty if they are equal."""
        found = []
        for name in ("runs", "values", "assets", "steps", "attempts", "slots"):
            mine, others = getattr(self, name), getattr(other, name)
            for key in sorted({*mine, *others}, key=str):
                if mine.get(key) != others.get(key):
                    found.append(f"{name} {key}: {mine.get(key)!r} is not {others.get(key)!r}")
        return found


def fold(log: Iterable[tuple[Event, Json]]) -> Derived:
    """Derives the state from events in the order of `seq`, each with the facts that were kept beside it."""
    state = Derived()
    for event, facts in log:
        if facts is not None:
            _apply(state, event, facts)
    return state


def _apply(state: Derived, event: Event, facts: Json) -> None:
    if event.kind in (Kind.RUN_STARTED, Kind.SLOTS_MISSED):
        state.slots |= {(row.schedule, row.slot): tuple(row) for row in slots_of(event)}
    if event.kind is Kind.SLOTS_MISSED:
        return
    if event.kind is Kind.RUN_STARTED:
        state.runs[event.run] = (event.run, event.seq, event.ts, *facts, None, None, "running", "{}")
    elif event.kind is Kind.RUN_FINISHED:
        head = state.runs[event.run][:8]
        state.runs[event.run] = (*head, event.seq, ended_at(event), facts["status"], encode(facts["counts"]))
    elif event.kind is Kind.ASSET_MATERIALIZED:
        task, duration, *value = facts["value"]
        metadata = encode(facts["metadata"])
        state.values[event.seq] = (
            event.seq,
            event.asset,
            task,
            event.run,
            event.ts,
            duration,
            *value,
            metadata,
        )
        state.assets[str(event.asset)] = event.seq
    elif event.kind is Kind.ASSET_RESTORED:
        state.values[event.seq] = (event.seq, *state.values[facts["restores"]][1:])
        state.assets[str(event.asset)] = event.seq
    elif event.kind in (Kind.STEP_RESTORED, Kind.STEP_ACCEPTED):
        task, (digest, version, _) = str(event.task), facts["record"]
        head = (task, digest, encode(facts["body"]), version, event.run, event.seq, event.ts)
        state.steps[task] = (*head, *state.steps[task][7:])
    else:
        _apply_outcome(state, event, facts)


def _apply_outcome(state: Derived, event: Event, facts: Json) -> None:
    task = str(event.task)
    if (attempt := facts.get("attempt")) is not None:
        state.attempts[task] = (task, event.run, *attempt, event.seq)
    if (record := facts.get("record")) is not None:
        digest, version, duration = record
        durations = [duration, *(state.steps[task][7:] if task in state.steps else ())][:_DURATIONS]
        durations += [None] * (_DURATIONS - len(durations))
        body = encode(facts["body"])
        state.steps[task] = (task, digest, body, version, event.run, event.seq, event.ts, *durations)
