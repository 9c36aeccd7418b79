"""What a step has made, one success after another, and the way back from each to the one before.

The successes of a step are a line; undoing goes back on it, redoing forward. What was undone and then made
anew is no longer on the way: before a value stands the one that was current when it was made.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..events import Event, Kind
from ..model import Json
from ..problems import ProblemError, StoreError
from .facts import Restored, ValueRow
from .ledger import LedgerReader
from .recall import stored_of
from .values import ValueStore


class NoEarlierValue(ProblemError):
    """There is nothing to go back (or forward) to."""

    exit_code = 1


_FARTHEST = 1000
"""Successes with the same values that are passed over."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One success of a step: the event that gave it, what it made by asset, what was recorded.

    `restores` is the number of the success that it repeats, if it was restored and not made; `ahead` the one
    that redoing leads to.
    """

    seq: int
    values: dict[str, ValueRow]
    record: tuple[str, str, float]
    body: Json
    restores: int | None = None
    ahead: int | None = None

    @property
    def versions(self) -> dict[str, str]:
        return {name: row.version for name, row in self.values.items()}


@dataclass(frozen=True, slots=True)
class Past:
    """Looks up what a task has made. Methods block; they raise StoreError."""

    reader: LedgerReader
    task: str
    _known: dict[int, Standing | None] = field(default_factory=dict)

    def now(self) -> Standing | None:
        """What stands now; None if the step never succeeded, or makes nothing."""
        seq = self.reader.step_seq(self.task)
        return None if seq is None else self.at(seq)

    def at(self, seq: int) -> Standing | None:
        """What the event `seq` gave; None if what it made is another's by now."""
        if seq not in self._known:
            self._known[seq] = self._read(seq)
        return self._known[seq]

    def _read(self, seq: int) -> Standing | None:
        kind, facts = self.reader.facts(seq) or ("", None)
        if (
            kind not in (Kind.STEP_SUCCEEDED, Kind.STEP_RESTORED, Kind.STEP_ACCEPTED)
            or not facts
            or "record" not in facts
        ):
            raise StoreError(f"the ledger has no success of {self.task} at event {seq}", "bakehouse doctor")
        values = {}
        for asset in facts["body"][4]:
            row = self.reader.value_before(asset, seq)
            if row is None or row[2] != self.task:
                return None
            values[asset] = ValueRow._make(row)
        record = tuple(facts["record"])
        return Standing(seq, values, record, facts["body"], facts.get("restores"), facts.get("ahead"))

    def before(self, one: Standing) -> Standing | None:
        """The success before; None if there was none, or another task made those values."""
        if one.restores is not None:
            made = self.at(one.restores)
            return None if made is None else self.before(made)
        if not one.values:
            return None
        first = min(one.values.values(), key=lambda row: row.seq)
        row = self.reader.value_before(first.asset, first.seq)
        if row is None or row[2] != self.task:
            return None
        seq = self.reader.success_after(self.task, row[0])
        return None if seq is None or seq >= one.seq else self.at(seq)

    def earlier(self, one: Standing) -> Standing | None:
        """The nearest before that made something else."""
        found: Standing | None = one
        for _ in range(_FARTHEST):
            found = None if found is None else self.before(found)
            if found is None or found.versions != one.versions:
                return found
        return None


def restoration(
    past: Past, store: ValueStore, *, run: str, last: int, now: float, redo: bool = False
) -> Restored:
    """What makes the value before (or, to redo, the one after) current again, as the events after `last`.

    Reads the values in full. Raises NoEarlierValue, in words, where there is none, or it is gone or damaged.
    """
    task, standing = past.task, past.now()
    if standing is None:
        raise NoEarlierValue(f"{task} has made nothing that could be undone")
    if not standing.values:
        raise NoEarlierValue(f"{task} leaves no value: what it did cannot be undone here")
    target = _ahead(past, standing) if redo else past.earlier(standing)
    if target is None:
        if redo:
            raise NoEarlierValue(f"there is nothing to redo of {task}: nothing was undone since it was made")
        raise NoEarlierValue(
            f"there is no earlier value of {task} to go back to",
            "it was never made with another result, or another task made it before",
        )
    if target.values.keys() != standing.values.keys():
        raise NoEarlierValue(
            f"{task} made other assets then ({', '.join(target.values)}), so that cannot be undone",
            "materialize it as it is defined now",
        )
    _check_there(store, target)
    made = past.at(target.restores) if target.restores is not None else target
    if made is None:
        raise StoreError(f"the ledger has no success of {task} at event {target.restores}")
    values = tuple(made.values.values())
    return Restored(
        _events(task, standing, made, run, last, now, redo),
        values,
        made.record,
        made.body,
        made.seq,
        target.ahead if redo else standing.seq,
    )


def _ahead(past: Past, standing: Standing) -> Standing | None:
    return None if standing.ahead is None else past.at(standing.ahead)


def _check_there(store: ValueStore, target: Standing) -> None:
    for asset, row in target.values.items():
        if (damage := store.check(stored_of(row))) is not None:
            told = "was collected: its file is not there any more" if damage == "missing" else "is damaged"
            raise NoEarlierValue(
                f"the earlier value of {asset}, version {row.version[:8]}, {told}",
                "nothing was changed; `bakehouse gc --keep N` says how many runs' values are kept",
            )


def _events(
    task: str, standing: Standing, made: Standing, run: str, last: int, now: float, redo: bool
) -> tuple[Event, ...]:
    events = []
    for number, (asset, row) in enumerate(made.values.items(), last + 1):
        data = {"version": row.version, "was": standing.values[asset].version, "restores": row.seq}
        events.append(Event(number, now, run, Kind.ASSET_RESTORED, task, asset, data))
    data = {"restores": made.seq, "redo": redo}
    return (*events, Event(last + len(events) + 1, now, run, Kind.STEP_RESTORED, task, data=data))
