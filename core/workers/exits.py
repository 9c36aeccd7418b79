"""The end of a process in words."""

from __future__ import annotations

import signal

SHELL_SIGNAL = 128
"""What a shell adds to the number of the signal that its program died of."""


def how_it_ended(status: int) -> str:
    """`exit code 3`, or `killed by signal 11 (SIGSEGV)` for a negative status."""
    if status < 0:
        return f"killed by {_signal(-status)}"
    if status > SHELL_SIGNAL and (told := _signal(status - SHELL_SIGNAL)).endswith(("?", ")")):
        return f"exit code {status}, as of a program killed by {told}"
    return f"exit code {status}"


def _signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    hint = ": out of memory?" if name == "SIGKILL" else ""
    return f"signal {number} ({name}){hint}"


def step_died(status: int) -> str:
    """Why a Python or SQL step failed whose process ended under it."""
    if status < 0:
        return f"the step's process was {how_it_ended(status)}"
    return f"the step ended its process: {how_it_ended(status)}"


def with_escaped(sentence: str, escaped: str) -> str:
    """The sentence, and the processes that could not be ended."""
    return f"{sentence}; processes that do not die: {escaped}" if escaped else sentence
