"""Rows of the ledger as the nouns of the model, each made when it is first asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from ..model import Attempt, Damage, Materialization, Recorded, StepKey, StepRecord, Stored
from .faults import understood
from .ledger import Row
from .values import FOLDER_CODEC, ValueStore

T = TypeVar("T")


class Lazy(Mapping[str, T]):
    """A mapping over rows: the names are known at once, what they stand for when it is looked up."""

    def __init__(self, rows: dict[str, Row], make: Callable[[Row], T], ledger: Path) -> None:
        self._rows = rows
        self._make = make
        self._ledger = ledger
        self._made: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        found = self._made.get(name)
        if found is None:
            row = self._rows[name]
            with understood(self._ledger):
                found = self._made[name] = self._make(row)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"Lazy({len(self._rows)} rows)"


def stored_of(row: Row) -> Stored:
    """From a row of materializations."""
    return Stored(row[6], row[7], row[8], row[9], row[12], row[10])


def materialization_of(row: Row) -> Materialization:
    """From a row of materializations."""
    metadata: Any = json.loads(row[11]) if row[11] != "{}" else {}
    return Materialization(row[1], row[2], stored_of(row), row[3], row[0], row[4], row[5], metadata)


def attempt_of(row: Row) -> Attempt:
    """From a row of attempts."""
    return Attempt(*row[:8])


def step_of(row: Row) -> StepRecord:
    """From a row of steps."""
    task, digest, body, version, run, seq, ts, duration = row[:8]
    code, config, env, inputs, outputs = json.loads(body)
    return StepRecord(
        task, StepKey(digest, code, config, env, inputs), version, run, seq, ts, duration, tuple(outputs)
    )


def durations_of(row: Row) -> tuple[float, ...]:
    """From a row of steps: seconds, newest first."""
    return tuple(seconds for seconds in row[7:12] if seconds is not None)


@dataclass(frozen=True, slots=True)
class Recalled:
    """What was read of the ledger when it was at `version`; `values` are the rows of the current values."""

    version: object
    values: list[Row]
    recorded: Recorded
    rotten: Mapping[str, Damage]
    """The values in the ledger itself that are not what was committed."""


def recorded_of(values: list[Row], steps: list[Row], attempts: list[Row], ledger: Path) -> Recorded:
    """All current rows of a ledger as nouns; which values are damaged is not known yet."""
    by_task = {row[0]: row for row in steps}
    return Recorded(
        materializations=Lazy({row[1]: row for row in values}, materialization_of, ledger),
        steps=Lazy(by_task, step_of, ledger),
        attempts=Lazy({row[0]: row for row in attempts}, attempt_of, ledger),
        damage={},
        durations=Lazy(by_task, durations_of, ledger),
        digests={row[0]: row[1] for row in steps},
    )


def rotten_values(rows: list[Row]) -> dict[str, Damage]:
    """Which assets' values in the ledger itself are not what was committed: all of their bytes are read."""
    return {
        row[1]: Damage.DAMAGED
        for row in rows
        if row[12] is not None and row[6] != "none" and sha256(row[12]).hexdigest() != row[7]
    }


def damaged_values(rows: list[Row], values: ValueStore, stamps: dict[str, str]) -> dict[str, Damage]:
    """Which assets' files are not what was committed, judged by stamp; a stamp that differs from the recorded
    one has the file read, and is put into `stamps` if all is well with it."""
    damage = {}
    for row in rows:
        if row[12] is not None or row[6] == "none":
            continue
        digest = row[7]
        now = values.stamp(digest, is_folder=row[6] == FOLDER_CODEC)
        if now is not None and (now == row[13] or now == stamps.get(digest)):
            continue
        found = values.check(stored_of(row))
        if found is not None:
            damage[row[1]] = found
        elif now is not None:
            stamps[digest] = now
    return damage
