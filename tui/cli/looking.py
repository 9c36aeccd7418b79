"""Looking at what is there: `show`, `logs`, `runs`, `graph`."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Literal

import click

from ...core.graph.views import View
from ...core.model import Json, Node
from ...core.problems import ProblemError
from ...core.workbench import Workbench
from ..sanitize import clean
from .listing import SELECTION_HELP, listing_as_json
from .opening import chosen, find_node, open_workbench
from .options import Options
from .output import mark, print_columns, print_json, print_line, talk


@click.command()
@click.argument("asset")
@click.option(
    "--limit", "-n", type=click.IntRange(0, 10_000), default=20, show_default=True, help="Rows at most."
)
@click.option("--offset", type=click.IntRange(0), default=0, help="Rows to pass over.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def show(options: Options, asset: str, limit: int, offset: int, as_json: bool) -> None:
    """Preview the value of an asset."""
    bench = open_workbench(options)
    node = find_node(bench, asset)
    if node.kind != "asset":
        raise ProblemError(f"{asset} is a task that makes nothing to show")
    seen = bench.preview(asset, limit=limit, offset=offset)
    made = bench.materialization(asset)
    if as_json:
        document: dict[str, Json] = {
            "schema": 1,
            "asset": asset,
            "kind": seen.kind,
            "columns": [{"name": name, "type": kind} for name, kind in seen.columns],
            "rows": [list(row) for row in seen.rows],
            "total": seen.total,
            "text": seen.text,
            "note": seen.note,
        }
        if made is not None:
            value = made.value
            document |= {"codec": value.codec, "version": value.version, "size": value.size, "run": made.run}
            document |= {"metadata": dict(made.metadata), "ts": made.ts}
        print_json(document)
        return
    if seen.columns:
        print_columns(
            [
                tuple(clean(name) for name, _ in seen.columns),
                *(tuple(clean(c) for c in row) for row in seen.rows),
            ]
        )
    for line in seen.text.splitlines():
        print_line(clean(line))
    if seen.total is not None:
        talk(f"{len(seen.rows)} of {seen.total:,} rows", options.quiet)
    if seen.note:
        talk(seen.note, options.quiet)


@click.command()
@click.argument("key")
@click.option("--raw", is_flag=True, help="The very bytes, unsanitised.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def logs(options: Options, key: str, raw: bool, as_json: bool) -> None:
    """Print the log of the last attempt at a node."""
    bench = open_workbench(options)
    node = find_node(bench, key)
    task = node.name if node.kind == "task" else bench.graph.producer(node.name)
    if task is None:
        raise ProblemError(f"{key} is a source: nothing here makes it, so it has no log")
    attempt, file = bench.attempt(task), bench.log_file(task)
    if raw:
        if file is not None:
            with file.open("rb") as log:
                while chunk := log.read(1 << 16):
                    sys.stdout.buffer.write(chunk)
        return
    text = file.read_bytes().decode("utf-8", "replace") if file is not None else ""
    lines = (
        [clean(line.rstrip("\r").rpartition("\r")[2]) for line in text.removesuffix("\n").split("\n")]
        if text
        else []
    )
    if as_json:
        document: dict[str, Json] = {"schema": 1, "key": key, "task": task, "lines": lines}
        if attempt is not None:
            document |= {
                "run": attempt.run,
                "attempt": attempt.number,
                "state": attempt.state,
                "error": attempt.error,
            }
        print_json(document)
        return
    for line in lines:
        print_line(line)
    if attempt is None:
        talk(f"{task} was never run", options.quiet)
    elif attempt.error:
        talk(f"{attempt.state}: {attempt.error}", options.quiet)


@click.command()
@click.option(
    "--limit", "-n", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Runs at most."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def runs(options: Options, limit: int, as_json: bool) -> None:
    """List past runs, the newest first."""
    bench = open_workbench(options)
    past = bench.history(limit)
    if as_json:
        fields = ("run", "started", "finished", "status", "counts", "selection", "jobs")
        print_json({"schema": 1, "runs": [{name: getattr(one, name) for name in fields} for one in past]})
        return
    rows = []
    for one in past:
        began = datetime.fromtimestamp(one.started).astimezone().isoformat(" ", "seconds")
        took = "" if one.finished is None else f"{one.finished - one.started:.1f} s"
        counts = ", ".join(f"{count} {phase}" for phase, count in (one.counts or {}).items() if count)
        rows.append((one.run, began, one.status, took, counts))
    print_columns(rows)


def print_tree(bench: Workbench, kind: Literal["asset", "task"], selected: frozenset[Node] | None) -> None:
    """The graph as an indented tree, as the screen shows it."""
    from ..text_tree import text_tree

    look = bench.survey()
    for line in text_tree(
        bench.view(kind), {node: mark(state) for node, state in look.states.items()}, selected
    ):
        print_line(line)


def _quoted(text: str) -> str:
    escaped = clean(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_DOT_STYLE = {"data": "", "after": " style=dotted", "byproduct": " style=dashed"}


def as_dot(view: View) -> str:
    """Graphviz source of a view."""
    names = {node: f"n{index}" for index, node in enumerate(view.nodes)}
    lines = ["digraph pipeline {", "  rankdir=LR;"]
    for node, shown in view.nodes.items():
        shape = "box" if node.kind == "task" else "ellipse"
        style = " style=dashed" if shown.byproduct else ""
        lines.append(f"  {names[node]} [label={_quoted(shown.title)} shape={shape}{style}];")
    for edge in view.edges:
        label = f"label={_quoted(edge.label)}" if edge.label else ""
        lines.append(f"  {names[edge.source]} -> {names[edge.target]} [{label}{_DOT_STYLE[edge.kind]}];")
    return "\n".join([*lines, "}"])


def _entity(text: str) -> str:
    return "".join(c if c.isalnum() or c in " _.-/" else f"#{ord(c)};" for c in clean(text))


def as_mermaid(view: View) -> str:
    """Mermaid source of a view."""
    names = {node: f"n{index}" for index, node in enumerate(view.nodes)}
    lines = ["flowchart LR"]
    for node, shown in view.nodes.items():
        left, right = ("[", "]") if node.kind == "task" else ("([", "])")
        lines.append(f'  {names[node]}{left}"{_entity(shown.title)}"{right}')
    for edge in view.edges:
        arrow = "-->" if edge.kind == "data" else "-.->"
        label = f'|"{_entity(edge.label)}"|' if edge.label else ""
        lines.append(f"  {names[edge.source]} {arrow}{label} {names[edge.target]}")
    return "\n".join(lines)


@click.command(epilog=SELECTION_HELP)
@click.argument("selection", nargs=-1)
@click.option(
    "--format",
    "form",
    type=click.Choice(["dot", "mermaid", "json", "text"]),
    default="text",
    help="What to print.",
)
@click.option("--view", "kind", type=click.Choice(["asset", "task"]), default="asset", help="Nouns or verbs.")
@click.pass_obj
def graph(options: Options, selection: tuple[str, ...], form: str, kind: Literal["asset", "task"]) -> None:
    """Print the graph."""
    bench = open_workbench(options)
    selected = chosen(bench, selection)
    if form == "json":
        print_json(listing_as_json(bench, kind, selected))
    elif form == "text":
        print_tree(bench, kind, selected)
    else:
        view = bench.view(kind)
        if selected is not None:
            view = view.only(selected)
        print_line(as_dot(view) if form == "dot" else as_mermaid(view))
