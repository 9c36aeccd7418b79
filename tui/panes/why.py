"""The Why tab: the reasons of a node, and the way up to where each began."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ...core.accepting import CHANGES
from ...core.model import Node, Reason, ReasonKind, State
from ..paint.ink import Bit, Line
from ..paint.sanitize import clean_lines, one_line
from ..projection.caps import named
from ..projection.look import why as in_words
from ..projection.session import Session
from ..projection.states import LOOKS, glyph
from .overview import difference_lines, state_bits
from .page import Page, to_node

_MOST = 12


def why(session: Session, node: Node, *, ascii_only: bool = False) -> Page:
    """Why `node` is out of date; one line says that it is not. What it is stale because of leads there."""
    reasons = session.reasons_of(node)
    lines: list[Line] = [(Bit(node.name, "text bold"), Bit("  "), *state_bits(session, node, ascii_only)), ()]
    step = session.step_of(node)
    if step is not None and step.by:
        lines.append((Bit("blocked by ", "blocked"), Bit(step.by, "blocked bold")))
    if not reasons:
        return Page([*lines, (Bit(_nothing(session.state_of(node)), "muted"),)], {})
    targets: dict[int, str] = {}
    for reason in reasons:
        if (above := _above(session, reason)) is not None:
            targets[len(lines)] = to_node(above)
        lines += _reason_lines(reason)
    ways = list(root_ways(session, node))
    if ways:
        lines += [(), (Bit("where it began", "muted"),)]
    for way, found in ways[:_MOST]:
        targets[len(lines)] = to_node(way[-1])
        lines += _way_lines(session, way, found, ascii_only)
    return Page([*lines, *_ways_out(session, node, reasons)], targets)


def _above(session: Session, reason: Reason) -> Node | None:
    """The node upstream that the reason is about."""
    if reason.kind is not ReasonKind.UPSTREAM_STALE or reason.key is None:
        return None
    either = (Node("asset", reason.key), Node("task", reason.key))
    return next((node for node in either if session.is_defined(node)), None)


def _ways_out(session: Session, node: Node, reasons: tuple[Reason, ...]) -> Iterator[Line]:
    if session.task_of(node) is None or session.under_way:
        return
    yield ()
    yield (Bit(f"{named('materialize')}   ", "key"), Bit("makes it anew", "muted"))
    own = [reason.kind for reason in reasons if reason.kind is not ReasonKind.UPSTREAM_STALE]
    if own and CHANGES.issuperset(own):
        words = "accepts what is there as it is: you know that the change makes no difference"
        yield (Bit(f"{named('accept_as_is')}   ", "key"), Bit(words, "muted"))


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
    came: dict[Node, tuple[Node, ...]] = {node: (node,)}
    todo = deque([node])
    while todo:
        at = todo.popleft()
        reasons = session.reasons_of(at)
        own = tuple(r for r in reasons if r.kind is not ReasonKind.UPSTREAM_STALE)
        if own and at != node:
            yield came[at], own
        for reason in reasons:
            above = _above(session, reason)
            if above is not None and above not in came:
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
