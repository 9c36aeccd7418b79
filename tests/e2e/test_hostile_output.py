"""What is printed, named and said by others reaches the real terminal as text: never as a sequence that it obeys."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCREEN = """
import sys
from pathlib import Path
from bakehouse.tui.terminal import run_screen
sys.exit(run_screen(Path(sys.argv[1]), trust="trust" in sys.argv[2:]))
"""
PLAIN = """
import sys
from bakehouse.tui.cli.program import run
sys.exit(run(["-C", sys.argv[1], *sys.argv[2:]]))
"""
INTRODUCERS = [
    b"\x1b]", b"\x1bP", b"\x1b_", b"\x1b^", b"\x1bX", b"\x1b[", b"\x9b", b"\x9d", b"\xc2\x9b", b"\xc2\x9d",
    b"\xc2\x90",
]  # fmt: skip
BODIES = [
    b"0;evil", b"2;evil", b"8;;http://evil.example/", b"50;evil", b"52;c;ZXZpbA==", b"99;;evil", b"112",
    b"777;notify;evil;x", b"1337;File=inline=1:ZXZpbA==", b"4;1;red", b"2J", b"3J", b"H", b"6n", b"c",
    b">c", b"=c", b"?1049l", b"?1000h", b"?25l", b"21t", b"20t", b"5i", b"<u", b">1u", b"4:3m",
    b"38:2::1:2:3m", b"1;31m", b"!p", b"?2026h", b"10;10H", b"999D", b"1;1r", b"200~evil",
    b"tmux;\x1b\x1b]52;c;ZXZpbA==\x07", b"+q544e", b"$q m", b"=1s",
]  # fmt: skip
ENDS = [b"\x07", b"\x1b\\", b"\x9c", b"", b"\x18", b"\x1a"]
SINGLE = [
    b"\x1bc", b"\x1b7\x1b8", b"\x1bD", b"\x1b#8", b"\x1b(0", b"\x07", b"\x0e", b"\x05", b"\x08\x08\x08",
    b"\x0b\x0c", b"\x7f", b"\x85", b"\xc2\x85", "\u202eevil\u202c".encode(), "\u2066x".encode(), b"\x00",
    b"\x1b", b"\x1b\x1b[2J",
]  # fmt: skip
_SEQUENCE = re.compile(
    rb"\x1b\[([0-?]*)([ -/]*[@-~])|(\x1b[\]P_^X][^\x07\x1b]{0,40})|\x1b([ -/]*[0-Z\\^-~])"
    rb"|([\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f])"
)


def payloads() -> list[bytes]:
    """Three hundred of them, the same every time."""
    dice = random.Random(1)
    made = dict.fromkeys(SINGLE)
    while len(made) < 300:
        made[dice.choice(INTRODUCERS) + dice.choice(BODIES) + dice.choice(ENDS)] = None
    return list(made)


def kinds(raw: bytes) -> set[bytes]:
    """Every sort of sequence in what a terminal was sent; colours and cursor positions are one sort each."""
    found = set()
    for match in _SEQUENCE.finditer(raw):
        parameters, final, string, short, control = match.groups()
        if final is not None:
            found.add(final if final in (b"m", b"H") and b"?" not in parameters else parameters + final)
        else:
            found.add(string or short or control)
    for line in raw.decode("utf-8", "replace").splitlines():
        found |= {c.encode() for c in line if "\x80" <= c <= "\x9f" or c in "\u202e\u2066"}
    return found


def project(folder: Path, lines: list[bytes]) -> Path:
    folder.mkdir()
    (folder / "lines").write_bytes(
        b"begin\n" + b"\n".join(b"<%d>" % n + line for n, line in enumerate(lines)) + b"\nend"
    )
    whole = b"".join(lines).decode("utf-8", "replace")
    said = "".join(c for c in whole if c == "\x1b" or c.isprintable())[:4000]
    tasks = {
        "shout": {
            "shell": "cat lines; sleep 0.5",
            "description": said,
            "metadata": {"note": said},
            "outputs": ["value"],
        },
        "fail": {"after": ["shout"], "python": "steps:fail"},
    }
    (folder / "bakehouse.yaml").write_text(json.dumps({"tasks": tasks}))
    (folder / "steps.py").write_text(
        "from pathlib import Path\ndef fail():\n"
        "    raise ValueError(Path('lines').read_bytes().decode('utf-8', 'surrogateescape')[:3000] + chr(0xd800))\n"
    )
    return folder


def shown(terminal: Callable[..., Any], folder: Path) -> set[bytes]:
    """What sorts of sequences the screen sends while it shows a run, its log and all panes."""
    t = terminal(SCREEN, folder, "trust")
    t.sees("shout")
    t.press("a")
    t.sees("failed")
    for key in ("t", "g", "]", "]", "]", "]", "w", "G", "[", "[", "[", "[", "j", "]", "k", "z", "z"):
        t.press(key)
        t.read()
    t.press("q")
    t.ends_with(0)
    t.is_restored()
    return kinds(bytes(t.raw))


@pytest.mark.case("U1", "U5")
def test_no_sequence_of_others_reaches_the_terminal_through_the_screen(
    tmp_path: Path, terminal: Callable[..., Any]
) -> None:
    ours = shown(terminal, project(tmp_path / "plain", [b"flour"] * 300))
    foreign = shown(terminal, project(tmp_path / "hostile", payloads()))
    assert foreign - ours == set()
    strings = {kind for kind in ours if kind.startswith(b"\x1b")}
    assert all(string.startswith(b"\x1b]22;") for string in strings), "Textual's own: the mouse's shape"


@pytest.mark.case("U1", "U6")
def test_none_through_plain_lines_either(tmp_path: Path, terminal: Callable[..., Any]) -> None:
    folder = project(tmp_path / "hostile", payloads())
    for words in (
        ["--trust", "materialize"],
        ["logs", "shout"],
        ["logs", "fail"],
        ["show", "value"],
        ["ls"],
        ["why", "fail"],
    ):
        t = terminal(PLAIN, folder, *words)
        t.until(t.ended, "the command to end")
        for _ in range(20):
            t.read(0.01)
        assert t.raw and kinds(bytes(t.raw)) <= {b"m"}, words


@pytest.mark.case("X1", "U4")
def test_the_screen_of_a_folder_that_is_not_trusted_runs_nothing_whatever_is_pressed(
    tmp_path: Path, terminal: Callable[..., Any]
) -> None:
    canary = tmp_path / "CANARY"
    folder = tmp_path / "clone"
    folder.mkdir()
    runs = f"open({str(canary)!r}, 'w')\nfrom bakehouse import asset\n@asset\ndef sneaky(): return 1\n"
    for name in ("definitions", "sitecustomize", "textual", "watchfiles", "conftest"):
        (folder / f"{name}.py").write_text(runs)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").write_text(f"#!/bin/sh\ntouch {canary}\n")
    (folder / ".venv" / "bin" / "python").chmod(0o755)
    (folder / "bakehouse.yaml").write_text(
        f"assets:\n  a: {{shell: 'touch {canary}', description: 'Trust this project? y/n'}}\n"
    )
    t = terminal(SCREEN, folder, TERM_PROGRAM="x")
    t.sees(" a ")
    for key in ("t", "o", "m", "\r", "\r", "a", "d", "r", "M", "]", "]", "]", "R", "\x1b", "\x1b"):
        t.press(key)
        for _ in range(3):
            t.read(0.02)
    (folder / "late.py").write_text(runs)
    t.press("R")
    for _ in range(10):
        t.read(0.05)
    t.press("q")
    t.ends_with(0)
    assert not canary.exists()
