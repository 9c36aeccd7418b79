"""What a project is compared with where the user says it: a commit, or another definitions file."""

from __future__ import annotations

import ast
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .defined import Defined
from .load.definitions import load_definitions
from .load.discovery import Project, find_project
from .load.files import read_file
from .marks import Marks, as_baseline, marks_between
from .model import Definitions, Reason, ReasonKind, StepKey
from .plan.reasons import key_changes
from .problems import DefinitionError, NothingDefined, ProblemError
from .revision import write_revision
from .store.baseline import Baseline

_MOST_TEXT = 2**20
_MOST_CHANGES = 200
"""Tasks whose changes are told."""

Texts = Mapping[str, str]
"""Python files by their path below the root."""


@dataclass(frozen=True, slots=True)
class Since:
    """`named` is what the user said. `before` is what was defined there, None where nothing was."""

    named: str
    before: Defined | None = None
    texts: Texts = field(default_factory=dict)

    def marks(self, now: Defined) -> Marks:
        """What `now` has that differs, and how. Blocking: reads the project's Python files."""
        current = as_baseline(now.definitions, now.keys, time.time())
        if self.before is None:
            return replace(marks_between(Baseline(), current), since=self.named)
        marks = marks_between(as_baseline(self.before.definitions, self.before.keys, 0.0), current)
        tasks = [node.name for node in marks.changed if node.kind == "task"][:_MOST_CHANGES]
        texts = texts_of(now.definitions, Path(now.definitions.root)) if tasks else {}
        changes = {task: tuple(_changes(self.before, self.texts, now, texts, task)) for task in tasks}
        return replace(marks, since=self.named, changes=changes)


def since(project: Project, named: str, *, trusted: bool, interpreter: str) -> Since:
    """What `named` defines: a file or folder that exists, else a commit of the project's repository.

    Blocking. If `trusted`, the definitions of that commit are loaded, as the present ones are: its modules run.
    Raises `ProblemError` where there is no such thing, or it cannot be read.
    """
    if named and Path(named).exists():
        return _read(named, find_project(Path(named)), trusted, interpreter)
    with tempfile.TemporaryDirectory(prefix="bakehouse-since-") as temporary:
        folder = Path(temporary).resolve()
        write_revision(project.root, named, folder)
        files = tuple(folder / file.relative_to(project.root) for file in project.files or ())
        if not all(file.is_file() for file in files):
            return Since(named)
        return _read(named, Project(folder, files or None, project.name), trusted, interpreter)


def _read(named: str, project: Project, trusted: bool, interpreter: str) -> Since:
    try:
        definitions = load_definitions(project, trusted=trusted, interpreter=interpreter)
    except NothingDefined:
        return Since(named)
    except DefinitionError as error:
        told = f"what {named} defines cannot be read:\n{error}"
        raise ProblemError(told, "compare with another commit or file") from error
    return Since(named, Defined(definitions), texts_of(definitions, project.root))


def texts_of(definitions: Definitions, root: Path) -> Texts:
    """The Python files that were read for the definitions, as they are now."""
    return {name: _text(root / name) for name in definitions.files if name.endswith(".py")}


def _text(path: Path) -> str:
    try:
        return read_file(path, str(path))[:_MOST_TEXT].decode("utf-8", "replace")
    except DefinitionError:
        return ""


# ---- what changed in a definition ------------------------------------------------------------


def _changes(before: Defined, old_texts: Texts, now: Defined, texts: Texts, task: str) -> list[Reason]:
    """Code (as its source), params, environment and needs that differ."""
    if task not in before.keys:
        return []
    old, needs = before.keys[task], _needs(before.definitions, task)
    recorded = StepKey("", old.code or {}, old.config, old.env, needs)
    found = key_changes(recorded, now.keys[task], dict(_needs(now.definitions, task)))
    return [_with_source(reason, old_texts, texts) for reason in found]


def _needs(definitions: Definitions, task: str) -> dict[str, str]:
    """What a task needs, in a mapping of which only the names can differ."""
    found = definitions.tasks[task]
    return dict.fromkeys([*(given.asset for given in found.inputs), *found.after], "needed")


def _with_source(reason: Reason, old: Texts, new: Texts) -> Reason:
    """The reason with the lines of the code that changed, where they are found, in place of their digests."""
    if reason.kind is ReasonKind.INPUT_CHANGED:
        return replace(reason, old=None, new=None)
    if reason.kind is not ReasonKind.CODE_CHANGED:
        return reason
    part = (
        reason.detail.rsplit(" ", 2)[0]
        if reason.detail.endswith((" is new", " is gone"))
        else (reason.detail.rpartition(" ")[0])
    )
    was, now = source_of(part, old), source_of(part, new)
    return replace(reason, old=was, new=now) if was is not None or now is not None else reason


def source_of(part: str, texts: Texts) -> str | None:
    """The lines that define `part` (`recipes.Oven.heat`): a function, a class or a name that is assigned."""
    words = part.split(".")
    for cut in range(len(words) - 1, 0, -1):
        inner = "/".join(words[:cut])
        text = next((texts[f] for f in (f"{inner}.py", f"{inner}/__init__.py") if f in texts), None)
        if text is not None:
            return _segment(text, words[cut:])
    return None


def _segment(text: str, names: list[str]) -> str | None:
    try:
        body: list[ast.stmt] = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found: ast.stmt | None = None
    for name in names:
        found = next((one for one in reversed(body) if name in _defines(one)), None)
        if found is None:
            return None
        body = getattr(found, "body", [])
    if found is None:
        return None
    first = min([found.lineno, *(d.lineno for d in getattr(found, "decorator_list", ()))])
    return "\n".join(text.splitlines()[first - 1 : found.end_lineno])


def _defines(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case _:
            return set()
