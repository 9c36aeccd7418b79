"""The command line: `main` is the program's one way in."""

from .program import main

__all__ = ["main"]
