"""The main program of a worker process: takes orders, runs them one at a time, tells how they ended.

An order arrives on the link; the right to begin it is a ticket of four bytes in a pipe that the app can
read too. Whoever reads the ticket has the order: so the app can take back what has not begun.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, Protocol

from ..engine.executor import Order, Outcome
from ..model import SourceFile
from . import wire
from .stream import begin_mark, end_mark

TICKET = 4
RARELY = 1.0
GROWTH = 256 * 1024 * 1024
"""Bytes that an idle worker may have grown since its first step, before the app renews it."""
PROGRESS_GAP = 0.05
SPARE = 16
"""The copy of the output that a step's standard streams are mended from has this number, or a higher one."""
FAILED = 70


class Steps(Protocol):
    is_spent: bool

    def run(self, order: Order, tell: Callable[[str, Any], None]) -> Outcome: ...


class AppGone(Exception):
    """The other end was closed."""


class Torn(OSError):
    """A step closed descriptors that this process works with, or put others in their place."""

    def __init__(self) -> None:
        super().__init__("the step closed descriptors of the process that it runs in")


class Worker:
    def __init__(self, link: int, tickets: int) -> None:
        self.link, self.tickets = link, tickets
        self.spare = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, SPARE)
        self.known = {fd: identity(fd) for fd in (0, 1, 2, link, tickets, self.spare)}
        self.frames, self.messages = wire.Frames(), list[Any]()
        self.poll = select.poll()
        self.poll.register(tickets, select.POLLIN)
        self.stdout, self.stderr = sys.stdout, sys.stderr
        self.pid, self.writing = os.getpid(), threading.Lock()
        self.resident = 0
        self.looked = 0.0

    def work(self) -> None:
        hello = self.receive()
        self.token = hello["token"].encode()
        self.store, self.root = Path(hello["store"]), Path(hello["root"])
        self.steps = self.prepare(hello)
        self.send({"ready": os.getpid()})
        while True:
            ticket = self.claim()
            number, message = self.receive()
            while number != ticket:
                number, message = self.receive()
            os.write(1, begin_mark(self.token, ticket))
            if not self.attempt(ticket, message):
                self.wait_for_the_end()

    def prepare(self, hello: dict[str, Any]) -> Steps:
        if hello["kind"] == "sql":
            from .sql import SqlSteps

            return SqlSteps(self.root, self.store)
        from ..fingerprint.importer import ProjectImporter
        from .step import PythonSteps

        modules = [SourceFile(*fields) for fields in hello["modules"]]
        importer = ProjectImporter(self.root, modules, self.store / "code" if modules else None)
        importer.install()
        return PythonSteps(self.root, self.store, importer)

    def attempt(self, ticket: int, message: dict[str, Any]) -> bool:
        """Run one order; False where this process is not fit for another one."""
        teller = Teller(self, ticket)
        outcome = self.steps.run(wire.order_from(message), teller)
        if os.getpid() != self.pid:  # the step forked, and this is the copy
            os._exit(0)
        teller.flush()
        reply = wire.outcome_to(outcome)
        reply["ticket"] = ticket
        self.mend()
        is_spent = self.steps.is_spent or children_left()
        if is_spent:
            reply["spent"] = True
        self.flush_streams()
        self.send(reply)
        os.write(1, end_mark(self.token, ticket))
        return not is_spent

    def mend(self) -> None:
        """Put back the standard descriptors. Raises Torn where one of ours is not what it was."""
        wrong = [fd for fd, known in self.known.items() if identity(fd) != known]
        if not wrong:
            return
        if not {self.link, self.tickets, self.spare}.isdisjoint(wrong):
            raise Torn
        for fd in wrong:
            replacement = os.open(os.devnull, os.O_RDONLY) if fd == 0 else self.spare
            os.dup2(replacement, fd)
            if fd == 0 and replacement != 0:
                os.close(replacement)

    def wait_for_the_end(self) -> NoReturn:
        """Leave what was not begun to others, until the app closes the link."""
        while True:
            self.receive()

    def flush_streams(self) -> None:
        """Write out what the step printed, and undo what it did to the streams."""
        for name, stream in (("stdout", self.stdout), ("stderr", self.stderr)):
            found = getattr(sys, name)
            for one in (found, stream) if found is not stream else (stream,):
                try:
                    one.flush()
                except (AttributeError, ValueError, OSError):
                    continue
            setattr(sys, name, stream)

    # -- reading and writing

    def claim(self) -> int:
        while True:
            try:
                data = os.read(self.tickets, TICKET)
            except BlockingIOError:
                self.look_at_memory()
                self.poll.poll()
                continue
            if len(data) < TICKET:
                raise AppGone
            return int.from_bytes(data, "big")

    def receive(self) -> Any:
        while not self.messages:
            chunk = os.read(self.link, 1 << 18)
            if not chunk:
                raise AppGone
            self.messages.extend(self.frames.feed(chunk))
        return self.messages.pop(0)

    def send(self, message: dict[str, Any]) -> None:
        data = wire.frame(message)
        if identity(self.link) != self.known[self.link]:
            raise Torn
        try:
            with self.writing:
                while data:
                    data = data[os.write(self.link, data) :]
        except (BrokenPipeError, ConnectionError):
            raise AppGone from None

    def look_at_memory(self) -> None:
        now = time.monotonic()
        if now - self.looked < RARELY or not (resident := resident_bytes()):
            return
        self.looked = now
        if not self.resident:
            self.resident = resident
        elif resident > self.resident + GROWTH:
            self.resident = resident
            self.send({"grown": resident})


class Teller:
    """Passes on progress, at most one in `PROGRESS_GAP` seconds and the last one always; metadata at once."""

    def __init__(self, worker: Worker, ticket: int) -> None:
        self.worker, self.ticket = worker, ticket
        self.sent = 0.0
        self.held: Any = None

    def __call__(self, kind: str, value: Any) -> None:
        if kind == "progress":
            now = time.monotonic()
            if now - self.sent < PROGRESS_GAP:
                self.held = value
                return
            self.sent, self.held = now, None
        else:
            self.flush()
        self.worker.send({"ticket": self.ticket, kind: value})

    def flush(self) -> None:
        if self.held is not None:
            held, self.held = self.held, None
            self.worker.send({"ticket": self.ticket, "progress": held})


def identity(fd: int) -> tuple[int, int] | None:
    """What a descriptor stands for; None if it is closed."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def children_left() -> bool:
    """Whether this process has children, running or not yet waited for."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (ChildProcessError, AttributeError):
        return False
    return True


def resident_bytes() -> int:
    try:
        fields = Path("/proc/self/statm").read_bytes().split()
    except OSError:
        return 0
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def main(argv: list[str]) -> int:
    """`argv` names two descriptors: the link and the tickets. Returns when the app closes them."""
    link, tickets = (int(number) for number in argv)
    os.set_inheritable(link, False)
    os.set_inheritable(tickets, False)
    os.set_blocking(tickets, False)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        Worker(link, tickets).work()
    except AppGone:
        atexit._run_exitfuncs()
    except BaseException as error:  # at once: a thread that a step has left must not keep this process
        with suppress(OSError):
            os.write(2, f"bakehouse: {type(error).__name__}: {error}\n".encode("utf-8", "replace"))
        os._exit(FAILED)
    os._exit(0)
