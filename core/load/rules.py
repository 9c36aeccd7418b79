"""What the values of the YAML format must be, each rule in words of our own. Pure; raises what pydantic collects."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field
from pydantic_core import PydanticCustomError

from ..model import Json
from .names import is_identifier, name_fault, shown
from .scalars import shown_scalar

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhd])", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def fault(message: str) -> PydanticCustomError:
    """A validation error in our own words (braces of the text kept as they are)."""
    return PydanticCustomError("fault", "{text}", {"text": message})


def name(value: str) -> str:
    if problem := name_fault(value):
        raise fault(problem)
    return value


def seconds(value: object) -> float:
    """A duration in seconds from a number or `30s`, `5m`, `2h`, `7d`."""
    if isinstance(value, bool):
        raise fault("must be a duration")
    if isinstance(value, str) and (found := _DURATION.fullmatch(value)):
        number = float(found[1]) * _UNITS[found[2]]
    elif isinstance(value, int | float):
        number = float(value)
    else:
        raise fault("must be a duration: a number of seconds, or 30s, 5m, 2h, 7d")
    if not math.isfinite(number) or not 0 <= number <= 1e10:
        raise fault("must be a duration between 0 and 300 years")
    return number


def more_than_zero(value: float) -> float:
    if value <= 0:
        raise fault("must be longer than 0 seconds")
    return value


def environment(value: object) -> object:
    """A list of names inherits them all: the same as a mapping to null."""
    items: dict[Any, object] = Field(default_factory=dict)
    if isinstance(value, list):
        items = dict.fromkeys(item for item in value if isinstance(item, str))
        if len(items) != len(value):
            raise fault("must be a list of different names, or a mapping of names to values")
    elif isinstance(value, dict):
        items = dict(value)
    else:
        raise fault("must be a mapping of names to values, or a list of names")
    for name, item in items.items():
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            raise fault(f"{shown(str(name))} cannot be the name of an environment variable")
        if isinstance(item, list | dict):
            raise fault(f"{name} must be text, a number, true, false or null")
        if isinstance(item, str) and "\0" in item:
            raise fault(f"{name} must not hold a NUL character")
    return {name: None if item is None else shown_scalar(item) for name, item in items.items()}


def params(value: object) -> object:
    """A list of names takes those parameters of the project: the same as a mapping of each to itself."""
    if isinstance(value, list):
        if len({item for item in value if isinstance(item, str)}) != len(value):
            raise fault("must be a list of different names, or a mapping of names to values")
        return {name: f"${{{name}}}" for name in value}
    return value


def hooks(value: object) -> object:
    """A command, one hook or a list of both, as a list of hooks; each does one thing."""
    hooks = [
        {"shell": one} if isinstance(one, str) else one
        for one in (value if isinstance(value, list) else [value])
    ]
    for hook in hooks:
        if not isinstance(hook, dict):
            raise fault("must be a command, or a mapping with one of shell, python, webhook, desktop")
        if sum(1 for key in ("shell", "python", "webhook", "desktop", "notify") if hook.get(key)) != 1:
            raise fault("a hook does one thing: shell, python, webhook, desktop or notify")
    return hooks


def dependencies(value: object) -> object:
    """Every form of `deps` as a list of `{asset, as}`."""
    if isinstance(value, Mapping):
        return [{"asset": name, "as": word} for name, word in value.items()]
    if isinstance(value, list):
        return [{"asset": item} if isinstance(item, str) else item for item in value]
    raise fault("must be a list" + (f": [{value}]" if isinstance(value, str) and value.isprintable() else ""))


def alias(value: str) -> str:
    if not is_identifier(value):
        raise fault(f"{shown(value)} is not an identifier: letters, digits and _ only, no Python keyword")
    return value


def reference(value: str) -> str:
    module, colon, function = value.partition(":")
    words = [*module.split("."), *function.split(".")]
    if not colon or not all(word.isidentifier() for word in words):
        raise fault(f"{shown(value)} must be module:function, as in recipes:combine")
    return value


def text(value: str) -> str:
    if "\0" in value:
        raise fault("must not hold a NUL character")
    if not value.strip():
        raise fault("must not be empty")
    return value


def variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise fault(f"{shown(value)} cannot be the name of an environment variable")
    return value


def pattern(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/"):
        raise fault("must stay inside of the project: no / in front, no ..")
    return value


def version(value: object) -> object:
    if isinstance(value, float):
        raise fault(f'must be text: quote it, "{value}"')
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def cron(value: str) -> str:
    from ..schedules.cron import five_fields

    try:
        five_fields(value)
    except ValueError as error:
        raise fault(str(error)) from error
    return value.strip()


def zone(value: str) -> str:
    from ..schedules.cron import zone

    try:
        zone(value)
    except ValueError as error:
        raise fault(str(error)) from error
    return value


def catch_up(value: object) -> object:
    if value not in ("skip", "one"):
        raise fault(
            "must be skip (a slot that passed is not run) or one (the latest that passed is run once)"
        )
    return value


def less_than_a_day(value: float) -> float:
    if value > 86400:
        raise fault("must be at most one day")
    return value


AUTO = 10.0
"""Seconds that pass at least before what is kept up to date is made by itself again."""


def auto(value: object) -> float:
    if isinstance(value, bool):
        return AUTO if value else 0.0
    return max(AUTO, seconds(value))


def one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


def one_or_more_maps(value: Json) -> Json:
    if not isinstance(value, list | dict):
        raise fault("must be a list or a mapping")
    return value


def word_or_map(value: Json) -> Json:
    if not isinstance(value, str | dict):
        raise fault("must be a mapping or a word")
    return value
