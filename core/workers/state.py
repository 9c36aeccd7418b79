"""What a step may leave in its process: put back where that is possible, noticed where it is not, so that the
next step in the same process cannot see it."""

from __future__ import annotations

import dis
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from operator import is_
from types import FunctionType, ModuleType
from typing import Any

from ..fingerprint.bytecode import all_code
from ..fingerprint.importer import ProjectImporter, Unit

MOST = 300
"""Objects, and names, that are looked at after each step."""
LARGE = 100
"""Elements from which on only the number of them is looked at."""
GLOBAL_STORES = (dis.opmap["STORE_GLOBAL"], dis.opmap["DELETE_GLOBAL"])
ATTRIBUTE_STORES = (dis.opmap["STORE_ATTR"], dis.opmap["DELETE_ATTR"])
STORERS = frozenset({"globals", "vars", "setattr", "delattr", "__dict__"})
GONE = object()

Parts = Callable[[Any], Iterable[Any]]


class Process:
    """The environment, the module path and the threads, as they are before a step."""

    def __init__(self) -> None:
        self._environ = _environ().copy()
        self._path = sys.path.copy()
        self._threads = threading.active_count()

    def restore(self) -> bool:
        """Put back the environment; False where a thread was left behind or the module path is another one,
        which what was imported meanwhile may go by."""
        if _environ() != self._environ:
            for name in _environ().keys() | self._environ.keys():
                self._restore_variable(os.fsdecode(name), self._environ.get(name))
        return sys.path == self._path and threading.active_count() <= self._threads

    @staticmethod
    def _restore_variable(name: str, value: Any) -> None:
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = os.fsdecode(value)


def _environ() -> dict[Any, Any]:
    """The variables as they are kept: comparing those costs a tenth of comparing `os.environ`."""
    return os.environ._data  # type: ignore[attr-defined, no-any-return]


class Modules:
    """The state of the project's modules: what their names are bound to, and the plain containers, classes,
    functions and instances of the project behind them."""

    def __init__(self, importer: ProjectImporter) -> None:
        self._importer = importer
        self._stored: set[str] = set()
        self._stores_any = self._is_fresh = False
        self._namespaces: list[tuple[dict[str, Any], set[str]]] = []
        self._bound: list[tuple[dict[str, Any], str, Any]] = []
        self._held: list[tuple[Any, Parts | None, Any]] = []
        self._seen: dict[int, Any] = {}
        importer.watcher = self.imported

    def imported(self, unit: Unit, namespace: dict[str, Any]) -> None:
        """A module was just imported: as it is now, every step shall find it."""
        own: set[str] = set()
        for code in all_code(unit.code)[1:]:
            operations = code.co_code[::2]
            if any(operation in operations for operation in GLOBAL_STORES):
                own.update(code.co_names)
            if any(operation in operations for operation in ATTRIBUTE_STORES):
                self._stored.update(code.co_names)
            if not STORERS.isdisjoint(code.co_names):
                self._stores_any = True
        self._namespaces.append((namespace, own))
        self._is_fresh = True
        self._note(namespace, own)

    def settle(self) -> None:
        """All that a step needs is imported: as the modules are now, it shall find them."""
        if self._is_fresh:
            self._is_fresh = False
            self._bound.clear()
            self._held.clear()
            self._seen.clear()
            for namespace, own in self._namespaces:
                self._note(namespace, own)

    def is_changed(self) -> bool:
        """Whether a step has changed something that another one could see."""
        for namespace, name, value in self._bound:
            if namespace.get(name, GONE) is not value:
                return True
        for thing, parts, saved in self._held:
            if parts is None:
                if len(thing) != saved:
                    return True
                continue
            now = tuple(parts(thing))
            if len(now) != len(saved) or not all(map(is_, now, saved)):
                return True
        return False

    # ---- noting ------------------------------------------------------------------------------

    def _note(self, namespace: dict[str, Any], own: set[str]) -> None:
        names = own | (namespace.keys() if self._stores_any else self._stored & namespace.keys())
        for name in sorted(names):
            value = namespace.get(name, GONE)
            if not name.startswith("__") and not isinstance(value, ModuleType) and len(self._bound) < MOST:
                self._bound.append((namespace, name, value))
        todo = deque(value for name, value in namespace.items() if not name.startswith("__"))
        while todo and len(self._held) < MOST:
            thing = todo.popleft()
            if type(thing) in LEAVES or id(thing) in self._seen:
                continue
            if isinstance(thing, (dict, list, set, deque, bytearray)) and (
                len(thing) > LARGE or isinstance(thing, bytearray)
            ):
                self._seen[id(thing)] = thing
                self._held.append((thing, None, len(thing)))
            elif (parts := self._parts_of(thing)) is not None:
                self._seen[id(thing)] = thing
                found = tuple(parts(thing))
                self._held.append((thing, parts, found))
                todo.extend(found)

    def _parts_of(self, thing: Any) -> Parts | None:
        """How to look into it; None for what holds nothing that can change."""
        if isinstance(thing, dict):
            return _items
        if isinstance(thing, (list, set, deque, tuple, frozenset)):
            return iter
        if isinstance(thing, FunctionType):
            return _of_function if self._is_ours(thing) and _holds(thing) else None
        if isinstance(thing, type):
            return _of_class if self._is_ours(thing) else None
        return _of_instance if hasattr(thing, "__dict__") and self._is_ours(type(thing)) else None

    def _is_ours(self, thing: Any) -> bool:
        module = sys.modules.get(getattr(thing, "__module__", None) or "")
        return module is not None and self._importer.home_of(module.__dict__) is not None


LEAVES = frozenset({int, float, complex, str, bytes, bool, type(None), ModuleType})


def _items(thing: Any) -> Iterator[Any]:
    yield from thing
    yield from thing.values()


def _holds(function: FunctionType) -> bool:
    held = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values(), *_cells(function))
    return bool(function.__dict__) or any(type(one) not in LEAVES for one in held)


def _of_function(function: FunctionType) -> Iterator[Any]:
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from _cells(function)
    yield from _items(function.__dict__)


def _cells(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            yield None


def _of_class(cls: type) -> Iterator[Any]:
    for name, value in vars(cls).items():
        if not name.startswith("__"):
            yield value


def _of_instance(thing: Any) -> Iterator[Any]:
    yield from _items(vars(thing))
