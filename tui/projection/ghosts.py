"""What is shown although no definition has it any more: steps of a run, and what was removed."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from ...core.graph.views import ViewKind
from ...core.marks import Marks
from ...core.model import Node
from ...core.naming import split
from .live import Live

OF_THE_RUN = "of the run, no longer defined"


def ghosts_of(
    live: Live | None, tasks: Container[str], marks: Marks | None, kind: ViewKind
) -> Mapping[str, Sequence[Node]]:
    """Under a title each: the steps of the run that are none of the `tasks` any more, and what else of `kind` was
    removed."""
    steps = live.steps if live is not None else {}
    run = [Node("task", task) for task in steps if split(task)[0] not in tasks]
    known = {node.name for node in run}
    removed = (
        [node for node in marks.removed if node.kind == kind and node.name not in known] if marks else []
    )
    return {OF_THE_RUN: run, removed_words(marks): removed}


def removed_words(marks: Marks | None) -> str:
    """Since when what is not there any more was removed."""
    since = marks.since if marks is not None else ""
    return f"removed since {since or 'what was last accepted'}"
