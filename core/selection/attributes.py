"""What a node has under each attribute of the selection language."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..graph.graph import Graph
from ..model import Node


def _kinds(graph: Graph, node: Node) -> tuple[str, ...]:
    task = graph.producer(node.name) if node.kind == "asset" else node.name
    return ("source",) if task is None else (graph.tasks[task].action.kind,)


def _groups(graph: Graph, node: Node) -> tuple[str, ...]:
    own = graph.assets[node.name].group if node.kind == "asset" else ""
    task = graph.producer(node.name) if node.kind == "asset" else node.name
    return (own or (graph.tasks[task].group if task is not None else ""),)


def _listed(attribute: str) -> Callable[[Graph, Node], tuple[str, ...]]:
    """An asset has the tags and owners of the task that makes it too."""

    def values(graph: Graph, node: Node) -> tuple[str, ...]:
        task = graph.producer(node.name) if node.kind == "asset" else node.name
        own: tuple[str, ...] = getattr(graph.assets[node.name], attribute) if node.kind == "asset" else ()
        return own if task is None else own + getattr(graph.tasks[task], attribute)

    return values


def _pipelines(graph: Graph, node: Node) -> tuple[str, ...]:
    return ((graph.assets if node.kind == "asset" else graph.tasks)[node.name].pipeline,)


ATTRIBUTE_VALUES: Mapping[str, Callable[[Graph, Node], tuple[str, ...]]] = {
    "group": _groups,
    "kind": _kinds,
    "tag": _listed("tags"),
    "owner": _listed("owners"),
    "pipeline": _pipelines,
}

KNOWN: Mapping[str, tuple[str, ...]] = {"kind": ("source", "python", "shell", "sql")}
"""What an attribute can be, whether anything here is so or not."""
