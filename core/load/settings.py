"""What of a project can be set from outside: its parameters, and profiles that set them, variables and pools. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..model import Definitions, Json, Task
from ..problems import Problem, ProblemError, number_of
from .definitions import Choice
from .names import did_you_mean, shown

if TYPE_CHECKING:
    from .entries import YamlFile

_REFERENCE = re.compile(r"\$\{([^{}]+)\}")
_ESCAPED = re.compile(r"\$\$\{[^{}]+\}")
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
}


# ---- a step's references to parameters of the project ------------------------------------------


def references(params: Mapping[str, Json]) -> dict[str, str]:
    """Which params of a step are parameters of the project: `{name in the step: name in the project}`."""
    found = {}
    for name, value in params.items():
        if isinstance(value, str) and (match := _REFERENCE.fullmatch(value)):
            found[name] = match[1].strip()
    return found


def given_params(params: Mapping[str, Json], known: Mapping[str, Json]) -> dict[str, Json]:
    """The params of a step with the values that the project gives them; `$${x}` is the text `${x}`."""
    takes = references(params)
    return {
        name: known.get(takes[name]) if name in takes else _unescaped(value) for name, value in params.items()
    }


def _unescaped(value: Json) -> Json:
    return value[1:] if isinstance(value, str) and _ESCAPED.fullmatch(value) else value


# ---- what the files say ------------------------------------------------------------------------


def project_params(yaml: Iterable[YamlFile], problems: list[Problem]) -> dict[str, Json]:
    """All `params:` that stand at the top of a file. Two files may say the same, but nothing else."""
    found: dict[str, Json] = {}
    first: dict[str, str] = {}
    for each in yaml:
        for name, value in each.head.params.items():
            if name in found and (type(found[name]), found[name]) != (type(value), value):
                was = f"{_told(found[name])} in {first[name]}"
                message = f"the parameter {shown(name)} is {was}, and {_told(value)} here"
                problems.append(each.document.problem(message, "params", name))
            found.setdefault(name, value)
            first.setdefault(name, each.file)
    return found


def project_profiles(
    yaml: Iterable[YamlFile],
    params: Mapping[str, Json],
    pools: Mapping[str, int],
    tasks: Mapping[str, Task] | None,
    problems: list[Problem],
) -> dict[str, Json]:
    """All `profiles:`; what one sets must be there to be set. Without `tasks` nobody can say which variables are."""
    found: dict[str, Json] = {}
    first: dict[str, str] = {}
    variables = None if tasks is None else {name: None for task in tasks.values() for name in task.env}
    for each in yaml:
        for name, profile in each.head.profiles.items():
            if name in found:
                message = f"the profile {shown(name)} is defined twice: first in {first[name]}"
                problems.append(each.document.problem(message, "profiles", name, key=True))
                continue
            first[name] = each.file
            fit: dict[str, Json] = {}
            for key, value in profile.params.items():
                try:
                    fit[key] = fitting(key, value, params)
                except ProblemError as error:
                    place = ("profiles", name, "params", key)
                    problems.append(
                        each.document.problem(error.message, *place, key=key not in params, hint=error.hint)
                    )
            problems += _strangers(each, name, "env", profile.env, variables, "no step has the variable")
            problems += _strangers(each, name, "pools", profile.pools, pools, "there is no pool")
            found[name] = {"params": fit, "env": dict(profile.env), "pools": dict(profile.pools)}
    return found


def _strangers(
    each: YamlFile,
    profile: str,
    section: str,
    said: Iterable[str],
    known: Mapping[str, Any] | None,
    words: str,
) -> Iterator[Problem]:
    for name in said:
        if known is not None and name not in known:
            hint = did_you_mean(name, known)
            if not hint:
                hint = (
                    "a profile sets what is said under env: of a step or of defaults"
                    if section == "env"
                    else ""
                )
            yield each.document.problem(
                f"{words} {shown(name)}", "profiles", profile, section, name, key=True, hint=hint
            )


# ---- what a user chose -------------------------------------------------------------------------


def settle(definitions: Definitions, choice: Choice) -> Definitions:
    """The definitions under a profile and with parameters of the caller's, which come last.

    Raises ProblemError for a profile or a parameter that is not there, and for a value of another type.
    """
    profile = _profile(definitions, choice.profile)
    params = dict(definitions.params) | profile.get("params", {})
    for name, text in choice.params:
        params[name] = _read(name, text, definitions.params)
    env: Mapping[str, str | None] = profile.get("env", {})
    tasks = {
        name: replace(
            task,
            params={**task.params, **{own: params.get(of) for own, of in task.takes.items()}},
            env={name: env.get(name, value) for name, value in task.env.items()},
        )
        if task.takes or env.keys() & task.env.keys()
        else task
        for name, task in definitions.tasks.items()
    }
    pools = {**definitions.pools, **profile.get("pools", {})}
    return replace(definitions, tasks=tasks, params=params, pools=pools, profile=choice.profile)


def _profile(definitions: Definitions, name: str) -> Mapping[str, Json]:
    if not name:
        return {}
    if name not in definitions.profiles:
        there = ", ".join(map(shown, list(definitions.profiles)[:10]))
        hint = did_you_mean(name, definitions.profiles) or (
            f"there are {there}" if there else "add profiles: at the top"
        )
        raise ProblemError(f"there is no profile {shown(name)}", hint)
    found: Mapping[str, Json] = definitions.profiles[name]
    return found


def _known(name: str, params: Mapping[str, Json]) -> Json:
    if name not in params:
        hint = did_you_mean(name, params)
        if not hint:
            some = ", ".join(list(params)[:10])
            hint = (
                f"there {'is' if len(params) == 1 else 'are'} {some}"
                if some
                else "the project has no params: at the top"
            )
        raise ProblemError(f"there is no parameter {shown(name)}", hint)
    return params[name]


def fitting(name: str, value: Json, params: Mapping[str, Json]) -> Json:
    """`value` as the type of the parameter's default. Raises ProblemError where it is none."""
    usual = _known(name, params)
    if usual is None or type(value) is type(usual):
        return value
    if type(usual) is float and type(value) is int:
        return float(value)
    raise ProblemError(
        f"the parameter {shown(name)} must be {_KINDS[type(usual)]}, not {_told(value)}",
        f"its default is {_told(usual)}",
    )


def _read(name: str, text: str, params: Mapping[str, Json]) -> Json:
    usual = _known(name, params)
    value: Json = text
    try:
        if isinstance(usual, bool) and text in ("true", "false"):
            value = text == "true"
        elif type(usual) is int and re.fullmatch(r"[+-]?[0-9]+", text):
            value = int(text)
        elif type(usual) is float and math.isfinite(float(text)):
            value = float(text)
        elif isinstance(usual, list | dict) or usual is None:
            value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    return fitting(name, value, params)


def _told(value: Json) -> str:
    if isinstance(value, list | dict):
        return f"a {'list' if isinstance(value, list) else 'mapping'} of {number_of(len(value), 'item')}"
    return shown(value) if isinstance(value, str) else json.dumps(value, default=str)


def as_choice(profile: str, words: Sequence[str]) -> Choice:
    """The choice that `--profile` and `-p NAME=VALUE` say. Raises ProblemError for a word that is none."""
    params = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise ProblemError(f"-p {shown(word)} says no value", "write it as in -p year=2013")
        params.append((name, value))
    return Choice(profile, tuple(params))
