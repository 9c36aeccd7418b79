"""The words of the status line and the footer. Pure: a session in, bits out; what does not fit is left out."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.model import Plan, State
from .ink import Bit, Line, cut, line_width
from .keys import Situation, footer
from .live import Live
from .session import Ledger, Session
from .states import LOOKS, ORDER, glyph, seconds

_MERGED = {State.REUSED: State.FRESH, State.SPARED: State.FRESH}


def status_line(session: Session | None, width: int, *, loading: str = "", ascii_only: bool = False) -> Line:
    """Name, counts by state, the run's progress, the ledger of what is new."""
    if session is None:
        return (Bit(" "), Bit(loading or "reading the project", "muted"))
    head = (Bit(" "), Bit(cut(session.title, max(8, width // 4), ascii_only), "text bold"), Bit("  "))
    counted = _counts(session, ascii_only)
    kept = min(line_width(_fit(counted, width)), width * 2 // 5)
    right = _fit(_told(session, ascii_only), width - line_width(head) - kept - 3)
    counts = _fit(counted, width - line_width(head) - line_width(right) - 2)
    gap = width - line_width(head) - line_width(counts) - line_width(right) - 1
    return (*head, *counts, Bit(" " * max(0, gap)), *right)


def _told(session: Session, ascii_only: bool) -> list[Line]:
    """What stands at the right, most urgent first."""
    pieces: list[Line] = []
    live = session.live
    if session.problems:
        pieces.append(
            (Bit(f"{len(session.problems)} in the definitions: the old ones stand", "failed bold"),)
        )
    if not session.bench.trusted:
        pieces.append((Bit("look only, not trusted", "stale bold"),))
    if live is not None and session.under_way:
        pieces.append(_progress(session, live, ascii_only))
    if session.elsewhere is not None:
        pieces.append((Bit(f"run by process {session.elsewhere.pid}", "running"),))
    if (ledger := session.ledger()) is not None:
        pieces.append(ledger_line(ledger, ascii_only))
    if session.filtered:
        pieces.append((Bit(_filter_words(session), "accent"),))
    if live is not None and live.last_failed:
        failed = f"{glyph(State.FAILED, ascii_only)} {cut(live.last_failed, 24, ascii_only)}"
        pieces.append((Bit(failed, "failed bold"),))
    return pieces


def _counts(session: Session, ascii_only: bool) -> list[Line]:
    tally = session.counts()
    for state, other in _MERGED.items():
        tally[other] += tally.pop(state, 0)
    return [
        (Bit(f"{glyph(state, ascii_only)} {tally[state]} {LOOKS[state].word}", LOOKS[state].style),)
        for state in ORDER
        if tally[state] > 0
    ]


def _progress(session: Session, live: Live, ascii_only: bool) -> Line:
    now = session.clock()
    cells = 8
    full = round(cells * live.done / max(1, live.total))
    block, rest = ("#", ".") if ascii_only else ("━", "─")
    line = [
        Bit(block * full, "running"),
        Bit(rest * (cells - full), "guide"),
        Bit(f" {live.done}/{live.total}", "text"),
    ]
    if live.started is not None:
        line.append(Bit(f" {seconds(now - live.started)}", "muted"))
    if (eta := live.eta(now)) is not None and eta >= 1:
        line.append(Bit(f" ETA {seconds(eta)}", "muted"))
    return tuple(line)


def ledger_line(ledger: Ledger, ascii_only: bool = False) -> Line:
    dot = "|" if ascii_only else "·"
    line = [
        Bit(f" {ledger.new} new ", "on-new ink-on-new bold"),
        Bit(f"{dot} {ledger.reused} reused {dot} {ledger.rebuild} to rebuild", "text"),
    ]
    if ledger.changed:
        line.append(Bit(f" {dot} {ledger.changed} changed", "changed"))
    if ledger.removed:
        line.append(Bit(f" {dot} {ledger.removed} removed", "changed"))
    return tuple(line)


def plan_words(plan: Plan) -> str:
    """What a previewed plan comes to."""
    counts = plan.counts
    known = [s.estimate for s in plan.steps if s.action == "run" and s.estimate is not None]
    words = f"plan: {counts['run']} run, {counts['reuse']} reuse"
    words += f", {counts['skip']} cannot run" if counts.get("skip") else ""
    words += f", ~{seconds(sum(known))} of work" if known else ""
    return words + " · Enter runs it, Esc leaves it"


def _filter_words(session: Session) -> str:
    words = f"/{session.filter_text}" if session.filter_text else ""
    return f"{words} faults only".strip() if session.faults_only else words


def _fit(pieces: Sequence[Line], room: int) -> Line:
    """As many of `pieces`, from the first, as there is room for."""
    out: list[Bit] = []
    for piece in pieces:
        gap = 2 if out else 0
        if line_width(out) + gap + line_width(piece) > room:
            break
        out += [Bit("  ")] if gap else []
        out += piece
    return tuple(out)


def footer_line(now: Situation, width: int, message: str = "", style: str = "muted") -> Line:
    """The keys that work here, most important first; what does not work is dim. A message stands before them."""
    line: list[Bit] = [Bit(" ")]
    if message:
        return (*line, Bit(cut(message, width - 2), style))
    for key, name, works in footer(now):
        bits = (
            Bit(f"{key.shown}", "key bold" if works else "guide"),
            Bit(f" {name}  ", "text" if works else "guide"),
        )
        if line_width(line) + line_width(bits) - 2 > width:
            break
        line += bits
    return tuple(line)
