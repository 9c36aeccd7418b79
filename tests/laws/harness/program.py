"""The program as a user starts it: with its events read as they come, and with deaths of all kinds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

LIMIT = 120.0
"""Seconds after which a run that does not end is a failure."""


@dataclass
class Ended:
    """How a run ended, and what it said on the way."""

    code: int
    events: list[dict[str, Any]]
    errors: str
    seconds: float
    others: list[str] = field(default_factory=list)
    """Lines of the output that are no event; the last may be one that was being written."""

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def steps(self) -> set[str]:
        """The steps that were said to be done."""
        return {one["task"] for one in self.events if one["event"] == "step_succeeded"}

    @property
    def versions(self) -> dict[str, str]:
        """The values that were said to be made."""
        made = (one for one in self.events if one["event"] == "asset_materialized")
        return {one["asset"]: one["version"] for one in made}

    @property
    def error(self) -> str:
        """What the run and its steps say that went wrong."""
        ends = [one for one in self.events if one["event"] in ("step_failed", "run_finished")]
        return "\n".join(str(one["error"]) for one in ends if one.get("error"))


def bakehouse(*words: str, at: Path, env: Mapping[str, str], **more: Any) -> subprocess.CompletedProcess[Any]:
    """One command of the program, called in the folder `at`; its output is text unless `text=False`."""
    command = [str(Path(sys.executable).with_name("bakehouse")), *words]
    asked: dict[str, Any] = {
        "capture_output": True,
        "text": True,
        "timeout": 280,
        "stdin": subprocess.DEVNULL,
    }
    return subprocess.run(command, cwd=at, env=env, **asked | more)


class Program:
    """`bakehouse materialize --json` in one project."""

    def __init__(self, folder: Path, home: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._environment = {
            **os.environ,
            "BAKEHOUSE_TRUST": "1",
            "BAKEHOUSE_HOME": str(home),
            **(environment or {}),
        }

    def start(
        self, *more: str, environment: Mapping[str, str] | None = None, before: Iterable[str] = ()
    ) -> subprocess.Popen[str]:
        """Starts a run; `before` is what stands before the command, as `strace` would."""
        own = [sys.executable, "-m", "bakehouse", "-C", str(self.folder)]
        return subprocess.Popen(
            [*before, *own, "materialize", "--json", "--jobs", "4", *more],
            env=self._environment | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        *more: str,
        environment: Mapping[str, str] | None = None,
        before: Iterable[str] = (),
        kill_after: float | None = None,
    ) -> Ended:
        """A run to its end, or until it is killed so many seconds after its start."""
        began = time.monotonic()
        process = self.start(*more, environment=environment, before=before)
        killer = None
        if kill_after is not None:
            killer = threading.Timer(kill_after, process.kill)
            killer.start()
        try:
            output, errors = process.communicate(timeout=LIMIT)
        finally:
            if killer is not None:
                killer.cancel()
            if process.poll() is None:
                process.kill()
                process.communicate()
        events, others = read(output.split("\n"))
        return Ended(process.returncode, events, errors, time.monotonic() - began, others)

    def until_nothing_is_left(self) -> None:
        """Waits until no process of this project is left."""
        until = time.monotonic() + 30
        while left := self.processes():
            assert time.monotonic() < until, f"{left} outlived the program"
            time.sleep(0.02)

    def processes(self) -> list[int]:
        """The processes that have the project in their command line."""
        found = []
        for process in psutil.process_iter():
            try:
                if str(self.folder) in " ".join(process.cmdline()):
                    found.append(process.pid)
            except psutil.Error:
                continue
        return found


def read(lines: Iterable[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """The events among the lines, and what is none. What is cut off was not said."""
    events, others = [], []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            others += [line] if line else []
            continue
        events.append(event)
    return events, others
