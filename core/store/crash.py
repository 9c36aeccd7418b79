"""Named places, from the opening of a project to the end of a run, at which a test can have the process killed."""

from __future__ import annotations

import os
import signal

VARIABLE = "BAKEHOUSE_CRASH_AT"
"""`NAME` or `NAME:K`: die by SIGKILL when the point NAME is passed for the K-th time."""

CRASH_POINTS = (
    # opening a project for the first time, and reading its definitions
    "create.folder",
    "whole.before_rename",
    "whole.renamed",
    "create.ledger_written",
    "create.sealed",
    "create.ledger_linked",
    "private.before_rename",
    "private.renamed",
    "copy.before_rename",
    "copy.renamed",
    "baseline.written",
    "baseline.renamed",
    "sources.before_rename",
    "sources.renamed",
    # beginning a run, after one that died too
    "lock.taken",
    "lock.signed",
    "begin.locked",
    "begin.before_commit",
    "begin.committed",
    "recover.before_write",
    "recover.written",
    "begin.scratch_cleared",
    "begin.ballast_kept",
    # a group of steps, from what they left to what is said
    "group.taken",
    "value.before_rename",
    "folder.moved_aside",
    "value.renamed",
    "values.before_sync",
    "values.synced",
    "ledger.begun",
    "ledger.events_written",
    "ledger.values_written",
    "ledger.steps_written",
    "ledger.before_commit",
    "ledger.committed",
    "seal.before_write",
    "seal.written",
    "group.before_notify",
    "group.notified",
    "checkpoint.before",
    "checkpoint.after",
    "log.before_tail",
    "log.tail_written",
    "log.closed",
    # the end of a run
    "finish.before_wait",
    "finish.done",
    "close.before_checkpoint",
    "close.done",
    "run.before_release",
    "run.released",
)

MIGRATION_POINTS = ("migrate.locked", "migrate.backed_up", "migrate.before_commit", "migrate.committed")
GC_POINTS = ("gc.locked", "gc.listed", "gc.removed", "gc.stamps_cleared")


def _armed() -> tuple[str, int] | None:
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return None
    name, _, times = wanted.partition(":")
    return name, int(times or 1)


_target = _armed()
_passed = 0


def crash_point(name: str) -> None:
    """Does nothing, unless the environment asked this process to die here."""
    global _passed
    if _target is None or _target[0] != name:
        return
    _passed += 1
    if _passed >= _target[1]:
        os.kill(os.getpid(), signal.SIGKILL)
