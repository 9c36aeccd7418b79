"""What a run writes and tells: numbers events, hands them to the writer, tells them in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..events import PASSING, Event, Kind
from ..model import Attempt, Json, StepRecord
from ..problems import ProblemError
from ..store.facts import StepCommit
from ..store.writer import Writer
from .executor import Made
from .outbox import Outbox

if TYPE_CHECKING:
    from ..checks.definition import Checked

Data = Mapping[str, Json]


class Telling:
    """The voice of one run. `commit` numbers what is to be made durable from 1; `durable` hears that it is."""

    def __init__(
        self,
        run: str,
        first_seq: int,
        writer: Writer,
        tell: Callable[[Event], None],
        clock: Callable[[], float],
    ) -> None:
        self._run = run
        self._seq = first_seq
        self._writer = writer
        self._clock = clock
        self._reusing: float | None = None
        self._outbox = Outbox(tell)
        self._commits = 0
        self._durable = 0
        self._broken = False

    @property
    def next_seq(self) -> int:
        return self._seq + 1

    @property
    def broken(self) -> bool:
        """Whether the store failed, so that nothing is kept any more."""
        return self._broken

    @property
    def all_durable(self) -> bool:
        """Whether nothing waits for its commit."""
        return self._durable == self._commits

    def event(
        self, kind: Kind, task: str | None = None, asset: str | None = None, data: Data | None = None
    ) -> Event:
        """The next event; it is not told yet. Steps reused one after the other are of one time."""
        self._seq += 1
        if kind is not Kind.STEP_REUSED:
            self._reusing = None
            return Event(self._seq, self._clock(), self._run, kind, task, asset, data or {})
        if self._reusing is None:
            self._reusing = self._clock()
        return Event(self._seq, self._reusing, self._run, kind, task, asset, data or {})

    def checks(self, task: str, attempt: int, results: Iterable[Checked]) -> list[Event]:
        """The events of what came of each check, to be committed with the end of the attempt."""
        return [
            self.event(
                Kind.CHECK_PASSED if one.passed else Kind.CHECK_FAILED,
                task,
                one.asset,
                {**one.told(), "attempt": attempt},
            )
            for one in results
        ]

    def emit(
        self, kind: Kind, task: str | None = None, asset: str | None = None, data: Data | None = None
    ) -> None:
        """Tells an event that nobody waits for; it is kept too, unless it is of a passing kind."""
        event = self.event(kind, task, asset, data)
        if kind not in PASSING and not self._broken:
            self._writer.append((event,))
        self._outbox.put(event)

    def commit(
        self,
        events: Sequence[Event],
        attempt: Attempt,
        record: StepRecord | None = None,
        made: tuple[Made, ...] = (),
    ) -> int:
        """Makes the end of an attempt durable as a whole, then tells it. Returns the number of the commit."""
        self._commits += 1
        if self._broken:
            self._durable = self._commits
            return self._commits
        for event in events:
            self._outbox.put(event, self._commits)
        self._writer.commit(StepCommit(self._commits, tuple(events), attempt, record, made))
        return self._commits

    async def kept(self) -> ProblemError | None:
        """Waits until all that was told is durable; returns why it is not. A slot would be run again after a kill if
        a step of its run began before."""
        try:
            await asyncio.to_thread(self._writer.flush)
        except ProblemError as problem:
            return problem
        return None

    def durable(self, commits: list[int]) -> None:
        """These commits are safe now."""
        self._durable = max(commits)
        self._outbox.committed(commits)

    def broke(self) -> None:
        """The store failed: nothing more is written, and what it has not kept is never told."""
        self._broken = True
        self._durable = self._commits
        self._outbox.drop_uncommitted()
