"""Named places in the commit protocol at which a test can have the process killed."""

from __future__ import annotations

import os
import signal

VARIABLE = "BAKEHOUSE_CRASH_AT"
"""`NAME` or `NAME:K`: die by SIGKILL when the point NAME is passed for the K-th time."""

CRASH_POINTS = (
    "create.folder",
    "create.ledger_written",
    "create.ledger_linked",
    "begin.locked",
    "begin.before_commit",
    "begin.committed",
    "begin.scratch_cleared",
    "group.taken",
    "value.before_rename",
    "value.renamed",
    "values.before_sync",
    "values.synced",
    "ledger.begun",
    "ledger.events_written",
    "ledger.values_written",
    "ledger.steps_written",
    "ledger.before_commit",
    "ledger.committed",
    "group.before_notify",
    "group.notified",
    "checkpoint.before",
    "checkpoint.after",
    "finish.before_wait",
    "finish.done",
    "close.before_checkpoint",
    "close.done",
    "baseline.written",
    "baseline.renamed",
    "log.before_tail",
    "log.tail_written",
)


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
