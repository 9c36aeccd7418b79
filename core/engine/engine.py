"""Carries out a plan in the loop it is started in: begins steps, hears how they end, commits, tells."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..events import PASSING, Event, Kind
from ..model import Attempt, Json, Plan, Reason, ReasonKind, StepKey, Stored
from ..plan.keys import step_key
from ..problems import ProblemError
from ..sources import SourceVersions
from ..store.ledger import StepCommit
from ..store.store import Store, Writer
from .course import OVER, Blocked, Course, Phase
from .desk import Desk
from .executor import Executor, Made, Order, Outcome
from .logs import Printed
from .outbox import Outbox
from .pools import Pools

_NEVER_SPARED = frozenset(ReasonKind) - {
    ReasonKind.UPSTREAM_STALE,
    ReasonKind.INPUT_CHANGED,
    ReasonKind.CODE_CHANGED,
    ReasonKind.CONFIG_CHANGED,
    ReasonKind.ENV_CHANGED,
}


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended: `ok` if every step of it is well; `counts` by the phase that steps ended in."""

    run: str
    ok: bool
    counts: Mapping[str, int]
    error: str = ""


@dataclass(slots=True)
class _Try:
    """One attempt that is under way."""

    task: str
    name: str
    number: int
    key: StepKey
    queued: float
    stamps: Mapping[str, object]
    printed: Printed
    started: float = 0.0
    timer: asyncio.TimerHandle | None = None
    ended_as: str = ""


@dataclass(frozen=True, slots=True)
class Services:
    """The rim that a run works with."""

    store: Store
    writer: Writer
    executor: Executor
    sources: SourceVersions
    tell: Callable[[Event], None]
    clock: Callable[[], float] = time.time


def _with_own_metadata(outcome: Outcome) -> Outcome:
    """What a step says of itself, it says of the asset that it makes, where that is only one."""
    if len(outcome.made) != 1 or not outcome.metadata:
        return outcome
    (made,) = outcome.made
    return replace(outcome, made=(replace(made, metadata={**outcome.metadata, **made.metadata}),))


class Engine:
    """One run. `carry_out` returns when the last step is over and everything told is durable."""

    def __init__(self, run: str, desk: Desk, services: Services, *, first_seq: int, jobs: int) -> None:
        self.run = run
        self.course = Course(desk.graph)
        self._desk = desk
        self._services = services
        self._jobs = jobs
        self._outbox = Outbox(services.tell)
        self._seq = first_seq
        self._commits = 0
        self._durable = 0
        self._releases: dict[int, tuple[str, str]] = {}
        self._tries: dict[str, _Try] = {}
        self._by_task: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._retries: dict[str, asyncio.TimerHandle] = {}
        self._pools = Pools(desk.pools)
        self._forced: set[str] = set()
        self._error: ProblemError | None = None
        self._begun = False
        self._attempts = 0
        self._added: list[Plan] = []
        self._advancing = False
        self._cancelled = False
        self._over: asyncio.Future[None] | None = None

    # ---- the run -----------------------------------------------------------------------------

    async def carry_out(self, plan: Plan) -> RunResult:
        """Runs `plan` to its end. A store that fails ends the run; its error is in the result."""
        self._loop = asyncio.get_running_loop()
        self._over = self._loop.create_future()
        self._emit(Kind.RUN_STARTED, data={"jobs": self._jobs, "steps": len(plan.steps), "plan": plan.counts})
        try:
            await self._start_executor(plan)
            self._begin_with(plan)
            await self._over
        except asyncio.CancelledError:
            self.cancel()
            raise
        finally:
            await self._services.executor.aclose()
        return self._result()

    async def _start_executor(self, plan: Plan) -> None:
        if not plan.counts["run"]:
            return
        try:
            await self._services.executor.start(self, self._jobs)
        except ProblemError as problem:
            self._error = problem

    def log_file(self, task: str) -> Path | None:
        """The log of the attempt at `task` that is under way, if it printed anything yet."""
        attempt = self._by_task.get(task)
        return self._tries[attempt].printed.path if attempt is not None else None

    def _result(self) -> RunResult:
        counts = self.course.counts()
        ok = self._error is None and self.course.all_well(self.course.phases)
        return RunResult(self.run, ok, counts, str(self._error) if self._error else "")

    def closing_event(self, result: RunResult) -> Event:
        """The `run_finished` that goes with `result`; the caller commits it and then tells it."""
        status = "succeeded" if result.ok else "cancelled" if self._cancelled else "failed"
        data: dict[str, Json] = {"counts": dict(result.counts), "ok": result.ok, "status": status}
        if result.error:
            data["error"] = result.error
        return self._event(Kind.RUN_FINISHED, None, None, data)

    def _begin_with(self, plan: Plan) -> None:
        self._begun = True
        for one in (plan, *self._added):
            self.add(one)
        if self._cancelled:
            self.cancel()

    def add(self, plan: Plan) -> None:
        """Adds the steps of another plan to the run."""
        if not self._begun:
            self._added.append(plan)
            return
        self._forced |= plan.forced
        self.course.add(plan)
        self._advance()

    def cancel(self, task: str | None = None) -> None:
        """Cancels one step, or all that are not over."""
        if task is not None:
            self._cancel_step(task)
        else:
            self._cancelled = self._error is None
            self._cancel_all()
        if self._begun:
            self._advance()

    def _cancel_all(self) -> None:
        for name in self.course.not_begun():
            if self.course.phases[name] not in OVER:
                self._close(name, Phase.CANCELLED, Kind.STEP_CANCELLED, blocked_too=False)
        for name in [t for t, p in self.course.phases.items() if p is Phase.RUNNING]:
            self._cancel_step(name)

    def _cancel_step(self, task: str) -> None:
        phase = self.course.phases.get(task)
        if phase is None or phase in OVER:
            return
        if (attempt := self._by_task.get(task)) is not None:
            self._tries[attempt].ended_as = "cancelled"
            self._services.executor.cancel(attempt)
            return
        if (timer := self._retries.pop(task, None)) is not None:
            timer.cancel()
        self._pools.forget(task)
        self._close(task, Phase.CANCELLED, Kind.STEP_CANCELLED)

    # ---- choosing what begins ------------------------------------------------------------------

    def _advance(self) -> None:
        if self._advancing:
            return
        self._advancing = True
        try:
            while (task := self.course.take()) is not None:
                self._begin(task)
        finally:
            self._advancing = False
        self._end_if_over()

    def _end_if_over(self) -> None:
        assert self._over is not None
        if self.course.is_over and self._durable == self._commits and not self._over.done():
            self._over.set_result(None)

    def _begin(self, task: str) -> None:
        step = self.course.steps[task]
        if self._error is not None:
            self._close(task, Phase.CANCELLED, Kind.STEP_CANCELLED)
        elif step.action == "skip":
            missing = step.reasons[0]
            data: dict[str, Json] = {"by": missing.key, "reason": missing.detail}
            self._close(task, Phase.BLOCKED, Kind.STEP_BLOCKED, data)
        elif step.action == "reuse":
            self._emit(Kind.STEP_REUSED, task)
            self.course.done(task, Phase.REUSED)
        else:
            key = step_key(self._desk.static[task], self._desk.inputs_of(task))
            if self._is_spared(task, key, step.reasons):
                self._emit(Kind.STEP_SPARED, task)
                self.course.done(task, Phase.SPARED)
            else:
                self.course.began(task)
                if self._pools.enter(task, self._desk.definitions.tasks[task].pool):
                    self._submit(task, key)

    def _is_spared(self, task: str, key: StepKey, reasons: tuple[Reason, ...]) -> bool:
        record = self._desk.records.get(task)
        if record is None or task in self._forced or any(r.kind in _NEVER_SPARED for r in reasons):
            return False
        return record.key.digest == key.digest

    def _submit(self, task: str, key: StepKey) -> None:
        number = self._numbers[task] = self._numbers.get(task, 0) + 1
        self._attempts += 1
        name = f"{self.run}-{self._attempts}"
        attempt = _Try(
            task,
            name,
            number,
            key,
            self._services.clock(),
            self._desk.stamps_of(task, self._services.sources),
            Printed(self._services.store, self.run, task, number),
        )
        self._tries[name] = attempt
        self._by_task[task] = name
        self._emit(Kind.STEP_QUEUED, task, data={"attempt": number})
        self._services.executor.submit(self._order(attempt))

    def _order(self, attempt: _Try) -> Order:
        task = self._desk.definitions.tasks[attempt.task]
        return Order(
            attempt=attempt.name,
            task=task.name,
            action=task.action,
            inputs=self._desk.given_to(task, self._services.sources, self._services.store),
            outputs=self._desk.outputs_of(task),
            params=task.params,
            env={name: value for name, value in task.env.items() if value is not None},
            isolate=task.isolate,
        )

    # ---- what the executor tells ---------------------------------------------------------------

    def started(self, attempt: str, pid: int) -> None:
        now = self._tries[attempt]
        now.started = self._services.clock()
        self._emit(
            Kind.STEP_STARTED, now.task, data={"attempt": now.number, "pid": pid, "queued": now.queued}
        )
        timeout = self._desk.definitions.tasks[now.task].timeout
        if timeout is not None:
            now.timer = self._loop.call_later(timeout, self._time_out, attempt)

    def _time_out(self, attempt: str) -> None:
        if (now := self._tries.get(attempt)) is not None and not now.ended_as:
            now.ended_as = "timed out"
            self._services.executor.cancel(attempt)

    def output(self, attempt: str, data: bytes) -> None:
        now = self._tries[attempt]
        for line in now.printed.write(data):
            self._emit(Kind.LOG, now.task, data={"line": line})

    def progress(self, attempt: str, fraction: float, note: str) -> None:
        data: dict[str, Json] = {"fraction": fraction}
        if note:
            data["note"] = note
        self._emit(Kind.PROGRESS, self._tries[attempt].task, data=data)

    def metadata(self, attempt: str, asset: str | None, values: Mapping[str, Json]) -> None:
        self._emit(Kind.METADATA, self._tries[attempt].task, asset, {"metadata": dict(values)})

    def finished(self, outcome: Outcome) -> None:
        now = self._tries.pop(outcome.attempt)
        del self._by_task[now.task]
        if now.timer is not None:
            now.timer.cancel()
        for line in now.printed.close():
            self._emit(Kind.LOG, now.task, data={"line": line})
        if (following := self._pools.leave(now.task)) is not None:
            self._submit_waiting(following)
        if outcome.ok:
            self._succeed(now, outcome)
        elif now.ended_as == "cancelled" or (outcome.cancelled and not now.ended_as):
            self._end_attempt(now, "cancelled", "cancelled", outcome)
        else:
            self._fail(now, outcome)
        self._advance()

    def _submit_waiting(self, task: str) -> None:
        self._submit(task, step_key(self._desk.static[task], self._desk.inputs_of(task)))

    # ---- how an attempt ends -------------------------------------------------------------------

    def _succeed(self, now: _Try, outcome: Outcome) -> None:
        outcome = _with_own_metadata(outcome)
        values: dict[str, Stored] = {made.asset: made.value for made in outcome.made}
        task = self._desk.definitions.tasks[now.task]
        stamps = self._desk.stamps_of(now.task, self._services.sources)
        disturbed = tuple(name for name, stamp in stamps.items() if now.stamps[name] != stamp)
        key = self._desk.key_that_ran(task, now.key, disturbed)
        ended = self._services.clock()
        events = [self._materialized(now, made, outcome) for made in outcome.made]
        record = self._desk.record(task, key, values, self.run, self._seq + 1, ended, outcome.seconds)
        data: dict[str, Json] = {
            "attempt": now.number,
            "seconds": outcome.seconds,
            "key": key.digest,
            "version": record.version,
            "outputs": list(record.outputs),
        }
        if outcome.metadata:
            data["metadata"] = dict(outcome.metadata)
        if disturbed:
            data["note"] = f"{', '.join(disturbed)} changed while the step ran: it will run again"
        events.append(self._event(Kind.STEP_SUCCEEDED, now.task, None, data))
        attempt = self._attempt(now, "succeeded", ended)
        commit = self._commit(StepCommit(self._commits + 1, tuple(events), attempt, record, outcome.made))
        self._desk.note(record, values)
        if any(made.path for made in outcome.made):
            self._releases[commit] = (now.task, now.name)
        else:
            self._services.store.values.drop_scratch(now.name)
            self.course.done(now.task, Phase.SUCCEEDED)

    def _materialized(self, now: _Try, made: Made, outcome: Outcome) -> Event:
        value = made.value
        data: dict[str, Json] = {
            "version": value.version,
            "codec": value.codec,
            "size": value.size,
            "digest": value.digest,
            "type": value.type,
            "seconds": outcome.seconds,
            "attempt": now.number,
        }
        if made.metadata:
            data["metadata"] = dict(made.metadata)
        return self._event(Kind.ASSET_MATERIALIZED, now.task, made.asset, data)

    def _fail(self, now: _Try, outcome: Outcome) -> None:
        task = self._desk.definitions.tasks[now.task]
        error = outcome.error
        if now.ended_as == "timed out":
            error = f"timed out after {task.timeout:g} s"
        if now.number <= task.retries and self._error is None:
            wait = task.backoff * 2 ** (now.number - 1)
            self._end_attempt(now, "failed", error, outcome, retry_in=wait)
            self._retries[now.task] = self._loop.call_later(wait, self._retry, now.task)
        else:
            self._end_attempt(now, "failed", error, outcome)

    def _retry(self, task: str) -> None:
        self._retries.pop(task, None)
        if self.course.phases[task] is Phase.RUNNING:
            self.course.again(task)
            self._advance()

    def _end_attempt(
        self, now: _Try, state: str, error: str, outcome: Outcome, retry_in: float | None = None
    ) -> None:
        data: dict[str, Json] = {"attempt": now.number, "error": error, "seconds": outcome.seconds}
        if outcome.traceback:
            data["traceback"] = outcome.traceback
        if retry_in is not None:
            data["retry_in"] = retry_in
        kind = Kind.STEP_CANCELLED if state == "cancelled" else Kind.STEP_FAILED
        phase = Phase.CANCELLED if state == "cancelled" else Phase.FAILED
        attempt = self._attempt(now, state, self._services.clock(), error)
        if retry_in is None:
            self._numbers.pop(now.task, None)
        event = self._event(kind, now.task, None, data)
        self._commit(StepCommit(self._commits + 1, (event,), attempt, None, ()))
        if retry_in is None:
            self._block(self.course.lost(now.task, phase))

    def _attempt(self, now: _Try, state: str, ended: float, error: str = "") -> Attempt:
        return Attempt(
            task=now.task,
            run=self.run,
            number=now.number,
            state=state,  # type: ignore[arg-type]
            started=now.started or now.queued,
            finished=ended,
            error=error,
            log=now.printed.file,
        )

    def _close(
        self,
        task: str,
        phase: Phase,
        kind: Kind,
        data: Mapping[str, Json] | None = None,
        *,
        blocked_too: bool = True,
    ) -> None:
        self._emit(kind, task, data=data)
        blocked = self.course.lost(task, phase)
        if blocked_too:
            self._block(blocked)
        else:
            for step in blocked:
                self.course.phases[step.task] = Phase.CANCELLED
                self._emit(Kind.STEP_CANCELLED, step.task)

    def _block(self, blocked: tuple[Blocked, ...]) -> None:
        for step in blocked:
            self._emit(Kind.STEP_BLOCKED, step.task, data={"by": step.by})

    # ---- what is written and told --------------------------------------------------------------

    def _event(
        self, kind: Kind, task: str | None, asset: str | None, data: Mapping[str, Json] | None
    ) -> Event:
        self._seq += 1
        return Event(self._seq, self._services.clock(), self.run, kind, task, asset, data or {})

    def _emit(
        self,
        kind: Kind,
        task: str | None = None,
        asset: str | None = None,
        data: Mapping[str, Json] | None = None,
    ) -> None:
        event = self._event(kind, task, asset, data)
        if kind not in PASSING and self._error is None:
            self._services.writer.append((event,))
        self._outbox.put(event)

    def _commit(self, commit: StepCommit) -> int:
        self._commits += 1
        if self._error is not None:
            self._durable = self._commits
            return self._commits
        for event in commit.events:
            self._outbox.put(event, self._commits)
        self._services.writer.commit(commit)
        return self._commits

    def durable(self, commits: list[int], error: ProblemError | None = None) -> None:
        """Told in the loop's thread by the writer: these commits are safe, or the store failed."""
        if error is not None:
            self._store_failed(error)
            return
        if not commits:
            return
        self._durable = max(commits)
        self._outbox.committed(commits)
        for commit in commits:
            if (release := self._releases.pop(commit, None)) is not None:
                task, attempt = release
                self._services.store.values.drop_scratch(attempt)
                self.course.done(task, Phase.SUCCEEDED)
        self._advance()

    def _store_failed(self, error: ProblemError) -> None:
        if self._error is not None:
            return
        self._error = error
        self._durable = self._commits
        self._outbox.drop_uncommitted()
        for task, _ in self._releases.values():
            self._block(self.course.lost(task, Phase.FAILED))
        self._releases.clear()
        self.cancel()
