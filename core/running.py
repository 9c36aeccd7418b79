"""A run that is under way: its lock, its writer and its engine, from the first event to the last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from .defined import Defined
from .engine.desk import Desk
from .engine.engine import Engine, RunResult
from .engine.rim import Rim
from .events import Event
from .hearing import hearing
from .model import Json
from .plan import Plan, Survey
from .problems import SlotTaken, StoreError
from .secrets import Secrets
from .sources import SourceVersions
from .store.crash import crash_point
from .store.lock import ProjectLock
from .store.store import Store
from .store.writer import Writer

if TYPE_CHECKING:
    from .hooks import Hooks
    from .schedules.due import Occasion
    from .workers.pool import Workers

Tell = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a run stands on. `survey`, of the same definitions, is taken when the run owns the project; it
    may read files."""

    root: Path
    defined: Defined
    survey: Callable[[], Survey]
    store: Store
    sources: SourceVersions
    secrets: Secrets
    interpreter: str

    def workers(self) -> Workers:
        """Those who run the steps; not started."""
        from .workers.pool import Workers

        return Workers(self.root, self.store.folder, self.interpreter, self.defined.definitions.modules)


def _hooks(ground: Ground) -> Hooks | None:
    definitions = ground.defined.definitions
    if not definitions.hooks:
        return None
    from .hooks import Hooks

    return Hooks(definitions, ground.root.name, ground.workers, ground.secrets.text)


class How(TypedDict, total=False):
    """With `fail_fast` nothing begins any more after a failure; `occasion` is the slot of a schedule that begins the
    run."""

    fail_fast: bool
    occasion: Occasion | None


class Running:
    """Handle of one run. Everything but `begin` is called in the loop that it was begun in."""

    def __init__(
        self,
        run: str,
        plan: Plan,
        ground: Ground,
        lock: ProjectLock,
        jobs: int,
        note: str,
        fail_fast: bool = False,
    ) -> None:
        self.run = run
        self.plan = plan
        self.result: RunResult | None = None
        self._ground = ground
        self._lock = lock
        self._jobs, self._note, self._fail_fast = jobs, note, fail_fast
        self._occasion: Occasion | None = None
        self._listeners: tuple[Tell, ...] = ()
        self._engine: Engine | None = None
        self._added: list[Plan] = []
        self._cancelled = False
        self._hooks = _hooks(ground)

    @classmethod
    def begin(
        cls,
        run: str,
        plan: Plan,
        ground: Ground,
        *,
        jobs: int,
        listeners: Iterable[Tell],
        note: str = "",
        fail_fast: bool = False,
        occasion: Occasion | None = None,
    ) -> Running:
        """Takes the project's lock and starts; `note` is told at the start. With `fail_fast`
        nothing begins any more after a failure. Raises `ProjectHeld` if another
        run has it, and `SlotTaken` where the slot of `occasion` is settled already."""
        ground.store.furnish()
        lock = ProjectLock.acquire(ground.store.folder, f"bakehouse, run {run}", run)
        if occasion is not None:
            try:
                _check_free(ground.store, occasion)
            except BaseException:
                lock.release()
                raise
        running = cls(run, plan, ground, lock, jobs, note, fail_fast)
        running._occasion = occasion
        running._listeners = tuple(listeners)
        running.task = asyncio.get_running_loop().create_task(running._carry_out(), name=f"run {run}")
        return running

    task: asyncio.Task[RunResult]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What went wrong beside the run, which it does not change: hooks that failed."""
        return () if self._hooks is None else tuple(self._hooks.warnings)

    @property
    def active(self) -> bool:
        return not self.task.done()

    def cancel(self, task: str | None = None) -> None:
        """Cancels one step, or the run."""
        if self._engine is None:
            self._cancelled = self._cancelled or task is None
        elif self.active:
            self._engine.cancel(task)

    @property
    def jobs(self) -> int:
        """How many steps may run at once."""
        return self._jobs

    def resize(self, jobs: int) -> str:
        """So many steps at once from now on; what runs is let end. Returns what to tell the user, if it is fewer."""
        from .workers.limits import affordable

        self._jobs, note = affordable(max(1, jobs))
        if self._engine is not None and self.active:
            self._engine.resize(self._jobs)
        return note

    def check(self, plan: Plan) -> None:
        """Raises `ProblemError` if a step of `plan` is not defined as the run knows it."""
        self._ground.defined.check(plan)

    def add(self, plan: Plan) -> None:
        """Adds the steps of another plan. Raises as `check` does."""
        self.check(plan)
        if self._engine is None:
            self._added.append(plan)
        elif self.active:
            self._engine.add(plan)

    def log_file(self, task: str) -> Path | None:
        """The log of the attempt at `task` that is under way, if it printed anything yet."""
        return self._engine.log_file(task) if self._engine is not None and self.active else None

    async def wait(self) -> RunResult:
        """Waits for the end. Raises `StoreError` if the run could not even begin."""
        return await asyncio.shield(self.task)

    async def ended(self) -> None:
        """Waits for the end, however it ends."""
        await asyncio.wait([self.task])

    @staticmethod
    def abandon() -> None:
        """Kills all that runs of this process, for an end that does not wait: the next run records it as
        interrupted. Blocks until it is dead, seconds at most."""
        from .workers.link import abandon_all

        abandon_all()

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)
        if self._hooks is not None:
            self._hooks(event)

    async def _carry_out(self) -> RunResult:
        try:
            async with hearing(self._ground.store.folder, self.run, self.cancel):
                desk, writer = await asyncio.to_thread(self._prepare, asyncio.get_running_loop())
                try:
                    return await self._run(desk, writer)
                finally:
                    if self._hooks is not None:
                        await self._hooks.finish()
                    await asyncio.to_thread(writer.close)
                    crash_point("run.before_release")
        finally:
            self._lock.release()
            crash_point("run.released")

    def _prepare(self, loop: asyncio.AbstractEventLoop) -> tuple[Desk, Writer]:
        def notify(commits: list[int], error: StoreError | None) -> None:
            if self._engine is not None:
                loop.call_soon_threadsafe(self._engine.durable, commits, error)

        desk = self._desk()
        writer = self._ground.store.begin(self.run, lock=self._lock, notify=notify, jobs=self._jobs)
        try:
            return self._desk() if writer.recovered else desk, writer
        except BaseException:
            writer.close()
            raise

    def _desk(self) -> Desk:
        definitions = self._ground.defined.definitions
        stamps = self._ground.sources.stamps(definitions.assets.values())
        return Desk(definitions, self._ground.survey(), stamps)

    async def _run(self, desk: Desk, writer: Writer) -> RunResult:
        ground = self._ground
        rim = Rim(ground.store, writer, ground.workers, ground.sources, self._tell, ground.secrets)
        definitions = ground.defined.definitions
        said = {"note": self._note, "profile": definitions.profile, "params": dict(definitions.params)}
        told: dict[str, Json] = {name: value for name, value in said.items() if value}
        if self._occasion is not None:
            told |= self._occasion.data
        engine = self._engine = Engine(
            self.run,
            desk,
            rim,
            first_seq=writer.last_seq,
            jobs=self._jobs,
            told=told,
            fail_fast=self._fail_fast,
        )
        for plan in self._added:
            engine.add(plan)
        if self._cancelled:
            engine.cancel()
        self.result = await engine.carry_out(self.plan)
        closing = engine.closing_event(self.result)
        try:
            await asyncio.to_thread(writer.finish, closing)
        except StoreError as error:
            if not self.result.error:
                self.result = replace(self.result, ok=False, error=str(error))
                told = {"ok": False, "status": "failed", "error": str(error)}
                closing = replace(closing, data={**closing.data, **told})
        self._tell(closing)
        return self.result


def _check_free(store: Store, occasion: Occasion) -> None:
    """Under the lock, where nobody else can settle it."""
    if occasion.slot is None:
        return
    newest = store.slots(occasion.schedule, until=occasion.slot)
    if newest and newest[0].slot == occasion.slot:
        raise SlotTaken(f"this slot of the schedule {occasion.schedule} is settled already")
    if occasion.content:
        from .store.sightings import last_sighting

        if last_sighting(store, occasion.schedule).content == occasion.content:
            raise SlotTaken(f"the schedule {occasion.schedule} has begun a run for this change already")
