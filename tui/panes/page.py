"""A page of lines some of which lead somewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...core.model import Node
from ..paint.ink import Line


class Page(NamedTuple):
    """Lines, and what some of them lead to, by their place."""

    lines: Sequence[Line]
    targets: Mapping[int, str]


def to_node(node: Node) -> str:
    """What a line that leads to a node says."""
    return f"{node.kind}:{node.name}"


def node_at(target: str) -> Node:
    """The node that a target made by `to_node` means."""
    kind, _, name = target.partition(":")
    return Node("task" if kind == "task" else "asset", name)
