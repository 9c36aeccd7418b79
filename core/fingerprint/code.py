"""The fingerprint of a function: the code that was loaded, and all of the project that it uses in turn."""

from __future__ import annotations

import builtins
import dataclasses
import importlib
import inspect
import sys
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..model import CodeKey
from .bytecode import Import, Name, PlainCode, all_code, code_digest, plain_code, reads_attribute, references
from .canonical import class_name, digest
from .importer import ProjectImporter, Unit
from .libraries import library_of, version_of
from .parts import BLIND, BLIND_NAMES, DOCUMENTATION, Describer, Part, PartKey, World, members, sha256
from .paths import MOST, texts_in, texts_of

Function = Callable[..., Any]


def fingerprint(function: Function, importer: ProjectImporter) -> CodeKey:
    """The key of the code that calling `function` would run, as it was loaded.

    `parts` names each piece (`recipes.combine`, `recipes.OVEN`), `libraries` gives the version of each
    library that is referred to, `untracked` says what cannot be seen.
    """
    project = importer.described
    if not isinstance(project, Project):
        project = importer.described = Project(importer)
    inner: Any = function
    while not isinstance(inner, types.FunctionType) and (
        following := getattr(inner, "__wrapped__", None) or getattr(inner, "func", None)
    ):
        inner = following
    home = importer.home_of(getattr(inner, "__globals__", {}))
    if home is None and importer.folder is None:
        home = importer.folder_with(getattr(inner, "__module__", ""))
    if home is None or home == importer.folder:
        return project.key_of(function)
    with importer.within(home):
        return project.key_of(function)


@dataclass(slots=True)
class Reach:
    """All that can be reached from a part."""

    parts: dict[str, str] = field(default_factory=dict)
    libraries: dict[str, None] = field(default_factory=dict)
    untracked: dict[str, None] = field(default_factory=dict)
    paths: dict[str, None] = field(default_factory=dict)
    digest: str = ""


class Project(World):
    """The parts of one project, described once each."""

    def __init__(self, importer: ProjectImporter) -> None:
        self._importer = importer
        self._about: dict[PartKey, Any] = {}
        self._parts: dict[PartKey, Part] = {}
        self._reaches: dict[PartKey, Reach] = {}
        self._plain: dict[int, tuple[Unit, PlainCode | None]] = {}
        self._digests: dict[int, tuple[types.CodeType, str]] = {}
        self._references: dict[int, tuple[types.CodeType, tuple[Name | Import, ...]]] = {}

    # ---- the whole ---------------------------------------------------------------------------

    def key_of(self, function: Function) -> CodeKey:
        root = Part(function)
        label = self.title(function)
        describer = Describer(self, root, label)
        if isinstance(function, types.FunctionType) and self.is_ours(function.__globals__):
            self._describe_function(root, function)
        else:
            root.own[label] = sha256(describer.describe(function))
        shared = self._reach_of(root)
        own = dict(root.own)
        if any(shared.parts.get(name, value) != value for name, value in own.items()):
            shared = self._walk(root.refers, own)
        libraries = sorted({*root.libraries, *shared.libraries})
        versions = {top: version_of(top) for top in libraries}
        unversioned = [
            f"{top}: a library without a version" for top, found in versions.items() if found is None
        ]
        return CodeKey(
            digest([own, shared.digest]),
            {**shared.parts, **own},
            {top: found for top, found in versions.items() if found is not None},
            tuple(sorted({*root.untracked, *shared.untracked, *unversioned})),
            tuple(sorted({*root.paths, *shared.paths})[:MOST]),
        )

    def _reach_of(self, root: Part) -> Reach:
        """Memoised where a part refers to one other, which is what the functions of a loop share."""
        if len(root.refers) != 1:
            return self._walk(root.refers, root.own)
        (only,) = root.refers
        known = self._reaches.get(only)
        if known is None:
            known = self._reaches[only] = self._walk(root.refers, {})
        return known

    def _walk(self, start: Iterable[PartKey], taken: dict[str, str]) -> Reach:
        reach = Reach()
        queue = dict.fromkeys(start)
        pending = list(queue)
        for key in pending:
            part = self._part(key)
            for name, value in part.own.items():
                number, free = 1, name
                while (reach.parts.get(free) or taken.get(free) or value) != value:
                    number += 1
                    free = f"{name} #{number}"
                reach.parts[free] = value
            reach.libraries.update(part.libraries)
            reach.untracked.update(part.untracked)
            reach.paths.update(part.paths)
            fresh = [other for other in part.refers if other not in queue]
            queue.update(dict.fromkeys(fresh))
            pending += fresh
        reach.digest = digest(reach.parts)
        return reach

    def _part(self, key: PartKey) -> Part:
        part = self._parts.get(key)
        if part is None:
            kind, _, name = key
            about = self._about[key]
            part = self._parts[key] = Part(about)
            match kind:
                case "function":
                    self._describe_function(part, about)
                case "body":
                    self._describe_body(part, *about)
                case "class":
                    self._describe_class(part, about)
                case "global":
                    self._describe_global(part, about, name)
                case _:
                    self._describe_module(part, about, name)
        return part

    def know(self, key: PartKey, about: Any) -> None:
        self._about.setdefault(key, about)

    # ---- functions ---------------------------------------------------------------------------

    def _describe_function(self, part: Part, function: types.FunctionType) -> None:
        """The body is a part of its own, shared by all functions of the same code; defaults, cells and
        attributes are the function's."""
        body: PartKey = ("body", id(function.__code__), str(id(function.__globals__)))
        self.know(body, (function.__code__, function.__globals__))
        title = self.title(function)
        describer = Describer(self, part, title)
        held = _held_by(function)
        for name, value in held.items():
            describer.label = f"{title}({name})"
            part.own[describer.label] = sha256(describer.describe(value))
            if name != "annotations":
                part.paths.update(dict.fromkeys(texts_of(value)))
        part.refers = {body: None, **part.refers}

    def _describe_body(self, part: Part, code: types.CodeType, scope: dict[str, Any]) -> None:
        title = f"{scope.get('__name__', '?')}.{code.co_qualname}"
        describer = Describer(self, part, title)
        foreign: list[str] = []
        for reference in self._references_of(code):
            if isinstance(reference, Import):
                self._import(part, reference, scope.get("__package__") or "")
            else:
                foreign += self._global(describer, scope, reference)
        self._note_blind(part, title, code, scope)
        part.paths.update(dict.fromkeys(texts_in(all_code(self._plainly(code)))))
        part.own[title] = digest([self.code_digest(code), foreign])

    def _global(self, describer: Describer, scope: dict[str, Any], reference: Name) -> list[str]:
        """Refer to what a name means; for what is not the project's, the name of it."""
        name, *attributes = reference.name, *reference.attributes
        if name not in scope:
            return []
        value = scope[name]
        while isinstance(value, types.ModuleType) and attributes and self.unit_of_module(value) is not None:
            following = attributes.pop(0)
            if following not in value.__dict__:
                following = "__getattr__"  # a module may make its attributes when they are asked for
            if following not in value.__dict__:
                return []
            scope, name, value = value.__dict__, following, value.__dict__[following]
        before = len(describer.part.refers)
        if self._is_code(value):
            text = describer.describe(value)
            return [f"{name}={text}"] if len(describer.part.refers) == before else []
        key: PartKey = ("global", id(scope), name)
        self.know(key, scope)
        describer.part.refers[key] = None
        return []

    @staticmethod
    def _is_code(value: Any) -> bool:
        """What is known by its name alone; a bound method of a built-in carries a value."""
        if isinstance(value, types.BuiltinFunctionType):
            return isinstance(value.__self__, (types.ModuleType, type(None)))
        return isinstance(value, (type, types.FunctionType, types.ModuleType))

    def _describe_global(self, part: Part, scope: dict[str, Any], name: str) -> None:
        title = f"{scope.get('__name__', '?')}.{name}"
        part.own[title] = sha256(Describer(self, part, title).describe(scope[name]))
        part.paths.update(dict.fromkeys(texts_of(scope[name])))

    def _note_blind(self, part: Part, title: str, code: types.CodeType, scope: dict[str, Any]) -> None:
        def meaning(name: str) -> Any:
            return scope.get(name, getattr(builtins, name, None))

        for item in all_code(code):
            for name in item.co_names:
                if name in BLIND and meaning(name) is BLIND[name]:
                    part.untracked[f"{title}: {name}"] = None
                elif name == "getattr" and meaning(name) is getattr and self._is_dynamic(item):
                    part.untracked[f"{title}: getattr with a computed name"] = None
                elif name in BLIND_NAMES:
                    part.untracked[f"{title}: {name}"] = None
                elif name in DOCUMENTATION and reads_attribute(item, name):
                    part.untracked[f"{title}: {name}, documentation read as data"] = None
                elif name == "import_module" or meaning(name) is importlib.import_module:
                    part.untracked[f"{title}: importlib.import_module"] = None

    # ---- classes and modules -----------------------------------------------------------------

    def _describe_class(self, part: Part, cls: type) -> None:
        title = class_name(cls)
        describer = Describer(self, part, title)
        shape = [describer.describe(base) for base in (*cls.__bases__, type(cls))]
        for name, value in members(cls):
            describer.label = f"{title}.{name}"
            text = describer.describe(value)
            if isinstance(value, types.FunctionType):
                shape.append(f"{name}={text}")
            else:
                part.own[describer.label] = sha256(text)
        describer.label = title
        annotations = inspect.get_annotations(cls)
        shape.append(describer.describe({name: _written(hint) for name, hint in annotations.items()}))
        for hint in annotations.values():
            describer.describe(hint)
        if "__dataclass_fields__" in cls.__dict__:
            shape.append(describer.describe(_dataclass_shape(cls)))
        part.own[title] = digest(shape)

    def _describe_module(self, part: Part, unit: Unit, name: str) -> None:
        """All of a module: one that is imported while a step runs, or is handed around as a value."""
        part.own[f"{name} (module)"] = unit.source.digest
        plain = self._plain_of(unit)
        if plain is None:
            return
        part.own[f"{name} (module)"] = self.code_digest(unit.code)
        package = name if unit.source.is_package else name.rpartition(".")[0]
        for reference in self._references_of(unit.code):
            if isinstance(reference, Import):
                self._import(part, reference, package)
        self._note_blind(part, name, unit.code, {})
        part.paths.update(dict.fromkeys(texts_in(all_code(self._plainly(unit.code)))))

    def _import(self, part: Part, statement: Import, package: str) -> None:
        base = package
        for _ in range(statement.level - 1):
            base = base.rpartition(".")[0]
        module = ".".join(filter(None, (base, statement.module))) if statement.level else statement.module
        names = [f"{module}.{name}" for name in statement.names if name != "*"]
        found = False
        for target in [module, *names]:
            dotted = ""
            units = {
                unit.source.module: unit
                for unit in self._importer.locate(target, self._importer.folder or "")
            }
            for unit in units.values():
                found = True
                dotted = self._import_name(target, unit)
                key: PartKey = ("module", id(unit), dotted)
                self.know(key, unit)
                part.refers[key] = None
        if not found and (top := library_of(module)) is not None:
            part.libraries[top] = None

    @staticmethod
    def _import_name(target: str, unit: Unit) -> str:
        """How `target` names this unit, which is the module itself or a package around it."""
        own = unit.source.module.split(".")
        parts = target.split(".")
        for length in range(len(parts), 0, -1):
            if own[-length:] == parts[:length]:
                return ".".join(parts[:length])
        return unit.source.module

    # ---- whose it is -------------------------------------------------------------------------

    def is_ours(self, scope: dict[str, Any]) -> bool:
        return self._importer.home_of(scope) is not None

    def is_our_class(self, cls: type) -> bool:
        module = sys.modules.get(cls.__module__)
        return module is not None and self.is_ours(module.__dict__)

    def unit_of_module(self, module: types.ModuleType) -> Unit | None:
        if not self.is_ours(module.__dict__):
            return None
        return self._importer.unit_of(module.__dict__.get("__file__") or "")

    def function_key(self, function: types.FunctionType) -> PartKey:
        return ("function", id(function), "")

    def title(self, function: Any) -> str:
        if isinstance(function, types.FunctionType):
            return f"{function.__globals__.get('__name__', '?')}.{function.__code__.co_qualname}"
        name = getattr(function, "__qualname__", None)
        return f"{function.__module__}.{name}" if isinstance(name, str) else class_name(type(function))

    # ---- code --------------------------------------------------------------------------------

    def code_digest(self, code: types.CodeType) -> str:
        known = self._digests.get(id(code))
        if known is None:
            known = self._digests[id(code)] = (code, code_digest(self._plainly(code)))
        return known[1]

    def _references_of(self, code: types.CodeType) -> tuple[Name | Import, ...]:
        known = self._references.get(id(code))
        if known is None:
            known = self._references[id(code)] = (code, references(code))
        return known[1]

    def _plainly(self, code: types.CodeType) -> types.CodeType:
        """The code without its looks, where its file can be read so."""
        unit = self._importer.unit_of(code.co_filename)
        plain = None if unit is None else self._plain_of(unit)
        return code if plain is None else plain.twins.get(id(code), code)

    def _plain_of(self, unit: Unit) -> PlainCode | None:
        known = self._plain.get(id(unit))
        if known is None:
            try:
                plain = plain_code(unit)
            except (SyntaxError, ValueError, RecursionError):
                plain = None
            known = self._plain[id(unit)] = (unit, plain)
        return known[1]

    def _is_dynamic(self, code: types.CodeType) -> bool:
        unit = self._importer.unit_of(code.co_filename)
        plain = None if unit is None else self._plain_of(unit)
        twin = None if plain is None else plain.twins.get(id(code))
        return plain is None or twin is None or twin.co_firstlineno in plain.dynamic


def _held_by(function: types.FunctionType) -> dict[str, Any]:
    """What a function carries besides its code, by the name under which a change of it is told."""
    held: dict[str, Any] = {}
    code = function.__code__
    if function.__defaults__:
        names = code.co_varnames[: code.co_argcount][-len(function.__defaults__) :]
        held.update(zip(names, function.__defaults__, strict=True))
    if function.__kwdefaults__:
        held.update(function.__kwdefaults__)
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            held[name] = cell.cell_contents
        except ValueError:  # not filled yet
            continue
    if function.__annotations__:
        held["annotations"] = {name: _written(hint) for name, hint in function.__annotations__.items()}
    for name, value in function.__dict__.items():
        held[f".{name}"] = value
    return held


def _written(hint: Any) -> str:
    """An annotation as text, the same in every process."""
    if isinstance(hint, str):
        return hint
    return class_name(hint) if isinstance(hint, type) else repr(hint).partition(" at 0x")[0]


def _dataclass_shape(cls: type[Any]) -> list[Any]:
    shape: list[Any] = [repr(vars(cls).get("__dataclass_params__"))]
    for item in dataclasses.fields(cls):
        flags = (item.init, item.repr, item.hash, item.compare, item.kw_only)
        shape.append((item.name, flags, item.default, item.default_factory, dict(item.metadata)))
    return shape
