"""What would run, why, and how long it takes: `plan`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ...core.model import Json, State
from ...core.plan import Plan
from ...core.workbench import Workbench
from ..paint.sanitize import clean
from .opening import SELECTION_HELP, Selected, open_workbench, planned, selecting
from .options import Options, WholeNumber, partition_option
from .output import mark, print_columns, print_json, reasons_as_json, reasons_in_words, talk

if TYPE_CHECKING:
    from ...core.plan.timing import Forecast


def plan_as_json(plan: Plan, found: Forecast, jobs: int, withheld: Sequence[str]) -> Json:
    """The document of `plan --json`."""
    critical = frozenset(found.critical)
    kept_up = plan.definitions.auto if plan.definitions is not None else {}
    return {
        "schema": 1,
        "steps": [
            _apart(
                {
                    "task": step.task,
                    "assets": list(step.assets),
                    "action": step.action,
                    "reasons": reasons_as_json(step.reasons),
                    "estimate_s": step.estimate,
                    "critical": step.task in critical,
                    "auto": step.task in kept_up,
                }
            )
            for step in plan.steps
        ],
        "counts": plan.counts,
        "estimate": {
            "wall_s": found.seconds,
            "work_s": found.work if found.seconds is not None else None,
            "unknown": found.unknown,
            "jobs": jobs,
        },
        "withheld": list(withheld),
    }


def _apart(said: dict[str, Json]) -> dict[str, Json]:
    if "\x1f" not in said["task"]:
        return said
    from .partitions import named_apart

    assets = [name.partition("\x1f")[0] for name in said["assets"]]
    return named_apart({**said, "assets": assets})


_ACTION_STATES = {"run": State.RUNNING, "reuse": State.REUSED, "skip": State.BLOCKED}


def print_plan(bench: Workbench, plan: Plan, jobs: int | None, as_json: bool, quiet: bool) -> None:
    """The plan as a document, or a line for each step that would run and a line of counts and the time they take."""
    jobs = jobs or os.cpu_count() or 2
    found = bench.forecast(plan, jobs)
    if as_json:
        print_json(plan_as_json(plan, found, jobs, bench.withheld))
        return
    from ..projection.estimate import about, forecast_words

    rows = []
    for step in plan.steps:
        if step.action == "reuse":
            continue
        seconds = "" if step.estimate is None else about(step.estimate)
        reasons = reasons_in_words(step.reasons)
        if step.task in bench.definitions.auto and step.action == "run":
            reasons += " (runs by itself)"
        rows.append(
            (
                mark(_ACTION_STATES[step.action]),
                step.action,
                clean(step.task),
                seconds,
                reasons,
            )
        )
    print_columns(rows)
    counts = ", ".join(
        f"{count} {'cannot run' if action == 'skip' else f'to {action}'}"
        for action, count in plan.counts.items()
    )
    talk(": ".join(filter(None, (counts, forecast_words(found)))), quiet)


@click.command(epilog=SELECTION_HELP)
@selecting(to_run=True)
@click.option("--force", is_flag=True, help="As if everything selected were stale.")
@partition_option
@click.option("--jobs", "-j", type=WholeNumber(1, 256), envvar="BAKEHOUSE_JOBS", help="Steps at once.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def plan(
    options: Options,
    selection: Selected,
    force: bool,
    partitions: tuple[str, ...],
    jobs: int | None,
    as_json: bool,
) -> None:
    """Say what would run, why, and how long it takes. Runs nothing."""
    bench = open_workbench(options)
    made = planned(bench, selection, force=force, quiet=options.quiet, partitions=partitions)
    print_plan(bench, made, jobs, as_json, options.quiet)
