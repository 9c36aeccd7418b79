"""The options of a decorator as JSON values."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from typing import Any

DEEPEST = 64


class NotData(TypeError):
    """An option holds something that is not plain data."""


def as_data(options: Mapping[str, Any]) -> dict[str, Any]:
    """Tuples and sets become lists, paths text, durations seconds, dates ISO text. Raises NotData."""
    return {key: _data(value, key, 0) for key, value in options.items()}


def _data(value: Any, where: str, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int)) or type(value) is str:
        return value
    if depth > DEEPEST:
        raise NotData(f"{where} is nested deeper than {DEEPEST} levels")
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise NotData(f"{where} holds {value}, which is no JSON number")
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value):
            return {str(key): _data(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
        raise NotData(f"{where} holds a mapping whose keys are no text")
    if isinstance(value, (list, tuple)):
        return [_data(item, where, depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_data(item, where, depth + 1) for item in value), key=str)
    raise NotData(f"{where} holds a {type(value).__name__}, which is no plain data")
