"""Plain data as JSON, exactly: what comes back equals what went in, types, order and all, or it is refused.

What JSON has no word for is an object with one key that begins with `$`: `{"$tuple": [1, 2]}`.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from math import isfinite
from pathlib import Path, PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any

from ..model import Json


class NotPlain(ValueError):
    """The value holds something that this encoding cannot give back exactly."""


DEPTH = 200
DIGITS = 10**300
"""Longer numbers are written in hexadecimal: Python limits the decimals that it reads."""

PATHS: dict[str, Callable[[str], Any]] = {
    kind.__name__: kind for kind in (PosixPath, PurePosixPath, PureWindowsPath, WindowsPath)
}


def dumps(value: object) -> bytes:
    """The one encoding of a value. Raises NotPlain."""
    tree = _Writer().tree(value, 0)
    return _written(tree).encode()


def loads(data: bytes) -> Any:
    """The value. Raises ValueError for bytes that `dumps` did not make."""
    return _read(data.decode())


class _Writer:
    """Remembers which containers it has met: one that is met twice would come back as two."""

    def __init__(self) -> None:
        self._met: set[int] = set()

    def tree(self, value: Any, depth: int) -> Json:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if (leaf := LEAVES.get(kind)) is not None:
            return leaf(value)
        if depth > DEPTH:
            raise NotPlain("nested too deeply")
        if kind is list:
            self._meet(value)
            return self._items(value, depth)
        if kind is dict:
            self._meet(value)
            return self._dict(value, depth)
        if kind is tuple:
            return {"$tuple": self._items(value, depth)}
        if kind is set or kind is frozenset:
            if kind is set:
                self._meet(value)
            return {f"${kind.__name__}": sorted(self._items(value, depth), key=_text)}
        raise NotPlain(f"{kind.__module__}.{kind.__qualname__} is not plain data")

    def _meet(self, container: object) -> None:
        if id(container) in self._met:
            raise NotPlain("the same container occurs twice")
        self._met.add(id(container))

    def _items(self, values: Any, depth: int) -> list[Json]:
        kinds = set(map(type, values))
        if len(kinds) == 1 and (leaf := LEAVES.get(*kinds)) is not None:
            return [leaf(value) for value in values]
        return [self.tree(value, depth + 1) for value in values]

    def _dict(self, value: dict[Any, Any], depth: int) -> Json:
        if all(type(key) is str and not key.startswith("$") and _sound(key) for key in value):
            return {key: self.tree(item, depth + 1) for key, item in value.items()}
        return {"$dict": [[self.tree(k, depth + 1), self.tree(v, depth + 1)] for k, v in value.items()]}


def _text(tree: Json) -> str:
    return json.dumps(tree, sort_keys=True)


def _sound(text: str) -> bool:
    """Whether it has no lone surrogates, which UTF-8 cannot hold."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _str(value: str) -> Json:
    if _sound(value):
        return value
    return {"$str": base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()}


def _int(value: int) -> Json:
    return value if -DIGITS < value < DIGITS else {"$int": hex(value)}


def _float(value: float) -> Json:
    return value if isfinite(value) else {"$float": struct.pack(">d", value).hex()}


def _zone(value: datetime | time) -> str:
    zone = value.tzinfo
    if zone is not None and (type(zone) is not timezone or len(zone.__getinitargs__()) != 1):  # type: ignore[attr-defined]
        raise NotPlain("a time zone with a name")
    return value.isoformat() + ("~" if value.fold else "")


def _delta(value: timedelta) -> Json:
    return {"$timedelta": [value.days, value.seconds, value.microseconds]}


def _path(value: Any) -> Json:
    return {"$path": [type(value).__name__, _str(str(value))]}


LEAVES: dict[type, Callable[[Any], Json]] = {
    type(None): lambda value: value,
    bool: lambda value: value,
    str: _str,
    int: _int,
    float: _float,
    bytes: lambda value: {"$bytes": base64.b64encode(value).decode()},
    complex: lambda value: {"$complex": struct.pack(">dd", value.real, value.imag).hex()},
    datetime: lambda value: {"$datetime": _zone(value)},
    date: lambda value: {"$date": value.isoformat()},
    time: lambda value: {"$time": _zone(value)},
    timedelta: _delta,
    Decimal: lambda value: {"$decimal": str(value)},
    **{kind: _path for kind in (type(Path()), PurePosixPath, PureWindowsPath)},
}


def _folded(kind: Any) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = kind.fromisoformat(text.rstrip("~"))
        return value.replace(fold=1) if text.endswith("~") else value

    return read


READERS: dict[str, Callable[[Any], Any]] = {
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$dict": dict,
    "$str": lambda text: base64.b64decode(text).decode("utf-8", "surrogatepass"),
    "$int": lambda text: int(text, 16),
    "$float": lambda text: struct.unpack(">d", bytes.fromhex(text))[0],
    "$bytes": base64.b64decode,
    "$complex": lambda text: complex(*struct.unpack(">dd", bytes.fromhex(text))),
    "$datetime": _folded(datetime),
    "$date": date.fromisoformat,
    "$time": _folded(time),
    "$timedelta": lambda parts: timedelta(*parts),
    "$decimal": Decimal,
    "$path": lambda parts: PATHS[parts[0]](parts[1]),
}


def _from_tagged(found: dict[str, Any]) -> Any:
    if len(found) == 1:
        (tag,) = found
        if tag.startswith("$"):
            return READERS[tag](found[tag])
    return found


_written = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_read = json.JSONDecoder(object_hook=_from_tagged).decode
