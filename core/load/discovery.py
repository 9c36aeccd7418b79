"""Finds the project, and the files of it that may define something."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..problems import DefinitionError, NothingDefined, Problem, ProblemError
from .files import MOST_BYTES, read_file

ROOT_FILE = "bakehouse.yaml"
ROOT_FOLDER = "pipelines"
MOST_ENTRIES = 20_000
MOST_SEEN = 500_000
_YAML = (".yaml", ".yml")
_TAKES = "-C takes a folder, a .yaml or a .py file"
_SKIPPED = frozenset({"venv", "node_modules", "site-packages", "__pycache__", "tests"})
_TEST = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py")
_OTHER_TOOLS = re.compile(r"taskfile(\.dist)?\.ya?ml", re.IGNORECASE)
_DEFINES = re.compile(
    rb"""^(?:\xef\xbb\xbf)?["']?(?:assets|tasks)["']?[ \t]*:|\A\s*\{(?s:.*?)\b(?:assets|tasks)["']?\s*:""",
    re.MULTILINE,
)
_NAMED = re.compile(rb"^(?:\xef\xbb\xbf)?pipeline[ \t]*:", re.MULTILINE)
_SCHEDULES = re.compile(rb"^schedules[ \t]*:", re.MULTILINE)
"""Other tools have schedules, too: those of a named pipeline are ours."""
_IMPORTS = re.compile(
    rb"^(?:\xef\xbb\xbf)?[ \t]*(?:from[ \t]+bakehouse\b|import[ \t][^\n#]*\bbakehouse\b)", re.MULTILINE
)
_FACE = "bakehouse"


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with definitions. `files` (absolute) are all that is read of it, where one file was named.

    `path` is what finds it again: the folder, or the one file.
    """

    root: Path
    files: tuple[Path, ...] | None
    name: str

    @property
    def path(self) -> Path:
        return self.files[0] if self.files else self.root


class Stamp(NamedTuple):
    """What of a file's status changes when the file does."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass(frozen=True, slots=True)
class Walk:
    """The YAML and Python files below the root (relative, with `/`), and the projects nested in it."""

    stamps: Mapping[str, Stamp] = field(default_factory=dict)
    nested: tuple[str, ...] = ()


def find_project(path: Path | None = None) -> Project:
    """The project at `path` (a folder or one file), else the nearest one from here upward.

    Raises ProblemError, saying where it looked, if there is none.
    """
    if path is None:
        return _upward(Path.cwd())
    try:
        absolute = Path(os.path.realpath(path))
        mode = absolute.stat().st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ProblemError(
            f"cannot open {path}: {reason}", "-C takes a folder, a .yaml or a .py file"
        ) from error
    if stat.S_ISDIR(mode):
        return Project(absolute, None, absolute.name or "project")
    if stat.S_ISREG(mode) and absolute.suffix in (*_YAML, ".py"):
        return Project(absolute.parent, (absolute,), absolute.stem)
    raise ProblemError(f"{path} is no definition file", _TAKES)


def _upward(start: Path) -> Project:
    for folder in (start, *start.parents):
        if (folder / ROOT_FILE).is_file() or (folder / ROOT_FOLDER).is_dir():
            return Project(folder, None, folder.name or "project")
    below = _nested_below(start)
    hint = _nested_hint(below) if below else "make one, name a folder with -C, or try: bakehouse demo"
    raise ProblemError(f"no {ROOT_FILE} and no {ROOT_FOLDER}/ folder in {start} or above it", hint)


def _nested_below(start: Path) -> tuple[str, ...]:
    try:
        return walk(Project(start, None, start.name)).nested
    except ProblemError:
        return ()


def _nested_hint(nested: tuple[str, ...]) -> str:
    shown = ", ".join(nested[:10]) + (", …" if len(nested) > 10 else "")
    return f"projects below: {shown}: use -C {nested[0]}"


# ---- walking ---------------------------------------------------------------------------------


def walk(project: Project, patterns: Iterable[str] = ()) -> Walk:
    """Every YAML and Python file of the project with its stamp; nothing is read.

    With `patterns` (of `definitions:`) only what matches one of them, and the root's bakehouse.yaml.
    Hidden folders, environments, tests and nested projects are left out; links to folders are not followed.
    Raises ProblemError where there is no end to it.
    """
    if project.files is not None:
        return Walk(dict(_single(project)))
    wanted = tuple(patterns)
    matcher = re.compile("|".join(map(_translated, wanted))) if wanted else None
    walker = _Walker(project.root)
    for base in _bases(wanted):
        walker.descend(base)
    stamps = walker.stamps
    if matcher is not None:
        stamps = {file: at for file, at in stamps.items() if file == ROOT_FILE or matcher.fullmatch(file)}
        if ROOT_FILE not in stamps and (status := _regular(project.root / ROOT_FILE)):
            stamps[ROOT_FILE] = Stamp.of(status)
    return Walk(dict(sorted(stamps.items())), tuple(sorted(walker.nested)))


def _single(project: Project) -> Iterator[tuple[str, Stamp]]:
    for path in project.files or ():
        if status := _regular(path):
            yield path.relative_to(project.root).as_posix(), Stamp.of(status)


def _regular(path: Path) -> os.stat_result | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status if stat.S_ISREG(status.st_mode) else None


class _Walker:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.stamps: dict[str, Stamp] = {}
        self.nested: list[str] = []
        self.seen = 0
        self.kept = 0

    def descend(self, base: str) -> None:
        stack = [base]
        while stack:
            folder = stack.pop()
            below = self.folder(folder)
            if folder and below.environment:
                continue
            if folder and ROOT_FILE in below.names:
                self.nested.append(folder)
                continue
            self.stamps.update(below.files)
            stack += below.folders

    def folder(self, relative: str) -> _Listing:
        listing = _Listing()
        self.count(1)
        try:
            with os.scandir(self.root / relative) as entries:
                for entry in entries:
                    self.seen += 1
                    self.take(entry, f"{relative}/{entry.name}" if relative else entry.name, listing)
        except OSError:
            return listing
        return listing

    def take(self, entry: os.DirEntry[str], file: str, listing: _Listing) -> None:
        name = entry.name
        if name.endswith((".yaml", ".yml", ".py")):
            status = _regular(Path(entry.path))
            if status is not None and _utf8(file):
                self.count(1)
                listing.names.add(name)
                listing.files[file] = Stamp.of(status)
        elif name == "pyvenv.cfg":
            listing.environment = True
        elif not name.startswith(".") and name not in _SKIPPED and entry.is_dir(follow_symlinks=False):
            listing.folders.append(file)

    def count(self, number: int) -> None:
        self.kept += number
        if self.kept > MOST_ENTRIES or self.seen > MOST_SEEN:
            raise ProblemError(
                f"there are too many files below {self.root} to look for definitions in",
                f"name them in {ROOT_FILE}, as in definitions: [pipelines/**/*.yaml, pipelines/*.py]",
            )


@dataclass(slots=True)
class _Listing:
    names: set[str] = field(default_factory=set)
    files: dict[str, Stamp] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    environment: bool = False


def _utf8(file: str) -> bool:
    try:
        file.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bases(patterns: tuple[str, ...]) -> list[str]:
    """The folders to walk so that every pattern is served, none of them inside of another."""
    if not patterns:
        return [""]
    folders = {"/".join(_fixed(pattern.split("/")[:-1])) for pattern in patterns}
    return sorted(f for f in folders if not any(f != g and _inside(f, g) for g in folders))


def _fixed(parts: list[str]) -> list[str]:
    wild = next((n for n, part in enumerate(parts) if "*" in part or "?" in part), len(parts))
    return parts[:wild]


def _inside(folder: str, other: str) -> bool:
    return other == "" or folder.startswith(other + "/")


def matching(pattern: str, files: Iterable[str]) -> list[str]:
    """The files that a pattern of `definitions:` means: `*` and `?` stay within a folder, `**` does not."""
    compiled = re.compile(_translated(pattern))
    return [file for file in files if compiled.fullmatch(file)]


def _translated(pattern: str) -> str:
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "(?:" + "".join(words.get(piece, re.escape(piece)) for piece in pieces) + ")"


# ---- reading ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """The definition files: the bytes of the YAML files, and the names of the Python files."""

    yaml: Mapping[str, bytes]
    python: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def read_definition_files(project: Project, walked: Walk) -> Found:
    """Read what was walked, and keep what defines something.

    Raises ProblemError, saying where it looked, if nothing does.
    """
    yaml: dict[str, bytes] = {}
    python: list[str] = []
    problems: list[Problem] = []
    for file, stamp in walked.stamps.items():
        if not is_candidate(file) and project.files is None:
            continue
        if stamp.size > MOST_BYTES and not _asked_for(project, file):
            continue
        try:
            data = read_file(project.root / file, file)
        except DefinitionError as error:
            problems += error.problems
            continue
        if _asked_for(project, file) or defines(file, data):
            if file.endswith(".py"):
                python.append(file)
            else:
                yaml[file] = data
    if not yaml and not python and not problems:
        raise _nothing(project, walked)
    if walked.nested and not python and set(yaml) == {ROOT_FILE} and not _DEFINES.search(yaml[ROOT_FILE]):
        raise _nothing(project, walked)
    return Found(yaml, tuple(python), tuple(problems))


def is_candidate(file: str) -> bool:
    """Whether a file may define something, by its name."""
    name = file.rpartition("/")[2]
    return not (_TEST.fullmatch(name) or _OTHER_TOOLS.fullmatch(name))


def defines(file: str, data: bytes) -> bool:
    """Whether a file is a definition file, by its bytes."""
    if file.endswith(".py"):
        return _IMPORTS.search(data) is not None and _imports_the_face(data)
    return _DEFINES.search(data) is not None or (
        _NAMED.search(data) is not None and _SCHEDULES.search(data) is not None
    )


def _imports_the_face(data: bytes) -> bool:
    """Whether a statement of the file imports `bakehouse` itself: no text in it, and no part below the public face.
    True as well where the file cannot be read as Python: whoever loads it says why."""
    import ast

    try:
        nodes = list(ast.walk(ast.parse(data)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    names = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    return _FACE in names or any(
        isinstance(node, ast.ImportFrom) and node.module == _FACE and not node.level for node in nodes
    )


def _asked_for(project: Project, file: str) -> bool:
    return project.files is not None or file == ROOT_FILE


def nothing_defined(project: Project, read: Iterable[str] = ()) -> NothingDefined:
    """What to say of a project that defines nothing though the files in `read` were read, and where to look
    instead. Blocking. Raises ProblemError as `walk` does."""
    walked, files = walk(project), list(read)
    told = _nothing(project, walked)
    if walked.nested or not files:
        return told
    shown = ", ".join(files[:5]) + (", …" if len(files) > 5 else "")
    return NothingDefined(told.message, f"there is no asset and no task in {shown}")


def _nothing(project: Project, walked: Walk) -> NothingDefined:
    others = [file for file in walked.stamps if file.endswith(_YAML)]
    message = f"nothing is defined in {project.root}"
    if walked.nested:
        return NothingDefined(message, _nested_hint(walked.nested))
    if others:
        shown = ", ".join(others[:5]) + (", …" if len(others) > 5 else "")
        return NothingDefined(message, f"no assets: or tasks: at the top of {shown}")
    return NothingDefined(
        message, "looked for .yaml files with assets: or tasks:, and .py files that import bakehouse"
    )
