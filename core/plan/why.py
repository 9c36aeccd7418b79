"""From a stale node up to what started it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ..model import Node, Reason, ReasonKind
from .survey import Survey


@dataclass(frozen=True, slots=True)
class Cause:
    """A root cause: the names from the node asked about to where it began, and the reasons there."""

    path: tuple[str, ...]
    reasons: tuple[Reason, ...]


def root_causes(survey: Survey, node: Node, limit: int = 20) -> tuple[Cause, ...]:
    """The nearest causes first, each by a shortest path; at most `limit`."""
    start = node.name if node.kind == "task" else survey.facts.graph.producer(node.name)
    if start is None:
        return ()
    found: list[Cause] = []
    paths: dict[str, tuple[str, ...]] = {start: (node.name,)}
    todo = deque([start])
    while todo and len(found) < limit:
        task = todo.popleft()
        reasons = survey.missing.get(task, ()) or survey.reasons.get(task, ())
        own = tuple(r for r in reasons if r.kind is not ReasonKind.UPSTREAM_STALE)
        if own:
            found.append(Cause(paths[task], own))
        for reason in reasons:
            if reason.kind is not ReasonKind.UPSTREAM_STALE or reason.key is None:
                continue
            above = survey.task_of(reason.key)
            if above is not None and above not in paths:
                paths[above] = (*paths[task], reason.key)
                todo.append(above)
    return tuple(found)
