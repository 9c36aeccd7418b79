"""What was said before the command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """`path` is the project, `trust` lets its code run this once, `python` is its interpreter, `quiet` is
    no talk on stderr."""

    path: Path | None = None
    trust: bool = False
    python: str | None = None
    quiet: bool = False
