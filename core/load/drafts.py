"""One definition as it was written, in YAML or in Python, with where it stands and what holds by default."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Any, Literal

from ..model import Action, Place, PythonAction, ShellAction, SqlAction
from ..problems import Problem
from .document import Document, shown_line
from .format import ACTIONS, AssetEntry, Defaults, Dependency, Step, TaskEntry
from .names import shown
from .python_types import Signature, Spec


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a definition stands: in a YAML document at `path`, or at a line of a Python file."""

    file: str
    place: Place
    document: Document | None = None
    path: tuple[str, ...] = ()
    line: str | None = None

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.file)

    def problem(self, message: str, *path: str | int, key: bool = False, hint: str = "") -> Problem:
        if self.document is None:
            return Problem(message, self.place, hint, shown_line(self.line, self.place.column))
        return self.document.problem(message, *self.path, *path, key=key or not path, hint=hint)


@dataclass(frozen=True, slots=True)
class Draft:
    """`broken` are the keys that were refused (and are left out), so that nobody complains of their absence.

    `defaults` are from near to far. `spec` is the decorated function, if it was defined in Python.
    """

    kind: Literal["asset", "task"]
    name: str
    entry: Step
    origin: Origin
    pipeline: str = ""
    defaults: tuple[Defaults, ...] = ()
    broken: frozenset[str] = frozenset()
    spec: Spec | None = None

    @property
    def label(self) -> str:
        return f"{self.kind} {shown(self.name)}"

    @property
    def asset(self) -> AssetEntry | None:
        return self.entry if isinstance(self.entry, AssetEntry) else None

    @property
    def task(self) -> TaskEntry | None:
        return self.entry if isinstance(self.entry, TaskEntry) else None

    @property
    def task_name(self) -> str:
        return (self.asset.task if self.asset else "") or self.name

    @property
    def reads(self) -> tuple[str, list[Dependency]]:
        """The key under which the inputs stand, and the inputs."""
        if isinstance(self.entry, AssetEntry):
            return "deps", self.entry.deps
        return "inputs", self.entry.inputs if isinstance(self.entry, TaskEntry) else []

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.task.outputs) if self.task else (self.name,)

    @property
    def action(self) -> Action | None:
        """What it does, in the folder of its file; None for a source or a mere description. Where the action was
        refused, or a task has none, an empty one stands for it: its arrows are known all the same."""
        spec, entry, folder = self.spec, self.entry, self.origin.folder
        if spec is not None:
            return PythonAction(spec.module, spec.function, spec.folder) if spec.kind != "source" else None
        if entry.python:
            module, _, function = entry.python.partition(":")
            return PythonAction(module, function, folder)
        if entry.shell:
            return ShellAction(entry.shell, folder)
        if entry.sql:
            return SqlAction(entry.sql, folder)
        return ShellAction("", folder) if self.kind == "task" or self.broken & set(ACTIONS) else None

    @property
    def signature(self) -> Signature | None:
        return self.spec.signature if self.spec is not None and self.spec.kind != "source" else None

    def settled(self, key: str) -> Any:
        """The value of a common key: what was said here, else the nearest default."""
        if not self.defaults:
            return getattr(self.entry, key)
        chain = (self.entry, *self.defaults)
        if key in ("params", "env"):
            return {name: value for said in reversed(chain) for name, value in getattr(said, key).items()}
        said_by = next((said for said in chain if key in said.model_fields_set), self.entry)
        return getattr(said_by, key)

    def problem(self, message: str, *path: str | int, key: bool = False, hint: str = "") -> Problem:
        return self.origin.problem(f"{self.label}: {message}", *path, key=key, hint=hint)
