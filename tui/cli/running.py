"""`materialize`: a run without a screen, as plain lines or one JSON event a line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from ...core.events import Event, Kind
from ...core.model import Json, State
from ...core.plan import Plan
from ...core.problems import number_of
from ...core.running import Running
from ...core.workbench import Workbench
from ..paint.sanitize import clean, clean_lines
from .opening import SELECTION_HELP, Selected, open_workbench, planned, selecting
from .options import Options, WholeNumber, partition_option
from .output import mark, print_json, print_line, talk
from .streams import Unwritten, flush

if TYPE_CHECKING:
    from ...core.schedules.due import Occasion
    from .partitions import Backfill

_ERROR_LINES = 10
_WHY_BLOCKED = {"reason": ": ", "hint": "; "}
"""What is told of a step that is blocked by no other step, and what stands before it."""
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _print_json(event: Event) -> None:
    print_json(event.as_json())
    if event.kind not in (Kind.STEP_QUEUED, Kind.METADATA, Kind.STEP_REUSED):
        flush()


def _error(data: Mapping[str, Json]) -> str:
    """The error with its further lines set in, as many as fit."""
    lines = clean_lines(str(data["error"])).rstrip().split("\n")
    more = (
        [f"      … and {number_of(len(lines) - _ERROR_LINES, 'more line')}"]
        if len(lines) > _ERROR_LINES
        else []
    )
    return "\n".join([lines[0], *(f"      {line}" for line in lines[1:_ERROR_LINES]), *more])


def _message(data: Mapping[str, Json]) -> str:
    return clean(str(data.get("message") or "it did not pass"))


def plain_line(event: Event) -> str | None:
    """What a reader of plain lines is told of an event; None for what is only for machines."""
    task = clean(event.task or "")
    data = event.data
    match event.kind:
        case Kind.RUN_STARTED:
            counts = data["plan"]
            note = f"\n{clean(data['note'])}" if data.get("note") else ""
            skip = f", {counts['skip']} cannot run" if counts.get("skip") else ""
            by = _begun_by(str(data["schedule"])) if data.get("schedule") else ""
            profile = f" ({clean(data['profile'])})" if data.get("profile") else ""
            to_do = f"{counts.get('run', 0)} to run, {counts.get('reuse', 0)} to reuse"
            return f"run {event.run}{profile}{by}: {to_do}{skip}{note}"
        case Kind.STEP_STARTED:
            return f"{mark(State.RUNNING)} {task} started"
        case Kind.LOG:
            return f"    {task} | {clean(data['line'])}"
        case Kind.STEP_SUCCEEDED if data.get("checked_only"):
            return f"{mark(State.FRESH)} {task} checked: its value stays as it was"
        case Kind.STEP_SUCCEEDED:
            return f"{mark(State.FRESH)} {task} made in {data['seconds']:.2f} s"
        case Kind.STEP_FAILED if "retry_in" in data:
            return f"{mark(State.FAILED)} {task} failed: {_error(data)}; again in {data['retry_in']:g} s"
        case Kind.STEP_FAILED:
            return f"{mark(State.FAILED)} {task} failed: {_error(data)}"
        case Kind.STEP_SPARED:
            return f"{mark(State.SPARED)} {task} spared: its inputs came out the same"
        case Kind.STEP_BLOCKED:
            told = "".join(f"{before}{data[name]}" for name, before in _WHY_BLOCKED.items() if data.get(name))
            return f"{mark(State.BLOCKED)} {task} blocked by {clean(str(data['by']))}{clean(told)}"
        case Kind.STEP_CANCELLED:
            return f"{mark(State.CANCELLED)} {task} {clean(str(data.get('error') or 'cancelled'))}"
        case Kind.CHECK_FAILED:
            glyph = mark(State.FAILED if data["severity"] == "error" else State.STALE)
            word = "failed" if data["severity"] == "error" else "warned"
            return f"{glyph} check {clean(data['check'])} of {clean(event.asset or task)} {word}: {_message(data)}"
        case Kind.SCHEMA_CHANGED:
            from ...core.columns import drift_words

            return f"{mark(State.STALE)} columns of {clean(event.asset or task)} changed: {clean(drift_words(data))}"
        case Kind.RUN_FINISHED:
            told = ", ".join(f"{count} {phase}" for phase, count in data["counts"].items() if count)
            error = f"\n{_error(data)}" if data.get("error") else ""
            return f"{mark(State.FRESH if data['ok'] else State.FAILED)} {told or 'nothing to do'}{error}"
    return None


def _begun_by(name: str) -> str:
    from ...core.schedules.schedule import by_words

    return f", {clean(by_words(name))}"


def _print_plain(event: Event) -> None:
    line = plain_line(event)
    if line is not None:
        print_line(line)
        flush()


class Voice:
    """Tells until nobody listens any more: then the run is cancelled."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self.backfill: Backfill | None = None
        self.running: Running | None = None
        self.broken: Exception | None = None

    def __call__(self, event: Event) -> None:
        if self.broken is not None:
            return
        try:
            if self.backfill is not None:
                self.backfill.hear(event)
            self._tell(event)
        except (BrokenPipeError, Unwritten) as error:
            self.broken = error
            if event.kind is Kind.RUN_FINISHED:
                return
            asyncio.get_running_loop().call_soon(self._stop)

    def _stop(self) -> None:
        if self.running is None:
            return
        if isinstance(self.broken, BrokenPipeError):
            talk("nobody reads the output any more: the run is cancelled (`> FILE` lets it go on to its end)")
        self.running.cancel()


class _Interrupts:
    """The first signal cancels the run and waits for its end; the second does not wait, and tells the exit code."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self.received = 0

    def __call__(self, number: int) -> None:
        if self.received:
            self._running.abandon()
            os._exit(128 + number)
        self.received = number
        talk("ending the run; once more ends it at once")
        self._running.cancel()


async def _carry_out(
    bench: Workbench, plan: Plan, manner: Manner, tell: Callable[[Event], None], *, summed: bool = False
) -> int:
    loop = asyncio.get_running_loop()
    voice = Voice(tell)
    if summed and bench.defined.is_divided:
        from .partitions import Backfill

        voice.backfill = Backfill()
    running = voice.running = bench.start(
        plan,
        jobs=manner.jobs,
        listeners=[*manner.listeners, voice],
        fail_fast=manner.fail_fast,
        occasion=manner.occasion,
    )
    interrupts = _Interrupts(running)
    for number in INTERRUPTS:
        loop.add_signal_handler(number, interrupts, number)
    try:
        result = await running.wait()
    finally:
        for warning in running.warnings:
            talk(f"hook {warning}")
        if not running.active:
            for listener in manner.listeners:
                await asyncio.to_thread(listener.close)
        await bench.aclose()
    if voice.broken is not None:
        raise voice.broken
    for line in voice.backfill.lines() if voice.backfill is not None else ():
        print_line(line)
    if interrupts.received:
        return 128 + interrupts.received
    return 0 if result.ok else 1


class Listener(Protocol):
    """Hears a run. `close` may be called more than once; it returns what went wrong, and `counts` is whether the run is
    not well then."""

    counts: bool

    def __call__(self, event: Event) -> None: ...
    def close(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run is carried out; `listeners` hear what is told, whether or not anybody reads our output."""

    jobs: int | None = None
    fail_fast: bool = False
    listeners: Sequence[Listener] = ()
    occasion: Occasion | None = None


def teller(as_json: bool, quiet: bool) -> Callable[[Event], None]:
    """What tells the events of a run to whoever reads the output."""
    tell: Callable[[Event], None] = _print_json if as_json else _print_plain
    if quiet and not as_json:

        def tell(event: Event) -> None:
            is_root = event.kind is Kind.STEP_BLOCKED and "reason" in event.data
            if is_root or event.kind in (Kind.STEP_FAILED, Kind.RUN_FINISHED):
                _print_plain(event)

    return tell


def run_plan(
    bench: Workbench,
    plan: Plan,
    manner: Manner = Manner(),
    *,
    as_json: bool = False,
    quiet: bool = False,
) -> int:
    """Runs `plan` to its end, telling as it goes; returns the exit code."""
    tell = teller(as_json, quiet)
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(_carry_out(bench, plan, manner, tell, summed=not as_json))
    return 130


@click.command(epilog=SELECTION_HELP)
@selecting(to_run=True)
@click.option("--force", is_flag=True, help="Run what is selected even where it is fresh.")
@partition_option
@click.option("--jobs", "-j", type=WholeNumber(1, 256), envvar="BAKEHOUSE_JOBS", help="Steps at once.")
@click.option("--plan-only", "--dry-run", "plan_only", is_flag=True, help="Say what would run; run nothing.")
@click.option(
    "--fail-fast/--keep-going",
    help="After a failure begin nothing more and let what runs end, or go on with all that does not need it "
    "(which is what happens if neither is said).",
)
@click.option(
    "--report",
    "reports",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Write how it went to FILE: JUnit XML (.xml) or Markdown (.md). May be said several times.",
)
@click.option(
    "--openlineage",
    metavar="TARGET",
    envvar="BAKEHOUSE_OPENLINEAGE",
    help="Tell what reads and makes what as OpenLineage events: to a file (a line for each), an http address, or "
    "`env`, the one in OPENLINEAGE_URL.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON event a line.")
@click.pass_obj
def materialize(
    options: Options,
    selection: Selected,
    force: bool,
    partitions: tuple[str, ...],
    jobs: int | None,
    plan_only: bool,
    fail_fast: bool,
    reports: tuple[Path, ...],
    openlineage: str | None,
    as_json: bool,
) -> int:
    """Run what is stale or missing: all of it, or what is selected with what that needs."""
    if reports:
        from .report import check_paths

        check_paths(reports)
    bench = open_workbench(options, to_run=not plan_only)
    plan = planned(bench, selection, force=force, quiet=options.quiet, partitions=partitions)
    if plan_only:
        from .planning import print_plan

        print_plan(bench, plan, jobs, as_json, options.quiet)
        return 0
    listeners: list[Listener] = []
    if reports:
        from .report import Reports

        listeners.append(Reports(bench.project.name, reports))
    if openlineage:
        from .lineage import Lineage

        listeners.append(Lineage(bench, plan, openlineage))
    code, is_whole = 0, True
    try:
        manner = Manner(jobs, fail_fast, listeners)
        code = run_plan(bench, plan, manner, as_json=as_json, quiet=options.quiet)
    finally:
        for one in listeners:
            if told := one.close():
                talk(told)
                is_whole = is_whole and not one.counts
    return code or int(not is_whole)
