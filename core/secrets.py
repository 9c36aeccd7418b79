"""Takes the values of secrets out of what is told or kept, in whatever way they are written or cut.

A secret is an environment variable that the project names under `secrets:`. Each value is looked for as it is,
line by line, and as programs commonly spell it: quoted for Python, JSON, SQL, HTML, a shell or a URL, in
hexadecimal, and in base64 at any of its three alignments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property

from .model import Json
from .problems import ProblemError

LEAST = 8
"""Characters that a value must have: what is shorter stands in ordinary text as well."""
LEAST_KINDS = 4
"""Different characters that a value must have."""


class Secrets:
    """The secrets of one project as they are now. False if there are none."""

    def __init__(self, names: Iterable[str], environ: Mapping[str, str]) -> None:
        values = {name: environ[name] for name in names if environ.get(name)}
        self.refused = tuple(name for name, value in values.items() if not _can_be_found(value))
        """Those whose value cannot be told from ordinary text."""
        self._values = {name: value for name, value in values.items() if name not in self.refused}

    def __bool__(self) -> bool:
        return bool(self._values)

    def check(self) -> None:
        """Raises `ProblemError` if a value could not be taken out of what is told."""
        if self.refused:
            raise ProblemError(
                f"{', '.join(self.refused)}: too short or too plain to be kept out of logs as a secret",
                f"a secret has {LEAST} characters or more, {LEAST_KINDS} of them different;"
                " take it off secrets: if it is none",
            )

    @cached_property
    def _forms(self) -> dict[bytes, bytes]:
        """Every way of writing a secret, the longest first, with what stands in its place."""
        marks: dict[bytes, bytes] = {}
        for name, value in self._values.items():
            for form in _ways_to_write(value):
                marks.setdefault(form, b"[secret " + name.encode() + b"]")
        return {form: marks[form] for form in sorted(marks, key=len, reverse=True)}

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        return re.compile(b"|".join(map(re.escape, self._forms)))

    def raw(self, data: bytes) -> bytes:
        """`data` without any secret."""
        return self._pattern.sub(self._mark, data) if self else data

    def _mark(self, found: re.Match[bytes]) -> bytes:
        return self._forms[found[0]]

    def text(self, text: str) -> str:
        """`text` without any secret."""
        if not self:
            return text
        return self.raw(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def json(self, value: Json) -> Json:
        """Plain data with no secret in any text of it, keys too."""
        if not self:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.json(key): self.json(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(self.json, value))
        return value

    def stream(self) -> SecretStream:
        """For bytes that come in pieces."""
        return SecretStream(self)


class SecretStream:
    """Gives back what is fed to it without secrets, however the pieces are cut: the end of a piece that may be
    the beginning of a secret is held until it is clear what it is. Holds less than the longest form."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What is clear by now."""
        if not self._secrets:
            return data
        data = self._held + data
        clear = self._clear(data)
        self._held = data[clear:]
        return self._secrets.raw(data[:clear])

    def end(self) -> bytes:
        """What was held back; the beginning of a secret that was cut off is none to be told."""
        rest, self._held = self._held, b""
        told = self._secrets.raw(rest)
        return b"[secret, cut off]" if told == rest and len(rest) >= LEAST else told

    def _clear(self, data: bytes) -> int:
        end = self._open_end(data)
        for found in self._secrets._pattern.finditer(data):
            if found.start() >= end:
                break
            end = max(end, found.end())
        return end

    def _open_end(self, data: bytes) -> int:
        """Where the longest end of `data` begins that a longer form begins with; its length if there is none."""
        forms = self._secrets._forms
        longest = len(next(iter(forms)))
        for start in range(max(0, len(data) - longest + 1), len(data)):
            tail = data[start:]
            if any(len(form) > len(tail) and form.startswith(tail) for form in forms):
                return start
        return len(data)


def _can_be_found(value: str) -> bool:
    return len(value) >= LEAST and len(set(value)) >= LEAST_KINDS


def _ways_to_write(value: str) -> set[bytes]:
    import base64
    import html
    import json
    import urllib.parse

    lines = [line for line in value.splitlines() if _can_be_found(line)]
    forms: set[bytes] = set()
    for text in {value, value.strip(), *lines, *map(str.strip, lines)}:
        raw = text.encode("utf-8", "surrogateescape")
        quoted = urllib.parse.quote(raw, safe="")
        spelled = [
            json.dumps(text)[1:-1],
            json.dumps(text, ensure_ascii=False)[1:-1],
            json.dumps(json.dumps(text)[1:-1])[1:-1],
            repr(text)[1:-1],
            repr(raw)[2:-1],
            repr(repr(text))[1:-1],
            quoted,
            urllib.parse.quote(raw),
            urllib.parse.quote_plus(raw),
            re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), quoted),
            html.escape(text),
            text.replace("'", "'\"'\"'"),
            text.replace("'", "'\\''"),
            text.replace("'", "''"),
            raw.hex(),
            raw.hex().upper(),
        ]
        forms.add(raw)
        forms.update(form.encode("utf-8", "surrogateescape") for form in spelled)
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms.update(_inside_base64(encode(b"\0" * shift + raw), shift, len(raw)) for shift in range(3))
    return {form for form in forms if len(form) >= LEAST}


def _inside_base64(encoded: bytes, before: int, length: int) -> bytes:
    """The characters that depend on nothing but the `length` bytes after the first `before`."""
    first = (before * 8 + 5) // 6
    return encoded[first : (before + length) * 8 // 6]
