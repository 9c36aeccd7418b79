"""How a partition is named: `asset`, a separator that no name has, and the encoded keys.

The encoding is injective: different keys, and different pairs of keys, are different text of plain ASCII that is
also the name of a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

from .model import Json

SEPARATOR = "\x1f"
"""Between a name and a key. No definition's name can hold it, because it cannot be printed."""
BETWEEN = "|"
"""Between the keys of two dimensions; in a key it is escaped."""
LONGEST_KEY = 200
"""Bytes of an encoded key: as the name of a file it must fit."""

_UNSAFE = re.compile(rb"[^A-Za-z0-9_-]")
_RAW = re.compile(f"{SEPARATOR}([A-Za-z0-9_%|-]+)")


@lru_cache(maxsize=1 << 17)
def encode(key: str) -> str:
    """One key as letters, digits, `_`, `-`; every other byte of its UTF-8 is `%XX`."""
    return _UNSAFE.sub(lambda found: b"%%%02X" % found[0][0], key.encode()).decode("ascii")


def joined(keys: Iterable[str]) -> str:
    """The encoded keys of all dimensions, in their order."""
    return BETWEEN.join(map(encode, keys))


def keys_of(part: str) -> tuple[str, ...]:
    """What `joined` was made of."""
    return tuple(unquote(one) for one in part.split(BETWEEN))


def part_name(name: str, part: str) -> str:
    """The node of one partition of `name`."""
    return f"{name}{SEPARATOR}{part}"


def split(name: str) -> tuple[str, str]:
    """The name as it was written and the encoded keys, which are empty for what is no partition."""
    plain, _, part = name.partition(SEPARATOR)
    return plain, part


def shown_part(part: str) -> str:
    """A partition as users read and write it: of one dimension the key itself; of two both keys, in which only `%` and
    `|` are escaped, so that different pairs are different text still."""
    if BETWEEN not in part:
        return unquote(part)
    return BETWEEN.join(_told_apart(key) for key in keys_of(part))


def _told_apart(key: str) -> str:
    return key.replace("%", "%25").replace(BETWEEN, "%7C")


def readable(text: str) -> str:
    """Text in which nodes of partitions are called `asset[key]`."""
    if SEPARATOR not in text:
        return text
    return _RAW.sub(lambda found: f"[{shown_part(found[1])}]", text)


def readable_json(value: Json) -> Json:
    """Plain data with every text in it made readable."""
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, dict):
        return {readable(str(key)): readable_json(item) for key, item in value.items()}
    return [readable_json(item) for item in value] if isinstance(value, list | tuple) else value
