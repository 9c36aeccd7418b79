"""`undo`: the value that a step had before becomes current again."""

from __future__ import annotations

import click

from ...core.problems import ProblemError
from ..paint.sanitize import clean
from .opening import find_node, open_workbench
from .options import Options
from .output import print_json, print_line


@click.command()
@click.argument("key")
@click.option("--redo", is_flag=True, help="Take back the last undo of it instead.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def undo(options: Options, key: str, redo: bool, as_json: bool) -> int:
    """Make the value that KEY had before current again; what is made of it is stale then.

    Nothing runs. A step that makes several assets is undone whole. Again: one further back; --redo goes forward,
    until it is materialized anew. Exit code: 1 there is no such value, or it was collected; 4 a run holds the
    project.
    """
    from ...core.undoing import undo as undo_step

    bench = open_workbench(options)
    node = find_node(bench, key)
    task = node.name if node.kind == "task" else bench.graph.producer(node.name)
    if task is None:
        raise ProblemError(f"{key} is a source: nothing here made it, so nothing can be undone")
    done = undo_step(bench.store, task, redo=redo)
    if as_json:
        assets = [{"asset": name, "was": was, "version": now} for name, (was, now) in done.versions.items()]
        print_json({"schema": 1, "task": task, "run": done.run, "redo": redo, "assets": assets})
    else:
        print_line(clean(done.told))
    return 0
