"""`schedule`: what runs by itself, and the program that lets it, without a screen."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...core.agenda import Item, agenda, find_schedule, pause
from ...core.model import Json
from ...core.problems import ProblemError
from ..paint.sanitize import clean
from ..projection.agenda import last_words, missed_words, next_words, what_words, when_words
from .opening import open_workbench
from .options import Options, WholeNumber
from .output import print_json, print_line, talk

if TYPE_CHECKING:
    from ...core.workbench import Workbench


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def schedule(ctx: click.Context, as_json: bool) -> None:
    """List the schedules of the project, run them, pause them.

    They run by themselves while a screen of the project or `bakehouse schedule run` is open.
    """
    if ctx.invoked_subcommand is None:
        _list(ctx.obj, as_json)


@schedule.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def ls(options: Options, as_json: bool) -> None:
    """List the schedules: when each comes next, what it did last, what it missed."""
    _list(options, as_json)


def _list(options: Options, as_json: bool) -> None:
    bench, now = open_workbench(options), time.time()
    items = agenda(bench, now)
    if as_json:
        print_json({"schema": 1, "schedules": [_as_json(item) for item in items]})
        return
    for item in items:
        _print_item(item, now)
    if not items:
        talk("no schedules are defined (schedules: in a definition file, or @schedule)", options.quiet)


def _print_item(item: Item, now: float) -> None:
    said = item.schedule
    print_line(clean(said.name) + ("  (paused)" if item.paused else ""))
    lines = [("when", when_words(item)), ("what", what_words(item))]
    lines += [("next", next_words(item, now)), ("last", last_words(item, now))]
    if item.missed is not None:
        lines.append(("missed", missed_words(item.missed, said.timezone)))
    for word, told in lines:
        print_line(f"  {word:<8}{clean(told)}")


def _as_json(item: Item) -> dict[str, Json]:
    said, last = item.schedule, item.last
    told: dict[str, Json] = {
        name: getattr(said, name)
        for name in ("name", "cron", "timezone", "select", "catch_up", "jitter", "force", "description")
    }
    run = None if last is None else {
        "run": last.run, "slot": last.slot, "started": last.started, "finished": last.finished, "status": last.status,
    }  # fmt: skip
    told |= {
        "on_change": list(said.on_change),
        "next": item.coming,
        "last": run,
        "missed": item.missed and asdict(item.missed),
    }
    return told | {"paused": item.paused, "trouble": item.trouble or None}


def _to_pause(word: str, paused: bool) -> Callable[..., None]:
    def done(options: Options, name: str) -> None:
        told = word if pause(open_workbench(options), name, paused) else f"{word} already"
        talk(f"{name}: {told}", options.quiet)

    return done


@schedule.command(name="pause")
@click.argument("name")
@click.pass_obj
def pause_command(options: Options, name: str) -> None:
    """Let a schedule rest on this project until it is resumed: its slots are neither run nor missed."""
    _to_pause("paused", True)(options, name)


@schedule.command()
@click.argument("name")
@click.pass_obj
def resume(options: Options, name: str) -> None:
    """Let a paused schedule go on, with its next slot."""
    _to_pause("resumed", False)(options, name)


@schedule.command()
@click.argument("name")
@click.option("--jobs", "-j", type=WholeNumber(1, 256), envvar="BAKEHOUSE_JOBS", help="Steps at once.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event a line.")
@click.pass_obj
def fire(options: Options, name: str, jobs: int | None, as_json: bool) -> int:
    """Run what a schedule runs, now; its slots stay as they are."""
    from ...core.clockwork import planned
    from ...core.schedules.due import Occasion
    from .running import Manner, run_plan

    bench = open_workbench(options, to_run=True)
    said = find_schedule(bench, name)
    plan, occasion = planned(bench, said), Occasion(said.name)
    return run_plan(bench, plan, Manner(jobs, occasion=occasion), as_json=as_json, quiet=options.quiet)


@schedule.command()
@click.option("--once", is_flag=True, help="Do what is due now, and end.")
@click.option("--jobs", "-j", type=WholeNumber(1, 256), envvar="BAKEHOUSE_JOBS", help="Steps at once.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event a line.")
@click.pass_obj
def run(options: Options, once: bool, jobs: int | None, as_json: bool) -> int:
    """Stay open and run every slot when it comes, without a screen: for systemd, containers, tmux.

    Definitions that change are read again. Ends on SIGTERM and SIGINT, a run under way first.
    """
    from .ticking import keep_time

    bench = open_workbench(options, to_run=True)
    return keep_time(bench, once=once, jobs=jobs, as_json=as_json, quiet=options.quiet)


@schedule.command()
@click.option("--print", "only_print", is_flag=True, help="Print the unit; install nothing.")
@click.pass_obj
def install(options: Options, only_print: bool) -> None:
    """Write a systemd unit of yours that keeps `bakehouse schedule run` open for this project.

    It is not enabled by this; the command that does is told.
    """
    bench = open_workbench(options)
    unit = systemd_unit(bench)
    if only_print:
        print_line(unit.rstrip("\n"))
        return
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    path = home / "systemd" / "user" / f"{_unit_name(bench)}.service"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(unit, encoding="utf-8")
    talk(f"written: {path}", options.quiet)
    talk(f"to begin with it: systemctl --user enable --now {path.name}", options.quiet)
    if not bench.trusted:
        talk("the project is not trusted yet, so nothing would run: bakehouse trust", options.quiet)


def _unit_name(bench: Workbench) -> str:
    from hashlib import sha256

    plain = (
        "".join(c if c.isascii() and c.isalnum() else "-" for c in bench.root.name).strip("-") or "project"
    )
    return f"bakehouse-{plain[:40]}-{sha256(os.fsencode(bench.root)).hexdigest()[:8]}"


def systemd_unit(bench: Workbench) -> str:
    """The text of the unit. Raises ProblemError for a path that no unit can hold."""
    command = [
        sys.executable,
        "-m",
        "bakehouse",
        "-C",
        str(Path(bench.project.path).absolute()),
        "schedule",
        "run",
    ]
    environment = [
        f"{name}={os.environ[name]}" for name in ("PATH", "BAKEHOUSE_HOME") if os.environ.get(name)
    ]
    return f"""\
[Unit]
Description=Schedules of {_unit_name(bench)} (Bakehouse)

[Service]
ExecStart={" ".join(map(_quoted, command))}
{"".join(f"Environment={_quoted(each)}" + chr(10) for each in environment)}Restart=on-failure
RestartSec=30
SuccessExitStatus=143
TimeoutStopSec=60

[Install]
WantedBy=default.target
"""


def _quoted(word: str) -> str:
    """As systemd reads it back: no specifiers, no variables, no end of a line."""
    if not word.isprintable():
        raise ProblemError(
            f"{word!r} cannot stand in a unit of systemd", "move the project to a plainer path"
        )
    told = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{told}"'
