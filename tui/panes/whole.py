"""What is told of the project as a whole: what was not loaded of it, and that it defines nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.problems import ProblemError, number_of
from ..paint.ink import Bit, Line
from ..projection.caps import named
from ..projection.session import Session
from .overview import text_lines

_FILES = 50
"""Files that are named one a line; beside other things three, in one line."""


def withheld_line(withheld: Sequence[str], most: int = 3) -> Line:
    """`not loaded, as not trusted (!): a.py, b.py and 3 more`."""
    more = f" and {len(withheld) - most} more" if len(withheld) > most else ""
    files = ", ".join(withheld[:most]) + more
    return (Bit(f"not loaded, as not trusted ({named('trust')}): {files}", "stale"),)


def unloaded_words(session: Session | None) -> Line:
    """What stands in a tree without rows because nothing was loaded; nothing where that is not why."""
    if session is None or not session.bench.withheld or not session.bench.defined.is_empty:
        return ()
    return (Bit("  "), *withheld_line(session.bench.withheld))


def withheld_lines(withheld: Sequence[str]) -> list[Line]:
    """Every file that was not loaded, and how it is."""
    files = number_of(len(withheld), "Python file was", "Python files were")
    lines: list[Line] = [
        (Bit(f"{files} not loaded, as the project is not trusted.", "text bold"),),
        (Bit(f"What they define is not shown. {named('trust')} shows what would run, and asks."),),
        (),
    ]
    lines += [(Bit(f"  {name}", "accent"),) for name in withheld[:_FILES]]
    if len(withheld) > _FILES:
        lines.append((Bit(f"  and {len(withheld) - _FILES:,} more", "muted"),))
    return lines


def nothing_lines(why: ProblemError) -> list[Line]:
    """That nothing is defined, and where to look instead."""
    return [(Bit(why.message, "text bold"),), *text_lines(why.hint)]
