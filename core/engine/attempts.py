"""The attempts that are under way, and what the executor tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..events import Event, Kind
from ..model import Attempt, Json, Reason, StepKey
from ..secrets import Secrets
from .desk import Desk
from .executor import Executor, Made, Order, Outcome
from .logs import Printed
from .rim import Rim
from .telling import Telling

if TYPE_CHECKING:
    from .checking import Checking

_MOST_REASONS = 3
_DETAIL = 200
_AS_IT_IS = " (of the value that is there; --force makes it anew)"
_NOT_BEGUN = "cancelled before it began"


@dataclass(slots=True)
class Try:
    """One attempt. `ended_as` is why it was ended from outside: "cancelled" or "timed out"; `open_to` are
    stamps of the stored values that it could write to; `checking` is there while what it made is checked. With
    `as_it_is` nothing is made: the value that is there is checked."""

    task: str
    name: str
    number: int
    key: StepKey
    queued: float
    open_to: Mapping[str, object]
    printed: Printed
    started: float = 0.0
    timer: asyncio.TimerHandle | None = None
    ended_as: str = ""
    left: float | None = None
    checking: Checking | None = None
    as_it_is: bool = False

    @property
    def order(self) -> str:
        """The name of the order that is under way."""
        return self.name if self.checking is None else self.checking.name

    def timed_out(self, timeout: float | None) -> str:
        """What is told of it when its time was up."""
        at = "" if self.checking is None else " while what it made was checked"
        return f"timed out after {timeout or 0:g} s{at}"

    def as_ended(self, run: str, state: str, finished: float, error: str = "") -> Attempt:
        """What is recorded of it."""
        began = self.started or self.queued
        return Attempt(self.task, run, self.number, state, began, finished, error, self.printed.file)  # type: ignore[arg-type]

    def told_of(self, made: Made, outcome: Outcome) -> dict[str, Json]:
        """What is told of a value that it left."""
        value = made.value
        data: dict[str, Json] = {
            "version": value.version,
            "codec": value.codec,
            "size": value.size,
            "digest": value.digest,
            "type": value.type,
            "seconds": outcome.seconds,
            "attempt": self.number,
        }
        if made.metadata:
            data["metadata"] = dict(made.metadata)
        return data

    def told_end(self, error: str, outcome: Outcome) -> dict[str, Json]:
        """What is told of its end, where that was not well."""
        data: dict[str, Json] = {"attempt": self.number, "error": error, "seconds": outcome.seconds}
        if outcome.traceback:
            data["traceback"] = outcome.traceback
        return data


def without_secrets(outcome: Outcome, secrets: Secrets) -> Outcome:
    """The outcome as it may be told and kept. The values themselves are the project's data: they stay."""
    if not secrets:
        return outcome
    if outcome.checks:
        from .checking import checks_without

        outcome = replace(outcome, checks=checks_without(secrets, outcome.checks))
    return replace(
        outcome,
        error=secrets.text(outcome.error),
        traceback=secrets.text(outcome.traceback),
        metadata=secrets.json(dict(outcome.metadata)),
        made=tuple(replace(made, metadata=secrets.json(dict(made.metadata))) for made in outcome.made),
    )


def _in_short(reasons: Sequence[Reason]) -> list[Json]:
    """Reasons for the history: bounded, and without what changed."""
    return [
        Reason(reason.kind, reason.detail[:_DETAIL], reason.key).as_json()
        for reason in reasons[:_MOST_REASONS]
    ]


class Attempts:
    """Listens to the executor. Hands each attempt over to `ended` with its outcome."""

    def __init__(
        self,
        run: str,
        desk: Desk,
        rim: Rim,
        telling: Telling,
        ended: Callable[[Try, Outcome], None],
    ) -> None:
        self._run = run
        self._desk = desk
        self._rim = rim
        self._telling = telling
        self._ended = ended
        self._executor: Executor | None = None
        self._begun = 0
        self._tries: dict[str, Try] = {}
        self._by_task: dict[str, Try] = {}
        self._numbers: dict[str, int] = {}

    @property
    def hired(self) -> bool:
        """Whether there is anyone to run a step."""
        return self._executor is not None

    async def start(self, jobs: int) -> None:
        """Hires who runs the steps. Raises ProblemError where they cannot start."""
        self._executor = self._rim.hire()
        await self._executor.start(self, jobs)

    def resize(self, jobs: int) -> None:
        """So many steps at once from now on."""
        if self._executor is not None:
            self._executor.resize(jobs)

    async def aclose(self) -> None:
        """Ends what is under way, and leaves no process behind."""
        if self._executor is not None:
            await self._executor.aclose()

    def begin(self, task: str, key: StepKey, reasons: Sequence[Reason], *, as_it_is: bool = False) -> None:
        """Orders an attempt at `task`; `reasons` are why it is to run. With `as_it_is` the value that is there is
        checked and none is made."""
        self._begun += 1
        number = self._numbers[task] = self._numbers.get(task, 0) + 1
        now = Try(
            task,
            f"{self._run}-{self._begun}",
            number,
            key,
            self._rim.clock(),
            self._desk.open_to(task, self._rim.store),
            Printed(self._rim.store, self._rim.secrets, self._run, task, number),
            as_it_is=as_it_is,
        )
        self._tries[now.name] = self._by_task[task] = now
        self._telling.emit(Kind.STEP_QUEUED, task, data={"attempt": number, "reasons": _in_short(reasons)})
        assert self._executor is not None, "steps to run are known before the run starts"
        if as_it_is:
            there = Outcome(now.name, True, self._desk.made_before(task, self._rim.store))
            asyncio.get_running_loop().call_soon(self.finished, there)
        else:
            self._executor.submit(self._order(now))

    def _order(self, now: Try) -> Order:
        task = self._desk.definitions.tasks[now.task]
        return Order(
            attempt=now.name,
            task=task.name,
            action=task.action,
            inputs=self._desk.given_to(task, self._rim.sources, self._rim.store),
            outputs=self._desk.outputs_of(task),
            params=task.params,
            env={name: value for name, value in task.env.items() if value is not None},
            isolate=task.isolate,
            number=now.number,
            partition=task.partition,
            gathers=task.gathers,
        )

    def forget_count(self, task: str) -> None:
        """The next attempt at `task` is the first again."""
        self._numbers.pop(task, None)

    def cancel(self, task: str) -> bool:
        """Ends the attempt at `task`; False if there is none."""
        now = self._by_task.get(task)
        if now is None:
            return False
        self._end(now, "cancelled")
        return True

    def _end(self, now: Try, why: str) -> None:
        now.ended_as = why
        if self._executor is not None:
            self._executor.cancel(now.order)

    def drop(self, task: str) -> None:
        """Tells that `task` was cancelled before an attempt at it began."""
        data = {"error": _NOT_BEGUN}
        if self._telling.broken or not self._desk.was_left_undone(task):
            self._telling.emit(Kind.STEP_CANCELLED, task, data=data)
            return
        now = self._rim.clock()
        attempt = Attempt(task, self._run, 0, "cancelled", now, now, _NOT_BEGUN)
        self._telling.commit((self._telling.event(Kind.STEP_CANCELLED, task, data=data),), attempt)

    def log_file(self, task: str) -> Path | None:
        """The log of the attempt at `task` that is under way, if it printed anything yet."""
        now = self._by_task.get(task)
        return None if now is None else now.printed.path

    # ---- what the executor tells ---------------------------------------------------------------

    def started(self, attempt: str, pid: int) -> None:
        now = self._tries[attempt]
        if not now.started:
            now.started = self._rim.clock()
            data: dict[str, Json] = {"attempt": now.number, "pid": pid, "queued": now.queued}
            self._telling.emit(Kind.STEP_STARTED, now.task, data=data)
            now.left = self._desk.definitions.tasks[now.task].timeout
        if now.checking is not None:
            self._telling.emit(Kind.PROGRESS, now.task, data={"fraction": 1.0, "note": "checking"})
        if now.left is not None:
            now.timer = asyncio.get_running_loop().call_later(now.left, self._time_out, attempt)

    def _time_out(self, attempt: str) -> None:
        if (now := self._tries.get(attempt)) is not None and not now.ended_as:
            self._end(now, "timed out")

    def output(self, attempt: str, data: bytes) -> None:
        now = self._tries[attempt]
        self._tell_lines(now, now.printed.write(data))

    def _tell_lines(self, now: Try, lines: list[str]) -> None:
        for line in lines:
            self._telling.emit(Kind.LOG, now.task, data={"line": line})

    def progress(self, attempt: str, fraction: float, note: str) -> None:
        data: dict[str, Json] = {"fraction": fraction}
        if note:
            data["note"] = self._rim.secrets.text(note)
        self._telling.emit(Kind.PROGRESS, self._tries[attempt].task, data=data)

    def metadata(self, attempt: str, asset: str | None, values: Mapping[str, Json]) -> None:
        told = self._rim.secrets.json(dict(values))
        self._telling.emit(Kind.METADATA, self._tries[attempt].task, asset, {"metadata": told})

    def finished(self, outcome: Outcome) -> None:
        now = self._tries.pop(outcome.attempt)
        self._stop_timer(now)
        if (whole := self._checked(now, outcome)) is None:
            return
        if now.as_it_is:
            whole = replace(
                whole, made=(), error=whole.error + (_AS_IT_IS if whole.checks and not whole.ok else "")
            )
        outcome = without_secrets(whole, self._rim.secrets)
        del self._by_task[now.task]
        if outcome.traceback:
            self._tell_lines(
                now, now.printed.write(outcome.traceback.rstrip().encode("utf-8", "backslashreplace") + b"\n")
            )
        self._tell_lines(now, now.printed.close())
        self._ended(now, outcome)

    def _stop_timer(self, now: Try) -> None:
        """What is left of the step's time is for the checks of what it made."""
        if now.timer is not None:
            now.timer.cancel()
            assert now.left is not None
            now.left = max(0.0, now.timer.when() - asyncio.get_running_loop().time())
            now.timer = None

    def told_made(self, now: Try, outcome: Outcome) -> list[Event]:
        """What is told of the values that an attempt leaves, and of their checks; to be committed with its end."""
        event, task = self._telling.event, now.task
        events = self._telling.checks(task, now.number, outcome.checks)
        for made in outcome.made:
            events.append(event(Kind.ASSET_MATERIALIZED, task, made.asset, now.told_of(made, outcome)))
            if (drift := self._desk.drift(made.asset, made.metadata)) is not None:
                events.append(event(Kind.SCHEMA_CHANGED, task, made.asset, drift.as_json()))
        return events

    def note_end(self, now: Try, outcome: Outcome, kind: Kind, state: str, data: dict[str, Json]) -> None:
        """Commits that an attempt did not end well, with what came of its checks."""
        if now.checking is not None:
            self._rim.store.values.drop_scratch(now.name)
        attempt = now.as_ended(self._run, state, self._rim.clock(), data["error"])
        checks = self._telling.checks(now.task, now.number, outcome.checks)
        self._telling.commit((*checks, self._telling.event(kind, now.task, data=data)), attempt)

    def _checked(self, now: Try, outcome: Outcome) -> Outcome | None:
        """The outcome of the whole attempt; None while what it made is still to be checked."""
        if now.checking is None:
            checks = self._desk.checks_of(now.task)
            if not checks or not outcome.ok:
                return outcome
            from .checking import Checking  # only steps with checks pay for it

            task = self._desk.definitions.tasks[now.task]
            given = self._desk.given_to(task, self._rim.sources, self._rim.store)
            now.checking = Checking(self._order(now), outcome, checks, given, self._rim.clock())
        else:
            now.checking.take(outcome)
        if (order := now.checking.following) is None:
            return now.checking.outcome
        if now.ended_as:
            now.checking.give_up()
            return now.checking.outcome
        self._tries[order.attempt] = now
        assert self._executor is not None
        self._executor.submit(order)
        return None
