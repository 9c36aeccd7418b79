"""Values as bytes, so that two values are the same exactly if their bytes are: no hash seed, order of a set
or a dict, or kind of number can blur them.

Told apart: `1`, `1.0` and `True`; `-0.0` and `0.0`; bytes and text; NFC and NFD (text is data, and is never
normalised; names are normalised where they are read). nan equals nothing, not even itself, and is refused.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import fractions
import hashlib
import re
import types
import uuid
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any

DEEPEST = 100
LARGEST = 64 * 1024 * 1024
"""Characters of encoded text: what is larger, or is shared so often that it unfolds to more, is no key."""


class NotCanonical(TypeError):
    """A value that cannot be part of a key; the message says which kind."""


def encode(value: Any) -> bytes:
    """The canonical bytes of a value. Raises NotCanonical for what has none."""
    return Encoder().text(value).encode("utf-8", "surrogatepass")


def digest(value: Any) -> str:
    """The sha256 (hex) of the canonical bytes. Raises NotCanonical."""
    return hashlib.sha256(encode(value)).hexdigest()


class Encoder:
    """Encodes values. Each encoding is a tag and then either a length and text, or a count and parts: it says
    itself where it ends, so that no two sequences of values run together."""

    def __init__(self) -> None:
        self.depth = 0
        self.size = 0

    def text(self, value: Any) -> str:
        kind = type(value)
        if kind is str:
            return f"s{len(value)}:{value}"
        self.depth += 1
        if self.depth > DEEPEST:
            raise NotCanonical(f"a value nested deeper than {DEEPEST} levels cannot be part of a key")
        encoder = ENCODERS.get(kind)
        try:
            out = encoder(self, value) if encoder is not None else self.unlisted(value)
        finally:
            self.depth -= 1
        self.size += len(out)
        if self.size > LARGEST:
            raise NotCanonical("a value this large cannot be part of a key")
        return out

    def unlisted(self, value: Any) -> str:
        """The encoding of a value whose class is not in the table. Raises NotCanonical."""
        encoder = _encoder_of(value)
        if encoder is None:
            raise NotCanonical(f"a {class_name(type(value))} cannot be part of a key")
        return encoder(self, value)

    def parts(self, tag: str, values: Iterable[Any]) -> str:
        text = self.text
        out = [f"s{len(value)}:{value}" if type(value) is str else text(value) for value in values]
        return f"{tag}{len(out)}:{''.join(out)}"

    def unordered(self, tag: str, values: Iterable[Any]) -> str:
        out = sorted(self.text(value) for value in values)
        return f"{tag}{len(out)}:{''.join(out)}"

    def mapping(self, tag: str, items: Mapping[Any, Any]) -> str:
        """A mapping, whose order says nothing."""
        return self.entries(tag, items, ordered=False)

    def entries(self, tag: str, items: Mapping[Any, Any], *, ordered: bool) -> str:
        out = [
            f"s{len(key)}:{key}s{len(value)}:{value}"
            if type(key) is str and type(value) is str
            else self.text(key) + self.text(value)
            for key, value in items.items()
        ]
        if not ordered:
            out.sort()
        return f"{tag}{len(out)}:{''.join(out)}"


Encode = Callable[[Encoder, Any], str]


def _plain(tag: str, text: str) -> str:
    return f"{tag}{len(text)}:{text}"


def _float(number: float) -> str:
    if number != number:
        raise NotCanonical("nan cannot be part of a key: it equals nothing")
    return number.hex()


def _decimal(number: decimal.Decimal) -> str:
    if number.is_nan():
        raise NotCanonical("nan cannot be part of a key: it equals nothing")
    return str(number.as_tuple())


def _moment(encoder: Encoder, value: datetime.datetime | datetime.time) -> str:
    zone = value.tzinfo
    offset = value.utcoffset()
    named = "" if zone is None else str(getattr(zone, "key", zone))
    bare = value.replace(tzinfo=None).isoformat()
    return encoder.parts("M", (type(value).__name__, bare, value.fold, offset, named))


def class_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _enum(encoder: Encoder, member: enum.Enum) -> str:
    return encoder.parts("E", (class_name(type(member)), member.name, member.value))


def _dataclass(encoder: Encoder, value: Any) -> str:
    fields = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    return encoder.parts("D", (class_name(type(value)), fields))


def _named_tuple(encoder: Encoder, value: Any) -> str:
    return encoder.parts("N", (class_name(type(value)), value._fields, tuple(value)))


def _pattern(encoder: Encoder, value: re.Pattern[Any]) -> str:
    return encoder.parts("R", (value.pattern, value.flags))


ENCODERS: dict[type, Encode] = {
    str: lambda e, v: f"s{len(v)}:{v}",
    type(None): lambda e, v: "n",
    bool: lambda e, v: "T" if v else "F",
    int: lambda e, v: _plain("i", f"{v:x}"),
    float: lambda e, v: _plain("f", _float(v)),
    complex: lambda e, v: _plain("c", f"{_float(v.real)},{_float(v.imag)}"),
    bytes: lambda e, v: _plain("b", v.decode("latin-1")),
    bytearray: lambda e, v: _plain("B", v.decode("latin-1")),
    type(Ellipsis): lambda e, v: "e",
    list: lambda e, v: e.parts("l", v),
    tuple: lambda e, v: e.parts("t", v),
    deque: lambda e, v: e.parts("q", (v.maxlen, list(v))),
    set: lambda e, v: e.unordered("S", v),
    frozenset: lambda e, v: e.unordered("Z", v),
    dict: lambda e, v: e.mapping("d", v),
    OrderedDict: lambda e, v: e.parts("O", list(v.items())),
    types.MappingProxyType: lambda e, v: e.mapping("m", v),
    defaultdict: lambda e, v: e.parts("p", (v.default_factory, dict(v))),
    range: lambda e, v: e.parts("r", (v.start, v.stop, v.step)),
    slice: lambda e, v: e.parts("x", (v.start, v.stop, v.step)),
    datetime.datetime: _moment,
    datetime.time: _moment,
    datetime.date: lambda e, v: _plain("y", v.isoformat()),
    datetime.timedelta: lambda e, v: e.parts("u", (v.days, v.seconds, v.microseconds)),
    datetime.timezone: lambda e, v: e.parts("z", (v.utcoffset(None), v.tzname(None))),
    decimal.Decimal: lambda e, v: _plain("a", _decimal(v)),
    fractions.Fraction: lambda e, v: e.parts("/", (v.numerator, v.denominator)),
    uuid.UUID: lambda e, v: _plain("U", v.hex),
    re.Pattern: _pattern,
}


def _encoder_of(value: Any) -> Encode | None:
    if isinstance(value, enum.Enum):
        return _enum
    if isinstance(value, PurePath):
        return lambda e, v: e.parts("P", (type(v).__name__, str(v)))
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return _dataclass
    if isinstance(value, tuple) and hasattr(value, "_fields") and type(value).__bases__ == (tuple,):
        return _named_tuple
    return None
