"""A printed text for another program: what it opens must not reach the terminal with a sequence that is obeyed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ..paint.sanitize import strip_sequences

MOST = 256 << 20
"""Characters that are handed over at most."""


def handed_over(lines: Iterable[str]) -> tuple[Path, bool]:
    """A new file that only this user can read, with `lines` as they are shown: no escape sequence, control characters
    as signs, of a line that rewrites itself the last state. And whether that is all. Blocking. Raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix="bakehouse-", suffix=".log")
    path = Path(name)
    room = MOST
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for line in lines:
                text = strip_sequences(line)
                if (room := room - len(text) - 1) < 0:
                    return path, False
                file.write(text + "\n")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path, True
