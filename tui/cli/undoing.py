"""What counts as current, without a run: `undo` and `accept`."""

from __future__ import annotations

import click

from ...core.problems import ProblemError
from ..paint.sanitize import clean, one_line
from .opening import Selected, chosen, complete_keys, find_node, open_workbench
from .options import Options, one_partition
from .output import print_json, print_line, reasons_as_json


@click.command()
@click.argument("key", shell_complete=complete_keys)
@one_partition
@click.option("--redo", is_flag=True, help="Take back the last undo of it instead.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def undo(options: Options, key: str, partition: str | None, redo: bool, as_json: bool) -> int:
    """Make the value that KEY had before current again; what is made of it is stale then.

    Nothing runs. A step that makes several assets is undone whole. Again: one further back; --redo goes forward,
    until it is materialized anew. Exit code: 1 there is no such value, or it was collected; 4 a run holds the
    project.
    """
    from ...core.undoing import undo as undo_step

    bench = open_workbench(options)
    task = next(iter(bench.tasks_of([find_node(bench, key)])), None)
    if task is None:
        raise ProblemError(f"{key} is a source: nothing here made it, so nothing can be undone")
    if partition is not None:
        task = find_node(bench, task, partition).name
    elif bench.graph.tasks[task].partitions:
        raise ProblemError(f"{key} is divided into partitions", "say which: --partition KEY")
    done = undo_step(bench.store, task, redo=redo)
    if as_json:
        assets = [
            {"asset": clean(name), "was": was, "version": now} for name, (was, now) in done.versions.items()
        ]
        print_json({"schema": 1, "task": clean(task), "run": done.run, "redo": redo, "assets": assets})
    else:
        print_line(clean(done.told))
    return 0


@click.command()
@click.argument("selection", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def accept(options: Options, selection: tuple[str, ...], as_json: bool) -> int:
    """Take what SELECTION made last as up to date, although its code, its settings or its inputs changed.

    Nothing runs: it is for a change that you know to make no difference. History tells it. Accepted is all that is
    selected, or nothing. Exit code: 1 something in it was never made, failed or is damaged, or is stale only because
    of what it is made of; 4 a run holds the project.
    """
    from ...core.accepting import accept_as_is

    bench = open_workbench(options)
    tasks = bench.survey().partitions_of(bench.tasks_of(chosen(bench, Selected(selection)) or ()))
    done = accept_as_is(bench.store, lambda: bench.survey().whole, tasks, named=" ".join(selection))
    if as_json:
        told = [
            {"task": clean(task), "reasons": reasons_as_json(reasons)}
            for task, reasons in done.reasons.items()
        ]
        print_json({"schema": 1, "run": done.run or None, "accepted": told})
        return 0
    for task, reasons in done.reasons.items():
        print_line(f"{clean(task)}  accepted as it is: {one_line(reasons[0].detail)}")
    if not done.reasons:
        print_line("nothing to accept: what was selected is up to date")
    return 0
