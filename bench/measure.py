"""One program from its start to its end: seconds, CPU seconds and memory of it and of all that it started."""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
BECOME_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of <linux/prctl.h>
UNWANTED = ("PYTHON", "PIP_", "BAKEHOUSE", "MAKE", "MFLAGS", "COVERAGE")


class Unfit(Exception):
    """A peer failed, or did other work than it was asked for: its time means nothing."""


@dataclass(frozen=True, slots=True)
class Cost:
    """`wall` and `cpu` (user and system) are seconds, `rss` the peak of all processes together in MB."""

    wall: float
    cpu: float
    rss: float
    output: str = ""


def adopt_orphans() -> None:
    """Makes whatever a measured program leaves behind a child of ours, so that its CPU time is counted (Linux)."""
    ctypes.CDLL(None, use_errno=True).prctl(BECOME_SUBREAPER, 1, 0, 0, 0)


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, less what would change how a peer runs."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(UNWANTED)}
    return {**kept, **(more or {})}


def run(
    command: Sequence[str | Path], folder: Path, more: Mapping[str, str] | None = None, limit: float = 600.0
) -> Cost:
    """Runs `command` in `folder` to its end. Raises Unfit where it does not end with 0 within `limit` seconds."""
    log = folder / ".output"
    with log.open("w+", encoding="utf-8", errors="replace") as sink:
        before = _children_seconds()
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment(more), stdin=subprocess.DEVNULL, stdout=sink,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        memory = _Memory(process.pid)
        code = _wait(process, limit)
        wall = time.perf_counter() - began
        peak = memory.stop()
        _reap()
        cpu = _children_seconds() - before
        sink.seek(0)
        output = sink.read()
    if code:
        raise Unfit(f"{' '.join(map(str, command))} ended with {code}:\n{output[-2000:]}")
    return Cost(wall, cpu, peak, output)


def _wait(process: subprocess.Popen[bytes], limit: float) -> int:
    """Waits without looking again and again, which would cost up to 50 ms of the time that is measured."""
    ended = os.pidfd_open(process.pid)
    try:
        if not select.select([ended], [], [], limit)[0]:
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait()
    finally:
        os.close(ended)


def settle(patience: float = 20.0) -> bool:
    """Waits until this machine is idle but for us; False where it stayed busy."""
    until = time.monotonic() + patience
    while _idle_share() < 0.9:
        if time.monotonic() > until:
            return False
    return True


def _idle_share(seconds: float = 0.25) -> float:
    before = _ticks()
    time.sleep(seconds)
    passed = [after - earlier for after, earlier in zip(_ticks(), before, strict=True)]
    return (passed[3] + passed[4]) / max(1, sum(passed))


def _ticks() -> list[int]:
    """What all processors did since the start: user, nice, system, idle, waiting, …"""
    return [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reap(patience: float = 2.0) -> None:
    """Waits for what the program left behind, which is ours now."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            time.sleep(0.005)


class _Memory:
    """Looks ten times a second at the session of a process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peak = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        self._ended.set()
        self._thread.join()
        return round(self.peak, 1)

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            self.peak = max(self.peak, sum(resident(pid) for pid in family(self.pid)) / 2**20)


def family(root: int) -> set[int]:
    """`root` and everything below it, whatever session it made its own."""
    found, todo = {root}, [root]
    while todo:
        children = _children(todo.pop())
        todo += children - found
        found |= children
    return found


def _children(pid: int) -> set[int]:
    """None where it has just ended."""
    try:
        listings = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return set()
    return {int(word) for listing in listings for word in listing.split()}


def resident(pid: int) -> int:
    """Bytes."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


@dataclass
class Figure:
    """One row of the report: the costs of each contestant, round by round; `size` is how many nodes it is about."""

    name: str
    title: str
    size: int = 1
    costs: dict[str, list[Cost]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    busy: int = 0
    """How many rounds began although the machine had other work."""

    def add(self, contestant: str, cost: Cost) -> None:
        self.costs.setdefault(contestant, []).append(cost)

    def median(self, contestant: str, what: str = "wall") -> float:
        each: list[float] = [getattr(cost, what) for cost in self.costs[contestant]]
        return statistics.median(each)


@dataclass(frozen=True, slots=True)
class Ratio:
    """The ratio of each pair, as median, smallest and largest."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Pair by pair: what disturbs the machine disturbs both halves of a pair."""
    each = [our / their for our, their in zip(ours, theirs, strict=True)]
    return Ratio(statistics.median(each), min(each), max(each))
