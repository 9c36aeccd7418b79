"""The one stream that every reader folds: screen, plain lines, JSON and history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .model import Json


class Kind(StrEnum):
    RUN_STARTED = "run_started"
    STEP_QUEUED = "step_queued"
    STEP_STARTED = "step_started"
    LOG = "log"
    PROGRESS = "progress"
    METADATA = "metadata"
    ASSET_MATERIALIZED = "asset_materialized"
    STEP_SUCCEEDED = "step_succeeded"
    STEP_FAILED = "step_failed"
    STEP_REUSED = "step_reused"
    STEP_SPARED = "step_spared"
    STEP_BLOCKED = "step_blocked"
    STEP_CANCELLED = "step_cancelled"
    ASSET_RESTORED = "asset_restored"
    STEP_RESTORED = "step_restored"
    STEP_ACCEPTED = "step_accepted"
    CHECK_PASSED = "check_passed"
    CHECK_FAILED = "check_failed"
    SCHEMA_CHANGED = "schema_changed"
    RUN_FINISHED = "run_finished"
    SLOTS_MISSED = "slots_missed"


PASSING = frozenset({Kind.LOG, Kind.PROGRESS})
"""Kinds that are told but not kept in the ledger: logs have their own files."""

CHECK_FAILED = "check failed: "
"""How the error of an attempt begins that made a value which failed a check."""


@dataclass(frozen=True, slots=True)
class Event:
    """`seq` grows by at least one from event to event over the whole life of a store; order is `seq`.

    `ts` is Unix time in seconds and only for show. `data` holds what the kind carries (docs/reference).
    """

    seq: int
    ts: float
    run: str
    kind: Kind
    task: str | None = None
    asset: str | None = None
    data: Mapping[str, Json] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        out: dict[str, Json] = {"seq": self.seq, "ts": self.ts, "run": self.run, "event": self.kind.value}
        if self.task is not None:
            out["task"] = self.task
        if self.asset is not None:
            out["asset"] = self.asset
        out.update(self.data)
        return _told(out, self.kind) if _names_partition([self.task, *self.data.values()]) else out


def ended_at(event: Event) -> float:
    """When the run of a `run_finished` ended, in Unix seconds: of one that was interrupted, the last that is known."""
    return float(event.data.get("until", event.ts))


_SEPARATOR = "\x1f"


def _names_partition(value: Json) -> bool:
    """Whether a node of one partition is named anywhere in plain data."""
    if isinstance(value, str):
        return _SEPARATOR in value
    if isinstance(value, dict):
        return any(map(_names_partition, value.values()))
    return isinstance(value, list) and any(map(_names_partition, value))


def _told(said: dict[str, Json], kind: Kind) -> dict[str, Json]:
    """With tasks and assets as they were written, and the partition beside them. What a step printed stays."""
    from .naming import readable_json, shown_part, split

    out = dict(said) if kind is Kind.LOG else readable_json(said)
    for name in ("task", "asset"):
        if name in said:
            out[name], part = split(said[name])
            if part:
                out["partition"] = shown_part(part)
    return out
