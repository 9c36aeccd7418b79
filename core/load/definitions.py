"""Loads the definitions of a project: all of them in one snapshot, or everything that is wrong with them."""

from __future__ import annotations

import time
from pathlib import Path

from ..model import Definitions
from ..problems import DefinitionError
from .cache import DefinitionCache
from .discovery import ROOT_FILE, Project, read_definition_files, walk
from .files import read_file
from .interpreter import find_interpreter


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
