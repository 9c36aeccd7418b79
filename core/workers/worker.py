"""The main program of a worker process: takes orders, runs them one at a time, tells how they ended.

An order arrives on the link; the right to begin it is a ticket of four bytes in a pipe that the app can
read too. Whoever reads the ticket has the order: so the app can take back what has not begun.
"""

from __future__ import annotations

import atexit
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from ..engine.executor import Order, Outcome
from ..model import SourceFile
from . import wire
from .stream import begin_mark, end_mark

TICKET = 4
RARELY = 1.0
GROWTH = 256 * 1024 * 1024
"""Bytes that an idle worker may have grown since its first step, before the app renews it."""
PROGRESS_GAP = 0.05


class Steps(Protocol):
    def run(self, order: Order, tell: Callable[[str, Any], None]) -> Outcome: ...


class AppGone(Exception):
    """The other end was closed."""


class Worker:
    def __init__(self, link: int, tickets: int) -> None:
        self.link, self.tickets = link, tickets
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
            self.attempt(ticket, message)

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

    def attempt(self, ticket: int, message: dict[str, Any]) -> None:
        teller = Teller(self, ticket)
        outcome = self.steps.run(wire.order_from(message), teller)
        if os.getpid() != self.pid:  # the step forked, and this is the copy
            os._exit(0)
        teller.flush()
        reply = wire.outcome_to(outcome)
        reply["ticket"] = ticket
        if children_left():
            reply["children"] = True
        self.flush_streams()
        self.send(reply)
        os.write(1, end_mark(self.token, ticket))

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
    worker = Worker(link, tickets)
    try:
        worker.work()
    except AppGone:
        atexit._run_exitfuncs()
        os._exit(0)
    return 0
