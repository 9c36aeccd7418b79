"""Finds the project; where there is none, says what here could be opened, and how one is made."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from .load.discovery import Project, defines, find_project, is_candidate, walk
from .load.files import read_file
from .problems import DefinitionError, ProblemError

_LOOKED_AT = 1_000
"""Entries of a folder."""
_LARGE = 1 << 20
"""Bytes of a file that is not read to find out whether it defines something."""
_OPEN_IT = "{} defines something: open it with bakehouse -C {}, or make a project with bakehouse init"
_MAKE_ONE = "make one with bakehouse init, name a folder or file with -C, or try: bakehouse demo"


def project_at(path: Path | None) -> Project:
    """As `find_project`; where there is none from here upward and nothing below, the error names the one file here that
    could be opened, or else the ways to a project. Blocking. Raises ProblemError."""
    try:
        return find_project(path)
    except ProblemError as problem:
        here = Path.cwd()
        if path is not None or _has_projects(here):
            raise
        found = list(islice(_definition_files(here), 2))
        hint = _OPEN_IT.format(found[0], shlex.quote(found[0])) if len(found) == 1 else _MAKE_ONE
        raise ProblemError(problem.message, hint) from problem


def _has_projects(folder: Path) -> bool:
    try:
        return bool(walk(Project(folder, None, folder.name)).nested)
    except ProblemError:
        return False


def _definition_files(folder: Path) -> Iterator[str]:
    """The files right in `folder` that define something."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, _LOOKED_AT) if _may_define(entry)]
    except OSError:
        return
    for name in sorted(names):
        try:
            if defines(name, read_file(folder / name, name)):
                yield name
        except DefinitionError:
            continue


def _may_define(entry: os.DirEntry[str]) -> bool:
    if not entry.name.endswith((".yaml", ".yml", ".py")) or not is_candidate(entry.name):
        return False
    try:
        return entry.is_file() and entry.stat().st_size <= _LARGE
    except OSError:
        return False
