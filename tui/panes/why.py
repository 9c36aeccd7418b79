"""The Why tab: the reasons of a node, and the way up to where each began."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ...core.model import Node, Reason, ReasonKind, State
from ..paint.ink import Bit, Line
from ..paint.sanitize import clean_lines, one_line
from ..projection.look import why as in_words
from ..projection.session import Session
from ..projection.states import LOOKS, glyph
from .overview import difference_lines, state_bits

_MOST = 12


def why(session: Session, node: Node, *, ascii_only: bool = False) -> list[Line]:
    """Why `node` is out of date; one line says that it is not."""
    reasons = session.reasons_of(node)
    lines: list[Line] = [(Bit(node.name, "text bold"), Bit("  "), *state_bits(session, node, ascii_only)), ()]
    step = session.step_of(node)
    if step is not None and step.by:
        lines.append((Bit("blocked by ", "blocked"), Bit(step.by, "blocked bold")))
    if not reasons:
        return [*lines, (Bit(_nothing(session.state_of(node)), "muted"),)]
    for reason in reasons:
        lines += _reason_lines(reason)
    ways = list(root_ways(session, node))
    if ways:
        lines += [(), (Bit("where it began", "muted"),)]
    for way, found in ways[:_MOST]:
        lines += _way_lines(session, way, found, ascii_only)
    return lines


def _nothing(state: State) -> str:
    match state:
        case State.SOURCE:
            return "a source: given, not made, so never out of date"
        case State.RUNNING | State.QUEUED:
            return "it is being made"
        case _:
            return "nothing it depends on has changed since it was made"


def _reason_lines(reason: Reason) -> Iterator[Line]:
    first, *more = clean_lines(reason.detail).split("\n")
    yield (Bit(f"{in_words(reason.kind):<20}", "stale bold"), Bit(first))
    yield from ((Bit(" " * 20), Bit(line)) for line in more[:_MOST])
    yield from difference_lines(reason, 20)


def root_ways(session: Session, node: Node) -> Iterator[tuple[tuple[Node, ...], tuple[Reason, ...]]]:
    """The shortest way from `node` to each node upstream that has a reason of its own, nearest first."""
    graph = session.graph
    came: dict[Node, tuple[Node, ...]] = {node: (node,)}
    todo = deque([node])
    while todo:
        at = todo.popleft()
        reasons = session.reasons_of(at)
        own = tuple(r for r in reasons if r.kind is not ReasonKind.UPSTREAM_STALE)
        if own and at != node:
            yield came[at], own
        for reason in reasons:
            if reason.kind is not ReasonKind.UPSTREAM_STALE or reason.key is None:
                continue
            kind = "asset" if reason.key in graph.assets else "task"
            above = Node(kind, reason.key)  # type: ignore[arg-type]
            if above not in came and (reason.key in graph.assets or reason.key in graph.tasks):
                came[above] = (*came[at], above)
                todo.append(above)


def _way_lines(
    session: Session, way: tuple[Node, ...], own: tuple[Reason, ...], ascii_only: bool
) -> Iterator[Line]:
    arrow = " <- " if ascii_only else " ⟵ "
    bits: list[Bit] = []
    shown = way if len(way) <= 6 else (*way[:3], *way[-2:])
    for n, node in enumerate(shown):
        look = LOOKS[session.state_of(node)]
        if n:
            bits.append(Bit(arrow + ("... " if len(way) > 6 and n == 3 else ""), "muted"))
        bits.append(Bit(f"{glyph(session.state_of(node), ascii_only)} {node.name}", look.style))
    yield tuple(bits)
    for reason in own[:4]:
        yield (Bit("    "), Bit(f"{in_words(reason.kind)}: ", "stale"), Bit(one_line(reason.detail)))
