"""The selection language: which assets a command, a filter or a schedule means."""

from .completion import complete
from .problem import SelectionError, quoted
from .selection import Selection, join, parse, select

__all__ = ["Selection", "SelectionError", "complete", "join", "parse", "quoted", "select"]
