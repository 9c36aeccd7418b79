"""The command tree. Imports nothing heavy: a command's module is read when it is called."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import itertools
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from .options import Options
from .streams import Unwritten, fill_gaps, flush, let_go, tell

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_COMMANDS = {
    "accept": ("undoing", "Take what was made as up to date, although something changed."),
    "cancel": ("cancelling", "End the run that another process carries out."),
    "completion": ("project", "Print a completion script for bash, zsh or fish."),
    "demo": ("project", "Copy an example pipeline to a folder of yours and open it."),
    "doctor": ("project", "Check the project's store and this machine."),
    "gc": ("upkeep", "Remove stored values and logs that nobody needs."),
    "graph": ("drawing", "Print the graph as text, json, dot, mermaid, SVG or HTML."),
    "init": ("starting", "Write a small project that works into a folder."),
    "logs": ("past", "Print the log of the last attempt at a node."),
    "ls": ("listing", "List nodes with their state."),
    "materialize": ("running", "Run what is stale or missing."),
    "plan": ("planning", "Say what would run, why, and how long it takes."),
    "runs": ("past", "List past runs, or the steps of one."),
    "schedule": ("scheduling", "List what runs by itself, run it, pause it."),
    "schema": ("project", "Print the JSON Schema of the YAML format."),
    "show": ("values", "Preview the value of an asset, or list its past ones."),
    "status": ("listing", "Count nodes by state."),
    "trust": ("project", "Trust this project: let its code run."),
    "undo": ("undoing", "Make the value that a step had before current again."),
    "why": ("listing", "Explain why a node is out of date, to the root cause."),
}


class _ReaderGone(Exception):
    """Nobody reads our output any more. No OSError, because click has an ending of its own for those."""


@contextlib.contextmanager
def _noticing_readers() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise _ReaderGone from error


class _LazyGroup(click.Group):
    """Knows every command's name and short help without importing it."""

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        with _noticing_readers():
            return super().make_context(*given, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with _noticing_readers():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f".{_COMMANDS[cmd_name][0]}", __package__)
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], _COMMANDS, 1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        names = (name for name in self.list_commands(ctx) if name.startswith(incomplete))
        found = [CompletionItem(name, help=_COMMANDS[name][1]) for name in names]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in sorted(_COMMANDS.items())])


def _completed(
    what: str, ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    found = getattr(importlib.import_module(".completing", __package__), what)
    items: list[CompletionItem] = found(ctx, parameter, incomplete)
    return items


def _version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from ... import __version__

    click.echo(f"bakehouse {__version__}")
    ctx.exit()


@click.group(
    cls=_LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "-C", "path", type=click.Path(path_type=Path), help="The project: a folder or one definition file."
)
@click.option("--trust", is_flag=True, help="Let the project's code run, this once.")
@click.option("--python", metavar="EXE", help="The project's Python interpreter.")
@click.option(
    "--profile",
    metavar="NAME",
    envvar="BAKEHOUSE_PROFILE",
    default="",
    shell_complete=lambda *asked: _completed("profiles", *asked),
    help="With the parameters, variables and pools of this profile.",
)
@click.option(
    "-p",
    "--param",
    "params",
    metavar="NAME=VALUE",
    multiple=True,
    shell_complete=lambda *asked: _completed("parameters", *asked),
    help="Set a parameter of the project. May be said several times.",
)
@click.option(
    "--env-file",
    "env_files",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Take environment variables from FILE (NAME=VALUE a line) that are not set. No such file is read unasked.",
)
@click.option("-q", "--quiet", is_flag=True, help="No talk on stderr.")
@click.option(
    "--since",
    metavar="WHAT",
    help="What new and changed are measured against: a commit, or another definitions file.",
)
@click.option(
    "--theme", metavar="NAME", help="The screen's colours, this once: dark, light, ansi and others."
)
@click.option("--ascii/--no-ascii", "ascii_only", default=None, help="The screen in ASCII alone, or not.")
@click.option(
    "--plain",
    is_flag=True,
    help="Words instead of a screen and of signs, for screen readers; without a command, a line to answer.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
@click.pass_context
def cli(
    ctx: click.Context,
    path: Path | None,
    trust: bool,
    python: str | None,
    quiet: bool,
    since: str | None,
    theme: str | None,
    ascii_only: bool | None,
    plain: bool,
    profile: str,
    params: tuple[str, ...],
    env_files: tuple[Path, ...],
) -> None:
    """A keyboard-first terminal workbench for data pipelines.

    Without a command: the screen. SELECTION is written as in `ls --help`.
    """
    if env_files:
        _set_variables(env_files)
    ctx.obj = Options(path, trust, python, quiet, since, theme, ascii_only, plain, profile, params)
    if plain:
        from .output import speak_plainly

        speak_plainly()
    if ctx.invoked_subcommand is None:
        from .front import open_project

        ctx.exit(open_project(ctx.obj))


def _set_variables(files: tuple[Path, ...]) -> None:
    """What is set already stays; of two files the later one counts."""
    from ...core.dotenv import read_variables

    said = {name: value for file in files for name, value in read_variables(file).items()}
    for name, value in said.items():
        os.environ.setdefault(name, value)


def _tell(message: str) -> None:
    from ..paint.sanitize import clean_lines

    tell(clean_lines(message))


def _breaks_off(error: BaseException | None) -> bool:
    """Whether an import found the end of a compiled module too early. (Python moves even such a file into place whose
    writing was cut short, and click takes any EOFError for an end of the user's input.)"""
    if not isinstance(error, EOFError):
        return False
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at is not None and at.tb_frame.f_code.co_filename.startswith("<frozen importlib")


def _mistaken(mistake: click.ClickException) -> int:
    said = io.StringIO()
    mistake.show(said)
    _tell(said.getvalue().rstrip())
    return mistake.exit_code


_ANYWHERE = {
    "--plain": 1,
    "--trust": 1,
    "-q": 1,
    "--quiet": 1,
    "-C": 2,
    "--python": 2,
    "--since": 2,
    "--theme": 2,
    "--profile": 2,
    "-p": 2,
    "--param": 2,
    "--env-file": 2,
}
"""Options of the program itself, and how many words each takes: they may stand behind the command too."""


def _in_order(arguments: list[str]) -> list[str]:
    """The program's own options before the command, whereever they were said; after `--` nothing is one."""
    own: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            return [*own, *rest, word, *words]
        name, joined, _ = word.partition("=") if word.startswith("--") else (word, "", "")
        if joined and _ANYWHERE.get(name) == 2:
            own.append(word)
        elif (count := _ANYWHERE.get(word)) is None:
            rest.append(word)
        else:
            own += [word, *itertools.islice(words, count - 1)]
    return own + rest


_COLLECTIONS = 50_000, 20, 20
"""Graph, ledger and keys are many small objects that live as long as the program: with Python's usual thresholds
the collector takes a quarter of the time of a run that finds 10,000 steps fresh."""


def run(arguments: list[str] | None = None) -> int:
    """Runs the program and returns its exit code. A user's mistake is told in words, never as a traceback."""
    from ...core.problems import ProblemError

    fill_gaps()
    try:
        result = cli.main(
            args=_in_order(sys.argv[1:] if arguments is None else arguments),
            prog_name="bakehouse",
            standalone_mode=False,
        )
        flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as mistake:
        return _mistaken(mistake)
    except (click.Abort, KeyboardInterrupt) as end:
        if not _breaks_off(end.__cause__):
            return 130
        where = Path(__file__).resolve().parents[2]
        _tell(
            "bakehouse: a compiled file of the program breaks off, as of a disk that was full\n"
            f"remove the folders called __pycache__ in {where}, or install Bakehouse again"
        )
        return 1
    except ProblemError as problem:
        _tell(f"bakehouse: {problem}")
        return problem.exit_code
    except (_ReaderGone, BrokenPipeError):
        return 128 + signal.SIGPIPE  # a good filter ends without a word
    except Unwritten as fault:
        _tell(f"bakehouse: {fault}")
        return 1
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "new thread" not in str(error):
            raise
        _tell(
            "bakehouse: there is not enough memory for this\nend other programs, or raise the limit (ulimit -v)"
        )
        return 1
    except OSError as error:
        _tell(f"bakehouse: {f'{error.filename}: ' if error.filename else ''}{error.strerror or error}")
        return 1
    finally:
        let_go(sys.stdout, sys.stderr)


def _leave_no_dump() -> None:
    """The memory of this program and of its steps holds secrets and data: no dump of it is left in a folder."""
    import resource

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def main() -> NoReturn:
    _leave_no_dump()
    gc.set_threshold(*_COLLECTIONS)
    sys.exit(run())
