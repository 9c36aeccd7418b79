"""What decides which keys work: where the user stands in a session."""

from __future__ import annotations

from ...core.model import NOWHERE, Node, State
from ...core.model import Place as SourcePlace
from ..paint.sanitize import one_line
from .keys import Place, RowIs, Situation
from .live import OPEN
from .parts import whole
from .rows import Row
from .session import Session


def situation_of(
    session: Session, row: Row | None, place: Place = "tree", *, alone: bool = False
) -> Situation:
    """What decides which keys work."""
    kind: RowIs = ""
    node = row.node if row is not None else None
    if row is not None:
        is_source = node is not None and session.task_of(node) is None
        own = "source" if is_source else node.kind if node is not None else ""
        kind = own if row.kind in ("node", "part") else row.kind  # type: ignore[assignment]
    step = session.step_of(node) if node is not None else None
    return Situation(
        place=place,
        alone=alone,
        row=kind,
        loaded=session.survey is not None,
        trusted=session.bench.trusted,
        unread=_where_broken(session),
        running=session.running,
        elsewhere=session.elsewhere is not None,
        step_running=session.under_way and step is not None and step.state in OPEN,
        failed=session.counts("task")[State.FAILED],
        outdated=int(session.has_outdated()),
        new=len(session.new),
        changed=len(session.changed) + len(session.removed),
        since=session.marks.since if session.marks is not None else "",
        marked=len(session.marked),
        matches=len(session.matches or ()),
        filtered=session.filtered,
        isolated=session.isolated is not None,
        previewing=session.preview is not None,
        defined_at=bool(place_of(session, node).file),
        divided=node is not None and bool(session.parts_of(whole(node))),
    )


def _where_broken(session: Session) -> str:
    """The first place where the definitions cannot be read; empty if they can."""
    if not session.problems:
        return ""
    first = session.problems[0]
    return one_line(str(first.place) if first.place.file else first.message)


def place_of(session: Session, node: Node | None) -> SourcePlace:
    """Where the node is defined: an asset without a line of its own is where its task is."""
    if node is None or not session.is_defined(node):
        return NOWHERE
    definitions, node = session.definitions, whole(node)
    task = session.task_of(node)
    own = definitions.assets[node.name].place if node.kind == "asset" else NOWHERE
    return own if own.file or task is None else definitions.tasks[task].place
