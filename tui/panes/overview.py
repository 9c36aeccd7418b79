"""The Overview tab: what a thing is, where it is defined, what it needs and what needs it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath

from ...core.columns import columns_of, drift_words
from ...core.model import (
    Json,
    Materialization,
    Node,
    PythonAction,
    Reason,
    ReasonKind,
    ShellAction,
    SqlAction,
    State,
    Stored,
    Task,
)
from ..paint.ink import Bit, Line, pad, width_of
from ..paint.prose import prose
from ..paint.sanitize import clean, clean_lines, one_line
from ..projection.caps import named
from ..projection.difference import difference
from ..projection.endings import broken_words
from ..projection.ghosts import removed_words
from ..projection.parts import counted, is_part, strip, whole
from ..projection.parts import label as part_label
from ..projection.session import Session
from ..projection.situation import place_of
from ..projection.states import LOOKS, glyph, seconds
from ..projection.verdicts import drift_of, part_made_last, verdicts_of
from .checks import check_lines
from .columns import column_lines
from .page import Page, to_node

_HEAT, _HEAT_LINES = 31, 12
"""Glyphs of partitions in a line: a month of days, and how many lines there are at most."""
_NAMED = 6
_LABEL, _WIDEST = 12, 22
"""Cells of the column of names: of ours, and at most of what the user named."""


def label(name: str, *bits: Bit) -> Line:
    """A line that begins with a name in a column of its own; what wraps stays right of it."""
    return (Bit(f"{name:<{_LABEL - 1}} ", "muted"), *bits)


def named_values(values: Iterable[tuple[str, Json]]) -> list[Line]:
    """What the user named, below each other: in a column as wide as its names, the longest on lines of their own."""
    told = [(clean(name), json.dumps(value, ensure_ascii=False, default=str)) for name, value in values]
    widths = [width_of(name) + 2 for name, _ in told]
    column = max([_LABEL, *(width for width in widths if width <= _WIDEST)])
    lines: list[Line] = []
    for (name, value), width in zip(told, widths, strict=True):
        if width > column:
            lines.append((Bit(name, "muted"),))
        lines.append((Bit(pad(name if width <= column else "", column), "muted"), Bit(value)))
    return lines


def text_lines(text: str, style: str = "text", indent: str = "") -> list[Line]:
    return [(Bit(indent), Bit(line, style)) for line in clean_lines(text).rstrip("\n").split("\n")]


def when(ts: float, now: float) -> str:
    """A moment in words that hold for a minute: `3 min ago`, else the date."""
    age = now - ts
    if 0 <= age < 60:
        return "less than 1 min ago"
    if 0 <= age < 3600:
        return f"{age // 60:.0f} min ago"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ts))


def bytes_in_words(size: int) -> str:
    value = float(size)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def state_bits(session: Session, node: Node, ascii_only: bool) -> tuple[Bit, ...]:
    state = session.state_of(node)
    look = LOOKS[state]
    return (Bit(f"{glyph(state, ascii_only)} {look.word}", look.style),)


def overview(session: Session, node: Node, *, ascii_only: bool = False) -> Page:
    """Everything about `node` that is known without reading its value; its neighbours lead to themselves."""
    if not session.is_defined(node):
        return Page(_ghost(session, node, ascii_only), {})
    kind = "task" if node.kind == "task" else "source" if session.task_of(node) is None else "asset"
    lines: list[Line] = [(Bit(node.name, "text bold"), Bit(f"  {kind}", "muted"))]
    lines.append(label("state", *state_bits(session, node, ascii_only), *_layer(session, node)))
    lines += _last_words(session, node, ascii_only)
    lines += _partitions(session, node, ascii_only)
    lines += check_lines(verdicts_of(session, node), _LABEL, ascii_only=ascii_only)
    lines += _changes(session, node)
    lines += _definition(session, node, ascii_only)
    targets = {}
    for line, other in _neighbours(session, node, ascii_only):
        if other is not None:
            targets[len(lines)] = to_node(other)
        lines.append(line)
    if node.kind == "asset" and session.survey is not None:
        made = session.recorded_of(node).materializations.get(node.name)
        if made is not None:
            if (part := part_made_last(session, node)) and session.parts_of(node):
                lines.append(label("shown", Bit(part), Bit("  the partition made last", "muted")))
            lines += _value(made, session.clock(), drift_of(session, made))
    task = session.task_of(whole(node))
    if task is not None:
        lines += _action(session.definitions.tasks[task])
        if (often := session.definitions.auto.get(task)) is not None:
            told = f"made by itself when it is out of date, within {seconds(often)} once at most"
            lines.append(label("auto", Bit(told)))
    return Page(lines, targets)


def _layer(session: Session, node: Node) -> tuple[Bit, ...]:
    if node in session.new:
        return (Bit("  "), Bit(" + new ", "on-new ink-on-new bold"))
    return (Bit("  ± changed", "changed"),) if node in session.changed else ()


def _partitions(session: Session, node: Node, ascii_only: bool) -> list[Line]:
    """Of what is divided every partition as a glyph, and by name those that are not as they should be."""
    parts = session.parts_of(node)
    if not parts:
        return []
    states = [session.state_of(part) for part in parts]
    cells = [
        Bit(glyph(state, ascii_only), LOOKS[state].style) for state in strip(states, _HEAT_LINES * _HEAT)
    ]
    told = f"{counted(states)}, {part_label(parts[0])} to {part_label(parts[-1])}"
    lines = [label("partitions", Bit(told), Bit(f"  {named('partitions')} shows each", "muted"))]
    lines += [(Bit(" " * _LABEL), *cells[at : at + _HEAT]) for at in range(0, len(cells), _HEAT)]
    for state in (State.FAILED, State.RUNNING, State.BLOCKED, State.CANCELLED, State.STALE, State.NEVER):
        those = [part_label(part) for part, one in zip(parts, states, strict=True) if one is state]
        if those:
            more = f" and {len(those) - _NAMED:,} more" if len(those) > _NAMED else ""
            lines.append(label(LOOKS[state].word, Bit(", ".join(those[:_NAMED]) + more, LOOKS[state].style)))
    return lines


def _changes(session: Session, node: Node) -> list[Line]:
    """What differs in the definition, where the screen was opened to compare."""
    marks, task = session.marks, session.task_of(node)
    if marks is None or task is None or task not in marks.changes:
        return []
    lines: list[Line] = [(Bit(f"since {marks.since}", "changed bold"),)]
    for change in marks.changes[task]:
        lines.append((Bit(" " * _LABEL), Bit(one_line(change.detail), "changed")))
        lines += difference_lines(change, _LABEL)
    return lines


def _ghost(session: Session, node: Node, ascii_only: bool) -> list[Line]:
    """What is not defined any more: a step of the run, or what was removed."""
    if session.step_of(node) is None:
        back = (
            ""
            if session.marks is not None and session.marks.since
            else f" ({named('accept')} accepts that it is gone)"
        )
        head = (Bit(node.name, "text bold"), Bit(f"  {node.kind}", "muted"))
        return [head, label("state", Bit(removed_words(session.marks), "changed"), Bit(back, "muted"))]
    can = f"{named('cancel_step')} cancels it; its log is there" if session.under_way else "its log is there"
    return [
        (Bit(node.name, "text bold"), Bit("  step", "muted")),
        label("state", *state_bits(session, node, ascii_only)),
        *_last_words(session, node, ascii_only),
        label("defined", Bit(f"not any more: the run keeps to what it began with ({can})", "muted")),
    ]


def _last_words(session: Session, node: Node, ascii_only: bool) -> list[Line]:
    lines: list[Line] = []
    step = session.step_of(node)
    state = session.state_of(node)
    if step is not None and step.error and (state is step.state or not session.is_settled):
        lines += text_lines(step.error, "failed", " " * _LABEL)
    elif state is State.FAILED and session.survey is not None:
        attempt = session.recorded_of(node).attempts.get(session.task_of(node) or "")
        lines += text_lines(attempt.error, "failed", " " * _LABEL) if attempt is not None else []
    if step is not None and step.by:
        lines.append(label("blocked by", Bit(step.by, "blocked")))
    reasons = [r for r in session.reasons_of(node) if not (lines and r.kind in _TOLD)]
    lines += [label("why" if n == 0 else "", reason_bit(r)) for n, r in enumerate(reasons[:3])]
    if step is not None and step.broken_off:
        lines.append(label("last run", Bit(broken_words(step), "cancelled")))
    elif step is not None and session.is_settled and step.state in (State.REUSED, State.SPARED):
        look = LOOKS[step.state]
        lines.append(label("last run", Bit(f"{glyph(step.state, ascii_only)} {look.word}", look.style)))
    return lines


_TOLD = (ReasonKind.FAILED_LAST_TIME, ReasonKind.CHECK_FAILED)
"""Reasons that say what the error has said."""
_STYLES = {"-": "failed", "+": "fresh", " ": "text", "@": "muted"}


def difference_lines(reason: Reason, indent: int) -> list[Line]:
    """What was and what is, line by line, where the reason says so."""
    if reason.old is None and reason.new is None:
        return []
    return [
        (Bit(" " * indent), Bit(text if sign == "@" else f"{sign} {text}", _STYLES[sign]))
        for sign, text in difference(reason.old, reason.new)
    ]


def reason_bit(reason: Reason) -> Bit:
    return Bit(one_line(reason.detail), "stale")


def _definition(session: Session, node: Node, ascii_only: bool) -> list[Line]:
    definitions, node = session.definitions, whole(node)
    task = session.task_of(node)
    definition = definitions.assets[node.name] if node.kind == "asset" else definitions.tasks[node.name]
    lines: list[Line] = []
    if definition.description:
        lines += prose(definition.description, ascii_only=ascii_only)
    if definition.group:
        lines.append(label("group", Bit(definition.group)))
    if definition.tags:
        lines.append(label("tags", Bit(", ".join(definition.tags))))
    if definition.owners:
        lines.append(label("owners", Bit(", ".join(definition.owners))))
    if node.kind == "asset":
        file = definitions.assets[node.name].file
        if file:
            lines.append(label("file", Bit(file)))
        if task is not None and task != node.name:
            lines.append(label("made by", Bit(task)))
    lines += named_values(definition.metadata.items())
    place = place_of(session, node)
    if place.file:
        lines.append(label("defined", Bit(str(place), "muted")))
    return lines


def _neighbours(session: Session, node: Node, ascii_only: bool) -> Iterator[tuple[Line, Node | None]]:
    graph = session.runs if is_part(node) else session.graph
    for name, others in (("from", graph.into(node)), ("to", graph.out_of(node))):
        for n, other in enumerate(others[:12]):
            state = session.state_of(other)
            sign = Bit(glyph(state, ascii_only) + " ", LOOKS[state].style)
            line = label(name if n == 0 else "", sign, Bit(other.name), Bit(f"  {other.kind}", "muted"))
            yield line, other
        if len(others) > 12:
            yield label("", Bit(f"and {len(others) - 12} more", "muted")), None


def type_words(value: Stored) -> str:
    """What kind of value it is: of a file its ending, as what is stored as its type is its name."""
    if value.codec == "file":
        return f"{PurePath(value.type).suffix} file".strip()
    return value.codec if value.codec == "folder" else value.type or value.codec


def _value(made: Materialization, now: float, change: Mapping[str, Json] | None) -> list[Line]:
    value = made.value
    lines = [
        label("made", Bit(when(made.ts, now)), Bit(f"  in {seconds(made.duration)}", "muted")),
        label("value", Bit(type_words(value)), Bit(f"  {bytes_in_words(value.size)}", "muted")),
        label("version", Bit(value.version[:12], "muted")),
    ]
    columns = columns_of(made.metadata)
    lines += named_values(
        (name, told) for name, told in made.metadata.items() if name != "columns" or columns is None
    )
    if columns is not None:
        words = f"changed: {drift_words(change)}" if change else ""
        lines.append(
            label("columns", Bit(f"{len(columns):,}"), Bit(f"  {words}" if words else "", "changed"))
        )
        lines += column_lines(columns, change, _LABEL)
    return lines


def _action(task: Task) -> list[Line]:
    lines: list[Line] = [()]
    match task.action:
        case PythonAction(module=module, function=function):
            lines.append(label("python", Bit(f"{module}:{function}")))
        case ShellAction(command=command):
            lines += [label("shell"), *text_lines(command, "text", "  ")]
        case SqlAction(query=query):
            lines += [label("sql"), *text_lines(query, "text", "  ")]
    for name, value in task.params.items():
        lines.append(
            label("param", Bit(f"{name} = "), Bit(json.dumps(value, ensure_ascii=False, default=str)))
        )
    if task.retries:
        lines.append(label("retries", Bit(str(task.retries))))
    if task.timeout is not None:
        lines.append(label("timeout", Bit(seconds(task.timeout))))
    if task.pool:
        lines.append(label("pool", Bit(task.pool)))
    return lines
