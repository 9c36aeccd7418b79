"""Whoever dies, and however: nothing that a step started lives on."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from bakehouse.core.workers import supervisor
from bakehouse.core.workers.exits import how_it_ended
from bakehouse.core.workers.link import Supervisor

Begin = Callable[..., Awaitable[Any]]
Survivors = Callable[[str], list[int]]
Eventually = Callable[..., None]

DAEMON = """
import os, subprocess, sys
if len(sys.argv) > 1:
    subprocess.Popen(["sleep", "300"], start_new_session=True)
    os._exit(0)
subprocess.Popen([sys.executable, __file__, "again"], start_new_session=True).wait()
subprocess.run(["sleep", "300"])
"""

OWNER = """
import asyncio, sys
from pathlib import Path
from bakehouse.core.engine.executor import Order
from bakehouse.core.model import PythonAction, ShellAction
from bakehouse.core.workers.pool import Workers

class Listener:
    def started(self, attempt, pid): pass
    def output(self, attempt, data):
        if b"up" in data: print("up", flush=True)
    def progress(self, *_): pass
    def metadata(self, *_): pass
    def finished(self, outcome): print(outcome, flush=True)

async def main():
    root = Path(sys.argv[1])
    workers = Workers(root, root / ".bakehouse", sys.executable)
    await workers.start(Listener(), 3)
    daemon = f"{sys.executable} daemon.py &"
    command = f"sh -c '{daemon} {daemon} setsid sleep 300 & trap \\"\\" TERM HUP; sleep 0.2; echo up; wait'"
    workers.submit(Order("shell", "t", ShellAction(command), (), ()))
    workers.submit(Order("python", "t", PythonAction("steps", "runs"), (), ()))
    workers.submit(Order("idle", "t", PythonAction("steps", "runs_daemon"), (), ()))
    await asyncio.sleep(300)

asyncio.run(main())
"""

STEPS = """
import socket
import subprocess, sys, time
def runs():
    subprocess.Popen([sys.executable, "daemon.py"]); time.sleep(0.2); print("up", flush=True); time.sleep(300)
def runs_daemon():
    subprocess.Popen([sys.executable, "daemon.py"], start_new_session=True); time.sleep(0.2)
    import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("up", flush=True)
    while True: pass
"""


def owner_with_a_crowd(folder: Path, mark: str) -> subprocess.Popen[bytes]:
    """A process that runs three steps, with some twelve processes below it that try to get away."""
    for name, text in (("daemon.py", DAEMON), ("steps.py", STEPS), ("owner.py", OWNER)):
        (folder / name).write_text(text)
    owner = subprocess.Popen(
        [sys.executable, str(folder / "owner.py"), str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "MARK": mark},
    )
    assert owner.stdout is not None
    for _ in range(3):
        assert owner.stdout.readline() == b"up\n"
    return owner


def kill_and_look(folder: Path, survivors: Survivors, eventually: Eventually, number: int) -> None:
    mark = f"crowd-{secrets.token_hex(8)}"
    with owner_with_a_crowd(folder, mark) as owner:
        assert len(survivors(mark)) > 8
        owner.send_signal(number)
        owner.wait()
        eventually(lambda: not survivors(mark))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV], ids=lambda n: n.name)
def test_nothing_survives_its_owner(
    tmp_path: Path, survivors: Survivors, eventually: Eventually, number: signal.Signals
) -> None:
    kill_and_look(tmp_path, survivors, eventually, number)


@pytest.mark.full
def test_nothing_survives_fifty_owners(tmp_path: Path, survivors: Survivors, eventually: Eventually) -> None:
    for _ in range(50):
        kill_and_look(tmp_path, survivors, eventually, signal.SIGKILL)


def test_a_supervisor_that_is_asked_to_end_takes_all_along(
    tmp_path: Path, survivors: Survivors, eventually: Eventually
) -> None:
    mark = f"crowd-{secrets.token_hex(8)}"
    with owner_with_a_crowd(tmp_path, mark) as owner:
        below = psutil.Process(owner.pid).children()
        assert [process.cmdline()[4].endswith("supervisor.py") for process in below] == [True]
        below[0].terminate()
        eventually(lambda: below[0].pid not in survivors(mark))
        owner.kill()
        owner.wait()
        eventually(lambda: not survivors(mark))


async def test_what_a_finished_command_leaves_is_ended_at_once(
    begin: Begin, survivors: Survivors, eventually: Eventually
) -> None:
    steps = await begin()
    mark = f"left-{secrets.token_hex(8)}"
    (steps.root / "daemon.py").write_text(DAEMON)
    command = f"(sleep 300 &); setsid sleep 300 & {sys.executable} daemon.py & sleep 0.2; echo done; exit 0"
    attempt = steps.shell(command, env={"MARK": mark})
    outcome = await steps.outcome(attempt)
    assert outcome.ok and steps.log(attempt) == b"done\n"
    assert survivors(mark) == []


async def test_a_neighbour_is_not_touched(begin: Begin) -> None:
    steps = await begin(jobs=4)
    neighbour = steps.shell(
        "setsid sh -c 'sleep 0.6; echo alive' & wait; (setsid sleep 0.3; echo too) & wait"
    )
    for _ in range(3):
        await steps.outcome(steps.shell("(setsid sleep 100 &); exit 0"))
    assert (await steps.outcome(neighbour)).ok
    assert steps.log(neighbour) == b"alive\ntoo\n"


async def test_a_cancelled_command_may_clean_up(begin: Begin, tmp_path: Path) -> None:
    steps = await begin()
    note = tmp_path / "note"
    attempt = steps.shell(f"trap 'echo bye > {note}; exit 0' TERM; echo up; while :; do sleep 0.02; done")
    await steps.says(attempt, b"up")
    steps.workers.cancel(attempt)
    assert (await steps.outcome(attempt)).cancelled and note.read_text() == "bye\n"


@pytest.mark.case("P4")
async def test_a_stopped_command_can_be_cancelled(begin: Begin) -> None:
    steps = await begin()
    attempt = steps.shell("echo up; kill -STOP $$; sleep 300")
    await steps.says(attempt, b"up")
    steps.workers.cancel(attempt)
    assert (await steps.outcome(attempt)).cancelled


class Told:
    def __init__(self) -> None:
        self.end: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    def began(self, pid: int) -> None: ...

    def ended(self, status: int, escaped: str) -> None:
        self.end.set_result((status, escaped))

    def refused(self, reason: str) -> None:
        self.end.set_result(reason)


async def test_many_programs_and_large_environments_get_through() -> None:
    link = Supervisor(lambda how: None)
    link.start(dict(os.environ))
    told = []
    for number in range(60):
        reading, writing = os.pipe()
        os.close(reading)
        told.append(Told())
        big = {"BIG": "x" * 50_000, "NUMBER": str(number % 7)}
        link.spawn(f"p{number}", ["/bin/sh", "-c", "exit $NUMBER"], "/", big, [(writing, "1,2")], told[-1])
    async with asyncio.timeout(30):
        assert [await one.end for one in told] == [(number % 7, "") for number in range(60)]
        too_big = Told()
        link.spawn("big", ["/bin/sh"], "/", {"BIG": "x" * 5_000_000}, [], too_big)
        assert "Argument list too long" in str(await too_big.end)
    await link.aclose()


def test_processes_are_found_without_proc() -> None:
    child = subprocess.Popen(["sleep", "100"], env={**os.environ, "BAKEHOUSE_ATTEMPT": "me"})
    with child:
        by_ps, by_proc = supervisor.processes_by_ps(), supervisor.processes()
        assert by_ps[child.pid][0] == by_proc[child.pid][0] == os.getpid()
        assert supervisor.tag_of(child.pid) == b"me"
        child.kill()


def test_ends_in_words() -> None:
    assert [how_it_ended(n) for n in (0, 255, -9, -11, -200)] == [
        "exit code 0", "exit code 255", "killed by signal 9 (SIGKILL): out of memory?",
        "killed by signal 11 (SIGSEGV)", "killed by signal 200",
    ]  # fmt: skip


def test_it_starts_without_what_it_does_not_need() -> None:
    ours, its = socket.socketpair()
    ours.close()
    with its:
        command = [
            sys.executable,
            "-I",
            "-S",
            "-E",
            "-X",
            "importtime",
            supervisor.__file__,
            str(its.fileno()),
        ]
        told = subprocess.run(
            command, capture_output=True, text=True, pass_fds=[its.fileno()], timeout=60
        ).stderr
    imported = {
        line.rpartition("|")[2].strip() for line in told.splitlines() if line.startswith("import time:")
    }
    assert "_socket" in imported
    assert imported.isdisjoint({"enum", "re", "json", "typing", "socket", "subprocess", "site"})
