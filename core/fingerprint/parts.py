"""The parts that a fingerprint is made of: functions, classes, constants and whole modules of the project, each
with its own digest and with the parts that it refers to."""

from __future__ import annotations

import contextvars
import enum
import functools
import hashlib
import io
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .canonical import Encoder, NotCanonical, class_name
from .libraries import library_of

PartKey = tuple[str, int, str]


@dataclass(slots=True)
class Part:
    """`own` maps readable names to digests; `refers` are the parts that it needs, in order. `about` keeps the
    described object alive, whose id is in the part's key."""

    about: Any
    own: dict[str, str] = field(default_factory=dict)
    refers: dict[PartKey, None] = field(default_factory=dict)
    libraries: dict[str, None] = field(default_factory=dict)
    untracked: dict[str, None] = field(default_factory=dict)
    paths: dict[str, None] = field(default_factory=dict)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


BLIND = {
    "exec": exec,
    "eval": eval,
    "globals": globals,
    "__import__": __import__,
    "compile": compile,
}
"""Built-ins behind which anything can be; `getattr` is looked at call by call."""

BLIND_NAMES = frozenset(
    {"entry_points", "run_path", "run_module", "attrgetter", "methodcaller", "__subclasses__"}
)
"""Functions and methods of the standard library behind which anything can be, by whatever way they are reached."""

DOCUMENTATION = frozenset({"__doc__", "getdoc", "getsource", "getsourcelines", "getcomments"})
"""Names behind which docstrings and comments are, which are looks and no part of the code's digest."""


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STATELESS = words(
    """
    _abc._abc_data _thread.RLock _thread.lock
    asyncio.locks.Lock builtins.NotImplementedType builtins.classmethod_descriptor
    builtins.getset_descriptor builtins.member_descriptor builtins.method-wrapper
    builtins.method_descriptor builtins.wrapper_descriptor collections._tuplegetter
    dataclasses._HAS_DEFAULT_FACTORY_CLASS dataclasses._KW_ONLY_TYPE
    dataclasses._MISSING_TYPE functools._lru_list_elem logging.Logger
    logging.RootLogger threading.Condition threading.Lock threading.RLock
    """
)
"""Classes of the standard library whose instances say nothing of what a function computes."""

HIDDEN_MEMBERS = words(
    """
    __abstractmethods__ __annotate__ __annotate_func__ __annotations__ __annotations_cache__
    __classcell__ __dataclass_fields__ __dataclass_params__ __dict__ __doc__ __firstlineno__ __hash__
    __match_args__ __module__ __non_callable_proto_members__ __orig_bases__ __parameters__
    __protocol_attrs__ __qualname__ __slotnames__ __slots__ __static_attributes__ __subclasshook__
    __weakref__ _abc_impl
    """
)
GENERATED = words(
    """
    __delattr__ __eq__ __ge__ __getnewargs__ __getstate__ __gt__ __init__ __le__ __lt__ __new__
    __replace__ __repr__ __setattr__ __setstate__ _asdict _make _replace
    """
)


class Describer(Encoder):
    """Encodes any value that code can hold. What is code itself becomes a name, and a part to refer to."""

    def __init__(self, world: World, part: Part, label: str) -> None:
        super().__init__()
        self.world = world
        self.part = part
        self.label = label
        self._open: dict[int, int] = {}

    def describe(self, value: Any) -> str:
        """The encoding; where there is none, a name, noted as untracked."""
        try:
            return self.text(value)
        except (NotCanonical, RecursionError) as error:
            self._note(str(error).removesuffix(" cannot be part of a key"))
            return f"?{class_name(type(value))}"

    def mapping(self, tag: str, items: Mapping[Any, Any]) -> str:
        """Code can see in which order the keys of a dict were put in."""
        return self.entries(tag, items, ordered=True)

    def unlisted(self, value: Any) -> str:
        if id(value) in self._open:
            return f"^{self._open[id(value)]}"
        self._open[id(value)] = len(self._open)
        try:
            return self._code(value) or self._descriptor(value) or self._instance(value)
        finally:
            del self._open[id(value)]

    def _note(self, what: str) -> None:
        self.part.untracked[f"{self.label}: {what}"] = None

    def _code(self, value: Any) -> str | None:
        world = self.world
        if isinstance(value, types.FunctionType):
            if world.is_ours(value.__globals__):
                return self._refer(world.function_key(value), value, world.title(value))
            return self._foreign_function(value)
        if isinstance(value, type):
            if world.is_our_class(value):
                return self._refer(("class", id(value), ""), value, class_name(value))
            self._library(value.__module__)
            return f"<{class_name(value)}>"
        if isinstance(value, types.ModuleType):
            unit = world.unit_of_module(value)
            if unit is not None:
                return self._refer(("module", id(unit), value.__name__), unit, value.__name__)
            self._library(value.__name__)
            return f"<module {value.__name__}>"
        if isinstance(value, types.CodeType):
            return f"<code {world.code_digest(value)}>"
        if isinstance(value, types.MethodType):
            return self.parts("<method", (value.__func__, value.__self__))
        if isinstance(value, types.BuiltinFunctionType):
            return self._builtin(value)
        return None

    def _refer(self, key: PartKey, about: Any, title: str) -> str:
        self.world.know(key, about)
        self.part.refers[key] = None
        return f"<{title}>"

    def _library(self, module: str | None) -> None:
        if (top := library_of(module)) is not None:
            self.part.libraries[top] = None

    def _foreign_function(self, function: types.FunctionType) -> str:
        """A wrapper made by a library is known by name; what it wraps is looked for in its cells."""
        self._library(function.__globals__.get("__name__") or function.__module__)
        found = [f"<function {function.__globals__.get('__name__')}.{function.__code__.co_qualname}"]
        for cell in function.__closure__ or ():
            found.append(self._peek(cell))
        if "__wrapped__" in function.__dict__:
            found.append(self.text(function.__dict__["__wrapped__"]))
        return "".join(found) + ">"

    def _peek(self, cell: types.CellType) -> str:
        silent = Describer(self.world, Part(None), self.label)
        silent.depth = self.depth
        silent._open = self._open
        try:
            text = silent.text(cell.cell_contents)
        except (ValueError, NotCanonical, RecursionError):
            return "?"
        self.part.refers.update(silent.part.refers)
        self.part.libraries.update(silent.part.libraries)
        return text

    def _builtin(self, function: Any) -> str:
        owner = function.__self__
        if owner is None or isinstance(owner, types.ModuleType):
            self._library(function.__module__)
            return f"<builtin {function.__module__}.{function.__qualname__}>"
        return f"<bound {function.__name__}{self.text(owner)}>"

    def _descriptor(self, value: Any) -> str | None:
        if isinstance(value, (staticmethod, classmethod)):
            return self.parts(f"<{type(value).__name__}", (value.__func__,))
        if isinstance(value, property):
            return self.parts("<property", (value.fget, value.fset, value.fdel))
        if isinstance(value, functools.cached_property):
            return self.parts("<cached_property", (value.func,))
        if isinstance(value, (functools.partial, functools.partialmethod)):
            return self.parts("<partial", (value.func, value.args, value.keywords))
        if isinstance(value, functools.singledispatchmethod):
            return self.parts("<dispatch", (value.dispatcher,))
        wrapped = getattr(value, "__dict__", {}).get("__wrapped__")
        if wrapped is not None and not isinstance(value, types.FunctionType):
            self._library(type(value).__module__)
            return self.parts(f"<{class_name(type(value))}", (wrapped,))
        return None

    def _instance(self, value: Any) -> str:
        kind = type(value)
        name = class_name(kind)
        if kind is object:
            return "<object>"
        if isinstance(value, enum.Enum):
            return self.parts("E", (kind, value.name, value.value))
        if self.world.is_our_class(kind):
            return self.parts("I", (kind, self._content(value), _state(value)))
        if name in STATELESS:
            return f"<{name}>"
        if (state := held_state(value)) is not None:
            return self.parts(f"<{name}", state)
        if isinstance(value, types.GenericAlias) or name.startswith(
            ("typing.", "types.", "typing_extensions.")
        ):
            return self._typing(value)
        self._library(kind.__module__)
        if callable(value) and isinstance(getattr(value, "__name__", None), str):
            self._library(getattr(value, "__module__", None))
            ours = [one for one in getattr(value, "__dict__", {}).values() if self._is_our_function(one)]
            return self.parts(f"<{name} {getattr(value, '__module__', '')}.{value.__name__}", ours)
        if library_of(kind.__module__) is None:
            return self._standard(value)
        self._note(f"the state of a {name}")
        return f"?{name}"

    def _is_our_function(self, value: Any) -> bool:
        return isinstance(value, types.FunctionType) and self.world.is_ours(value.__globals__)

    def _typing(self, value: Any) -> str:
        arguments = [item for item in getattr(value, "__args__", ()) if isinstance(item, type)]
        if isinstance(value, types.SimpleNamespace):
            return self.parts("<namespace", (vars(value),))
        return self.parts("<typing", (repr(value), *arguments)) if " at 0x" not in repr(value) else "<typing>"

    def _standard(self, value: Any) -> str:
        """An object of the standard library: canonical, or as it writes itself if that says it all."""
        try:
            return super().unlisted(value)
        except NotCanonical:
            pass
        content = self._content(value)
        if content is not None:
            return self.parts("<like", (class_name(type(value)), content))
        written = repr(value)
        if isinstance(value, io.IOBase) or " at 0x" in written or "{" in written or len(written) > 10_000:
            self._note(f"the state of a {class_name(type(value))}")
            return f"?{class_name(type(value))}"
        return self.parts("<written", (class_name(type(value)), written))

    @staticmethod
    def _content(value: Any) -> Any:
        for kind in (dict, list, tuple, set, frozenset, str, bytes, int, float):
            if isinstance(value, kind):
                return kind.__call__(value)
        return None


def held_state(value: Any) -> tuple[Any, ...] | None:
    """What an object of the standard library holds for those that use it, where there is a way to ask."""
    match value:
        case contextvars.ContextVar():
            return value.name, _current(value)
        case threading.local():
            return (vars(value),)
        case weakref.ref():
            return (value(),)
        case threading.Event():
            return (value.is_set(),)
        case threading.Semaphore():
            return (value._value,)
        case io.TextIOWrapper() if value in (sys.__stdin__, sys.__stdout__, sys.__stderr__):
            return (value.name,)
    adapter = getattr(sys.modules.get("logging"), "LoggerAdapter", None)
    return (value.extra,) if adapter is not None and isinstance(value, adapter) else None


def _current(variable: contextvars.ContextVar[Any]) -> tuple[Any, ...]:
    try:
        return (variable.get(),)
    except LookupError:
        return ()


def _state(value: Any) -> dict[str, Any]:
    """The attributes of an instance, those in slots too."""
    state = dict(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                state[name] = getattr(value, name)
    return state


class World:
    """What a describer asks of the project: whose an object is, and what it is called."""

    is_ours: Callable[[dict[str, Any]], bool]
    is_our_class: Callable[[type], bool]
    unit_of_module: Callable[[types.ModuleType], Any]
    function_key: Callable[[types.FunctionType], PartKey]
    title: Callable[[types.FunctionType], str]
    code_digest: Callable[[types.CodeType], str]
    know: Callable[[PartKey, Any], None]


def members(cls: type) -> Iterator[tuple[str, Any]]:
    """What a class of the project itself defines, by name; without what Python or a decorator generates."""
    table = cls.__dict__
    if issubclass(cls, enum.Enum):
        for name, member in sorted(cls.__members__.items()):
            yield name, member.value
    generated = "__dataclass_fields__" in table or "_fields" in table
    for name in sorted(table):
        value = table[name]
        if name in HIDDEN_MEMBERS or class_name(type(value)) in STATELESS:
            continue
        if issubclass(cls, enum.Enum) and not isinstance(
            value, (types.FunctionType, staticmethod, classmethod, property)
        ):
            continue
        if generated and name in GENERATED and not _is_written(value):
            continue
        yield name, value


def _is_written(value: Any) -> bool:
    """Whether a method stands in a file, not only in a string that was compiled."""
    inner = getattr(value, "__func__", value)
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    code = getattr(inner, "__code__", None)
    return code is not None and not code.co_filename.startswith("<")
