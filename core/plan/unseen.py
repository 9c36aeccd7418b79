"""What the key of a step cannot see, in words."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..model import ShellAction, SqlAction, Task

_OPENS = re.compile(r"\b(read_\w+|glob|parquet_scan)\s*\(|\b(?:from|join)\s+('[^']*')", re.IGNORECASE)
_WORD = re.compile(r"[\w./+-]*\w")
MOST = 20


def unseen(task: Task, is_file: Callable[[str], bool]) -> tuple[str, ...]:
    """What a change of would not make `task` stale, as far as that is known; empty for what says its version.

    `is_file` tells whether a path, relative to the folder that the step runs in, is a file.
    """
    if task.code_version is not None:
        return ()
    action = task.action
    if isinstance(action, SqlAction):
        found = {first or second for first, second in _OPENS.findall(action.query)}
        return tuple(f"{task.name}: a file that the query opens by {name}" for name in sorted(found)[:MOST])
    if isinstance(action, ShellAction):
        words = sorted(set(_WORD.findall(action.command)))
        files = [word for word in words if not word.startswith("/") and is_file(word)]
        return tuple(f"{task.name}: {name}, a file that the command names" for name in files[:MOST])
    return () if task.code is None else task.code.untracked
