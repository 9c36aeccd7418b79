"""What the code of a step is given by name: its inputs, its params, the context. Pure rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from ..model import Action, Input, PythonAction, ShellAction, identifier
from ..problems import Problem
from .drafts import Draft
from .names import did_you_mean, shown
from .python_types import Parameter, Signature

RESERVED = re.compile(
    r"PATH|HOME|IFS|ENV|PWD|OLDPWD|CDPATH|TMPDIR|SHELL|SHELLOPTS|TERM|USER|LOGNAME|LANG|LANGUAGE|TZ|MAIL"
    r"|PS[124]|PPID|OPTARG|OPTIND|LINENO|BASHOPTS|PYTHON(PATH|HOME|STARTUP)|(LC|LD|DYLD|BASH|BAKEHOUSE)_.*"
)
"""Variables that a shell, its programs or Bakehouse itself go by."""


def read_assets(draft: Draft, known: Container[str]) -> tuple[tuple[Input, ...], list[Problem]]:
    """The inputs of a step: those that are written down, then those that are parameters of a decorated
    function. `known` are the assets of the project."""
    key, written = draft.reads
    inputs = [Input(dep.asset, dep.identifier or identifier(dep.asset), dep.partitions) for dep in written]
    problems = _twice(draft, key, inputs)
    inputs = list({given.asset: given for given in inputs}.values())
    if draft.signature is not None and not (
        draft.kind == "task" and "inputs" in draft.entry.model_fields_set
    ):
        inputs += _from_parameters(draft, draft.signature, inputs, known)
    return tuple(inputs), problems


def _twice(draft: Draft, key: str, inputs: Sequence[Input]) -> list[Problem]:
    seen: set[str] = set()
    problems = []
    for number, given in enumerate(inputs):
        if given.asset in seen:
            problems.append(
                draft.problem(f"{shown(given.asset)} stands twice in {key}", key, number, "asset")
            )
        seen.add(given.asset)
    return problems


def _from_parameters(
    draft: Draft, signature: Signature, written: Sequence[Input], known: Container[str]
) -> list[Input]:
    taken = {given.identifier for given in written} | {given.asset for given in written}
    own_params = draft.entry.params
    default_params = draft.settled("params")
    inputs = []
    for parameter in signature.parameters:
        name = parameter.name
        if parameter.variadic or parameter.is_context or name in taken or name in own_params:
            continue
        optional = parameter.has_default or name in default_params or draft.kind == "task"
        if name in known or not optional:
            inputs.append(Input(name, name))
    return inputs


def name_problems(
    draft: Draft, action: Action, inputs: Sequence[Input], outputs: Sequence[str]
) -> list[Problem]:
    """Names that would mean two things to the code of the step."""
    given = [("the input", i.asset, i.identifier) for i in inputs]
    reserved: list[Problem] = []
    params = draft.settled("params")
    if isinstance(action, ShellAction):
        given += [("the param", name, identifier(name)) for name in params]
        given += [("the environment variable", name, name) for name in draft.settled("env")]
        reserved = _reserved(draft, [one for one in given if one[0] != "the environment variable"])
        given.append(("the variable", "OUTPUT", "OUTPUT"))
        given += [("the output", name, f"OUTPUT_{identifier(name)}") for name in outputs]
    elif isinstance(action, PythonAction):
        given += [("the param", name, name) for name in params]
        given.append(("the parameter", "context", "context"))
        if len(outputs) > 1:
            made = [("the output", name, identifier(name)) for name in outputs]
            return _collisions(draft, given) + _collisions(draft, made)
    else:
        given = [(thing, name, word.casefold()) for thing, name, word in given]
    return _collisions(draft, given) + reserved


def _reserved(draft: Draft, given: Iterable[tuple[str, str, str]]) -> list[Problem]:
    """Names whose variable would take the place of one that the command needs."""
    key, written = draft.reads
    problems = []
    for thing, name, word in given:
        if RESERVED.fullmatch(word) is None:
            continue
        message = f"{thing} {shown(name)} would be the variable {word} of the command, which programs go by"
        if thing == "the input":
            number = next((n for n, dep in enumerate(written) if dep.asset == name), None)
            place = (key,) if number is None else (key, number, "asset")
            hint = f"say as: in {key}, as in {{asset: …, as: {word.lower()}}}"
        else:
            place, hint = ("params",), "rename it, or set the variable under env:"
        problems.append(draft.problem(message, *place, hint=hint))
    return problems


def _collisions(draft: Draft, given: Iterable[tuple[str, str, str]]) -> list[Problem]:
    first: dict[str, tuple[str, str]] = {}
    problems = []
    key = draft.reads[0]
    for thing, name, word in given:
        earlier, its_name = first.setdefault(word, (thing, name))
        if (earlier, its_name) != (thing, name):
            is_input = "the input" in (earlier, thing)
            hint = f"say as: in {key}, as in {{asset: …, as: other}}" if is_input else "rename one of them"
            message = f"{earlier} {shown(its_name)} and {thing} {shown(name)} would both be {shown(word)} in the code"
            problems.append(draft.problem(message, key, key=True, hint=hint))
    return problems


def call_problems(
    draft: Draft, signature: Signature, inputs: Sequence[Input], assets: Mapping[str, Any]
) -> list[Problem]:
    """Parameters of a Python step that nothing gives a value to."""
    given = {i.identifier for i in inputs} | set(draft.settled("params"))
    lacking = [p for p in signature.parameters if _lacks(p, given)]
    return [_lack(draft, p, inputs, assets) for p in lacking]


def _lacks(parameter: Parameter, given: Container[str]) -> bool:
    return not (
        parameter.variadic or parameter.is_context or parameter.has_default or parameter.name in given
    )


def _lack(draft: Draft, parameter: Parameter, inputs: Sequence[Input], assets: Mapping[str, Any]) -> Problem:
    key = draft.reads[0]
    where = ("python",) if draft.spec is None else ()
    name = parameter.name
    message = f"nothing gives the parameter {shown(name)} a value"
    if name in assets:
        hint = f"add {name} to {key}"
    else:
        near = did_you_mean(name, [i.identifier for i in inputs])
        hint = near or f"it is neither in {key} nor in params"
    return draft.problem(message, *where, hint=hint)


def rest_of(signature: Signature, inputs: Sequence[Input]) -> tuple[str, ...]:
    """The assets that arrive in `**kwargs`, in order."""
    if not any(parameter.variadic for parameter in signature.parameters):
        return ()
    named = {parameter.name for parameter in signature.parameters}
    return tuple(given.asset for given in inputs if given.identifier not in named)


def repeated(names: Sequence[str]) -> list[str]:
    """The names that stand more than once."""
    return [name for name, count in Counter(names).items() if count > 1]
