"""A project whose bread stays in the oven for as long as a test wants, and the processes that work on it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bakehouse.core.events import Kind
from bakehouse.core.store.store import Store

LIMIT = 60.0

# The oven waits for a file; what it starts leaves its session. Every start of it is noted.
BREAD = """
assets:
  dough: {shell: 'echo dough > "$OUTPUT"'}
  bread:
    deps: [dough]
    shell: |
      echo bread >> ../journal
      (setsid sleep 300 &)
      echo in the oven
      while [ ! -e ../ready ]; do sleep 0.02; done
      cat "$dough" > "$OUTPUT"
  crumbs: {deps: [bread], shell: 'cat "$bread" > "$OUTPUT"'}
  jam: {shell: 'echo jam > "$OUTPUT"'}
"""


@dataclass
class Bakery:
    """A project, and the processes that work on it."""

    root: Path
    environ: dict[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def store(self) -> Path:
        return self.root / ".bakehouse"

    @property
    def journal(self) -> list[str]:
        path = self.root.parent / "journal"
        return path.read_text().split() if path.exists() else []

    def open_oven(self) -> None:
        (self.root.parent / "ready").touch()

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "bakehouse", "-C", str(self.root), *words]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=self.environ, stdout=pipe, stderr=pipe, text=True)
        self.started.append(process)
        return process

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*words)
        out, err = process.communicate(timeout=LIMIT)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def run_until_baking(self) -> subprocess.Popen[str]:
        """A run whose bread is in the oven, as the ledger tells."""
        before = len(self.journal)
        process = self.start("materialize", "--jobs", "2")
        until(lambda: len(self.journal) > before and self._is_told())
        return process

    def _is_told(self) -> bool:
        with Store.open(self.store) as store:
            told = {(one.kind, one.task) for one in store.events(store.runs(1)[0].run)}
        jam = {(Kind.STEP_SUCCEEDED, "jam"), (Kind.STEP_REUSED, "jam")}
        return (Kind.STEP_STARTED, "bread") in told and bool(told & jam)

    def close(self) -> None:
        """Ends all that was started and is not over."""
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.communicate()

    def states(self) -> dict[str, str]:
        found = json.loads(self.call("ls", "--json").stdout)
        return {node["key"]: node["state"] for node in found["nodes"]}

    def statuses(self) -> list[str]:
        with Store.open(self.store) as store:
            return [one.status for one in store.runs(100)]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def working_in(root: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(root) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found
