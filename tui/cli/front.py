"""The program without a command."""

from __future__ import annotations

from ...core.problems import ProblemError
from .opening import has_terminal, open_workbench
from .options import Options
from .output import talk


def open_project(options: Options) -> int:
    """The screen; without a terminal the tree as text, and a hint."""
    if options.theme is not None:
        _check_theme(options.theme)
    if options.plain:
        from .plainly import plain_loop

        return plain_loop(options)
    if has_terminal():
        from ..terminal import run_screen

        return run_screen(
            options.path,
            trust=options.trust,
            interpreter=options.python,
            since=options.since,
            theme=options.theme,
            ascii_only=options.ascii_only,
            choice=options.choice(),
        )
    from .drawing import print_tree

    bench = open_workbench(options)
    print_tree(bench, "asset", None)
    talk(
        "this is no terminal: `bakehouse materialize` runs what is stale, `bakehouse --help` says more",
        options.quiet,
    )
    return 0


def _check_theme(name: str) -> None:
    from ...core.load.names import did_you_mean, shown
    from ..paint.colours import PALETTES

    if name not in PALETTES:
        hint = did_you_mean(name, PALETTES) or "one of " + ", ".join(PALETTES)
        raise ProblemError(f"there is no theme {shown(name)}", hint)
