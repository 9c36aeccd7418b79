"""The words of the status line and the footer. Pure: a session in, bits out; what does not fit is left out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...core.model import State
from ...core.plan import Plan
from ...core.problems import number_of
from ..paint.ink import Bit, Line, cut, line_width, pad
from .caps import named
from .estimate import about, forecast_words
from .footing import footer
from .keymap import DEFAULT, Keymap
from .keys import Key, Situation
from .ledger import Ledger
from .live import Live
from .replay import Replay
from .session import Session
from .states import LOOKS, ORDER, glyph
from .tally import total_of

if TYPE_CHECKING:
    from ...core.plan.timing import Forecast
    from .draft import Draft

_ROOMY = 120
"""Under this width there is no room for how many there are in all while a run goes on."""


def status_line(session: Session | None, width: int, *, loading: str = "", ascii_only: bool = False) -> Line:
    """Name, counts by state, the run's progress, the ledger of what is new."""
    if session is None:
        return (Bit(" "), Bit(loading or "reading the project", "muted"))
    head = (Bit(" "), Bit(cut(session.title, max(8, width // 4), ascii_only), "text bold"), Bit("  "))
    counted = _counts(session, width, ascii_only)
    kept = 0 if session.problems else min(line_width(_fit(counted, width)), width * 2 // 5)
    room = width - line_width(head) - kept - 3
    right = _fit(_told(session, room, ascii_only), room)
    counts = _fit(counted, width - line_width(head) - line_width(right) - 2)
    gap = width - line_width(head) - line_width(counts) - line_width(right) - 1
    return (*head, *counts, Bit(" " * max(0, gap)), *right)


def replay_line(replay: Replay, width: int, *, ascii_only: bool = False) -> Line:
    """What stands in the status line's place during a replay, so that nobody takes it for what goes on."""
    event, dot = replay.event, " | " if ascii_only else " · "
    when = time.strftime("%H:%M:%S", time.localtime(replay.now))
    rate = f"{replay.speed}{'x' if ascii_only else '×'}"
    words = (
        f" replay of run {replay.run}, not live",
        f"{rate} {'paused' if replay.paused else 'playing'}",
        f"event {replay.at:,}/{len(replay.events):,}",
        when,
        event.kind.replace("_", " ") + (f" {event.task}" if event.task else ""),
    )
    return (Bit(pad(cut(dot.join(words), width, ascii_only), width), "slow reverse bold"),)


def _told(session: Session, room: int, ascii_only: bool) -> list[Line]:
    """What stands at the right, most urgent first."""
    pieces: list[Line] = []
    live = session.live
    if session.problems:
        pieces.append(_broken(len(session.problems), room))
    if not session.bench.trusted:
        pieces.append((Bit("look only, not trusted", "stale bold"),))
    if live is not None and session.under_way:
        pieces.append(_progress(session, live, ascii_only))
    if session.elsewhere is not None:
        pieces.append((Bit(f"run by process {session.elsewhere.pid}", "running"),))
    if session.ledger is not None:
        left = room - line_width(_fit(pieces, room)) - 2
        lines = _ledger_lines(session, session.ledger, ascii_only)
        pieces.append(next((line for line in lines if line_width(line) <= left), lines[-1]))
    if session.filtered or session.isolated is not None:
        pieces.append((Bit(_filter_words(session), "accent"),))
    if live is not None and live.ok and not session.under_way:
        pieces.append((Bit(run_words(live, ascii_only), "fresh"),))
    if live is not None and live.last_failed:
        failed = f"{glyph(State.FAILED, ascii_only)} {cut(live.last_failed, 24, ascii_only)}"
        pieces.append((Bit(failed, "failed bold"),))
    return pieces


def _ledger_lines(session: Session, ledger: Ledger, ascii_only: bool) -> tuple[Line, ...]:
    """The ledger in ever fewer words."""
    since = session.marks.since if session.marks is not None else ""
    against = (Bit(f" since {since}", "muted"),) if since else ()
    full = ledger_line(ledger, ascii_only, session.outlook.cost_of(ledger))
    short = _differences(ledger, "| " if ascii_only else "· ")
    return (*full, *against), (*ledger_line(ledger, ascii_only), *against), short, short[:1]


def _broken(count: int, room: int) -> Line:
    """That what is shown is not what is written, in as many words as there is room for."""
    errors = number_of(count, "error")
    told = (
        f"the definitions have {errors} (see Overview); the last good ones are shown",
        f"definitions: {errors} (see Overview), the last good shown",
        f"definitions: {errors}",
        errors,
    )
    return (Bit(next((words for words in told if len(words) <= room), errors), "failed bold"),)


def _counts(session: Session, width: int, ascii_only: bool) -> list[Line]:
    """How many there are, then how many in which state: what `bakehouse status` counts."""
    tally = session.counts()
    roomy = width >= (_ROOMY if session.under_way else _ROOMY // 2)
    total = sum(tally.values())
    pieces: list[Line] = [(Bit(total_of(session.which, total), "muted"),)] if roomy else []
    return pieces + [
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
    eta = session.outlook.of(live).eta(now) if live.done < live.total else None
    if eta is not None and eta >= 0.5:
        line.append(Bit(f" {'|' if ascii_only else '·'} {about(max(eta, 1.0))}", "muted"))
    return tuple(line)


def run_words(live: Live, ascii_only: bool = False) -> str:
    """`2 ran · 3 steps reused · 4 spared · ~38 s saved`: what a run came to that ended well. (What the ledger beside it
    counts as reused are assets.)"""
    reused = f"step{'s' * (live.counts[State.REUSED] != 1)} reused"
    counted = ((State.FRESH, "ran"), (State.REUSED, reused), (State.SPARED, "spared"))
    words = [f"{live.counts[state]} {word}" for state, word in counted if live.counts[state]]
    saved = live.saved()
    return (" | " if ascii_only else " · ").join(words + ([f"{about(saved)} saved"] if saved >= 0.05 else []))


def ledger_line(ledger: Ledger, ascii_only: bool = False, cost: Forecast | None = None) -> Line:
    """`3 new · 6 reused · 0 to rebuild · ~4 s`: what stands in the ledger, in words."""
    dot = "| " if ascii_only else "· "
    after = [
        Bit(f"{ledger.reused} reused", "fresh"),
        *((Bit(f"{ledger.made} made", "fresh"),) if ledger.made else ()),
        Bit(f"{ledger.rebuild} to rebuild", "stale" if ledger.rebuild else "muted"),
        *((Bit(f"{ledger.never} never made", "never"),) if ledger.never else ()),
        *((Bit(forecast_words(cost), "muted"),) if cost is not None and cost.steps else ()),
    ]
    line = list(_differences(ledger, dot))
    for bit in after:
        line.append(Bit(f" {dot}{bit.text}", bit.style))
    return tuple(line)


def _differences(ledger: Ledger, dot: str) -> Line:
    """What is not as it was accepted: what is told of a ledger where there is no room for more."""
    line = [Bit(f" {ledger.new} new ", "on-new ink-on-new bold")] if ledger.new else []
    for count, word in ((ledger.changed, "changed"), (ledger.removed, "removed")):
        if count:
            line.append(Bit(f"{' ' + dot if line else ''}{count} {word}", "changed bold"))
    return tuple(line)


def tree_title(session: Session) -> str:
    """Which view is shown, and which way it is turned."""
    title = "Assets" if session.which == "asset" else "Tasks"
    return f"{title} · {'made of' if session.direction == 'up' else 'leads to'}"


def plan_words(draft: Draft, cost: Forecast | None = None) -> str:
    """What a previewed plan comes to."""
    counts = draft.plan.counts
    words = f"plan: {counts['run']} run, {counts['reuse']} reuse"
    words += f", {counts['skip']} cannot run" if counts.get("skip") else ""
    words += f", {len(draft.out)} left out" if draft.out else ""
    words += f", {forecast_words(cost)}" if cost is not None and cost.steps else ""
    return words + f" · {named('plan')} runs, {named('mark')} leaves out"


def nothing_runs(plan: Plan, would: str) -> str:
    """Why a plan has nothing that would run."""
    missing = dict.fromkeys(r.detail for step in plan.steps if step.action == "skip" for r in step.reasons)
    if missing:
        return f"nothing {would}: {', '.join(missing)}"
    return f"all of it is fresh: nothing {would} ({named('force')} runs it by force)"


def _filter_words(session: Session) -> str:
    words = [f"/{session.sieve.text}"] if session.sieve.text else []
    words += ["faults only"] if session.faults_only else []
    words += [f"only around {session.isolated.name}"] if session.isolated is not None else []
    return " ".join(words)


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


def nothing_words(session: Session | None, keymap: Keymap = DEFAULT) -> Line:
    """What stands in a tree without rows."""
    if session is None:
        return ()
    if session.sieve.text:
        also = " among the faults" if session.faults_only else ""
        why = f": {session.sieve.note}" if session.sieve.note else ""
        told = f"nothing{also} matches /{session.sieve.text}{why}"
    elif session.faults_only:
        told = "nothing failed, is stale, runs or is new"
    elif session.which == "asset" and session.definitions.tasks:
        steps = number_of(len(session.definitions.tasks), "step")
        return (
            Bit("  no step here makes an asset", "text"),
            Bit(f"  {keymap.cap('toggle_view')} shows {steps}", "muted"),
        )
    else:
        return (Bit("  nothing is defined here", "muted"),)
    return (Bit(f"  {told}", "text"), Bit(f"  {keymap.cap('back')} shows everything", "muted"))


def footer_line(now: Situation, width: int, keymap: Keymap = DEFAULT) -> Line:
    """The keys that work here, most important first; what does not work is dim. `Quit` is always among them."""
    return (Bit(" "), *(bit for _, bits in footer_parts(now, width, keymap) for bit in bits))


def key_in_footer(now: Situation, width: int, at: int, keymap: Keymap = DEFAULT) -> str:
    """The id of the action whose name stands in cell `at`; empty where none does."""
    start = 1
    for id, bits in footer_parts(now, width, keymap):
        size = line_width(bits)
        if start <= at < start + size - 2:
            return id
        start += size
    return ""


def footer_parts(now: Situation, width: int, keymap: Keymap = DEFAULT) -> list[tuple[str, Line]]:
    """What of the footer there is room for: the id of each action, and its words."""
    shown = footer(now, keymap.keys)
    last = shown[-1]
    parts: list[tuple[str, Line]] = []
    used = 1
    end = _cap(*last, keymap)
    for key, name, works in shown[:-1]:
        bits = _cap(key, name, works, keymap)
        if used + line_width(bits) + line_width(end) - 2 <= width:
            parts.append((key.id, bits))
            used += line_width(bits)
    return [*parts, (last[0].id, end)]


def filter_footer(width: int, what: str = "filter") -> Line:
    """The keys that work while a filter, or what is sought, is typed."""
    line: list[Bit] = [Bit(" ")]
    for cap, name in (
        ("Enter", f"Keep the {what}"),
        ("Esc", "Take it off"),
        ("tab", "Complete"),
        ("ctrl+u", "Empty"),
    ):
        bits = (Bit(cap, "key bold"), Bit(f" {name}  ", "text"))
        if line_width(line) + line_width(bits) - 2 <= width:
            line += bits
    return tuple(line)


def _cap(key: Key, name: str, works: bool, keymap: Keymap) -> Line:
    return (
        Bit(keymap.cap(key.id), "key bold" if works else "muted"),
        Bit(f" {name}  ", "text" if works else "muted"),
    )
