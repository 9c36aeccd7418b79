"""JSON of plain data, many times over: `json.JSONEncoder.encode` makes a new encoder at each call."""

from __future__ import annotations

import json
from collections.abc import Callable
from json import encoder
from typing import Any

Encode = Callable[[Any], str]


def json_encoder(
    *,
    sort_keys: bool = False,
    separators: tuple[str, str] = (",", ":"),
    default: Callable[[Any], Any] | None = None,
) -> Encode:
    """The `encode` of a `json.JSONEncoder` of these settings, for data that does not contain itself."""
    plain = json.JSONEncoder(
        check_circular=False, sort_keys=sort_keys, separators=separators, default=default
    )
    make: Any = getattr(encoder, "c_make_encoder", None)
    if make is None:
        return plain.encode
    between, after_key = separators
    text: Any = encoder.encode_basestring_ascii
    chunks = make(None, plain.default, text, None, after_key, between, sort_keys, False, True)

    def encode(data: Any) -> str:
        return "".join(chunks(data, 0))

    return encode
