"""From the options and the words of a command to an open workbench and its nodes."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from ...core.model import Node
from ...core.plan import Plan
from ...core.problems import DefinitionError, NothingDefined, ProblemError, first_of
from ...core.workbench import Workbench
from .options import Options
from .output import talk

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

SELECTION_HELP = """
SELECTION, as in Dagster: key  +key (with upstream)  key+ (with downstream)  2+key+1  group:x  tag:x
kind:sql  state:stale  key:"raw_*"  sources()  sinks()  a and not (b or c). A task's name selects what
it makes.
"""


def open_workbench(options: Options, *, to_run: bool = False) -> Workbench:
    """Opens the project that the options name; tells what could not be loaded.

    Raises `NotTrusted` where it is opened to run something and may not.
    """
    bench = Workbench.open(
        options.path, trust=options.trust, interpreter=options.python, choice=options.choice()
    )
    if options.since is not None:
        bench.compare_with(options.since)
    if to_run:
        bench.demand_trust()
    if bench.withheld and not options.quiet:
        talk(f"not trusted, so not loaded: {_named(bench)}. To let this project's code run: bakehouse trust")
    elif bench.defined.is_empty:
        from ...core.load.discovery import nothing_defined

        talk(str(nothing_defined(bench.project, bench.definitions.files)), options.quiet)
    return bench


def open_past(options: Options) -> Workbench:
    """As `open_workbench`, for what the ledger alone can answer: where the definitions cannot be read, they are as they
    were last, which is told. Raises as it does where nothing is recorded."""
    try:
        return open_workbench(options)
    except (DefinitionError, NothingDefined) as error:
        from ...core.bygone import open_bygone

        bench = open_bygone(options.path, trust=options.trust, interpreter=options.python)
        if bench is None:
            raise
        talk(f"the definitions cannot be read: {first_of(error)}", options.quiet)
        talk("what is shown is as recorded, not as it would be now", options.quiet)
        return bench


C = TypeVar("C", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Selected:
    """What a command was told to take: `words` (nothing: everything) without `excluded`, and for a run nothing
    beyond `until`."""

    words: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    until: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(self.words) or "everything"


def _selections(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from .completing import selections

    return selections(ctx, incomplete, ctx.params.get(parameter.name or "") or ())


def complete_keys(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: names of assets and tasks."""
    from .completing import keys

    return keys(ctx, parameter, incomplete)


def selecting(*, to_run: bool = False) -> Callable[[C], C]:
    """Gives a command SELECTION and the options that go with it, as one `selection`."""

    def decorate(command: C) -> C:
        @functools.wraps(command)
        def wrapped(*given: Any, **said: Any) -> Any:
            words = said.pop("selection") + said.pop("select")
            selected = Selected(words, said.pop("exclude"), said.pop("until", ()))
            return command(*given, selection=selected, **said)

        told: dict[str, Any] = {"metavar": "SELECTION", "multiple": True, "shell_complete": _selections}
        if to_run:
            help = "Nothing beyond this: only it and what is upstream of it."
            wrapped = click.option("--until", help=help, **told)(wrapped)
        help = "Leave this out" + (", and what would have to wait for it." if to_run else ".")
        wrapped = click.option("--exclude", help=help, **told)(wrapped)
        wrapped = click.option("--select", "-s", help="The same as SELECTION.", **told)(wrapped)
        made: Any = click.argument("selection", nargs=-1, shell_complete=_selections)(wrapped)
        return cast(C, made)

    return decorate


def chosen(bench: Workbench, selection: Selected) -> frozenset[Node] | None:
    """The nodes that are selected; None where nothing was said."""
    if not (selection.words or selection.excluded):
        return None
    graph = bench.graph
    nodes = {Node("asset", name) for name in graph.assets} | {Node("task", name) for name in graph.tasks}
    if selection.words:
        nodes = set(bench.select(_joined(selection.words)))
    out = bench.select(_joined(selection.excluded)) if selection.excluded else frozenset()
    return frozenset(nodes - out - _tasks(bench, out))


def planned(
    bench: Workbench,
    selection: Selected,
    *,
    force: bool,
    quiet: bool = False,
    partitions: Sequence[str] = (),
) -> Plan:
    """The plan of what is selected; tells what is left out together with what was excluded."""
    nodes = None if not selection.words else bench.select(_joined(selection.words))
    if selection.until:
        last = bench.select(_joined(selection.until))
        above = last | bench.graph.upstream(last) | _tasks(bench, last)
        nodes = frozenset(above if nodes is None else nodes & above)
    plan = bench.plan(nodes, force=force, partitions=partitions)
    if not selection.excluded:
        return plan
    from ...core.plan import without

    look = bench.survey()
    excluded = look.partitions_of(bench.tasks_of(bench.select(_joined(selection.excluded))))
    plan, lost = without(plan, excluded, look.whole.facts.graph)
    if lost:
        from ...core.naming import readable

        some = readable(", ".join(lost[:5])) + (", …" if len(lost) > 5 else "")
        talk(f"left out with what is excluded, which they need made anew: {some}", quiet)
    return plan


def _joined(words: tuple[str, ...]) -> str:
    from ...core.selection import join

    return join(words)


def _tasks(bench: Workbench, nodes: frozenset[Node]) -> set[Node]:
    return {Node("task", name) for name in bench.tasks_of(nodes)}


def find_node(bench: Workbench, key: str, partition: str | None = None) -> Node:
    """The asset of that name, else the task; or a partition of it. Raises `ProblemError` with the nearest names."""
    if partition is not None:
        from .partitions import partition_node

        return partition_node(bench, find_node(bench, key), partition)
    if key in bench.definitions.assets:
        return Node("asset", key)
    if key in bench.definitions.tasks:
        return Node("task", key)
    import difflib

    names = dict.fromkeys((*bench.definitions.assets, *bench.definitions.tasks))
    near = difflib.get_close_matches(key, names, 3)
    if bench.withheld:
        raise ProblemError(
            f"there is no asset or task {key!r} in what was loaded: the project is not trusted, so {_named(bench)} "
            "was not",
            "bakehouse trust, or --trust for one call",
        )
    raise ProblemError(
        f"there is no asset or task {key!r}", f"did you mean {' or '.join(near)}?" if near else ""
    )


def _named(bench: Workbench) -> str:
    """The files that were not loaded."""
    return ", ".join(bench.withheld[:5]) + ("…" if len(bench.withheld) > 5 else "")


def has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
