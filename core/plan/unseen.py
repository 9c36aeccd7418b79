"""What the key of a step cannot see, in words."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from ..model import Definitions, ShellAction, SqlAction, Task
from ..partitions.grid import dimensions_of
from .environment import from_environment
from .named import NamedFiles

_OPENS = re.compile(r"\b(read_\w+|glob|parquet_scan)\s*\(|\b(?:from|join)\s+('[^']*')", re.IGNORECASE)
_WORD = re.compile(r"[\w./+-]*\w")
MOST = 20


def unseen_by(definitions: Definitions, tasks: Iterable[str]) -> tuple[str, ...]:
    """What the keys of these tasks cannot see. Blocking: looks whether files are there."""
    root = definitions.root
    files = NamedFiles(Path(root))
    found: list[str] = []
    for task in map(definitions.tasks.__getitem__, tasks):
        read = (definitions.assets[one.asset].file for one in task.inputs)
        sources = [os.path.relpath(Path(root, file), root) for file in read if file]
        found += unseen(task, files, sources)
    return tuple(found)


def unseen(task: Task, files: NamedFiles, sources: Iterable[str] = ()) -> tuple[str, ...]:
    """What a change of would not make `task` stale, as far as that is known; empty for what says its version.

    `files` are the project's; `sources` are the paths, from the root, of those that the task reads. Blocking: looks
    whether files are there.
    """
    if task.code_version is not None:
        return ()
    action = task.action
    if isinstance(action, SqlAction):
        found = {first or second for first, second in _OPENS.findall(action.query)}
        return tuple(f"{task.name}: a file that the query opens by {name}" for name in sorted(found)[:MOST])
    if isinstance(action, ShellAction):
        return (*_of_command(task, action, files), *_of_environment(task, action))
    if task.code is None:
        return ()
    known = set(map(posixpath.normpath, sources))
    named = {files.path(text, action.folder): None for text in task.code.paths}
    others = sorted(name for name in named if name is not None and not _is_among(name, known))
    unwatched = (f"{task.name}: {name} is read by name and not watched: make it a source" for name in others)
    return (*task.code.untracked, *islice(unwatched, MOST))


def _is_among(name: str, sources: set[str]) -> bool:
    return any(name == one or name.startswith(f"{one}/") for one in sources)


def _of_command(task: Task, action: ShellAction, files: NamedFiles) -> Iterator[str]:
    words = sorted(set(_WORD.findall(action.command)))
    named = (word for word in words if not word.startswith("/") and files.path(word, action.folder))
    return islice((f"{task.name}: {name}, a file that the command names" for name in named), MOST)


def _of_environment(task: Task, action: ShellAction) -> Iterator[str]:
    given = {re.sub(r"\W", "_", name, flags=re.ASCII) for name in task.params}
    given |= {f"_{name}" for name in given} | {one.identifier for one in task.inputs}
    given |= set(task.env) | set(task.gathers)
    if task.partitions is not None:
        given |= {re.sub(r"[^A-Z0-9_]", "_", one.name.upper()) for one in dimensions_of(task.partitions)}
    for name in [one for one in from_environment(action.command) if one not in given][:MOST]:
        yield f"{task.name}: ${name} comes from the environment and is not watched: name it under env"
