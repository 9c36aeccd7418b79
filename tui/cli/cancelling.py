"""`cancel`: ends a run that another process carries out."""

from __future__ import annotations

from pathlib import Path

import click

from .options import Options
from .output import print_json, talk


@click.command()
@click.argument("tasks", nargs=-1, metavar="[TASK]...")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def cancel(options: Options, tasks: tuple[str, ...], as_json: bool) -> int:
    """End the run that another process carries out on this project, or only the steps named.

    What is done stays done. Answers within 5 seconds, also where that process is dead or stopped. Exit code:
    0 nothing of it goes on any more; 1 nothing is running, or it has not ended yet, or does not answer.
    """
    from ...core.cancelling import cancel_elsewhere
    from ...core.places import store_folder
    from ...core.store.store import Store
    from ...core.whereabouts import project_at

    root = Path(project_at(options.path).root)
    with Store.open(store_folder(root), create=False) as store:
        answer = cancel_elsewhere(store, tasks)
    if as_json:
        document = {"schema": 1, "outcome": answer.fate.value, "run": answer.run or None}
        print_json({**document, "tasks": list(answer.tasks), "ok": answer.ok, "told": answer.told})
    else:
        talk(answer.told, options.quiet and answer.ok)
    return 0 if answer.ok else 1
