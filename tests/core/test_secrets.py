"""Secrets are taken out of everything, however they are written and cut."""

from __future__ import annotations

import base64
import html
import json
import shlex
import urllib.parse
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.problems import ProblemError
from bakehouse.core.secrets import Secrets

TOKEN = "t0k'en/ü+ 42\"\\x"
KEY = "-----BEGIN-----\nMIIEowIBAAKCAQ\nlast-line-of-it\n-----END-----"
WAYS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "repr of repr": lambda text: repr(repr(text)),
    "json": json.dumps,
    "json with letters": lambda text: json.dumps(text, ensure_ascii=False),
    "json in json": lambda text: json.dumps(json.dumps(text)),
    "url": lambda text: urllib.parse.quote(text, safe=""),
    "url path": urllib.parse.quote,
    "url form": urllib.parse.quote_plus,
    "html": html.escape,
    "shell": shlex.quote,
    "sql": lambda text: text.replace("'", "''"),
    "hex": lambda text: text.encode().hex(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of user:": lambda text: base64.b64encode(b"user:" + text.encode() + b"@host").decode(),
    "base64 of me:": lambda text: base64.b64encode(b"me:" + text.encode() + b"!").decode(),
    "base64 for urls": lambda text: base64.urlsafe_b64encode(b"?" + text.encode()).decode(),
}


@pytest.fixture
def secrets() -> Secrets:
    return Secrets(["TOKEN", "KEY", "UNSET"], {"TOKEN": TOKEN, "KEY": KEY, "OTHER": "visible"})


def leaks(text: str, way: Callable[[str], str], secret: str) -> bool:
    """Whether more than a few characters of how the secret is written are still there."""
    written = way(secret)
    inner = written.strip("'\"").removeprefix("b'")
    return any(inner[at : at + 8] in text for at in range(4, len(inner) - 12))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["TOKEN", "KEY"])
def test_a_secret_is_taken_out_however_it_is_written(secrets: Secrets, way: str, name: str) -> None:
    secret = {"TOKEN": TOKEN, "KEY": KEY}[name]
    told = secrets.text(f"before {WAYS[way](secret)} after")
    assert f"[secret {name}]" in told and told.startswith("before ") and told.endswith(" after")
    assert not leaks(told, WAYS[way], secret)


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_cut_anywhere_is_taken_out(secrets: Secrets, way: str) -> None:
    data = f"before {WAYS[way](TOKEN)} after".encode()
    whole = secrets.raw(data)
    for cut in range(len(data) + 1):
        stream = secrets.stream()
        assert stream.feed(data[:cut]) + stream.feed(data[cut:]) + stream.end() == whole


@given(
    st.lists(st.sampled_from([*TOKEN, TOKEN[:5], TOKEN, KEY[:20], KEY, "\n", "x"]), max_size=30), st.data()
)
def test_a_stream_says_what_the_whole_would_say_whatever_the_pieces(
    pieces: list[str], data: st.DataObject
) -> None:
    secrets = Secrets(["TOKEN", "KEY"], {"TOKEN": TOKEN, "KEY": KEY})
    text = "".join(pieces).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    stream, told = secrets.stream(), b""
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        told += stream.feed(text[start:end])
    told += stream.end()
    assert TOKEN.encode() not in told and b"MIIEowIBAAKCAQ" not in told


def test_what_is_no_secret_is_left_as_it_is(secrets: Secrets) -> None:
    assert secrets.text("visible t0k \udcff") == "visible t0k \udcff"
    assert secrets.json({"rows": 3, "by": ["me", None, 2.5]}) == {"rows": 3, "by": ["me", None, 2.5]}
    assert secrets.json({TOKEN: [TOKEN, {"a": TOKEN}]}) == {
        "[secret TOKEN]": ["[secret TOKEN]", {"a": "[secret TOKEN]"}]
    }
    assert not Secrets(["TOKEN"], {}) and Secrets([], {}).text(TOKEN) == TOKEN


def test_nothing_is_held_back_but_what_may_become_a_secret(secrets: Secrets) -> None:
    stream = secrets.stream()
    assert stream.feed(b"a line\n") == b"a line\n"
    assert stream.feed(b"progress " + TOKEN.encode()[:3]) == b"progress "
    assert stream.end() == TOKEN.encode()[:3]
    assert stream.feed(TOKEN.encode()[:-1]) == b"" and stream.end() == b"[secret, cut off]"


@pytest.mark.parametrize("value", ["a", "true", "1234567", "aaaaaaaaaaaa", "abababababab"])
def test_a_value_that_stands_in_ordinary_text_is_refused_and_not_taken_out_everywhere(value: str) -> None:
    secrets = Secrets(["PIN"], {"PIN": value})
    assert secrets.refused == ("PIN",) and secrets.text(f"x {value}") == f"x {value}"
    with pytest.raises(ProblemError, match="PIN: too short or too plain"):
        secrets.check()
