"""The app's side of one shell step: its process, its output, and what it left at $OUTPUT."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Executor as ThreadPool
from pathlib import Path

from ..engine.executor import Made, Outcome
from .codecs import CannotStore, ValueDamaged
from .crew import LAST_READS, READ, Job, Owner
from .exits import how_it_ended, with_escaped
from .link import Supervisor
from .shell import Prepared, prepare, take


class Command:
    """One shell step from its start to its outcome."""

    def __init__(self, owner: Owner, supervisor: Supervisor, threads: ThreadPool, job: Job) -> None:
        self.owner, self.supervisor, self.threads, self.job = owner, supervisor, threads, job
        self.name = job.order.attempt
        self.loop = asyncio.get_running_loop()
        self.began_at = self.loop.time()
        self._out = -1
        self._taking: asyncio.Future[tuple[Made, ...]] | None = None
        job.place = self

    def start(self, root: Path, store: Path) -> None:
        try:
            self.prepared: Prepared = prepare(self.job.order, root, store)
            self._out, out = os.pipe()
        except (CannotStore, ValueDamaged) as error:
            self.loop.call_soon(self._fail, str(error))
            return
        except OSError as error:
            self.loop.call_soon(self._fail, f"it cannot be started: {error.strerror or error}")
            return
        os.set_blocking(self._out, False)
        ready = self.prepared
        self.supervisor.spawn(self.name, ready.argv, ready.cwd, ready.env, [(out, "1,2")], self)

    def cancel(self, job: Job) -> None:
        self.supervisor.end(self.name)

    async def settled(self) -> None:
        """Wait until what it left has been taken in; close our side if nobody tells of its end any more."""
        if self._taking is not None:
            await asyncio.wait([self._taking])
        self._close()

    def began(self, pid: int) -> None:
        self.owner.began(self.job, pid)
        self.loop.add_reader(self._out, self._read)

    def refused(self, reason: str) -> None:
        self._close()
        self._fail(f"the command cannot be started: {reason}")

    def ended(self, status: int, escaped: str) -> None:
        for _ in range(LAST_READS):
            if not self._read():
                break
        self._close()
        if status != 0 or self.job.cancelled:
            self._fail(with_escaped(how_it_ended(status), escaped))
        elif self.prepared.places:
            self._take()
        else:
            self._done(())

    def _take(self) -> None:
        try:
            self._taking = self.loop.run_in_executor(self.threads, take, self.job.order, self.prepared)
        except RuntimeError as error:  # there is no memory for one more thread
            self._fail(f"what it left cannot be kept: {error}")
        else:
            self._taking.add_done_callback(self._taken)

    def _taken(self, taking: asyncio.Future[tuple[Made, ...]]) -> None:
        try:
            made = taking.result()
        except (CannotStore, asyncio.CancelledError) as error:
            self._fail(str(error) or "cancelled")
        except OSError as error:
            self._fail(f"what it left cannot be kept: {error.strerror or error}")
        else:
            self._done(made)

    def _done(self, made: tuple[Made, ...]) -> None:
        seconds = self.loop.time() - self.began_at
        self._tell(Outcome(self.name, True, made, seconds=seconds))

    def _fail(self, error: str) -> None:
        self._tell(self.job.failed(error, self.loop.time() - self.began_at))

    def _tell(self, outcome: Outcome) -> None:
        self.owner.finished(self.job, outcome)
        self.owner.gone(self)

    def _read(self) -> bool:
        try:
            data = os.read(self._out, READ)
        except BlockingIOError:
            return False
        if not data:
            self.loop.remove_reader(self._out)
            return False
        self.owner.printed(self.job, data)
        return True

    def _close(self) -> None:
        if self._out >= 0:
            self.loop.remove_reader(self._out)
            os.close(self._out)
            self._out = -1
