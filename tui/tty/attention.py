"""Calls the user back to a terminal that is not looked at: its bell, and a notification of the desktop."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from ..paint.sanitize import clean

MOST_CHARACTERS = 200
_BELL = "\a"


def call_for(words: str, environ: Mapping[str, str] = os.environ) -> str:
    """What is written to a terminal so that it tells `words`: its bell always; beside it OSC 777 where the terminal
    is one of rxvt's or VTE's kin, else OSC 9, which a terminal that does not know it leaves alone. The Linux console
    and GNU screen would print it: they get the bell. Inside tmux it is handed on to the terminal around it."""
    term = environ.get("TERM", "")
    in_tmux = bool(environ.get("TMUX"))
    if term in ("linux", "") or (term.startswith("screen") and not in_tmux):
        return _BELL
    told = clean(words)[:MOST_CHARACTERS]
    if environ.get("VTE_VERSION") or term.startswith(("rxvt", "foot")):
        call = f"\x1b]777;notify;Bakehouse;{told.replace(';', ',')}\x1b\\"
    else:
        call = f"\x1b]9;Bakehouse: {told}\x1b\\"
    if in_tmux:
        call = "\x1bPtmux;" + call.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return _BELL + call


def is_terminal() -> bool:
    """Whether what is painted and what is printed both go to a terminal."""
    return all(stream is not None and stream.isatty() for stream in (sys.__stdout__, sys.__stderr__))
