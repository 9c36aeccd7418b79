"""From the options and the words of a command to an open workbench and its nodes."""

from __future__ import annotations

import os
import sys

from ...core.model import Node
from ...core.problems import ProblemError
from ...core.workbench import Workbench
from .options import Options
from .output import talk


def open_workbench(options: Options, *, to_run: bool = False) -> Workbench:
    """Opens the project that the options name; tells what could not be loaded.

    Raises `NotTrusted` where it is opened to run something and may not.
    """
    bench = Workbench.open(options.path, trust=options.trust, interpreter=options.python)
    if options.since is not None:
        bench.compare_with(options.since)
    if to_run:
        bench.demand_trust()
    if bench.withheld and not options.quiet:
        files = ", ".join(bench.withheld[:5]) + ("…" if len(bench.withheld) > 5 else "")
        talk(f"not trusted, so not loaded: {files}. To let this project's code run: bakehouse trust")
    elif bench.defined.is_empty:
        from ...core.load.discovery import nothing_defined

        talk(str(nothing_defined(bench.project, bench.definitions.files)), options.quiet)
    return bench


def chosen(bench: Workbench, selection: tuple[str, ...]) -> frozenset[Node] | None:
    """The nodes that the words select; None where nothing was said."""
    if not selection:
        return None
    from ...core.selection import join

    return bench.select(join(selection))


def find_node(bench: Workbench, key: str, partition: str | None = None) -> Node:
    """The asset of that name, else the task; or a partition of it. Raises `ProblemError` with the nearest names."""
    if partition is not None:
        from .partitions import partition_node

        return partition_node(bench, find_node(bench, key), partition)
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
