"""What was: `runs` and `logs`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from ...core.history import Idle, PastStep, asked, entries, find_run, past_steps
from ...core.model import Json
from ...core.problems import ProblemError
from ...core.schedules.schedule import by_words
from ...core.store.store import RunSummary
from ...core.workbench import Workbench
from ..paint.sanitize import clean, last_state, one_line
from ..projection.states import state_after
from .opening import complete_keys, find_node, open_past
from .options import Options, WholeNumber, one_partition
from .output import mark, moment, print_columns, print_json, print_text, talk

_BLOCK = 1 << 18
_ASKED = 60
"""Characters of what was asked of a run, in a list of runs."""


@click.command()
@click.argument("run", required=False)
@click.option(
    "--limit", "-n", type=WholeNumber(1, 10_000), default=20, show_default=True, help="Runs at most."
)
@click.option("--all", "all_", is_flag=True, help="Each run on a line, those with nothing to do too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with each run.")
@click.pass_obj
def runs(options: Options, run: str | None, limit: int, all_: bool, as_json: bool) -> None:
    """List past runs, the newest first; or the steps of one.

    RUN is the name of a run, or the beginning of it (or of what stands behind its time) that no other has.
    """
    bench = open_past(options)
    if run is not None:
        _print_run(bench, run, as_json, options.quiet)
        return
    if as_json:
        print_json({"schema": 1, "runs": [_run_as_json(bench, one) for one in bench.history(limit)]})
        return
    past = bench.history(limit) if all_ else entries(bench.store, limit)
    print_columns([_idle_row(one) if isinstance(one, Idle) else _run_row(one) for one in past])
    if not past:
        talk("nothing was run yet", options.quiet)


def _run_as_json(bench: Workbench, run: RunSummary) -> dict[str, Json]:
    fields = ("run", "started", "finished", "status", "counts", "selection", "jobs", "schedule", "slot")
    said = next(iter(bench.store.events(run.run, limit=1)), None)
    data = {} if said is None else said.data
    settings = {"profile": data.get("profile"), "params": data.get("params") or {}}
    return {**{name: getattr(run, name) for name in fields}, **settings}


def _run_row(run: RunSummary) -> tuple[str, ...]:
    took = "" if run.finished is None else f"{run.finished - run.started:.1f} s"
    if took and run.status == "interrupted":
        took = f"at least {took}"
    counts = ", ".join(f"{count} {phase}" for phase, count in (run.counts or {}).items() if count)
    by = "" if run.schedule is None else clean(by_words(run.schedule))
    chosen: str = one_line(asked(run))
    chosen = chosen if len(chosen) <= _ASKED else f"{chosen[: _ASKED - 1]}…"
    return (
        clean(run.run),
        moment(run.started),
        run.status,
        took,
        ", ".join(filter(None, (counts, chosen, by))),
    )


def _idle_row(idle: Idle) -> tuple[str, ...]:
    last = moment(idle.runs[0].started)
    return (
        "",
        last,
        "",
        "",
        f"{len(idle.runs):,} runs with nothing to do, since {moment(idle.runs[-1].started)}",
    )


def _print_run(bench: Workbench, name: str, as_json: bool, quiet: bool) -> None:
    run = find_run(bench.store, name)
    steps = past_steps(bench.store, run)
    if as_json:
        print_json(
            {"schema": 1, **_run_as_json(bench, run), "steps": [_step_as_json(step) for step in steps]}
        )
        return
    print_columns([_run_row(run)])
    told = [step for step in steps if step.outcome != "reused"]
    print_columns([_step_row(step) for step in told])
    if any(step.logs for step in told):
        talk("what a step printed: bakehouse logs KEY --run RUN", quiet)


def _step_as_json(step: PastStep) -> dict[str, Json]:
    said: dict[str, Json] = {
        "task": step.task,
        "outcome": step.outcome,
        "attempts": step.attempts,
        "started": step.started,
        "seconds": step.seconds,
        "error": step.error,
        "by": step.by,
        "reasons": list(step.reasons),
        "assets": step.assets,
        "logs": [str(path) for path in step.logs],
    }
    return _apart(said)


def _apart(said: dict[str, Json]) -> dict[str, Json]:
    """With the task as it was written, and its partition beside it."""
    if "\x1f" not in said["task"]:
        return said
    from .partitions import named_apart

    lines = {"lines": said["lines"]} if "lines" in said else {}
    if "assets" in said:
        said = {**said, "assets": [name.partition("\x1f")[0] for name in said["assets"]]}
    return named_apart(said) | lines


def _step_row(step: PastStep) -> tuple[str, ...]:
    took = "" if step.seconds is None else f"{step.seconds:.2f} s"
    words = ": ".join(part for part in (f"by {step.by}" if step.by else "", step.error) if part)
    if not words and step.reasons:
        words = f"because {'; '.join(map(_because, step.reasons))}"
    again = f"{step.attempts} attempts" if step.attempts > 1 else ""
    return mark(state_after(step.outcome)), clean(step.task), step.outcome, took, again, one_line(words)


def _because(reason: Json) -> str:
    told = str(reason.get("detail", ""))
    return f"it failed last time: {told}" if reason.get("kind") == "failed_last_time" else told


@click.command()
@click.argument("key", shell_complete=complete_keys)
@click.option("--run", metavar="RUN", help="Of that run, by its name or the beginning of it.")
@one_partition
@click.option("--raw", is_flag=True, help="The very bytes, unsanitised.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def logs(
    options: Options, key: str, run: str | None, partition: str | None, raw: bool, as_json: bool
) -> None:
    """Print the log of the last attempt at a node; of what is divided, of the partition that was tried last."""
    bench = open_past(options)
    task = _task_of(bench, key, partition)
    file, about = _last_attempt(bench, task) if run is None else _attempt_in(bench, task, run)
    if raw:
        _print_raw(file)
        return
    if as_json:
        lines = [clean(last_state(line)) for line in _lines(file)]
        print_json(_apart({"schema": 1, "key": key, "task": task, "lines": lines, **about}))
        return
    for block in _blocks(file):
        print_text(block)
    if file is None or not about or about["state"] != "succeeded":
        talk(_ending(task, file, about), options.quiet)


def _task_of(bench: Workbench, key: str, partition: str | None) -> str:
    node = find_node(bench, key, partition)
    graph = bench.defined.as_it_runs(time.time()).graph if partition is not None else bench.graph
    task = node.name if node.kind == "task" else graph.producer(node.name)
    if task is None:
        raise ProblemError(f"{key} is a source: nothing here makes it, so it has no log")
    return bench.survey().tried_last(task)


def _ending(task: str, file: Path | None, about: dict[str, Json]) -> str:
    """How the attempt ended; its error only where the log does not end with it."""
    if not about:
        return f"{task} was never run"
    if not about["attempt"]:
        return f"{task} was {about['error'] or about['state']}, in run {about['run']}"
    told = f"{about['state']}: attempt {about['attempt']} in run {about['run']}"
    if about["collected"]:
        told = f"what {task} wrote was collected since (bakehouse gc keeps the logs of the last runs); {told}"
    elif file is None:
        told = f"{task} wrote nothing; {told}"
    error = str(about["error"])
    known = " ".join(error.split())[:100]
    return told if not error or (file is not None and known in _end_of(file)) else f"{told}: {error}"


def _end_of(file: Path) -> str:
    with file.open("rb") as log:
        log.seek(max(0, log.seek(0, 2) - _BLOCK))
        return " ".join(log.read().decode("utf-8", "replace").split())


def _last_attempt(bench: Workbench, task: str) -> tuple[Path | None, dict[str, Json]]:
    attempt = bench.attempt(task)
    if attempt is None:
        return bench.log_file(task), {}
    file = bench.log_file(task)
    about: dict[str, Json] = {"run": attempt.run, "attempt": attempt.number, "state": attempt.state}
    return file, about | {"error": attempt.error, "collected": attempt.log is not None and file is None}


def _attempt_in(bench: Workbench, task: str, name: str) -> tuple[Path | None, dict[str, Json]]:
    run = find_run(bench.store, name)
    step = next((one for one in past_steps(bench.store, run) if one.task == task), None)
    if step is None or not (step.attempts or step.outcome == "cancelled"):
        raise ProblemError(f"{task} was not run by {run.run}", f"bakehouse runs {run.run} says what was")
    about: dict[str, Json] = {"run": run.run, "attempt": step.attempts, "state": step.outcome}
    file = step.logs[-1] if step.logs else None
    return file, about | {"error": step.error, "collected": file is None and step.collected}


def _print_raw(file: Path | None) -> None:
    if file is not None:
        with file.open("rb") as log:
            while chunk := log.read(_BLOCK):
                sys.stdout.buffer.write(chunk)


def _blocks(file: Path | None) -> Iterator[str]:
    """The text of a log, many whole lines at once."""
    if file is None:
        return
    rest = b""
    with file.open("rb") as log:
        while chunk := log.read(_BLOCK):
            whole, end, rest = (rest + chunk).rpartition(b"\n")
            if end:
                yield (whole + end).decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace") + "\n"


def _lines(file: Path | None) -> Iterator[str]:
    for block in _blocks(file):
        yield from block.removesuffix("\n").split("\n")
