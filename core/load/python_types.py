"""What is asked of the Python loader, and what it answers: plain data that crosses the process border.

The standard library only: the child side runs in the project's own interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ..model import CodeKey, Json, SourceFile


class Call(NamedTuple):
    """A `python: module:function` of a YAML file. `folder` (relative to the root, `""` for the root
    itself) is where that file lies: it is first on the module path."""

    module: str
    function: str
    folder: str = ""


CallKey = tuple[str, str, str]
"""(folder, module, function): how `PythonResult.calls` is keyed."""


@dataclass(frozen=True, slots=True)
class PythonRequest:
    """Import the definition `files` and look up the `calls`.

    `root` is absolute, `files` are relative to it with `/`. Copies of the project's modules go to
    `code_folder`, if given. `time_limit` is in seconds, for all of it.
    """

    root: str
    files: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    interpreter: str = ""
    code_folder: str | None = None
    time_limit: float = 30.0


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function. `variadic` is `**kwargs`; `*args` is left out.

    `is_context`: it is named `context`, or its annotation is `Context`.
    """

    name: str
    has_default: bool = False
    variadic: bool = False
    is_context: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """How a function may be called, the fingerprint of its code, and its line in its file."""

    parameters: tuple[Parameter, ...] = ()
    code: CodeKey | None = None
    line: int = 1


@dataclass(frozen=True, slots=True)
class Spec:
    """One use of a decorator. `options` are those that the user gave, as JSON values, by their YAML names.

    `deps` and `inputs` are lists of names and `{"asset", "as"}`, or a mapping name → identifier.
    A `source` and a `schedule` have no module, no function and no code. `file` is relative to the root, `line` from 1.
    """

    kind: Literal["asset", "task", "source", "schedule", "check"]
    name: str
    options: Mapping[str, Json] = field(default_factory=dict)
    module: str = ""
    function: str = ""
    folder: str = ""
    signature: Signature = Signature()
    code: CodeKey | None = None
    file: str = ""
    line: int = 1


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """What could not be imported or found. `file` may be empty where no file of the project is to blame."""

    file: str
    line: int
    message: str
    traceback: str = ""
    column: int = 1


@dataclass(frozen=True, slots=True)
class PythonResult:
    """All that the child found. `calls` answers every call of the request.

    `files` maps every project file that was read (relative path) to the sha256 of the bytes that were
    read. `variables` are the environment variables that the project's code looked up while it was imported,
    each with a digest of its value. `output` is what the imports printed (bounded).
    """

    specs: tuple[Spec, ...] = ()
    calls: Mapping[CallKey, Signature | LoadFailure] = field(default_factory=dict)
    modules: tuple[SourceFile, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    failures: tuple[LoadFailure, ...] = ()
    output: str = ""
    python_version: str = ""
