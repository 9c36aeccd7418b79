"""A project and its surroundings: `demo`, `trust`, `doctor`, `schema`, `completion`."""

from __future__ import annotations

import shlex
import shutil
import sys
from importlib.resources import as_file, files
from pathlib import Path

import click

from ...core.problems import ProblemError
from ..paint.sanitize import clean
from .opening import has_terminal, open_workbench
from .options import Options
from .output import print_columns, print_json, print_line, talk

DEMOS = {
    "cookies": "the cookie lesson: one graph, tasks and assets, and what peanuts change",
    "flights": "a year of flights out of New York: SQL and Python, checks, a report",
    "weather_etl": "page by page from an HTTP API into a DuckDB file",
    "weekly_report": "a report, attached to an e-mail and sent",
}
FIRST = {
    "weather_etl": "it pulls from an HTTP API: start the one that comes with it first (on port 8765), in "
    "another terminal: python3 {}/serve.py",
}
"""What a demo needs before it can run, with its folder to be put in."""
_NOT_COPIED = shutil.ignore_patterns("__pycache__", ".bakehouse", "outbox", "public", "*.duckdb", "*.pyc")


def copy_demo(name: str, target: Path) -> bool:
    """Copies an example pipeline into `target`; False where it is there already, and is left as it is.

    Raises ProblemError where anything else is in the way.
    """
    other = f"nothing was copied; name another folder: bakehouse demo {name} FOLDER"
    if target.exists() and not target.is_dir():
        raise ProblemError(f"{target} is a file", other)
    with as_file(files("bakehouse") / "pipelines" / name) as source:
        if _is_copy(source, target):
            return False
        if target.exists() and any(target.iterdir()):
            what = "another project" if (target / "bakehouse.yaml").exists() else "other files"
            raise ProblemError(f"{target} holds {what}, not the demo {name}", other)
        shutil.copytree(source, target, ignore=_NOT_COPIED, dirs_exist_ok=True)
    return True


def _is_copy(source: Path, target: Path) -> bool:
    """Whether the definitions and the code of the example are in `target`, however they were edited since."""
    own = [path.relative_to(source) for kind in ("*.yaml", "*.py") for path in source.glob(kind)]
    return all((target / path).is_file() for path in own)


@click.command()
@click.argument("name", type=click.Choice(sorted(DEMOS)), default="cookies")
@click.argument("target", type=click.Path(path_type=Path), required=False)
@click.option("--copy-only", is_flag=True, help="Copy it; do not open it.")
@click.pass_obj
def demo(options: Options, name: str, target: Path | None, copy_only: bool) -> int:
    """Copy an example pipeline to a folder of yours (default: ./NAME), trust it and open it."""
    from ...core.trust import trust as trust_project

    target = (target or Path(name)).absolute()
    if copy_demo(name, target):
        trust_project(target)
        talk(f"{name}: {DEMOS[name]}; in {target}", options.quiet)
    else:
        talk(f"{name} is in {target} already: nothing was copied", options.quiet)
    if name in FIRST:
        talk(FIRST[name].format(shlex.quote(str(target))), options.quiet)
    if copy_only:
        return 0
    if has_terminal():
        from ..terminal import run_screen

        return run_screen(target, trust=options.trust, interpreter=options.python)
    from .running import run_plan

    bench = open_workbench(Options(target, options.trust, options.python, options.quiet))
    return run_plan(bench, bench.plan(), quiet=options.quiet)


@click.command()
@click.option("--revoke", is_flag=True, help="Take the trust back.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def trust(options: Options, revoke: bool, as_json: bool) -> None:
    """Trust this project: from now on its code may run when you say so."""
    from ...core.trust import trust as trust_project
    from ...core.trust import untrust
    from ...core.whereabouts import project_at

    root = project_at(options.path).root
    (untrust if revoke else trust_project)(root)
    if as_json:
        print_json({"schema": 1, "root": str(root), "trusted": not revoke})
    else:
        print_line(clean(f"{root} is {'no longer ' if revoke else ''}trusted"))


@click.command()
@click.option("--replay", is_flag=True, help="Fold the whole event log again and compare it with the state.")
@click.option(
    "--adopt", is_flag=True, help="Believe a store that was not made by you, or lost its newest part."
)
@click.option("--set-aside", is_flag=True, help="Move the store out of the way, whole, and begin with none.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def doctor(options: Options, replay: bool, adopt: bool, set_aside: bool, as_json: bool) -> int:
    """Check the project's store and this machine. Without --adopt or --set-aside nothing is changed."""
    from ...core.doctor import examine
    from .upkeep import adopt_store, set_store_aside

    if adopt and set_aside:
        raise click.UsageError("--adopt and --set-aside exclude each other")
    if adopt:
        adopt_store(options)
    if set_aside:
        set_store_aside(options)
    findings = examine(options.path, replay=replay, trust=options.trust, python=options.python)
    if as_json:
        keys = ("name", "ok", "detail", "hint")
        print_json({"schema": 1, "findings": [dict(zip(keys, f, strict=True)) for f in findings]})
    else:
        print_columns(
            [
                (
                    "ok" if f.ok else "!!",
                    f.name,
                    clean(f.detail + (f" ({f.hint})" if f.hint and not f.ok else "")),
                )
                for f in findings
            ]
        )
    return 0 if all(f.ok for f in findings) else 1


@click.command()
def schema() -> None:
    """Print the JSON Schema of the YAML format, for editors."""
    from ...core.load.schema import json_schema

    print_json(json_schema())


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a completion script: put it where your shell reads such scripts."""
    from click.shell_completion import get_completion_class

    from .program import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise ProblemError(f"there is no completion for {shell}")
    sys.stdout.write(kind(cli, {}, "bakehouse", "_BAKEHOUSE_COMPLETE").source() + "\n")
