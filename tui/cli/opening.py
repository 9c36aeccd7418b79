"""From the options to an open workbench, and the program without a command."""

from __future__ import annotations

import os
import sys

from ...core.model import Node
from ...core.problems import ProblemError
from ...core.workbench import Workbench
from .output import talk
from .program import Options


def open_workbench(options: Options) -> Workbench:
    """Opens the project that the options name; tells what could not be loaded."""
    bench = Workbench.open(options.path, trust=options.trust, interpreter=options.python)
    if bench.withheld and not options.quiet:
        files = ", ".join(bench.withheld[:5]) + ("…" if len(bench.withheld) > 5 else "")
        talk(f"not trusted, so not loaded: {files}. To let this project's code run: bakehouse trust")
    return bench


def chosen(bench: Workbench, selection: tuple[str, ...]) -> frozenset[Node] | None:
    """The nodes that the words select; None where nothing was said."""
    from ...core.selection import join

    return bench.select(join(selection)) if selection else None


def find_node(bench: Workbench, key: str) -> Node:
    """The asset of that name, else the task. Raises `ProblemError` with the nearest names."""
    if key in bench.definitions.assets:
        return Node("asset", key)
    if key in bench.definitions.tasks:
        return Node("task", key)
    import difflib

    near = difflib.get_close_matches(key, [*bench.definitions.assets, *bench.definitions.tasks], 3)
    raise ProblemError(
        f"there is no asset or task {key!r}", f"did you mean {' or '.join(near)}?" if near else ""
    )


def has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def open_project(options: Options) -> int:
    """The screen; without a terminal the tree as text, and a hint."""
    if has_terminal():
        from ..terminal import run_screen

        return run_screen(options.path, trust=options.trust, interpreter=options.python)
    from .looking import print_tree

    bench = open_workbench(options)
    print_tree(bench, "asset", None)
    talk(
        "this is no terminal: `bakehouse materialize` runs what is stale, `bakehouse --help` says more",
        options.quiet,
    )
    return 0
