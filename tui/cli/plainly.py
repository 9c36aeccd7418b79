"""The program without a screen and without signs: a line is asked for, a command answers in lines. For whoever listens
to a screen reader, and for terminals that cannot do more."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from typing import Literal

from ...core.problems import ProblemError
from .options import Options
from .output import print_line, speak_plainly, talk
from .streams import flush

_SHORT = {
    "m": ["materialize"],
    "a": ["materialize"],
    "f": ["materialize", "--force"],
    "p": ["plan"],
    "w": ["why"],
    "log": ["logs"],
    "l": ["logs"],
    "r": ["materialize", "state:failed+"],
    "u": ["undo"],
    "redo": ["undo", "--redo"],
}
_NEEDS_NAME = frozenset({"m", "f", "w", "l", "log", "u", "redo"})
_COMMANDS = (
    *("ls", "plan", "materialize", "why", "logs", "runs", "show", "status", "undo", "cancel"),
    *("trust", "doctor", "gc", "graph"),
)
_HELP = """tree: all assets. tree tasks: all steps. The number before a name is its level; below it, one level
further in, is what it is made of, or what follows from a step.
ls NAME: the state of one or some. status: how many are in which state.
plan NAME: what would run and why. m NAME: materialize it, with what it needs. f NAME: the same by force.
a: materialize everything that is stale. r: try again what failed. Ctrl-C cancels a run.
why NAME: why it is out of date. log NAME: what its last attempt printed. show NAME: its value.
runs: past runs. runs RUN: the steps of one. undo NAME and redo NAME: its value before, and back.
trust: let the project's code run. cancel: end the run of another process.
Every command takes what it takes in a shell, --help too. q: quit."""


def plain_loop(options: Options) -> int:
    """Answers commands until `q` or the end of the input; returns the exit code of the program."""
    speak_plainly()
    _answer(options, ["tree"])
    print_line("help tells the commands, q quits")
    while True:
        try:
            sys.stdout.write("> ")
            flush()
            line = sys.stdin.readline()
            if not line:
                print_line()
                return 0
            words = shlex.split(line)
            if words and words[0] in ("q", "quit", "exit"):
                return 0
            if words:
                _answer(options, words)
        except KeyboardInterrupt:
            print_line()
            print_line("q quits")
        except ValueError as wrong:
            print_line(f"this cannot be read: {str(wrong).lower()}")


def _answer(options: Options, words: list[str]) -> None:
    name, *rest = words
    if name in ("help", "h", "?"):
        print_line(_HELP)
    elif name in ("tree", "t"):
        _told(lambda: _tree(options, rest))
    elif name in _NEEDS_NAME and not rest:
        print_line(f"{name} needs a name: {name} NAME")
    elif name in _SHORT or name in _COMMANDS:
        from .program import run

        run([*_before(options), *_SHORT.get(name, [name]), *rest])
    else:
        from ...core.load.names import did_you_mean, shown

        near = did_you_mean(name, [*_SHORT, *_COMMANDS, "tree", "help", "quit"])
        print_line(f"there is no command {shown(name)}" + (f", {near}" if near else ", help tells them"))


def _before(options: Options) -> list[str]:
    """The program's options as they were given, for each command anew: it sees the files as they are now."""
    said = {"-C": options.path, "--python": options.python, "--since": options.since}
    flags = ["--plain", *(["--trust"] if options.trust else []), *(["--quiet"] if options.quiet else [])]
    return [*flags, *(word for name, value in said.items() if value for word in (name, str(value)))]


def _told(work: Callable[[], None]) -> None:
    try:
        work()
    except ProblemError as problem:
        talk(str(problem))


def _tree(options: Options, words: list[str]) -> None:
    from ..projection.text_tree import spoken_tree
    from .opening import Selected, chosen, open_workbench
    from .surveying import survey_now

    kind: Literal["asset", "task"] = "task" if words[:1] == ["tasks"] else "asset"
    bench = open_workbench(options)
    selection = tuple(words[1:] if words[:1] in (["tasks"], ["assets"]) else words)
    look, holder = survey_now(bench)
    marks = bench.marks()
    states = {
        node: state.value + (", new" if node in marks.new else ", changed" if node in marks.changed else "")
        for node, state in look.states.items()
    }
    for line in spoken_tree(bench.view(kind), states, chosen(bench, Selected(selection))):
        print_line(line)
    if holder is not None:
        talk(f"a run is under way: {holder}")
