"""Finds the function of a Python step, in the loader and in a worker alike, and how it may be called."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from .. import api
from ..fingerprint.importer import ProjectImporter
from ..model import PythonAction
from ..problems import ProblemError
from .python_types import Parameter

Function = Callable[..., Any]

_by_name: WeakKeyDictionary[ProjectImporter, dict[tuple[str, str], Function]] = WeakKeyDictionary()


def load_module(
    importer: ProjectImporter, module: str, folder: str
) -> tuple[ModuleType, list[api.Registered]]:
    """Import a module in its folder's context; returns it with what its import has defined.

    Raises ImportError, or whatever the module raises.
    """
    pending = api.registered()
    pending.clear()
    try:
        loaded = importer.load(module, folder)
    finally:
        defined = list(pending)
        pending.clear()
        known = _by_name.setdefault(importer, {})
        for entry in defined:
            if entry.function is not None:
                known[folder, entry.reference] = entry.function
    return loaded, defined


def find_function(importer: ProjectImporter, action: PythonAction) -> Function:
    """The function of an action: `name`, `Class.method`, or `@asset:NAME` / `@task:NAME` as registered.

    Raises ProblemError where there is none, ImportError for the module, or whatever its import raises.
    """
    if action.function.startswith("@"):
        known = _by_name.get(importer, {})
        found = known.get((action.folder, action.function))
        if found is None:
            load_module(importer, action.module, action.folder)
            found = _by_name[importer].get((action.folder, action.function))
        if found is None:
            kind, _, name = action.function[1:].partition(":")
            raise ProblemError(
                f"{action.module} no longer defines the {kind} {name!r}", "reload the definitions"
            )
        return found
    module, _ = load_module(importer, action.module, action.folder)
    return _attribute(module, action)


def _attribute(module: ModuleType, action: PythonAction) -> Function:
    found: Any = module
    for part in action.function.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ProblemError(
                f"{action.module} has no function {action.function!r}", _did_you_mean(part, found)
            ) from None
    if not callable(found):
        raise ProblemError(
            f"{action.module}:{action.function} is no function, it is {type(found).__name__}",
            "python: takes module:function",
        )
    function: Function = found
    return function


def _did_you_mean(name: str, owner: Any) -> str:
    import difflib  # only a mistake pays for it

    callables = [key for key, value in vars(owner).items() if callable(value) and not key.startswith("__")]
    close = difflib.get_close_matches(name, callables, 1)
    return f"did you mean {close[0]!r}?" if close else ""


# ---- how a function may be called ------------------------------------------------------------


def call_parameters(function: Function) -> tuple[Parameter, ...]:
    """The parameters that may be given by name, in order. Raises ProblemError for one that may not."""
    if type(function) is FunctionType and not function.__dict__ and not function.__code__.co_posonlyargcount:
        return _of_plain(function)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise ProblemError(
            f"the parameters of {_title(function)} cannot be read", "wrap it in a function of your own"
        ) from None
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    out = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            if parameter.default is not parameter.empty:
                continue
            raise ProblemError(
                f"{_title(function)} takes {parameter.name!r} by position only", "inputs are given by name"
            )
        variadic = parameter.kind is parameter.VAR_KEYWORD
        context = not variadic and is_context(parameter.name, parameter.annotation, scope)
        out.append(Parameter(parameter.name, parameter.default is not parameter.empty, variadic, context))
    return tuple(out)


def _of_plain(function: FunctionType) -> tuple[Parameter, ...]:
    """The same without building a `Signature`: loops make functions by the ten thousand."""
    code = function.__code__
    names, positional = code.co_varnames, code.co_argcount
    plain, end = positional - len(function.__defaults__ or ()), positional + code.co_kwonlyargcount
    keyword_defaults = function.__kwdefaults__ or {}
    annotations = function.__annotations__
    scope = function.__globals__
    out = [
        Parameter(
            name,
            index >= plain if index < positional else name in keyword_defaults,
            False,
            is_context(name, annotations.get(name), scope),
        )
        for index, name in enumerate(names[:end])
    ]
    if code.co_flags & inspect.CO_VARKEYWORDS:
        out.append(Parameter(names[end + bool(code.co_flags & inspect.CO_VARARGS)], False, True, False))
    return tuple(out)


def is_context(name: str, annotation: object, scope: Mapping[str, Any]) -> bool:
    """Whether a parameter takes the `Context`: by its name or by its annotation, also as a string."""
    if name == "context":
        return True
    if annotation is None or annotation is inspect.Parameter.empty:
        return False
    if isinstance(annotation, str):
        words = re.findall(r"[A-Za-z_][\w.]*", annotation)
        return any(_resolve(word, scope) is api.Context for word in words)
    return annotation is api.Context or api.Context in getattr(annotation, "__args__", ())


def _resolve(dotted: str, scope: Mapping[str, Any]) -> object:
    first, *rest = dotted.split(".")
    if first not in scope:
        return api.Context if dotted.rpartition(".")[2] == "Context" else None
    found = scope[first]
    for part in rest:
        found = getattr(found, part, None)
    return found


def _title(function: Function) -> str:
    return str(getattr(function, "__qualname__", None) or repr(function))
