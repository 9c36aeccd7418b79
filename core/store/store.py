"""The store of one project: opens it, says what is recorded, begins runs."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..events import Event, Kind
from ..model import Attempt, Damage, Json, Materialization, Reason, Recorded, StepRecord
from ..problems import StoreError
from . import lock as locks
from .baseline import Baseline, load_baseline, save_baseline
from .crash import crash_point
from .database import LEDGER, identity
from .disk import private_folder, sync_folder
from .facts import Batch, SlotRow
from .faults import storage_error, understood
from .ledger import LedgerReader, LedgerWriter, Row
from .lock import Holder, ProjectLock
from .logs import LogStore
from .opening import open_ledger, prepare, sealer_of
from .recall import (
    Recalled,
    attempt_of,
    damaged_values,
    materialization_of,
    recorded_of,
    rotten_values,
    stored_of,
)
from .recovery import recover, remains
from .seal import Sealer
from .values import ValueStore
from .writer import Notify, Writer

if TYPE_CHECKING:
    from .standing import Past

__all__ = ["RunSummary", "Store", "Writer"]


_STATUSES = frozenset({"running", "succeeded", "failed", "cancelled", "interrupted"})


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run. Times are Unix times in seconds; `seq` is the number of its first event.

    `status` is `running`, `succeeded`, `failed`, `cancelled` or `interrupted`. `schedule` and `slot` (Unix time)
    are of what began it, where nobody did. `left_open` is one that is interrupted and that nobody has closed yet.
    """

    run: str
    seq: int
    started: float
    finished: float | None
    status: str
    selection: str
    jobs: int
    pid: int
    counts: Mapping[str, int] = field(default_factory=dict)
    schedule: str | None = None
    slot: int | None = None
    left_open: bool = False


class Store:
    """Make one with `open`. Reading never waits for a run, and never keeps one from going on."""

    def __init__(self, folder: Path, *, create: bool) -> None:
        self.folder = folder
        self.values = ValueStore(folder)
        self.logs = LogStore(folder)
        self.writable = False
        """Whether a run can begin here."""
        self._create = create
        self._stamps: dict[str, str] = {}
        self._recalled: Recalled | None = None
        self._open(create=create)

    @classmethod
    def open(cls, folder: Path, *, create: bool = True) -> Store:
        """Opens the store at `folder`, and makes it if it is not there and `create` is set.

        A folder that cannot be written is read; one that is not there and cannot be made is empty. One of an
        earlier format is brought up to date, with a backup. Raises StoreError for a ledger that is damaged,
        of a newer Bakehouse, not made by this user, or older than it was; it is not touched then.
        """
        return cls(folder.absolute(), create=create)

    def close(self) -> None:
        """Closes what is open. A run that still goes on is not ended by it."""
        self.reader.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def furnish(self) -> None:
        """Makes the store again if it was deleted since it was opened. Reading never does."""
        if identity(self.folder) is None:
            self.reader.close()
            self._open(create=self._create)

    def _open(self, *, create: bool) -> None:
        self.writable = prepare(self.folder, create=create)
        self._identity = identity(self.folder)
        self.reader = (
            LedgerReader.of_nothing()
            if self._identity is None
            else open_ledger(self.folder, writable=self.writable)
        )

    def _follow(self) -> None:
        """Looks whether the store is still the one that was opened; opens what is there now if it is not. One
        that is being deleted is not made again under the hands of who deletes it."""
        if identity(self.folder) != self._identity:
            self.reader.close()
            self._open(create=False)

    # ---- what is recorded ------------------------------------------------------------------------

    def recorded(self) -> Recorded:
        """All that the planner asks of the store, of one moment; the same object as long as nothing changed.

        Values are judged by the stamps of their files; a file whose stamp is another than at its commit is
        read in full. Raises StoreError."""
        version = self.data_version()
        known = self._recalled
        if known is None or known.version != version:
            values, steps, attempts = self.reader.current()
            recorded = recorded_of(values, steps, attempts, self.folder / LEDGER)
            with understood(self.folder / LEDGER):
                known = Recalled(version, values, recorded, rotten_values(values))
        with understood(self.folder / LEDGER):
            damage = {**damaged_values(known.values, self.values, self._stamps), **known.rotten}
        if damage != known.recorded.damage:
            known = replace(known, recorded=replace(known.recorded, damage=damage))
        self._recalled = known
        return known.recorded

    def verify(self, asset: str) -> Damage | None:
        """Reads the current value of an asset in full; None if it is what was committed, or there is none."""
        rows = self.reader.materializations(asset, 1)
        return self.values.check(stored_of(rows[0])) if rows else None

    def materializations(self, asset: str, limit: int = 20) -> list[Materialization]:
        """The last values of an asset, newest first."""
        rows = self.reader.materializations(asset, limit)
        with understood(self.folder / LEDGER):
            return [materialization_of(row) for row in rows]

    def attempt(self, task: str) -> Attempt | None:
        """How the last attempt at a task ended."""
        row = self.reader.attempt(task)
        with understood(self.folder / LEDGER):
            return None if row is None else attempt_of(row)

    def runs(self, limit: int = 20) -> list[RunSummary]:
        """The last runs, newest first. A run whose process is gone is `interrupted`, whatever it wrote."""
        rows = self.reader.runs(limit)
        alive = locks.holder(self.folder) if any(row[10] == "running" for row in rows) else None
        with understood(self.folder / LEDGER):
            return [_with_remains(_summary(row, alive), self.reader) for row in rows]

    def events(self, run: str, *, after: int = 0, limit: int = -1) -> list[Event]:
        """The events of a run, as they were told, with a higher number than `after`."""
        return self.reader.events(run, after, limit)

    def log_names(self, run: str) -> set[str]:
        """The logs that the attempts of a run left, whether or not they are there still."""
        return self.reader.log_names(run)

    def max_seq(self) -> int:
        """The number of the last event, 0 if there is none."""
        return self.reader.max_seq()

    def data_version(self) -> tuple[object, int]:
        """Another value whenever anything was committed by anyone, or the store was replaced."""
        self._follow()
        return self._identity, self.reader.data_version()

    def identity(self) -> object:
        """Another value when the store was replaced; None where there is none."""
        self._follow()
        return self._identity

    def problems(self) -> list[str]:
        """What a check of the file, of the log against the state, and of every current value finds."""
        found = self.reader.problems()
        for row in self.reader.current()[0]:
            if (damage := self.values.check(stored_of(row))) is not None:
                found.append(f"the value of {row[1]} is {damage}")
        return found

    # ---- the baseline ----------------------------------------------------------------------------

    def baseline(self, selection: str = "") -> Baseline | None:
        """What was last accepted of one choice of definition files; None if nothing was."""
        return load_baseline(self.folder, selection)

    def set_baseline(self, baseline: Baseline, selection: str = "") -> None:
        """Accepts. Raises StoreError where that cannot be kept."""
        save_baseline(self.folder, baseline, selection)

    # ---- runs ------------------------------------------------------------------------------------

    def begin(
        self,
        run: str,
        *,
        lock: ProjectLock,
        notify: Notify,
        selection: str = "",
        jobs: int = 0,
        now: float | None = None,
    ) -> Writer:
        """Begins a run for the holder of `lock`: first closes as interrupted what dead owners left.

        The run is there for others with its `run_started` event, which the caller appends as its first; its
        number is above `Writer.last_seq`. Raises StoreError where nothing can be written.
        """
        self._check_owned(lock)
        crash_point("begin.locked")
        path = self.folder / LEDGER
        try:
            ledger = LedgerWriter(path, self._sealer())
            try:
                return self._begin(ledger, run, notify, selection, jobs, time.time() if now is None else now)
            except BaseException:
                ledger.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise storage_error(path, error) from error

    def close_dead_runs(self, *, lock: ProjectLock) -> tuple[str, ...]:
        """Closes as interrupted what dead owners left, without beginning a run; returns the names of the runs.
        For the holder of `lock`. Raises StoreError."""
        with self.writing(lock) as ledger:
            closed = recover(ledger, self.logs, {}, "", "", 0, time.time())[1]
        return tuple(event.run for event in closed if event.kind is Kind.RUN_FINISHED)

    def restore(
        self, task: str, *, run: str, lock: ProjectLock, redo: bool = False, now: float | None = None
    ) -> tuple[Event, ...]:
        """Makes what a task made before (with `redo`: after) current again, all of it in one commit that is
        told as a run of its own. Returns its events. First closes what dead owners left.

        For the holder of `lock`. Blocking: reads those values in full. Raises ProblemError where there is no
        such value, StoreError where nothing can be written.
        """
        from .standing import Past, restoration

        def put(batch: Batch, last: int, now: float) -> tuple[Event, ...]:
            past = Past(self.reader, task)
            earlier = restoration(past, self.values, run=run, last=last, now=now, redo=redo)
            batch.restore(earlier)
            return earlier.events

        return self._at_once(f"{'redo' if redo else 'undo'} {task}", run, lock, "restored", put, now)

    def accept(
        self,
        records: Sequence[StepRecord],
        reasons: Sequence[Sequence[Reason]],
        *,
        run: str,
        lock: ProjectLock,
    ) -> tuple[Event, ...]:
        """Records that what these steps made last is up to date under the keys in `records`, for all that
        `reasons` say against it; all of it in one commit that is told as a run of its own. Returns its events.

        For the holder of `lock`. Blocking. Raises StoreError where nothing can be written.
        """

        def put(batch: Batch, last: int, now: float) -> tuple[Event, ...]:
            events = []
            for seq, (record, why) in enumerate(zip(records, reasons, strict=True), last + 1):
                data: dict[str, Json] = {"reasons": [one.as_json() for one in why]}
                events.append(Event(seq, now, run, Kind.STEP_ACCEPTED, record.task, data=data))
                batch.accept(events[-1], record)
            return tuple(events)

        tasks = " ".join(record.task for record in records)
        return self._at_once(f"accept {tasks}", run, lock, "accepted", put)

    def _at_once(
        self,
        selection: str,
        run: str,
        lock: ProjectLock,
        word: str,
        put: Callable[[Batch, int, float], tuple[Event, ...]],
        now: float | None = None,
    ) -> tuple[Event, ...]:
        """One commit that is a run of its own: its beginning, what `put` adds after the event `last` at `now`, its
        end. First closes what dead owners left."""
        now = time.time() if now is None else now
        with self.writing(lock) as ledger:
            start, _, last = recover(ledger, self.logs, {}, run, selection, 1, now)
            batch = Batch(start)
            begun = Event(last + 1, now, run, Kind.RUN_STARTED, data={"note": selection})
            batch.tell((begun,))
            events = put(batch, last + 1, now)
            count = sum(event.asset is None for event in events)
            data: dict[str, Json] = {"ok": True, "status": "succeeded", "counts": {word: count}}
            ended = Event(events[-1].seq + 1, now, run, Kind.RUN_FINISHED, data=data)
            batch.tell((ended,))
            ledger.write(batch)
        return begun, *events, ended

    def slots(self, schedule: str, *, until: float = 1 << 62, limit: int = 1) -> list[SlotRow]:
        """The last slots of a schedule, not later than `until`, that have a run or were missed; newest first."""
        rows = self.reader.slots(schedule, int(until), limit)
        with understood(self.folder / LEDGER):
            return [SlotRow._make(row) for row in rows]

    def past(self, task: str) -> Past:
        """What a task has made, success after success."""
        from .standing import Past

        return Past(self.reader, task)

    def restored(self, asset: str, limit: int = 20) -> dict[int, float]:
        """Which of the last values of an asset, by their `seq`, are earlier ones made current again, and when."""
        return self.reader.restored(asset, limit)

    @contextlib.contextmanager
    def writing(self, lock: ProjectLock) -> Iterator[LedgerWriter]:
        """The ledger, for commits of the holder of `lock`. Raises StoreError where nothing can be written."""
        self._check_owned(lock)
        path = self.folder / LEDGER
        try:
            with contextlib.closing(LedgerWriter(path, self._sealer())) as ledger:
                yield ledger
        except (OSError, sqlite3.Error) as error:
            raise storage_error(path, error) from error

    def _sealer(self) -> Sealer:
        return sealer_of(self.folder, self.reader.name())

    def _check_owned(self, lock: ProjectLock) -> None:
        self._follow()
        if not self.writable:
            raise StoreError(
                f"the store {self.folder} cannot be written", "nothing can be run here until it can be"
            )
        if not lock.is_held() or not lock.folder.samefile(self.folder):
            raise StoreError(f"the lock of {self.folder} is not held", "take it before beginning a run")

    def _begin(
        self, ledger: LedgerWriter, run: str, notify: Notify, selection: str, jobs: int, now: float
    ) -> Writer:
        start, recovered, last = recover(ledger, self.logs, self._stamps, run, selection, jobs, now)
        self._stamps.clear()
        self.values.clear_scratch()
        crash_point("begin.scratch_cleared")
        for name in ("values", "logs"):
            private_folder(self.folder / name)
        sync_folder(self.folder)
        writer = Writer(ledger, self.values, self.folder, start, last, notify)
        writer.recovered = recovered
        writer.open()
        return writer


def _with_remains(run: RunSummary, reader: LedgerReader) -> RunSummary:
    """The same, with what is known of a run that nobody has closed since its process was gone."""
    if run.status != "interrupted" or run.finished is not None:
        return run
    until, counts = remains(run.started, reader.attempts_of(run.run, run.seq))
    return replace(run, finished=until, counts=counts, left_open=True)


def _summary(row: Row, alive: Holder | None) -> RunSummary:
    run, first, started, selection, jobs, pid, _boot, _epoch, _last, finished, status, counts, *began = row
    if status not in _STATUSES or not isinstance(started, float):
        raise ValueError(f"no run has the status {status!r}")
    if status == "running" and (alive is None or (alive.run or run, alive.pid) != (run, pid)):
        status = "interrupted"
    return RunSummary(run, first, started, finished, status, selection, jobs, pid, json.loads(counts), *began)
