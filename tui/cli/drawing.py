"""The graph in other forms: `graph`."""

from __future__ import annotations

from typing import Literal

import click

from ...core.graph.views import View
from ...core.model import Node
from ...core.workbench import Workbench
from ..paint.sanitize import clean
from .listing import listing_as_json
from .opening import SELECTION_HELP, Selected, chosen, open_workbench, selecting
from .options import Options
from .output import mark, print_json, print_line
from .surveying import survey_now


def print_tree(bench: Workbench, kind: Literal["asset", "task"], selected: frozenset[Node] | None) -> None:
    """The graph as an indented tree, as the screen shows it."""
    from ..projection.text_tree import text_tree

    look, _ = survey_now(bench)
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
@selecting()
@click.option(
    "--format",
    "form",
    type=click.Choice(["dot", "mermaid", "json", "text", "svg", "html"]),
    default="text",
    help="What to print. svg is a picture, html a page with both views to search and walk in; each is one file.",
)
@click.option("--view", "kind", type=click.Choice(["asset", "task"]), default="asset", help="Nouns or verbs.")
@click.pass_obj
def graph(options: Options, selection: Selected, form: str, kind: Literal["asset", "task"]) -> None:
    """Print the graph."""
    bench = open_workbench(options)
    selected = chosen(bench, selection)
    if form == "json":
        print_json(listing_as_json(bench, kind, selected))
    elif form == "text":
        print_tree(bench, kind, selected)
    elif form == "html":
        from .page import as_page

        print_line(as_page(bench, kind, selected).rstrip())
    else:
        view = bench.view(kind)
        if selected is not None:
            view = view.only(selected)
        if form == "svg":
            from .svg import as_svg

            look, _ = survey_now(bench)
            print_line(as_svg(view, look.states, bench.project.name).rstrip())
        else:
            print_line(as_dot(view) if form == "dot" else as_mermaid(view))
