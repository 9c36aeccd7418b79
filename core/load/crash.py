"""How a loader process died that could not say so itself."""

from __future__ import annotations

import os
import re
import signal
from pathlib import PurePath

from .python_types import LoadFailure

TOO_OLD = 78
FRAME = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+) in (?P<name>.+)$', re.MULTILINE)


def death_of(status: int, report: str, loading: str, root: str, interpreter: str, output: str) -> LoadFailure:
    """The failure for an exit status (negative: a signal), a faulthandler report and the file at work."""
    if status == TOO_OLD or (not loading and re.search(r"[Uu]nknown option:? -?P", output)):
        return LoadFailure("", 1, f"the interpreter {interpreter} is older than Python 3.11, which is needed")
    file, line = loading, 1
    shown: list[str] = []
    for frame in FRAME.finditer(report):
        inside = _relative(frame["file"], root)
        if inside is not None:
            if not shown:
                file, line = inside, int(frame["line"])
            shown.insert(0, f'  File "{frame["file"]}", line {frame["line"]}, in {frame["name"]}')
    traceback = "\n".join(["Traceback (most recent call last):", *shown]) if shown else ""
    if not loading:
        last = output.strip().splitlines()[-1:] or ["it said nothing"]
        return LoadFailure("", 1, f"the interpreter {interpreter} did not load Bakehouse: {last[0]}", output)
    return LoadFailure(file, line, f"Python {_end(status)} while the definitions were loaded", traceback)


def _end(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"was killed by {name}"


def _relative(file: str, root: str) -> str | None:
    inside = file.startswith(root.rstrip(os.sep) + os.sep)
    return PurePath(file).relative_to(root).as_posix() if inside else None
