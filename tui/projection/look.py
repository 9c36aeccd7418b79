"""What one row of the tree says, as data: glyph, name, the words beside it. No widget, no effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ...core.graph.views import ViewKind
from ...core.model import Node, ReasonKind, State
from ...core.plan import PlannedStep
from ...core.plan.timing import slow_after
from ..paint.sanitize import strip_sequences
from .endings import broken_words
from .live import OPEN, Step
from .parts import STRIP, counted, strip
from .rows import Row
from .session import Session
from .states import LOOKS, ORDER, PLAIN_SPINNER, SPINNER, glyph, seconds
from .verdicts import dots, verdicts_of
from .waiting import waits_for

_WHY = {
    ReasonKind.NEVER_MATERIALIZED: "never made",
    ReasonKind.CODE_CHANGED: "code changed",
    ReasonKind.CONFIG_CHANGED: "config changed",
    ReasonKind.ENV_CHANGED: "environment changed",
    ReasonKind.INPUT_CHANGED: "input changed",
    ReasonKind.UPSTREAM_STALE: "upstream is stale",
    ReasonKind.VALUE_MISSING: "value missing",
    ReasonKind.VALUE_DAMAGED: "value damaged",
    ReasonKind.EXPIRED: "expired",
    ReasonKind.FAILED_LAST_TIME: "failed last time",
    ReasonKind.CHECK_FAILED: "check failed",
    ReasonKind.CHECK_CHANGED: "check changed",
    ReasonKind.FORCED: "asked for",
}

_MADE = frozenset({State.FRESH, State.STALE, State.REUSED, State.SPARED})
"""States in which the last time it took says something: of the others a time would be that of an attempt."""


class RowLook(NamedTuple):
    """`middle` stands after the name and is the first to be cut; `word` and `time` stand in columns at the
    right. `layer` is `new`, `changed`, `removed` or empty."""

    glyph: str
    style: str
    name: str
    name_style: str
    middle: str
    middle_style: str
    word: str
    word_style: str
    time: str = ""
    time_style: str = "muted"
    layer: str = ""
    marked: bool = False
    heat: Sequence[tuple[str, str]] = ()
    """The partitions of what is divided as glyphs with their styles; stands before `middle`."""
    dots: Sequence[tuple[str, str]] = ()
    """The checks of an asset, each as a glyph with its style; they stand right behind the name."""


def why(kind: ReasonKind) -> str:
    """A reason in two words."""
    return _WHY.get(kind) or kind.value.replace("_", " ")


def spinner(now: float, ascii_only: bool) -> str:
    frames = PLAIN_SPINNER if ascii_only else SPINNER
    return frames[int(now * 4) % len(frames)]


def look_at(session: Session, row: Row, *, ascii_only: bool = False, beside: bool = False) -> RowLook:
    """How `row` looks now, in the tree or (`beside`) in that of the other view."""
    kind = session.other if beside else session.which
    if row.node is None:
        return _group_look(session, row, ascii_only)
    node = row.node
    if session.survey is None:
        name_style = "muted" if row.dim else "text"
        return RowLook("", "muted", row.label, name_style, row.verb, "verb", "…", "muted")
    if row.kind == "ghost" and session.step_of(node) is None:
        return RowLook(
            "", "changed", row.label, "muted strike", "", "muted", "removed", "changed", layer="removed"
        )
    if session.preview is not None:
        look = _planned_look(session, row, node, session.planned(node), ascii_only)
    else:
        look = _live_look(session, row, node, kind, ascii_only)
    layer = "new" if node in session.new else "changed" if node in session.changed else ""
    look = look._replace(layer=layer, marked=node in session.marked)
    if row.kind in ("node", "part") and (verdicts := verdicts_of(session, node)):
        look = look._replace(dots=dots(verdicts, ascii_only=ascii_only))
    parts = session.parts_of(node) if row.kind == "node" and node.kind == kind else ()
    return _with_heat(look, [session.state_of(part) for part in parts], ascii_only) if parts else look


def _with_heat(look: RowLook, states: Sequence[State], ascii_only: bool) -> RowLook:
    cells = [(glyph(state, ascii_only), LOOKS[state].style) for state in strip(states, STRIP)]
    words = counted(states) + (f"  {look.middle}" if look.middle else "")
    return look._replace(heat=cells, middle=words)


def _group_look(session: Session, row: Row, ascii_only: bool) -> RowLook:
    """A group says what state its worst is in, and how many there are of each."""
    if not row.members or session.survey is None:
        return RowLook("", "muted", row.label, "muted bold", row.verb, "verb", f"{row.size}", "muted")
    if session.preview is not None:
        planned = Counter(step.action for node in row.members if (step := session.planned(node)) is not None)
        told = ", ".join(
            f"{planned[action]} {action}" for action in ("run", "reuse", "skip") if planned[action]
        )
        return RowLook("", "muted", row.label, "muted bold", told, "muted", f"{row.size}", "muted")
    counts = session.counts(row.members)
    found = [state for state in ORDER if counts[state]]
    look = LOOKS[found[0]]
    words = [f"{counts[state]} {LOOKS[state].word}" for state in found] if len(found) > 1 else [f"{row.size}"]
    if new := len(row.members & session.new):
        words.append(f"{new} new")
    sign = glyph(found[0], ascii_only)
    return RowLook(
        sign, look.style, row.label, "muted bold", ", ".join(words), "muted", look.word, look.style
    )


def _name_style(row: Row, state: State) -> str:
    if row.kind == "alias":
        return "alias italic"
    if row.kind == "ghost":
        return "muted strike"
    if row.dim or row.faint:
        return "muted"
    return "failed bold" if state is State.FAILED else "text"


def _live_look(session: Session, row: Row, node: Node, kind: ViewKind, ascii_only: bool) -> RowLook:
    state = session.state_of(node)
    look = LOOKS[state]
    step = session.step_of(node)
    now = session.clock()
    sign = spinner(now, ascii_only) if state is State.RUNNING else glyph(state, ascii_only)
    middle, middle_style = row.verb, "verb"
    elapsed = step.elapsed(now) if step is not None else None
    if elapsed is None and state in _MADE and (step is None or step.state not in OPEN):
        elapsed = _taken(session, node)
    if step is not None and (node.kind == kind or row.kind == "ghost"):
        said = _said(step, state) or (_waits(session, node) if state is State.QUEUED else "")
        if said:
            middle, middle_style = said, look.style if state is not State.RUNNING else "muted"
    if state is State.FAILED and (step is None or step.state is not state) and node.kind == kind:
        middle, middle_style = _last_error(session, node) or middle, "failed"
    word, style, time_style = look.word, look.style, "muted"
    if state is State.RUNNING and step is not None and step.fraction is not None:
        word = f"{step.fraction:.0%}"
    if state is State.RUNNING and is_slow(session, node, elapsed):
        word, style, time_style = word + "!", "slow", "slow bold"
    time = seconds(elapsed) if elapsed is not None else ""
    name_style = _name_style(row, state)
    return RowLook(sign, style, row.label, name_style, middle, middle_style, word, style, time, time_style)


def is_slow(session: Session, node: Node, elapsed: float | None) -> bool:
    """Whether a step that runs has gone beyond the 90th percentile of its own successes."""
    task = session.task_of(node)
    limit = slow_after(session.durations.get(task, ())) if task is not None else None
    return limit is not None and elapsed is not None and elapsed > limit


def _taken(session: Session, node: Node) -> float | None:
    """How long it took when it was last made."""
    task = session.task_of(node)
    if session.survey is None or task is None:
        return None
    record = session.recorded_of(node).steps.get(task)
    return record.duration if record is not None else None


def _waits(session: Session, node: Node) -> str:
    task, live = session.task_of(node), session.live
    if task is None or live is None or task not in session.graph.tasks:
        return ""
    return waits_for(live, session.definitions, session.graph.before(task), task)


def _said(step: Step, state: State) -> str:
    if step.broken_off:
        return broken_words(step)
    match state:
        case State.RUNNING:
            return step.note or strip_sequences(step.line).strip()
        case State.FAILED:
            return _first_line(step) if step.state is State.FAILED else ""
        case State.BLOCKED:
            return ": ".join(part for part in (f"by {step.by}" if step.by else "", _first_line(step)) if part)
        case State.QUEUED:
            return step.note
        case State.NEVER | State.STALE if step.state is State.BLOCKED and step.by:
            return f"blocked by {step.by}"
        case State.CANCELLED if step.error != state:
            return _first_line(step)
        case _:
            return ""


def _first_line(step: Step) -> str:
    return step.error.split("\n", 1)[0]


def _last_error(session: Session, node: Node) -> str:
    task = session.task_of(node)
    if session.survey is None or task is None:
        return ""
    attempt = session.recorded_of(node).attempts.get(task)
    return attempt.error.split("\n", 1)[0] if attempt is not None else ""


def _planned_look(
    session: Session, row: Row, node: Node, planned: PlannedStep | None, ascii_only: bool
) -> RowLook:
    state = session.state_of(node)
    sign = glyph(state, ascii_only)
    if planned is None:
        is_source = state in (State.SOURCE, State.MISSING)
        style, word = (LOOKS[state].style, LOOKS[state].word) if is_source else ("muted", "")
        return RowLook(sign, style, row.label, "muted", "", "muted", word, style)
    if session.is_left_out(node):
        return RowLook(sign, "muted", row.label, "muted strike", "", "muted", "left out", "muted")
    if planned.action == "reuse":
        return RowLook(sign, "fresh", row.label, _name_style(row, State.FRESH), "", "muted", "reuse", "fresh")
    reason = planned.reasons[0] if planned.reasons else None
    told = why(reason.kind) if reason is not None else ""
    if planned.action == "skip":
        told = reason.detail if reason is not None else ""
        return RowLook(sign, "blocked", row.label, "muted", told, "blocked", "skip", "blocked")
    time = f"~{seconds(planned.estimate)}" if planned.estimate is not None else ""
    name = _name_style(row, State.NEVER)
    return RowLook(
        ">" if ascii_only else "▸", "running", row.label, name, told, "stale", "run", "running bold", time
    )
