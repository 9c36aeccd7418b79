"""Whose line it was: what definitions raised as a file, a line, a sentence and their own traceback."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

from ..problems import ProblemError

LONGEST = 16_000
CORE = str(Path(__file__).absolute().parent.parent) + os.sep


class Blame:
    """Makes failures, as JSON values, of errors below `root`."""

    def __init__(self, root: str) -> None:
        self.root = root

    def relative(self, file: str) -> str | None:
        """The path below the root with `/`, or None for a file that is not the project's."""
        inside = file.startswith(self.root.rstrip(os.sep) + os.sep)
        return os.path.relpath(file, self.root).replace(os.sep, "/") if inside else None

    def at(self, place: str, line: int, message: str, file: str) -> dict[str, Any]:
        """A failure at a known place; `file` where that is not in the project."""
        return _failure(self.relative(place) or file, line, message)

    def problem(self, problem: ProblemError, file: str) -> dict[str, Any]:
        text = f"{problem.message} ({problem.hint})" if problem.hint else problem.message
        return _failure(file, 1, text)

    def error(self, error: BaseException, file: str) -> dict[str, Any]:
        """The innermost line of the project, else line 1 of `file`."""
        report = traceback.TracebackException.from_exception(error)
        if isinstance(error, SyntaxError) and not isinstance(error.offset, int):
            report.text = None  # type: ignore[assignment]  # nothing can be drawn under it
        where, line = self._innermost(report, file)
        column = 1
        if isinstance(error, SyntaxError) and (broken := self.relative(str(error.filename or ""))):
            where, (line, column) = broken, _place_in(error)
        _hide_machinery(report)
        return _failure(where, line, _sentence(error, report), "".join(report.format()), column)

    def is_of_project(self, error: BaseException) -> bool:
        """Whether a line of the project is to blame."""
        return bool(self._innermost(traceback.TracebackException.from_exception(error), "")[0])

    def stack(self, frame: FrameType | None, message: str, file: str) -> dict[str, Any]:
        """Where a thread stands, for what ends without an exception."""
        frames = [] if frame is None else traceback.extract_stack(frame)
        where, line = file, 1
        for entry in frames:
            if (relative := self.relative(entry.filename)) is not None and not _is_machinery(entry):
                where, line = relative, entry.lineno or 1
        shown = traceback.StackSummary.from_list([entry for entry in frames if not _is_machinery(entry)])
        return _failure(where, line, message, "".join(shown.format()))

    def _innermost(self, report: traceback.TracebackException, file: str) -> tuple[str, int]:
        found = (file, 1)
        for entry in report.stack:
            relative = self.relative(entry.filename)
            if relative is not None and not _is_machinery(entry):
                found = (relative, entry.lineno or 1)
        return found


def _place_in(error: SyntaxError) -> tuple[int, int]:
    """Line and column from 1. Python says None, 0 or -1 where it knows none, and one behind the last character
    where something is wanting."""
    line, column, text = error.lineno, error.offset, error.text
    if not isinstance(line, int) or line < 1:
        return 1, 1
    if not isinstance(column, int) or column < 1:
        return line, 1
    return line, min(column, len(text.rstrip("\r\n")) + 1) if isinstance(text, str) else column


def _sentence(error: BaseException, report: traceback.TracebackException) -> str:
    if isinstance(error, SystemExit):
        return f"sys.exit({error.code!r}) was called while the definitions were loaded"
    lines = [line.strip() for line in report.format_exception_only()]
    if isinstance(error, SyntaxError):
        return lines[-1]
    return next((line for line in lines if line), type(error).__name__)


def _hide_machinery(report: traceback.TracebackException | None, depth: int = 0) -> None:
    if report is None or depth > 20:
        return
    kept = [entry for entry in report.stack if not _is_machinery(entry)]
    report.stack = traceback.StackSummary.from_list(kept)
    _hide_machinery(report.__cause__, depth + 1)
    _hide_machinery(report.__context__, depth + 1)


def _is_machinery(entry: traceback.FrameSummary) -> bool:
    """A frame of ours or of the import system (the package `importlib` included)."""
    name = entry.filename
    if name.startswith("<frozen importlib") or name.replace(os.sep, "/").endswith("/importlib/__init__.py"):
        return True
    return name.startswith(CORE)


def _failure(file: str, line: int, message: str, shown: str = "", column: int = 1) -> dict[str, Any]:
    cut = f"{shown[: LONGEST // 2]}\n  …\n{shown[-LONGEST // 2 :]}" if len(shown) > LONGEST else shown
    return {"file": file, "line": line, "column": column, "message": message[:4000], "traceback": cut}
