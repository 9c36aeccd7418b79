"""The app's side of one worker process: hands it orders ahead, takes back what it has not begun, and tells
what its bytes and messages mean."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..engine.executor import Order, Outcome
from ..model import Json
from . import wire
from .exits import step_died, with_escaped
from .link import Supervisor
from .stream import Splitter

READ = 1 << 16
LAST_READS = 32
"""Chunks read from a pipe after its process ended: more than a pipe can hold, so what still comes is cut."""
TICKET = 4
STARTUP_TEXT = 4096


@dataclass(slots=True, eq=False)
class Job:
    """An order on its way. `cancel` is set when somebody asked for its end."""

    order: Order
    place: Place | None = None
    cancelled: bool = False
    started: bool = False
    tries: int = 0

    def failed(self, error: str, seconds: float = 0.0) -> Outcome:
        """How it ended without having done its work: as asked, or not."""
        if self.cancelled:
            return Outcome(self.order.attempt, False, error="cancelled", cancelled=True, seconds=seconds)
        return Outcome(self.order.attempt, False, error=error, seconds=seconds)


class Place(Protocol):
    """Where a job is: with a worker, or running in a shell."""

    def cancel(self, job: Job) -> None: ...


class Owner(Protocol):
    """Who is told what happens to the jobs of a place."""

    def began(self, job: Job, pid: int) -> None: ...
    def printed(self, job: Job, data: bytes) -> None: ...
    def progressed(self, job: Job, fraction: float, note: str) -> None: ...
    def described(self, job: Job, asset: str | None, values: Mapping[str, Json]) -> None: ...
    def finished(self, job: Job, outcome: Outcome) -> None: ...
    def returned(self, jobs: list[Job]) -> None: ...
    def rested(self, place: Any) -> None: ...
    def gone(self, place: Any) -> None: ...


class Worker:
    """One worker process. It is usable at once: what it is given waits in its pipes until it is up."""

    def __init__(self, owner: Owner, supervisor: Supervisor, kind: str, isolated: bool) -> None:
        self.owner, self.supervisor, self.kind, self.isolated = owner, supervisor, kind, isolated
        self.token = secrets.token_hex(8)
        self.name = f"worker-{self.token[:6]}-{secrets.token_hex(6)}"
        self.loop = asyncio.get_running_loop()
        self.pid = 0
        self.ready = self.leaving = self.closed = False
        self.begun = 0
        self.since = 0.0
        self.born, self._up = self.loop.time(), 0.0
        self.waiting: dict[int, Job] = {}
        self.running: Job | None = None
        self.ended_for: Job | None = None
        self._running_ticket = self._last = 0
        self._link_closed = False
        self._late: asyncio.TimerHandle | None = None
        self._outcomes: dict[int, dict[str, Any]] = {}
        self._messages: deque[dict[str, Any]] = deque()
        self._frames, self._splitter = wire.Frames(), Splitter(self.token.encode())
        self._unsent = bytearray()
        self._text = b""

    @property
    def busy(self) -> bool:
        return self.running is not None or bool(self.waiting)

    @property
    def startups(self) -> float:
        """How many times as long as it took to come up, with its first step, it has lived."""
        return (self.loop.time() - self.born) / max(self._up, 0.001)

    def start(self, argv: list[str], cwd: str, env: Mapping[str, str], hello: dict[str, Json]) -> None:
        """Raises OSError when there are no descriptors left."""
        self._link, its = socket.socketpair()
        self._link.setblocking(False)
        self._out, out = os.pipe()
        self._tickets_in, self._tickets = os.pipe()
        for fd in (self._out, self._tickets_in, self._tickets):
            os.set_blocking(fd, False)
        fds = [(out, "1,2"), (its.detach(), "3"), (os.dup(self._tickets_in), "4")]
        self.loop.add_reader(self._out, self._read_output)
        self.loop.add_reader(self._link, self._read_link)
        self.supervisor.spawn(self.name, argv, cwd, env, fds, self)
        self._send(wire.frame({**hello, "token": self.token, "kind": self.kind}))

    def give(self, jobs: Iterable[Job]) -> None:
        """Hand over orders, to be begun in this order."""
        tickets, frames = bytearray(), bytearray()
        for job in jobs:
            self._last += 1
            job.place = self
            self.waiting[self._last] = job
            frames += wire.frame([self._last, wire.order_to(job.order)])
            tickets += self._last.to_bytes(TICKET, "big")
        if self.running is None:
            self.since = self.loop.time()
        self._send(frames)
        os.write(self._tickets, tickets)

    def withdraw(self) -> list[Job]:
        """Take back every job that has not begun, in order."""
        taken = []
        try:
            while data := os.read(self._tickets_in, 1024 * TICKET):
                for at in range(0, len(data), TICKET):
                    taken.append(self.waiting.pop(int.from_bytes(data[at : at + TICKET], "big")))
        except BlockingIOError:
            pass
        for job in taken:
            job.place = None
        return taken

    def cancel(self, job: Job) -> None:
        """End one job: a waiting one quietly, the running one with this process."""
        taken = self.withdraw()
        found = job in taken
        if found:
            taken.remove(job)
            self.owner.finished(job, job.failed(""))
        else:
            self.leaving, self.ended_for = True, job
            self.supervisor.end(self.name)
        self.owner.returned(taken)
        if not self.busy:
            self.owner.rested(self)

    def retire(self) -> None:
        """Let it go when it has nothing to do: it ends by itself when its link is closed."""
        self.leaving = True
        if not (self.closed or self._link_closed or self.busy):
            self.loop.remove_reader(self._link)
            self.loop.remove_writer(self._link)
            self._link.close()
            os.close(self._tickets)
            self._link_closed = True
            self._late = self.loop.call_later(2.0, self.supervisor.end, self.name)

    def abandon(self) -> None:
        """Close our side when nobody will tell of its end any more."""
        if not self.closed:
            self._end("cancelled", None)

    # -- the program

    def began(self, pid: int) -> None:
        self.pid = pid

    def refused(self, reason: str) -> None:
        self._end(f"the worker cannot be started: {reason}", None)

    def ended(self, status: int, escaped: str) -> None:
        for _ in range(LAST_READS):
            if not (self._link_closed or self._read_link()):
                break
        for _ in range(LAST_READS):
            if not self._read_output():
                break
        self._end(with_escaped(step_died(status), escaped), status)

    def _end(self, why: str, status: int | None) -> None:
        """The process is gone: its running job failed, the others go back."""
        if (rest := self._splitter.rest()) and self.running is not None:
            self.owner.printed(self.running, rest)
        self._stop_reading()
        back = self.withdraw()
        claimed, self.waiting = list(self.waiting.values()), {}
        job, self.running = self.running, None
        if job is not None:
            ticket = self._running_ticket
            if (message := self._outcomes.pop(ticket, None)) is not None:
                self._finish(job, message)
            elif self.ended_for not in (None, job):  # it had begun just before the end of another arrived
                claimed.insert(0, job)
            else:
                self.owner.finished(job, job.failed(why, self.loop.time() - self.since))
        if not self.ready and (first := claimed or back):
            text = self._text.decode("utf-8", "replace").strip()
            for doomed in first[:1]:
                sentence = (
                    why if status is None else f"no worker came up: {text.splitlines()[-1] if text else why}"
                )
                self.owner.finished(doomed, _with_text(doomed.failed(sentence), text))
            claimed, back = (claimed[1:], back) if claimed else ([], back[1:])
        for unlucky in claimed:
            unlucky.tries += 1
            if unlucky.cancelled or unlucky.tries > 2:
                self.owner.finished(unlucky, unlucky.failed(why))
            else:
                back.insert(0, unlucky)
        self._close()
        self.owner.gone(self)
        self.owner.returned(back)

    def _stop_reading(self) -> None:
        self.closed = True
        self.loop.remove_reader(self._out)
        if not self._link_closed:
            self.loop.remove_reader(self._link)
            self.loop.remove_writer(self._link)

    def _close(self) -> None:
        if self._late is not None:
            self._late.cancel()
        for fd in (self._out, self._tickets_in):
            os.close(fd)
        if not self._link_closed:
            os.close(self._tickets)
            self._link.close()

    # -- its bytes and messages

    def _read_output(self) -> bool:
        try:
            data = os.read(self._out, READ)
        except BlockingIOError:
            return False
        if not data:
            self.loop.remove_reader(self._out)
            return False
        for piece in self._splitter.feed(data):
            if piece[0] == "text":
                if self.running is not None:
                    self.owner.printed(self.running, piece[1])
                elif not self.ready:
                    self._text = (self._text + piece[1])[-STARTUP_TEXT:]
            elif piece[0] == "begin":
                self._step_began(piece[1])
            else:
                self._step_ended(piece[1])
        return True

    def _step_began(self, ticket: int) -> None:
        job = self.waiting.pop(ticket, None)
        if job is not None:
            self.running, self._running_ticket = job, ticket
            self.since = self.loop.time()
            self.begun += 1
            self.owner.began(job, self.pid)
            self._take_messages()

    def _step_ended(self, ticket: int) -> None:
        self._take_messages()
        while ticket not in self._outcomes and self._read_link():
            pass
        job, message = self.running, self._outcomes.pop(ticket, None)
        if job is None or ticket != self._running_ticket:
            return
        self.running = None
        if message is None:
            self.owner.finished(job, job.failed("the worker did not say how the step ended"))
        else:
            self._finish(job, message)
        if not self.busy:
            self.owner.rested(self)

    def _finish(self, job: Job, message: dict[str, Any]) -> None:
        if message.get("spent"):
            self.leaving = True
            self.owner.returned(self.withdraw())
        job.place = None
        self._up = self._up or self.loop.time() - self.born
        self.owner.finished(job, wire.outcome_from(message, job.order.attempt))

    def _read_link(self) -> bool:
        try:
            data = self._link.recv(READ)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.loop.remove_reader(self._link)
            return False
        self._messages.extend(self._frames.feed(data))
        self._take_messages()
        return True

    def _take_messages(self) -> None:
        """Takes what was received, in its order, up to what is of a step whose begin mark is not read yet."""
        while self._messages and self._messages[0].get("ticket") not in self.waiting:
            self._take(self._messages.popleft())

    def _take(self, message: dict[str, Any]) -> None:
        if "ticket" not in message:
            self.ready = self.ready or "ready" in message
            self.leaving = self.leaving or "grown" in message
            if self.leaving and not self.busy:
                self.owner.rested(self)
            return
        ticket = message["ticket"]
        if "ok" in message:
            self._outcomes[ticket] = message
            return
        job = self.running
        if job is None or ticket != self._running_ticket:
            return
        if "progress" in message:
            self.owner.progressed(job, *message["progress"])
        elif "metadata" in message:
            self.owner.described(job, *message["metadata"])

    # -- writing

    def _send(self, data: bytes | bytearray) -> None:
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._link.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # it is gone, and its end will be told
        if sent < len(data):
            self._unsent += data[sent:]
            self.loop.add_writer(self._link, self._flush)

    def _flush(self) -> None:
        try:
            del self._unsent[: self._link.send(self._unsent)]
        except BlockingIOError:
            return
        except OSError:
            self._unsent.clear()
        if not self._unsent:
            self.loop.remove_writer(self._link)


def _with_text(outcome: Outcome, text: str) -> Outcome:
    return Outcome(outcome.attempt, False, error=outcome.error, traceback=text, cancelled=outcome.cancelled)
