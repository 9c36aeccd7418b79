"""The end of a process in words."""

from __future__ import annotations

import signal


def how_it_ended(status: int) -> str:
    """`exit code 3`, or `killed by signal 11 (SIGSEGV)` for a negative status."""
    if status >= 0:
        return f"exit code {status}"
    try:
        name = f" ({signal.Signals(-status).name})"
    except ValueError:
        name = ""
    return f"killed by signal {-status}{name}"


def step_died(status: int) -> str:
    """Why a Python or SQL step failed whose process ended under it."""
    if status < 0:
        hint = ": the system may be out of memory" if -status == signal.SIGKILL else ""
        return f"the step's process was {how_it_ended(status)}{hint}"
    return f"the step ended its process: {how_it_ended(status)}"


def with_escaped(sentence: str, escaped: str) -> str:
    """The sentence, and the processes that could not be ended."""
    return f"{sentence}; processes that do not die: {escaped}" if escaped else sentence
