"""The program without a command."""

from __future__ import annotations

from .opening import has_terminal, open_workbench
from .options import Options
from .output import talk


def open_project(options: Options) -> int:
    """The screen; without a terminal the tree as text, and a hint."""
    if has_terminal():
        from ..terminal import run_screen

        return run_screen(options.path, trust=options.trust, interpreter=options.python, since=options.since)
    from .drawing import print_tree

    bench = open_workbench(options)
    print_tree(bench, "asset", None)
    talk(
        "this is no terminal: `bakehouse materialize` runs what is stale, `bakehouse --help` says more",
        options.quiet,
    )
    return 0
