"""What calls the user back is what the terminal understands, and obeys nothing of what it is given."""

from __future__ import annotations

import pytest

from bakehouse.tui.tty.attention import MOST_CHARACTERS, call_for


@pytest.mark.parametrize(
    ("environ", "call"),
    [
        ({"TERM": "xterm-256color"}, "\a\x1b]9;Bakehouse: done\x1b\\"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "\a\x1b]777;notify;Bakehouse;done\x1b\\"),
        ({"TERM": "rxvt-unicode-256color"}, "\a\x1b]777;notify;Bakehouse;done\x1b\\"),
        (
            {"TERM": "tmux-256color", "TMUX": "/tmp/s,1,0"},
            "\a\x1bPtmux;\x1b\x1b]9;Bakehouse: done\x1b\x1b\\\x1b\\",
        ),
        ({"TERM": "screen.xterm-256color"}, "\a"),
        ({"TERM": "linux"}, "\a"),
    ],
)
def test_each_terminal_is_called_in_its_own_way(environ: dict[str, str], call: str) -> None:
    assert call_for("done", environ) == call


@pytest.mark.parametrize(
    "words", ["a\x1b\\\x1b]52;c;aGk=\x07b", "a\x9c\x9d52;c;x\x9cb", "a;b\nc\x07", "x" * 9999]
)
def test_no_name_ends_the_call_early(words: str) -> None:
    for environ in ({"TERM": "xterm"}, {"TERM": "foot"}):
        call = call_for(words, environ)
        inside = call.removeprefix("\a").removesuffix("\x1b\\")[2:]
        assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in inside)
        assert inside.count(";") <= (3 if environ["TERM"] == "foot" else 9)
        assert len(inside) < MOST_CHARACTERS + 30
