"""Standard input, output and error as they are found: closed, full, or with a reader that goes away."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO


def fill_gaps() -> None:
    """Puts `/dev/null` where a standard stream is closed: nothing is lost on it, and no file that is opened
    later (the ledger!) gets its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            _lead_nowhere(number)
        if getattr(sys, name) is None:
            flags = os.O_WRONLY if number else os.O_RDONLY
            stream = os.fdopen(os.open(os.devnull, flags), "w" if number else "r", encoding="utf-8")
            setattr(sys, name, stream)


def _lead_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)


class Unwritten(Exception):
    """What stdout was given cannot be written: a full disk, a closed device. Says why."""


def write(text: str) -> None:
    """Text to stdout. Raises `Unwritten`, and BrokenPipeError where nobody reads it any more."""
    with _written():
        sys.stdout.write(text)


def write_bytes(data: bytes) -> None:
    """Bytes to stdout as they are, for another program. Raises as `write` does."""
    with _written():
        sys.stdout.buffer.write(data)


def flush() -> None:
    """What was written is on its way now. Raises as `write` does."""
    with _written():
        sys.stdout.flush()


@contextlib.contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unwritten(f"the output cannot be written: {error.strerror or error}") from error


def let_go(*streams: TextIO) -> None:
    """Throws away what a broken stream still holds, so that the interpreter's end has nothing to complain of."""
    for stream in streams:
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError, ValueError):
                _lead_nowhere(stream.fileno())
                stream.flush()


def tell(text: str) -> None:
    """A line on stderr; where nobody can hear it, nothing."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)
