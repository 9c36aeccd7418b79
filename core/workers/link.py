"""The app's end of the supervisor: start a program with given descriptors, end it, learn how it ended."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..problems import ProblemError
from . import supervisor
from .exits import how_it_ended

GRACE = 2.0
"""Seconds between the request to end and the kill."""
PATIENCE = 8.0
"""Seconds that a closing supervisor may take before it is killed itself."""


class SupervisorLost(ProblemError):
    """The supervisor cannot be started, or died."""

    exit_code = 1


class Program(Protocol):
    """What is told about one program. `ended` or `refused` comes exactly once, and last."""

    def began(self, pid: int) -> None: ...
    def ended(self, status: int, escaped: str) -> None: ...
    def refused(self, reason: str) -> None: ...


@dataclass(slots=True)
class _Frame:
    data: bytes
    descriptors: tuple[int, ...] = ()


class Supervisor:
    """The child that starts all others. `lost` is called, once, if it dies without having been closed."""

    def __init__(self, lost: Callable[[str], None]) -> None:
        self.lost = lost
        self.programs: dict[str, Program] = {}
        self.pids: dict[str, int] = {}
        self._unsent: deque[_Frame] = deque()
        self._received = bytearray()
        self._closing = False
        self._gone = asyncio.Event()
        self._bug = ""

    def start(self, env: Mapping[str, str]) -> None:
        """Start it. `env` is what every program gets. Raises SupervisorLost."""
        self._loop = asyncio.get_running_loop()
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        script = Path(__file__).with_name("supervisor.py")
        number = its.fileno()
        command = [sys.executable, "-I", "-S", "-E", os.fspath(script), str(number)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[number],
                start_new_session=True,
            )
        except OSError as error:
            mine.close()
            raise SupervisorLost(f"cannot start the supervisor of the workers: {error}") from error
        finally:
            its.close()
        self.pid = self._process.pid
        mine.setblocking(False)
        self._socket = mine
        _started.add(self)
        self._loop.add_reader(mine, self._readable)
        self._send(_frame("env", *(f"{name}={value}" for name, value in env.items())))

    def spawn(
        self,
        name: str,
        argv: Sequence[str],
        cwd: str,
        env: Mapping[str, str],
        descriptors: Sequence[tuple[int, str]],
        program: Program,
    ) -> None:
        """Start `argv` in `cwd`. Each descriptor goes to the numbers named (`"1,2"`) and is closed here."""
        targets = ";".join(numbers for _, numbers in descriptors)
        settings = (f"{key}={value}" for key, value in env.items())
        fds = tuple(fd for fd, _ in descriptors)
        try:
            data = _frame("run", name, targets, cwd, str(len(argv)), *argv, *settings)
        except ValueError as error:
            _close(fds)
            self._loop.call_soon(program.refused, str(error))
            return
        self.programs[name] = program
        self._send(data, fds)

    def end(self, name: str, grace: float = GRACE) -> None:
        """Ask a program and all that it started to end; after `grace` seconds they are killed."""
        if name in self.programs:
            self._send(_frame("end", name, str(grace)))

    async def aclose(self) -> None:
        """End every program and the supervisor."""
        if self._closing:
            await self._gone.wait()
            return
        self._closing = True
        if not self._gone.is_set():
            self._send(_frame("quit"))
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._gone.wait()
            except TimeoutError:
                self._process.kill()
                self._lose()
        self._process.wait()

    def abandon(self, until: float) -> None:
        """Let it kill every program as if the app had died; blocks until it is through, or (monotonic) `until`."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, until - time.monotonic()))

    # -- the socket

    def _send(self, data: bytes, descriptors: tuple[int, ...] = ()) -> None:
        if self._gone.is_set():
            _close(descriptors)
            return
        self._unsent.append(_Frame(data, descriptors))
        if len(self._unsent) == 1:
            self._writable()

    def _writable(self) -> None:
        waits = False
        while self._unsent and not waits:
            frame = self._unsent[0]
            try:
                if frame.descriptors:
                    sent = socket.send_fds(self._socket, [frame.data], frame.descriptors)
                else:
                    sent = self._socket.send(frame.data)
            except BlockingIOError:
                waits = True
            except OSError:
                return  # gone: the reading side says so
            else:
                _close(frame.descriptors)
                frame.data, frame.descriptors = frame.data[sent:], ()
                if not frame.data:
                    self._unsent.popleft()
        if waits:
            self._loop.add_writer(self._socket, self._writable)
        else:
            self._loop.remove_writer(self._socket)

    def _readable(self) -> None:
        try:
            data = self._socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._received += data
        *lines, rest = bytes(self._received).split(b"\n")
        self._received[:] = rest
        for line in lines:
            self._told(os.fsdecode(line))
        if not data:
            self._lose()

    def _told(self, line: str) -> None:
        verb, name, *rest = line.split(" ", 2)
        if verb == "bug":
            self._bug = line[4:]
        elif verb == "pid":
            self.pids[name] = int(rest[0])
            if program := self.programs.get(name):
                program.began(int(rest[0]))
        elif program := self.programs.pop(name, None):
            self.pids.pop(name, None)
            if verb == "no":
                program.refused(rest[0])
            else:
                status, _, escaped = rest[0].partition(" ")
                program.ended(int(status), escaped)

    def _lose(self) -> None:
        if self._gone.is_set():
            return
        self._gone.set()
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        for frame in self._unsent:
            _close(frame.descriptors)
        self._unsent.clear()
        if not self._closing:
            self._process.wait()
            _kill_trees(self.pids)
            status = self._process.returncode
            self.lost(self._bug or how_it_ended(status))


_started: weakref.WeakSet[Supervisor] = weakref.WeakSet()


def abandon_all() -> None:
    """For a process that is about to end without waiting: nothing that it started outlives it. Blocks, at most
    `PATIENCE` seconds."""
    until = time.monotonic() + PATIENCE
    for one in list(_started):
        one.abandon(until)


def _frame(*fields: str) -> bytes:
    for field in fields:
        if "\0" in field:
            raise ValueError("a value with a NUL character cannot be given to a program")
    body = b"\0".join(map(os.fsencode, fields))
    return len(body).to_bytes(4, "big") + body


def _close(descriptors: tuple[int, ...]) -> None:
    for fd in descriptors:
        os.close(fd)


def _kill_trees(pids: Mapping[str, int]) -> None:
    """Kill what a dead supervisor has left: the groups, and whatever says that it belongs to them."""
    for pid in pids.values():
        supervisor.kill(pid, supervisor.KILL, group=True)
    names = set(map(os.fsencode, pids))
    for pid in supervisor.processes():
        if supervisor.tag_of(pid) in names:
            supervisor.kill(pid, supervisor.KILL)
