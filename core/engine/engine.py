"""Carries out a plan in the loop it is started in: begins steps, hears how they end, commits, tells."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..events import Event, Kind
from ..model import Json, Reason, ReasonKind, StepKey, StepRecord, Stored
from ..plan import Plan
from ..problems import ProblemError
from ..store.store import Store
from .attempts import Attempts, Try
from .course import OVER, Blocked, Course, Phase
from .desk import Desk
from .executor import Outcome
from .pools import Pools
from .rim import Rim
from .telling import Data, Telling

_MAY_BE_SPARED = frozenset(
    {
        ReasonKind.UPSTREAM_STALE,
        ReasonKind.INPUT_CHANGED,
        ReasonKind.CODE_CHANGED,
        ReasonKind.CONFIG_CHANGED,
        ReasonKind.CHECK_CHANGED,
        ReasonKind.ENV_CHANGED,
    }
)
"""Reasons that an equal key takes away."""
_MAY_BE_CHECKED = _MAY_BE_SPARED | {ReasonKind.CHECK_FAILED}
"""Reasons with which the value that is there may be looked at instead of making it anew."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended: `ok` if every step of it is well; `counts` by the phase that steps ended in."""

    run: str
    ok: bool
    counts: Mapping[str, int]
    error: str = ""


def _with_own_metadata(outcome: Outcome) -> Outcome:
    """What a step says of itself, it says of the asset that it makes, where that is only one."""
    if len(outcome.made) != 1 or not outcome.metadata:
        return outcome
    (made,) = outcome.made
    return replace(outcome, made=(replace(made, metadata={**outcome.metadata, **made.metadata}),))


def _if_it_only_read(desk: Desk, store: Store, now: Try, outcome: Outcome) -> Outcome:
    """The outcome, or a failure where the stored value of an input changed while the step ran."""
    changed = desk.changed_under(now.task, now.open_to, store)
    if not changed:
        return outcome
    desk.spoil(changed, now.task)
    told = f"the stored value of {', '.join(changed)} changed while it ran"
    return replace(outcome, ok=False, made=(), error=f"{told}: a step may only read its inputs")


def _opening(plan: Plan, jobs: int, told: Data) -> dict[str, Json]:
    data: dict[str, Json] = {"jobs": jobs, "steps": len(plan.steps), "plan": plan.counts}
    data["queued"] = [step.task for step in plan.steps if step.action == "run"]
    return {**data, **told}


def _left(desk: Desk, now: Try, outcome: Outcome) -> tuple[dict[str, Stored], float]:
    """The values that are current from now on, and how long it took to make them."""
    if now.as_it_is:
        task = desk.definitions.tasks[now.task]
        return desk.values_of(task), desk.usual(task)
    return {made.asset: made.value for made in outcome.made}, outcome.seconds


def _success(
    now: Try, outcome: Outcome, key: StepKey, record: StepRecord, disturbed: Sequence[str]
) -> dict[str, Json]:
    data: dict[str, Json] = {
        "attempt": now.number,
        "seconds": outcome.seconds,
        "key": key.digest,
        "version": record.version,
        "outputs": list(record.outputs),
    }
    if outcome.metadata:
        data["metadata"] = dict(outcome.metadata)
    if now.as_it_is:
        data["checked_only"] = True
    if disturbed:
        data["note"] = f"{', '.join(disturbed)} changed while the run went on: it will run again"
    return data


class Engine:
    """One run. `carry_out` returns when the last step is over and everything told is durable. `told` goes with its
    beginning; if it is the run of a slot, no step begins before that is kept."""

    def __init__(
        self,
        run: str,
        desk: Desk,
        rim: Rim,
        *,
        first_seq: int,
        jobs: int,
        told: Data,
        fail_fast: bool = False,
    ) -> None:
        self.run = run
        self.course = Course(desk.graph)
        self._desk = desk
        self._rim = rim
        self._jobs, self._told, self._fail_fast = jobs, told, fail_fast
        self._telling = Telling(run, first_seq, rim.writer, rim.tell, rim.clock)
        self._attempts = Attempts(run, desk, rim, self._telling, self._ended)
        self._pools = Pools(desk.pools)
        self._unkept: dict[int, tuple[Try, Outcome | None]] = {}
        self._retries: dict[str, asyncio.TimerHandle] = {}
        self._forced: set[str] = set()
        self._error: ProblemError | None = None
        self._joining: asyncio.Future[None] | None = None
        self._added: list[Plan] = []
        self._begun = self._advancing = self._cancelled = False

    # ---- the run -----------------------------------------------------------------------------

    async def carry_out(self, plan: Plan) -> RunResult:
        """Runs `plan` to its end. A store that fails ends the run; its error is in the result."""
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._telling.emit(Kind.RUN_STARTED, data=_opening(plan, self._jobs, self._told))
        try:
            if "slot" in self._told:
                self._error = await self._telling.kept()
            await self._start_executor(plan)
            self._begin_with(plan)
            await self._over
        except asyncio.CancelledError:
            self.cancel()
            raise
        finally:
            await self._attempts.aclose()
        ok = self._error is None and self.course.all_well(self.course.phases)
        return RunResult(self.run, ok, self.course.counts(), str(self._error) if self._error else "")

    async def _start_executor(self, plan: Plan) -> None:
        has_work = plan.counts["run"] or any(added.counts["run"] for added in self._added)
        if not has_work or self._error is not None:
            return
        try:
            await self._attempts.start(self._jobs)
            self._attempts.resize(self._jobs)
        except ProblemError as problem:
            self._error = problem

    def _begin_with(self, plan: Plan) -> None:
        self._begun = True
        for one in (plan, *self._added):
            self.add(one)
        if self._cancelled:
            self.cancel()

    def closing_event(self, result: RunResult) -> Event:
        """The `run_finished` that goes with `result`; the caller commits it and then tells it."""
        status = "succeeded" if result.ok else "cancelled" if self._cancelled else "failed"
        data: dict[str, Json] = {"counts": dict(result.counts), "ok": result.ok, "status": status}
        more = {"error": result.error} if result.error else {}
        return self._telling.event(Kind.RUN_FINISHED, data={**data, **more})

    def log_file(self, task: str) -> Path | None:
        """The log of the attempt at `task` that is under way, if it printed anything yet."""
        return self._attempts.log_file(task)

    def resize(self, jobs: int) -> None:
        """So many steps at once from now on; what runs is let end."""
        self._jobs = jobs
        self._attempts.resize(jobs)

    def add(self, plan: Plan) -> None:
        """Adds the steps of another plan to the run."""
        if not self._begun:
            self._added.append(plan)
            return
        if plan.counts["run"] and not self._attempts.hired and self._error is None:
            self._joining = asyncio.ensure_future(self._join(plan))
            return
        self._forced |= plan.forced
        self.course.add(plan)
        self._advance()

    async def _join(self, plan: Plan) -> None:
        await self._start_executor(plan)
        self._joining = None
        self.add(plan)

    def cancel(self, task: str | None = None) -> None:
        """Cancels one step, or all that are not over."""
        if task is not None:
            self._cancel_step(task)
        else:
            self._cancelled = self._error is None
            self._cancel_all()
        if self._begun:
            self._advance()

    def _drop_rest(self) -> None:
        for name in self.course.not_begun():
            if self.course.phases[name] not in OVER:
                self._drop(name, blocked_too=False)

    def _cancel_all(self) -> None:
        self._drop_rest()
        for name in [t for t, p in self.course.phases.items() if p is Phase.RUNNING]:
            self._cancel_step(name)

    def _cancel_step(self, task: str) -> None:
        phase = self.course.phases.get(task)
        if phase is None or phase in OVER or self._attempts.cancel(task):
            return
        if any(now.task == task for now, _ in self._unkept.values()):
            return  # it is done but for its commit
        if (timer := self._retries.pop(task, None)) is not None:
            timer.cancel()
            data = {"error": "cancelled before it was tried again"}
            self._close(task, Phase.CANCELLED, Kind.STEP_CANCELLED, data)
            return
        self._pools.forget(task)
        self._drop(task)

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
        is_over = self.course.is_over and self._joining is None and self._telling.all_durable
        if is_over and not self._over.done():
            self._over.set_result(None)

    def _begin(self, task: str) -> None:
        step = self.course.steps[task]
        if self._error is not None:
            self._drop(task)
        elif step.action == "skip":
            self._close(task, Phase.BLOCKED, Kind.STEP_BLOCKED, self._desk.told_missing(step.reasons))
        elif step.action == "reuse":
            self._telling.emit(Kind.STEP_REUSED, task)
            self.course.done(task, Phase.REUSED)
        elif (spoiled := self._desk.spoiler_of(task)) is not None:
            asset, by = spoiled
            reason = f"the stored value of {asset} changed while {by} ran"
            self._close(task, Phase.BLOCKED, Kind.STEP_BLOCKED, {"by": by, "reason": reason})
        elif self._is_spared(task, key := self._desk.key_now(task), step.reasons):
            self._telling.emit(Kind.STEP_SPARED, task)
            self.course.done(task, Phase.SPARED)
        else:
            self.course.began(task)
            if self._pools.enter(task, self._desk.definitions.tasks[task].pool):
                self._order(task, key)

    def _order(self, task: str, key: StepKey) -> None:
        reasons = self.course.steps[task].reasons
        bad = task in self._forced or any(r.kind not in _MAY_BE_CHECKED for r in reasons)
        self._attempts.begin(task, key, reasons, as_it_is=not bad and self._desk.wants_checks(task, key))

    def _is_spared(self, task: str, key: StepKey, reasons: tuple[Reason, ...]) -> bool:
        record = self._desk.record_of(task)
        if record is None or task in self._forced or any(r.kind not in _MAY_BE_SPARED for r in reasons):
            return False
        return record.key.digest == key.digest

    # ---- how an attempt ends -------------------------------------------------------------------

    def _ended(self, now: Try, outcome: Outcome) -> None:
        if (following := self._pools.leave(now.task)) is not None:
            self._order(following, self._desk.key_now(following))
        outcome = _if_it_only_read(self._desk, self._rim.store, now, outcome)
        if outcome.ok and self._error is not None:
            self._block(self.course.lost(now.task, Phase.FAILED))  # it cannot be kept any more
        elif outcome.ok:
            self._succeed(now, _with_own_metadata(outcome))
        elif now.ended_as == "cancelled" and not now.started:
            self._attempts.forget_count(now.task)
            self._drop(now.task)
        elif now.ended_as == "cancelled" or (outcome.cancelled and not now.ended_as):
            self._lose(now, outcome, Kind.STEP_CANCELLED, Phase.CANCELLED, now.told_end("cancelled", outcome))
        else:
            self._fail(now, outcome)
        self._advance()

    def _succeed(self, now: Try, outcome: Outcome) -> None:
        task = self._desk.definitions.tasks[now.task]
        disturbed = self._desk.disturbed(now.task, self._rim.sources)
        key = self._desk.key_that_ran(task, now.key, disturbed)
        ended, events = self._rim.clock(), self._attempts.told_made(now, outcome)
        seq = self._telling.next_seq
        values, seconds = _left(self._desk, now, outcome)
        record = self._desk.record(task, key, values, self.run, seq, ended, seconds)
        data = _success(now, outcome, key, record, disturbed)
        events.append(self._telling.event(Kind.STEP_SUCCEEDED, now.task, data=data))
        attempt = now.as_ended(self.run, "succeeded", ended)
        commit = self._telling.commit(events, attempt, record, outcome.made)
        self._attempts.forget_count(now.task)
        self._desk.note(record, values)
        self._unkept[commit] = now, outcome if (waits := any(made.path for made in outcome.made)) else None
        if not waits:
            self._release(now)

    def _release(self, now: Try) -> None:
        self._rim.store.values.drop_scratch(now.name)
        self.course.done(now.task, Phase.SUCCEEDED)

    def _fail(self, now: Try, outcome: Outcome) -> None:
        task = self._desk.definitions.tasks[now.task]
        error = now.timed_out(task.timeout) if now.ended_as == "timed out" else outcome.error
        data = now.told_end(error, outcome)
        if now.number > task.retries or self._error is not None or outcome.checks:
            self._lose(now, outcome, Kind.STEP_FAILED, Phase.FAILED, data)
            return
        wait = data["retry_in"] = task.backoff * 2 ** (now.number - 1)
        self._attempts.note_end(now, outcome, Kind.STEP_FAILED, "failed", data)
        self._retries[now.task] = asyncio.get_running_loop().call_later(wait, self._retry, now.task)

    def _retry(self, task: str) -> None:
        self._retries.pop(task, None)
        if self.course.phases[task] is Phase.RUNNING:
            self.course.again(task)
            self._advance()

    def _lose(self, now: Try, outcome: Outcome, kind: Kind, phase: Phase, data: dict[str, Json]) -> None:
        self._attempts.forget_count(now.task)
        self._attempts.note_end(now, outcome, kind, phase.value, data)
        self._block(self.course.lost(now.task, phase))
        if phase is Phase.FAILED and self._fail_fast:
            self._drop_rest()
            for task in tuple(self._retries):
                self._cancel_step(task)

    def _close(self, task: str, phase: Phase, kind: Kind, data: Mapping[str, Json] | None = None) -> None:
        self._telling.emit(kind, task, data=data)
        self._block(self.course.lost(task, phase))

    def _drop(self, task: str, *, blocked_too: bool = True) -> None:
        """Cancels a step that has not begun: waiting, in line for a pool, or queued."""
        self._attempts.drop(task)
        blocked = self.course.lost(task, Phase.CANCELLED)
        if blocked_too:
            self._block(blocked)
            return
        for step in blocked:
            self.course.phases[step.task] = Phase.CANCELLED
            self._attempts.drop(step.task)

    def _block(self, blocked: tuple[Blocked, ...]) -> None:
        for step in blocked:
            self._telling.emit(Kind.STEP_BLOCKED, step.task, data={"by": step.by})

    # ---- what the writer tells -----------------------------------------------------------------

    def durable(self, commits: list[int], error: ProblemError | None = None) -> None:
        """Told in the loop's thread by the writer: these commits are safe, or the store failed."""
        if error is not None:
            self._store_failed(error)
            return
        if not commits:
            return
        self._telling.durable(commits)
        for commit in commits:
            match self._unkept.pop(commit, None):
                case (now, Outcome()):
                    self._release(now)
        self._advance()

    def _store_failed(self, error: ProblemError) -> None:
        if self._error is not None:
            return
        self._error = error
        self._telling.broke()
        for now, _ in self._unkept.values():
            self._block(self.course.lost(now.task, Phase.FAILED))
        self.cancel()
