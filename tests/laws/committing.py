"""A run that commits steps, as an engine would: for tests to import, and for tests to start and kill.

As a program, `committing.py FOLDER FIRST RUNS STEPS`: says `ack TASK GENERATION` once a step is durable, and
`over` at the end.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bakehouse.core.events import Event, Kind
from bakehouse.core.model import Attempt, Json, StepKey, StepRecord, Stored
from bakehouse.core.problems import StoreError
from bakehouse.core.store.baseline import Baseline
from bakehouse.core.store.facts import StepCommit
from bakehouse.core.store.lock import ProjectLock
from bakehouse.core.store.store import Store, Writer


@dataclass(frozen=True)
class Left:
    """A value that a step left."""

    asset: str
    value: Stored
    path: str | None = None
    metadata: dict[str, Json] = field(default_factory=dict)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def value_of(task: str, generation: int = 0) -> bytes:
    """The bytes that a step makes: small ones for even numbers, a file for odd ones."""
    data = f"{task} in generation {generation}\n".encode()
    return data * 1000 if task[-1] in "13579" else data


def leave(store: Store, asset: str, data: bytes, codec: str = "json", scratch: str = "attempt") -> Left:
    """What a worker leaves: an inline value, or a finished file."""
    digest = sha(data)
    if len(data) <= 8192:
        return Left(asset, Stored(codec, digest, len(data), digest, data, "str"))
    path = store.values.scratch(scratch) / digest
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return Left(asset, Stored(codec, digest, len(data), digest, None, "str"), str(path))


def key_of(task: str, generation: int = 0) -> StepKey:
    code = {"steps.make": sha(b"code"), "steps.generation": str(generation)}
    return StepKey(
        sha(repr((task, code)).encode()), code, {"kind": "python"}, {"python": "3.11"}, {"flour": "1"}
    )


class Steps:
    """Makes the commits of a run, numbering its events."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self.store = store
        self.writer = writer
        self.seq = writer.last_seq
        self.token = 0

    def event(self, kind: Kind, task: str | None = None, asset: str | None = None, **data: Json) -> Event:
        self.seq += 1
        return Event(self.seq, 1e9 + self.seq, self.writer.run, kind, task, asset, data)

    def begin(self) -> None:
        self.writer.append((self.event(Kind.RUN_STARTED, jobs=1),))

    def start(self, task: str, number: int = 1) -> None:
        self.writer.append((self.event(Kind.STEP_STARTED, task, attempt=number),))

    def succeed(
        self, task: str, made: Iterable[Left], generation: int = 0, seconds: float = 0.5
    ) -> StepCommit:
        made = tuple(made)
        events = [self.event(Kind.ASSET_MATERIALIZED, task, one.asset, size=one.value.size) for one in made]
        events.append(self.event(Kind.STEP_SUCCEEDED, task, attempt=1))
        outputs = tuple(one.asset for one in made)
        key = key_of(task, generation)
        record = StepRecord(task, key, sha(task.encode()), self.writer.run, self.seq, 1e9, seconds, outputs)
        attempt = Attempt(task, self.writer.run, 1, "succeeded", 1e9, 1e9 + seconds)
        return self._commit(StepCommit(self.token + 1, tuple(events), attempt, record, made))

    def fail(self, task: str, error: str) -> StepCommit:
        event = self.event(Kind.STEP_FAILED, task, attempt=1, error=error)
        attempt = Attempt(task, self.writer.run, 1, "failed", 1e9, 1e9 + 1, error)
        return self._commit(StepCommit(self.token + 1, (event,), attempt))

    def _commit(self, commit: StepCommit) -> StepCommit:
        self.token += 1
        self.writer.commit(commit)
        return commit

    def make(self, task: str, generation: int = 0) -> StepCommit:
        """Starts a step and commits the value that it makes."""
        self.start(task)
        left = leave(self.store, f"value of {task}", value_of(task, generation), scratch=f"{self.token}")
        return self.succeed(task, [left], generation)

    def end(self, ok: bool = True) -> Event:
        event = self.event(Kind.RUN_FINISHED, ok=ok, counts={"succeeded": self.token})
        self.writer.finish(event)
        return event


def one_run(folder: Path, generation: int, steps: int) -> None:
    """A whole run with logs and a baseline; says `ack TASK GENERATION` for what is durable."""
    with Store.open(folder) as store, ProjectLock.acquire(folder, "committing") as lock:
        tasks: dict[int, str] = {}

        def notify(tokens: list[int], error: StoreError | None) -> None:
            lines = [f"ack {tasks[token]} {generation}\n" for token in tokens]
            os.write(1, "".join(lines if error is None else [f"error {error.message}\n"]).encode())

        os.write(1, b"begin\n")
        writer = store.begin(f"run-{generation}-{os.getpid()}", lock=lock, notify=notify)
        run = Steps(store, writer)
        run.begin()
        store.set_baseline(Baseline({"flour": str(generation)}, {}, 1e9))
        for index in range(steps):
            tasks[run.token + 1] = f"step_{index}"
            run.make(f"step_{index}", generation)
            log = store.logs.attempt(writer.run, f"step_{index}", 1, head=100, tail=100)
            log.write(b"a line that is printed\n" * 20)
            log.close()
            if index % 3 == 2:
                writer.flush()
        run.end()
        writer.close()


def main(folder: str, first: str, runs: str, steps: str) -> None:
    for generation in range(int(first), int(first) + int(runs)):
        one_run(Path(folder), generation, int(steps))
    os.write(1, b"over\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
