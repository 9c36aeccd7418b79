"""Loads the definitions of a project: all of them in one snapshot, or everything that is wrong with them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ..model import Definitions
from ..problems import DefinitionError, ProblemError
from .cache import DefinitionCache
from .discovery import ROOT_FILE, Project, read_definition_files, walk
from .files import is_as_read, read_file
from .interpreter import find_interpreter


@dataclass(frozen=True, slots=True)
class Choice:
    """What a caller set: a profile, and parameters of the project as they were written. False if nothing."""

    profile: str = ""
    params: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.profile or self.params)


NO_CHOICE = Choice()
_READINGS = 5
"""How often definitions that change meanwhile are read before that is told."""


def read_at_rest(
    project: Project, trusted: bool, interpreter: str, store: Path | None, choice: Choice = NO_CHOICE
) -> Definitions:
    """The definitions as the files held them at one time: what changes while it is read is read again. They are as
    `choice` sets them.

    Raises as `load_definitions` does, ProblemError where the files never hold still, and for a choice that there is
    not.
    """
    for _ in range(_READINGS):
        definitions = load_definitions(project, trusted=trusted, interpreter=interpreter, store=store)
        if is_as_read(Path(project.root), definitions.files):
            return _settled(definitions, choice)
    raise ProblemError(
        "the definitions change while they are read", "wait until they are saved, then read them again (R)"
    )


def _settled(definitions: Definitions, choice: Choice) -> Definitions:
    if not choice:
        return definitions
    from .settings import settle

    return settle(definitions, choice)


def load_definitions(
    project: Project,
    *,
    trusted: bool,
    interpreter: str | None = None,
    store: Path | None = None,
    time_limit: float = 30.0,
) -> Definitions:
    """Everything that `project` defines.

    Nothing of the project runs unless `trusted`: its Python files are then withheld. With a `store` the
    result is remembered there, and the copies of the project's modules are kept there. `time_limit` is
    in seconds, for the Python definitions. Raises DefinitionError with all that is wrong, and
    ProblemError where nothing is defined at all.
    """
    began = time.time_ns()
    python = find_interpreter(project.root, interpreter)
    memory = DefinitionCache.at(store, project, python, trusted)
    if memory is not None and (known := memory.recall()) is not None:
        return known
    from .compose import compose

    patterns = _patterns(project)
    walked = walk(project, patterns)
    found = read_definition_files(project, walked)
    definitions = compose(project, found, python, trusted, store, time_limit)
    if memory is not None:
        memory.remember(definitions, walked, patterns, found.python, began)
    return definitions


def _patterns(project: Project) -> tuple[str, ...]:
    """What the root's bakehouse.yaml says of the files to read; empty where it says nothing (or nonsense)."""
    path = project.root / ROOT_FILE
    if project.files is not None or not path.exists():
        return ()
    try:
        data = read_file(path, ROOT_FILE)
    except DefinitionError:
        return ()
    if b"definitions" not in data:
        return ()
    from .reader import read_yaml

    head = read_yaml(data, ROOT_FILE).data
    said = head.get("definitions") if isinstance(head, dict) else None
    return tuple(p for p in said if isinstance(p, str) and p) if isinstance(said, list) else ()
