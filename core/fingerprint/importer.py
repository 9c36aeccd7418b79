# Paths are compared as text here, for every import.
# ruff: noqa: PTH100, PTH112, PTH110, PTH118, PTH120, PTH116, PTH123, PTH206
"""Imports the project's own modules: each file's bytes are read once, hashed and compiled, never a `.pyc`.

What was read is what runs, what is fingerprinted and what a snapshot keeps.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import linecache
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path, PurePosixPath
from types import CodeType, ModuleType
from typing import Any

from ..model import SourceFile
from .columns import count_in_characters

LARGEST_SOURCE = 16 * 1024 * 1024
ENVIRONMENTS = {"site-packages", "dist-packages", ".venv", "venv", ".tox", ".nox", "__pypackages__"}
NOT_PROJECT = frozenset(
    ENVIRONMENTS | {"node_modules", ".bakehouse", ".git", ".eggs", ".direnv", "__pycache__"}
)
NEVER_OURS = frozenset(sys.stdlib_module_names) | {"bakehouse", "__main__"}


class SnapshotDamaged(ImportError):
    """The copy of a module that a run was planned with is gone or is not what it was."""


@dataclass(slots=True, eq=False)
class Unit:
    """One project file as it was read. `code` is what its first import compiled."""

    source: SourceFile
    file: str
    data: bytes
    _code: CodeType | None = None

    @property
    def code(self) -> CodeType:
        if self._code is None:
            try:
                self._code = compile(self.data, self.file, "exec", dont_inherit=True)
            except SyntaxError as error:
                count_in_characters(error, self.data)
                raise
        return self._code

    @property
    def text(self) -> str:
        return importlib.util.decode_source(self.data)


class UnitLoader:
    """Runs a unit as a module."""

    def __init__(self, unit: Unit, importer: ProjectImporter, folder: str) -> None:
        self.unit = unit
        self._importer = importer
        self._folder = folder

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        remember_lines(self.unit)
        self._importer.homes[id(module.__dict__)] = self._folder
        exec(self.unit.code, module.__dict__)  # noqa: S102
        if self._importer.watcher is not None:
            self._importer.watcher(self.unit, module.__dict__)

    def get_source(self, fullname: str) -> str:
        return self.unit.text

    def get_code(self, fullname: str) -> CodeType:
        return self.unit.code

    def get_filename(self, fullname: str) -> str:
        return self.unit.file

    def is_package(self, fullname: str) -> bool:
        return self.unit.source.is_package


def remember_lines(unit: Unit) -> None:
    """Show tracebacks and `inspect` the lines that were loaded, whatever is in the file by now."""
    try:
        text = unit.text
    except (SyntaxError, UnicodeDecodeError):
        return
    linecache.cache[unit.file] = (len(text), None, text.splitlines(keepends=True), unit.file)


class ProjectImporter:
    """A finder for `sys.meta_path` that owns every module whose source lies in the project.

    A module is known by (folder, name): each folder is an import context of its own, whose path begins
    with that folder and the root. Only the modules of the context that is entered (`within`) stand in
    `sys.modules`, so that two folders may each have a `recipes`. The standard library is never shadowed.

    With `snapshot`, the copies `code_folder/<digest>` are served instead of the files; what is not in
    the snapshot comes from the folder and is named in `live`.
    """

    def __init__(
        self, root: str | Path, snapshot: Iterable[SourceFile] = (), code_folder: str | Path | None = None
    ) -> None:
        self.root = os.path.abspath(root)
        self.code_folder = None if code_folder is None else str(code_folder)
        self.snapshot = {source.path: source for source in snapshot}
        self.live: list[str] = []
        self.folder: str | None = None
        self.described: object = None  # what the fingerprint keeps about these modules
        self.watcher: Callable[[Unit, dict[str, Any]], None] | None = None  # told of each module imported
        self._units: dict[str, Unit] = {}
        self._parked: dict[str, dict[str, ModuleType]] = {}
        self._names: dict[str, set[str]] = {}
        self.homes: dict[int, str] = {}
        self._ownership: dict[str, bool] = {}
        self._copied_folders = {
            parent.as_posix() for path in self.snapshot for parent in PurePosixPath(path).parents
        }

    # ---- contexts ----------------------------------------------------------------------------

    def install(self) -> None:
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def uninstall(self) -> None:
        """Forget every module of the project."""
        self._switch(None)
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        self._parked.clear()
        self._names.clear()
        self.homes.clear()
        self.described = None

    @contextmanager
    def within(self, folder: str = "") -> Iterator[None]:
        """Inside, `import` means what it means in `folder` (relative to the root)."""
        before = self.folder
        self._switch(folder)
        try:
            yield
        finally:
            self._switch(before)

    def _switch(self, folder: str | None) -> None:
        if folder == self.folder:
            return
        if self.folder is not None:
            names = self._names.get(self.folder, ())
            self._parked[self.folder] = {
                name: module for name in names if (module := sys.modules.pop(name, None)) is not None
            }
            for entry in self.roots(self.folder):
                if entry in sys.path:
                    sys.path.remove(entry)
        self.folder = folder
        if folder is not None:
            sys.modules.update(self._parked.pop(folder, {}))
            sys.path.extend(entry for entry in self.roots(folder) if entry not in sys.path)

    def load(self, module: str, folder: str = "") -> ModuleType:
        """Import a module in the context of `folder`. Raises ImportError, or whatever the module raises."""
        with self.within(folder):
            top = module.partition(".")[0]
            if self._search(self.roots(folder), top) is not None and top in NEVER_OURS:
                raise ImportError(
                    f"a module of the project is called {top!r} like one of Python's own: rename it"
                )
            return importlib.import_module(module)

    # ---- finding -----------------------------------------------------------------------------

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        parent, _, tail = name.rpartition(".")
        if path is None:
            if name in NEVER_OURS:
                return None
            folders = self._search_path()
        else:
            folders = [entry for entry in path if self.is_ours(entry)]
        unit = self._search(folders, tail) or (self._mapped(name) if not parent else None)
        spec = self._spec_of(name, unit) if unit else self._namespace(name, tail, folders, path)
        if spec is not None:
            self._names.setdefault(self.folder or "", set()).add(name)
        return spec

    def invalidate_caches(self) -> None:
        return None

    def locate(self, name: str, folder: str = "") -> list[Unit]:
        """The units that `import name` would run in `folder`, outermost package first; none is run."""
        found: list[Unit] = []
        folders = [] if name.partition(".")[0] in NEVER_OURS else self._search_path(folder)
        for part in name.split("."):
            unit = self._search(folders, part)
            if unit is not None:
                found.append(unit)
            elif not any(self._is_folder(os.path.join(entry, part)) for entry in folders):
                break
            folders = [os.path.join(entry, part) for entry in folders]
            if unit is not None:
                folders = [os.path.dirname(unit.file)] if unit.source.is_package else []
        return found

    def unit_of(self, file: str) -> Unit | None:
        """The unit that was read from this file (as in `co_filename`), if it is one of ours."""
        return self._units.get(file)

    def home_of(self, namespace: dict[str, Any]) -> str | None:
        """The folder in whose context the module with these globals was imported; None if it is not ours."""
        return self.homes.get(id(namespace))

    def folder_with(self, module: str) -> str | None:
        """A folder in whose context a module of this name was imported."""
        return next((folder for folder, names in self._names.items() if module in names), None)

    @property
    def units(self) -> tuple[Unit, ...]:
        return tuple(self._units.values())

    @property
    def sources(self) -> tuple[SourceFile, ...]:
        """Every project module read so far, by path."""
        return tuple(sorted((unit.source for unit in self._units.values()), key=lambda s: s.path))

    def is_ours(self, path: str) -> bool:
        """Whether this path lies in the project, and in no environment or package folder of it."""
        known = self._ownership.get(path)
        if known is None:
            known = self._ownership[path] = self._decide(path)
        return known

    def _decide(self, path: str) -> bool:
        relative = os.path.relpath(os.path.abspath(path), self.root)
        if relative == ".":
            return True
        parts = relative.split(os.sep)
        if parts[0] == ".." or not NOT_PROJECT.isdisjoint(parts):
            return False
        inner = [os.path.join(self.root, *parts[: n + 1]) for n in range(len(parts))]
        environments = {os.path.abspath(sys.prefix), os.path.abspath(sys.base_prefix)}
        return not any(folder in environments or _is_environment(folder) for folder in inner)

    def roots(self, folder: str) -> list[str]:
        """Where `import` looks first in the context of `folder`: there, then in the root."""
        first = os.path.normpath(os.path.join(self.root, folder))
        return [first] if first == self.root else [first, self.root]

    def _search_path(self, folder: str | None = None) -> list[str]:
        roots = self.roots(self.folder or "" if folder is None else folder)
        return roots + [entry for entry in sys.path if entry not in roots and entry and self.is_ours(entry)]

    def _search(self, folders: Iterable[str], tail: str) -> Unit | None:
        """The unit that these folders give to a name, those of the snapshot before all others."""
        candidates = [
            (os.path.join(folder, *parts), is_package)
            for folder in folders
            for parts, is_package in (((tail, "__init__.py"), True), ((f"{tail}.py",), False))
        ]
        for file, _ in candidates:
            if (unit := self._units.get(file)) is not None:
                return unit
        if self.snapshot:
            for file, _ in candidates:
                if (source := self.snapshot.get(self._relative(file))) is not None:
                    return self._read_copy(file, source)
        for file, is_package in candidates:
            if _is_file(file) and self.is_ours(file):
                return self._read(file, tail, is_package)
        return None

    def _mapped(self, name: str) -> Unit | None:
        """A module of the project that an editable install knows by a finder of its own."""
        for finder in sys.meta_path:
            if finder is self or getattr(finder, "__module__", "").startswith(("_frozen", "importlib")):
                continue
            find = getattr(finder, "find_spec", None)
            spec = find(name, None) if find else None
            origin = getattr(spec, "origin", None)
            if origin and origin.endswith(".py") and self.is_ours(origin):
                file = os.path.abspath(origin)
                packages = spec is not None and spec.submodule_search_locations is not None
                return self._units.get(file) or self._read(file, name, packages)
        return None

    def _spec_of(self, name: str, unit: Unit) -> ModuleSpec:
        package = unit.source.is_package
        loader: Any = UnitLoader(unit, self, self.folder or "")
        spec = ModuleSpec(name, loader, origin=unit.file, is_package=package)
        spec.has_location = True
        if package:
            spec.submodule_search_locations = [os.path.dirname(unit.file)]
        return spec

    def _namespace(
        self, name: str, tail: str, folders: Sequence[str], path: Sequence[str] | None
    ) -> ModuleSpec | None:
        """A folder without `__init__.py` is a package only where no real module has that name."""
        portions = [
            os.path.join(entry, tail) for entry in folders if self._is_folder(os.path.join(entry, tail))
        ]
        if not portions:
            return None
        other: Any = PathFinder.find_spec(name, None if path is None else list(path))
        if other is not None and other.loader is not None and other.origin:
            return None
        if other is not None and other.submodule_search_locations is not None:
            portions += [entry for entry in other.submodule_search_locations if entry not in portions]
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = portions
        return spec

    def _is_folder(self, path: str) -> bool:
        if self._relative(path) in self._copied_folders:
            return True
        return self.is_ours(path) and os.path.isdir(path)

    def _relative(self, file: str) -> str:
        return os.path.relpath(file, self.root).replace(os.sep, "/")

    # ---- reading -----------------------------------------------------------------------------

    def _read(self, file: str, name: str, is_package: bool) -> Unit:
        data = _read_source(file)
        path = self._relative(file)
        if self.snapshot:
            self.live.append(path)
        dotted = path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
        return self._keep(file, SourceFile(dotted, path, hashlib.sha256(data).hexdigest(), is_package), data)

    def _read_copy(self, file: str, source: SourceFile) -> Unit:
        for place in (os.path.join(self.code_folder or "", source.digest), file):
            try:
                data = _read_source(place)
            except OSError:
                continue
            if hashlib.sha256(data).hexdigest() == source.digest:
                return self._keep(file, source, data)
        raise SnapshotDamaged(
            f"the copy of {source.path} that this run was planned with is missing or damaged",
            path=source.path,
        )

    def _keep(self, file: str, source: SourceFile, data: bytes) -> Unit:
        unit = self._units[file] = Unit(source, file, data)
        return unit


def _read_source(file: str) -> bytes:
    with open(file, "rb") as stream:
        data = stream.read(LARGEST_SOURCE + 1)
    if len(data) > LARGEST_SOURCE:
        raise ImportError(f"{file} is larger than {LARGEST_SOURCE} bytes", path=file)
    return data


def _is_file(file: str) -> bool:
    """A regular file: a pipe or a device is never opened."""
    try:
        return stat.S_ISREG(os.stat(file).st_mode)
    except (OSError, ValueError):
        return False


def _is_environment(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, "pyvenv.cfg"))
