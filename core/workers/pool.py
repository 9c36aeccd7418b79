"""Runs orders in other processes: warm workers for Python and SQL, a process of its own for each command."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shutil
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..engine.executor import Listener, Order, Outcome
from ..load.interpreter import HASH_SEED
from ..model import Json, SourceFile
from .command import Command
from .crew import Job, Worker
from .link import Supervisor, SupervisorLost

RENEW_AFTER = 5000
"""Steps that one worker process runs before a fresh one takes its place."""
RENEW_SHARE = 20
"""How many times as long as it took to come up a worker lives before that: to load a large project is dear."""
BATCH = 16
SHORT = 0.005
"""Seconds: steps that take less on average are handed out several at a time."""
STUCK = 0.02
"""Seconds that a running step may keep those that wait behind it in its worker."""
WATCH = 0.05
RESTARTS = 3


class Workers:
    """The `Executor` of a project on this machine.

    `interpreter` is the project's Python, `modules` the snapshot that its functions are loaded from.
    """

    def __init__(
        self, root: Path, store: Path, interpreter: str, modules: tuple[SourceFile, ...] = ()
    ) -> None:
        self.root, self.store = Path(root).absolute(), Path(store).absolute()
        self.interpreter, self.modules = interpreter or sys.executable, modules
        self._jobs: dict[str, Job] = {}
        self._queue: deque[Job] = deque()
        self._workers: set[Worker] = set()
        self._working: set[Worker | Command] = set()
        self._idle: dict[str, list[Worker]] = {"python": [], "sql": []}
        self._means: dict[str, float] = {}
        self._mean = math.inf
        self._planned = self._watching = self._closing = False
        self._supervisor: Supervisor | None = None
        self._restarts = self._slots = 0
        self._lost = ""
        self._closed: asyncio.Event | None = None

    # ---- the protocol --------------------------------------------------------------------------

    async def start(self, listener: Listener, jobs: int) -> None:
        """Start the supervisor; workers come when they are needed. Raises SupervisorLost, OSError."""
        if self._closing:
            raise SupervisorLost("the workers were closed before they started")
        self._loop = asyncio.get_running_loop()
        self._listener, self._slots = listener, max(1, jobs)
        self._threads = ThreadPoolExecutor(2, "bakehouse-take")
        (self.store / "tmp").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._start_supervisor()

    def submit(self, order: Order) -> None:
        job = Job(order)
        self._jobs[order.attempt] = job
        if order.checks:  # what waits for it holds a place, and others wait for that
            self._queue.appendleft(job)
        else:
            self._queue.append(job)
        self._plan()

    def resize(self, jobs: int) -> None:
        if self._slots:
            self._slots = max(1, jobs)
            self._plan()

    def cancel(self, attempt: str) -> None:
        job = self._jobs.get(attempt)
        if job is None or job.cancelled:
            return
        job.cancelled = True
        if job.place is not None:
            job.place.cancel(job)
        else:
            self._loop.call_soon(self._finish_queued, job)

    async def aclose(self) -> None:
        """End everything. Every order that had no outcome gets one, `cancelled`."""
        if self._closed is not None:
            await self._closed.wait()
            return
        self._closed, self._closing = asyncio.Event(), True
        if self._supervisor is not None:
            for job in list(self._jobs.values()):
                job.cancelled = True
            try:
                for worker in list(self._workers):
                    worker.retire()
            finally:
                await self._supervisor.aclose()
            for worker in list(self._workers):
                worker.abandon()
            for place in [place for place in self._working if isinstance(place, Command)]:
                await place.settled()
            for job in list(self._jobs.values()):
                self.finished(job, job.failed(""))
            self._threads.shutdown(wait=False)
        self._closed.set()

    # ---- giving out work -----------------------------------------------------------------------

    def _start_supervisor(self) -> None:
        env = {k: v for k, v in os.environ.items() if k and k != "BAKEHOUSE_ATTEMPT"}
        supervisor = Supervisor(self._supervisor_lost)
        supervisor.start(env)
        self._supervisor = supervisor

    def _plan(self) -> None:
        if not self._planned:
            self._planned = True
            self._loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._planned = False
        queue = self._queue
        while queue and not self._closing:
            if queue[0].cancelled:
                queue.popleft()
            elif len(self._working) < self._slots:
                self._begin(queue.popleft())
            elif not self._top_up(queue[0]):
                break
        if not self._watching and any(worker.waiting for worker in self._workers):
            self._watching = True
            self._loop.call_later(WATCH, self._watch)

    def _begin(self, job: Job) -> None:
        kind = job.order.action.kind
        try:
            if kind == "shell":
                assert self._supervisor is not None
                command = Command(self, self._supervisor, self._threads, job)
                self._working.add(command)
                command.start(self.root, self.store)
                return
            idle = self._idle[kind]
            fresh = job.order.isolate or not idle
            worker = self._new_worker(kind, job.order) if fresh else idle.pop()
        except OSError as error:
            self._loop.call_soon(self.finished, job, job.failed(f"no process can be started: {error}"))
            return
        self._working.add(worker)
        share = math.ceil(len(self._queue) / self._slots)
        worker.give([job] if fresh else [job, *self._more(job, min(BATCH - 1, share))])

    def _more(self, first: Job, most: int) -> Iterable[Job]:
        """The next jobs of the queue, as far as they go into the same message as `first`."""
        if not self._is_short(first):
            return
        for _ in range(most):
            following = self._queue[0] if self._queue else None
            if following is None or not self._goes_with(following, first) or not self._is_short(following):
                return
            yield self._queue.popleft()

    def _goes_with(self, job: Job, first: Job) -> bool:
        same = job.order.action.kind == first.order.action.kind
        return same and not job.order.isolate and not first.order.isolate and not job.cancelled

    def _is_short(self, job: Job) -> bool:
        return self._means.get(job.order.task, self._mean) < SHORT

    def _top_up(self, job: Job) -> bool:
        """Give the head of the queue to a worker that will soon be through with what it has."""
        order = job.order
        if order.action.kind == "shell" or order.isolate or not self._is_short(job):
            return False
        now = self._loop.time()
        for worker in self._workers:
            if (
                worker.kind == order.action.kind
                and worker.ready
                and not worker.leaving
                and not worker.isolated
                and len(worker.waiting) <= BATCH // 4
                and now - worker.since < STUCK
            ):
                self._queue.popleft()
                share = math.ceil(len(self._queue) / self._slots)
                worker.give([job, *self._more(job, min(BATCH - 1, share))])
                return True
        return False

    def _watch(self) -> None:
        """Take what waits behind a step that turned out long, and give it to others."""
        self._watching = False
        now = self._loop.time()
        for worker in list(self._workers):
            if worker.waiting and worker.running is not None and now - worker.since >= STUCK:
                self._queue.extendleft(reversed(worker.withdraw()))
        if not self._closing:
            self._dispatch()

    def _new_worker(self, kind: str, order: Order) -> Worker:
        assert self._supervisor is not None
        worker = Worker(self, self._supervisor, kind, order.isolate)
        interpreter = self.interpreter if kind == "python" else sys.executable
        argv = [interpreter, "-P", "-X", "utf8", boot_file(), "work", "3", "4"]
        modules: list[Json] = [[m.module, m.path, m.digest, m.is_package] for m in self.modules]
        hello: dict[str, Json] = {"root": str(self.root), "store": str(self.store), "modules": modules}
        env = {} if "PYTHONHASHSEED" in os.environ else {"PYTHONHASHSEED": HASH_SEED}
        worker.start(argv, str(self.root), {**env, **(order.env if order.isolate else {})}, hello)
        self._workers.add(worker)
        return worker

    # ---- what happens --------------------------------------------------------------------------

    def began(self, job: Job, pid: int) -> None:
        if not job.started:
            job.started = True
            self._listener.started(job.order.attempt, pid)

    def printed(self, job: Job, data: bytes) -> None:
        self._listener.output(job.order.attempt, data)

    def progressed(self, job: Job, fraction: float, note: str) -> None:
        self._listener.progress(job.order.attempt, fraction, note)

    def described(self, job: Job, asset: str | None, values: Mapping[str, Json]) -> None:
        self._listener.metadata(job.order.attempt, asset, values)

    def finished(self, job: Job, outcome: Outcome) -> None:
        if self._jobs.pop(job.order.attempt, None) is None:
            return
        job.place = None
        if outcome.ok and job.order.action.kind != "shell" and not job.order.checks:
            self._learn(job.order.task, outcome.seconds)
        if not outcome.ok and self._lost and not outcome.cancelled:
            outcome = job.failed(self._lost, outcome.seconds)
        if not outcome.ok:
            self._clear(self.store / "tmp" / outcome.attempt)
        self._listener.finished(outcome)

    def _learn(self, task: str, seconds: float) -> None:
        known = self._means.get(task)
        self._means[task] = seconds if known is None else 0.7 * known + 0.3 * seconds
        self._mean = seconds if self._mean is math.inf else 0.9 * self._mean + 0.1 * seconds

    def _clear(self, scratch: Path) -> None:
        if scratch.exists():
            with contextlib.suppress(RuntimeError):  # no thread to be had: the next run clears it
                self._threads.submit(shutil.rmtree, scratch, ignore_errors=True)

    def returned(self, jobs: list[Job]) -> None:
        """Jobs that were given out and have not begun."""
        self._queue.extendleft(reversed(jobs))
        self._plan()

    def rested(self, place: Worker) -> None:
        """A worker has nothing left to do."""
        self._working.discard(place)
        is_worn = place.begun >= RENEW_AFTER and place.startups >= RENEW_SHARE
        if place.leaving or place.isolated or is_worn or self._closing:
            self._forget(place)
            place.retire()
        elif place not in self._idle[place.kind]:
            self._idle[place.kind].append(place)
        self._plan()

    def gone(self, place: Worker | Command) -> None:
        """The process of a worker or a command has ended."""
        self._working.discard(place)
        if isinstance(place, Worker):
            self._forget(place)
            self._workers.discard(place)
        self._plan()

    def _forget(self, worker: Worker) -> None:
        idle = self._idle[worker.kind]
        if worker in idle:
            idle.remove(worker)

    def _finish_queued(self, job: Job) -> None:
        if job.place is None:
            self.finished(job, job.failed(""))
        else:
            job.place.cancel(job)

    def _supervisor_lost(self, how: str) -> None:
        """The supervisor died: all that it ran is over. A few times, a new one takes its place."""
        lost = self._supervisor
        self._lost = f"the supervisor of the workers ended: {how}"
        if lost is not None:
            for program in list(lost.programs.values()):
                program.ended(-9, "")
            lost.programs.clear()
        self._restarts += 1
        try:
            if self._restarts > RESTARTS:
                raise SupervisorLost(self._lost)
            self._start_supervisor()
        except SupervisorLost:
            for job in list(self._jobs.values()):
                self.finished(job, job.failed(self._lost))
            self._slots = 0
        else:
            self._lost = ""


def boot_file() -> str:
    """The first file of a worker, by the path under which `bakehouse` was imported."""
    package = sys.modules[__name__.partition(".")[0]]
    return str(Path(str(package.__file__)).with_name("core") / "boot.py")
