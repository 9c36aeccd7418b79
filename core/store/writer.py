"""The writer of a run: a thread that commits, in order and in groups, what the engine hands it."""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ParamSpec

from ..events import Event
from ..model import Stored
from ..problems import StoreError
from .crash import crash_point
from .facts import Batch, RunStart, StepCommit
from .faults import storage_error
from .ledger import LEDGER, LedgerWriter, identity
from .packing import packed
from .values import ValueStore

Notify = Callable[[list[int], StoreError | None], None]
"""Called in the writer's thread after each group: tokens that are durable now, or why none will be."""

_LARGEST_GROUP = 1000
_WATCH = 0.5
"""Seconds between two looks whether the store is still where it was."""
_BALLAST = 256 << 10

P = ParamSpec("P")
Item = StepCommit | tuple[Event, ...] | threading.Event | None


class Writer:
    """Commits what one run does. Made by `Store.begin`, for the holder of the project's lock.

    What is handed over first is never durable later than what follows it. After a failure nothing more is
    written: `error` says why, and so does the next call of `notify`.
    """

    def __init__(
        self,
        ledger: LedgerWriter,
        values: ValueStore,
        folder: Path,
        start: RunStart,
        last_seq: int,
        notify: Notify,
    ) -> None:
        self.run = start.run
        self.last_seq = last_seq
        """The number of the last event before this run: its own begin at the next."""
        self.recovered: tuple[Event, ...] = ()
        """What was noted of runs that died before they could end."""
        self.stamps: dict[str, str] = {}
        """The stamps of the value files taken in, by digest."""
        self.error: StoreError | None = None
        self._ledger = ledger
        self._values = values
        self._folder = folder
        self._start = start
        self._notify = notify
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._there = identity(folder)
        self._ballast = folder / "ballast"
        self._thread = threading.Thread(target=self._serve, name=f"writer of {start.run}", daemon=True)

    def open(self) -> None:
        """Begins to serve."""
        with contextlib.suppress(OSError):
            _fill(self._ballast)
        crash_point("begin.ballast_kept")
        self._thread.start()

    # ---- for the engine: any thread, never waits -------------------------------------------------

    def commit(self, commit: StepCommit) -> None:
        """Hands over the end of an attempt; `notify` tells when it is durable."""
        self._items.put(commit)

    def append(self, events: Iterable[Event]) -> None:
        """Hands over events that nobody waits for."""
        self._items.put(tuple(events))

    # ---- for the end of a run: these wait ---------------------------------------------------------

    def flush(self) -> None:
        """Returns when all that was handed over is durable. Raises StoreError if it is not."""
        if self._thread.is_alive():
            done = threading.Event()
            self._items.put(done)
            done.wait()
        if self.error is not None:
            raise self.error

    def finish(self, event: Event) -> None:
        """Commits `run_finished` and waits for it. Raises StoreError if it could not be kept.

        The run's status is `data["status"]`, else by `data["ok"]` `succeeded` or `failed`. After a full disk
        the end of the run is still noted, in space that was kept for that.
        """
        self.append((event,))
        crash_point("finish.before_wait")
        try:
            self.flush()
        except StoreError:
            self._note_end(event)
            raise
        crash_point("finish.done")

    def close(self) -> None:
        """Ends the thread when all is written, and closes the ledger. The lock stays with its owner."""
        if self._thread.is_alive():
            self._items.put(None)
            self._thread.join()
        if self.error is None:
            crash_point("close.before_checkpoint")
            with contextlib.suppress(sqlite3.Error, OSError):
                self._ledger.checkpoint(fully=True)
        self._ledger.close()
        crash_point("close.done")

    def _note_end(self, event: Event) -> None:
        with contextlib.suppress(OSError, sqlite3.Error, StoreError):
            self._ballast.unlink(missing_ok=True)
            self._check_place()
            if not self._ledger.knows(self.run):
                return
            batch = Batch(self._start)
            batch.tell((event,))
            self._ledger.write(batch)

    # ---- the thread ------------------------------------------------------------------------------

    def _serve(self) -> None:
        open_ = True
        while open_:
            group = self._next_group()
            open_ = not any(item is None for item in group)
            self._serve_group(group)

    def _serve_group(self, group: list[Item]) -> None:
        tokens = [item.token for item in group if isinstance(item, StepCommit)]
        had_failed = self.error is not None
        if not had_failed:
            self._try(self._commit_group, group)
        if self.error is None:
            crash_point("group.before_notify")
            if tokens:
                self._tell(tokens)
            crash_point("group.notified")
        elif tokens or not had_failed:
            self._tell([])
        for item in group:
            if isinstance(item, threading.Event):
                item.set()
        if self.error is None:
            self._keep_log_short()

    def _tell(self, tokens: list[int]) -> None:
        """Whoever was to be told may be gone; what is durable stays so."""
        with contextlib.suppress(Exception):
            self._notify(tokens, self.error)

    def _keep_log_short(self) -> None:
        try:
            self._ledger.checkpoint()
        except sqlite3.Error as error:
            self.error = storage_error(self._folder / LEDGER, error)
            self._tell([])

    def _try(self, act: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            act(*args, **kwargs)
        except StoreError as error:
            self.error = error
        except (OSError, sqlite3.Error) as error:
            self.error = storage_error(self._folder / LEDGER, error)
        except Exception as error:
            self.error = StoreError(
                f"the store could not keep what the run did: {error}", "this is a fault of Bakehouse"
            )
            self.error.__cause__ = error

    def _next_group(self) -> list[Item]:
        group: list[Item] = []
        with contextlib.suppress(queue.Empty):
            group.append(self._items.get(timeout=_WATCH))
            while len(group) < _LARGEST_GROUP:
                group.append(self._items.get_nowait())
        return group

    def _commit_group(self, group: list[Item]) -> None:
        self._check_place()
        batch = Batch(self._start)
        taken: list[tuple[Stored, str]] = []
        batch.tell(packed(event for item in group if isinstance(item, tuple) for event in item))
        for item in group:
            if isinstance(item, StepCommit):
                batch.take(item)
                taken += [(made.value, made.path) for made in item.made if made.path is not None]
        if not batch.events:
            return
        crash_point("group.taken")
        touched: set[str] = set()
        for value, scratch in taken:
            batch.stamps[value.digest] = self._values.take_in(value, Path(scratch), touched)
        if touched:
            self._values.sync(touched)
        self._ledger.write(batch)
        self._check_place()
        self.stamps.update(batch.stamps)

    def _check_place(self) -> None:
        if identity(self._folder) != self._there:
            raise StoreError(
                "the store was deleted or replaced in mid-run",
                f"run again; nothing made since is kept (it was {self._folder})",
            )


def _fill(path: Path) -> None:
    if path.exists() and path.stat().st_size == _BALLAST:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, os.urandom(_BALLAST))
    finally:
        os.close(descriptor)
