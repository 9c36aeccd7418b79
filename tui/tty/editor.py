"""Opens a file at a line in the user's editor."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from ...core.problems import ProblemError

_WITH_COLON = frozenset({"hx", "helix", "subl", "zed"})
_WITH_GOTO = frozenset({"code", "codium", "cursor"})


def editor_command(file: Path, line: int, environ: Mapping[str, str] = os.environ) -> list[str]:
    """The command that opens `file` at `line`. Raises `ProblemError` where no editor is named."""
    named = environ.get("VISUAL") or environ.get("EDITOR")
    if not named:
        raise ProblemError("no editor is named", "set VISUAL or EDITOR, for example: export EDITOR=nano")
    command = shlex.split(named)
    program = Path(command[0]).name
    if program in _WITH_COLON:
        return [*command, f"{file}:{line}"]
    if program in _WITH_GOTO:
        return [*command, "--wait", "--goto", f"{file}:{line}"]
    return [*command, f"+{line}", str(file)]


def pager_command(file: Path, environ: Mapping[str, str] = os.environ) -> list[str]:
    """The command that shows `file` a page at a time. Raises `ProblemError` where there is no pager."""
    named = environ.get("PAGER") or shutil.which("less") or shutil.which("more")
    if not named or not (command := shlex.split(named)):
        raise ProblemError("no pager is named", "set PAGER, for example: export PAGER=less")
    return [*command, str(file)]
