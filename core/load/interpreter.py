"""Which Python interpreter the project's own code is imported and run by."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ..problems import ProblemError

HASH_SEED = "0"
"""PYTHONHASHSEED of loaders and workers where the user has not set it: the same sets in the same order, so
that a step computes the same in every process."""


def find_interpreter(root: Path, chosen: str | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """The path of the interpreter, in this order: `chosen`, `BAKEHOUSE_PYTHON`, the project's `.venv`,
    the active `VIRTUAL_ENV`, the interpreter that runs Bakehouse.

    Raises ProblemError if one that was asked for by name is not there.
    """
    for said, by in ((chosen, "the interpreter"), (environ.get("BAKEHOUSE_PYTHON"), "BAKEHOUSE_PYTHON")):
        if said:
            return _existing(said, by)
    folders = [root / ".venv"]
    if active := environ.get("VIRTUAL_ENV"):
        folders.append(Path(active))
    for folder in folders:
        if _is_program(candidate := folder / "bin" / "python"):
            return str(candidate)
    return sys.executable


def _existing(said: str, by: str) -> str:
    from shutil import which

    if os.sep not in said and (found := which(said)):
        return found
    path = Path(said).expanduser().absolute()
    if not _is_program(path):
        raise ProblemError(f"{by} names {said!r}, which is not a program", "name a python executable")
    return str(path)


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
