"""The command log: what each key did, as the command line would do it."""

from __future__ import annotations

import shlex
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ...core.model import Node
from ...core.naming import shown_part, split
from ...core.problems import ProblemError
from ...core.selection import quoted
from ..paint.ink import Bit, Line

MOST = 200


class Said(NamedTuple):
    """A command, and the Unix time at which a key did what it does."""

    ts: float
    command: str


class Echo:
    """Remembers the last commands."""

    def __init__(self) -> None:
        self.said: deque[Said] = deque(maxlen=MOST)

    def say(
        self,
        ts: float,
        project: Path,
        command: str,
        nodes: Iterable[Node] | None,
        *options: str,
        below: bool = False,
    ) -> None:
        """At `ts`, a key did what `command` does to `nodes` (and all `below` them) of the project."""
        chosen = [split(node.name) for node in nodes or ()]
        words = [quoted(name) + ("+" if below else "") for name, _ in chosen]
        parts = [word for _, part in chosen if part for word in ("--partition", shown_part(part))]
        line = shlex.join(["bakehouse", *_where(project), command, *dict.fromkeys(words), *options, *parts])
        self.said.append(Said(ts, line))

    def lines(self) -> list[Line]:
        """The newest first."""
        return [
            (Bit(time.strftime("%H:%M:%S  ", time.localtime(one.ts)), "muted"), Bit(one.command))
            for one in reversed(self.said)
        ]


def _where(project: Path) -> list[str]:
    """How the command line is told the project, if it would not find it by itself."""
    from ...core.load.discovery import find_project

    try:
        if find_project().path == project:
            return []
    except (ProblemError, OSError):
        pass
    return ["-C", str(project)]
