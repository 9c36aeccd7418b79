"""What the checks of a thing look like beside its name, and what those of its partitions come to together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.model import Json, Materialization, Node
from ...core.naming import SEPARATOR, shown_part, split
from ...core.verdicts import Outcome, Verdict

if TYPE_CHECKING:
    from .session import Session

MOST = 8
"""Checks that have a dot of their own."""
_SIGNS: Mapping[Outcome, tuple[str, str, str]] = {
    "failed": ("✗", "x", "failed"),
    "warned": ("!", "!", "stale"),
    "never": ("◦", "o", "never"),
    "passed": ("•", "*", "fresh"),
}
_RANK = {outcome: number for number, outcome in enumerate(_SIGNS)}


def verdicts_of(session: Session, node: Node) -> Sequence[Verdict]:
    """What the checks of an asset, or of its partitions together, came to, by the run that goes on if it told."""
    look, live = session.survey, session.live
    if look is None or node.kind != "asset" or not look.verdicts:
        return ()
    told = live.verdicts if live is not None and not session.is_settled else {}
    each = [
        [told.get((one.asset, one.check), one) for one in look.verdicts.get(part.name, ())]
        for part in session.parts_of(node) or [node]
    ]
    return each[0] if len(each) == 1 else together(each)


def drift_of(session: Session, made: Materialization) -> Mapping[str, Json] | None:
    """What changed in the columns of a value when it was made, if anything did."""
    event = session.survey.drifts.get(made.asset) if session.survey is not None else None
    return event.data if event is not None and event.run == made.run else None


def part_made_last(session: Session, node: Node) -> str:
    """Which partition a value is of that is shown for an asset; empty where that is not divided."""
    made = node.name if session.survey is None else session.survey.made_last(node.name)
    return shown_part(split(made)[1]) if SEPARATOR in made else ""


def sign_of(verdict: Verdict, ascii_only: bool = False) -> tuple[str, str]:
    """The dot of a check, and its style."""
    sign, plain, style = _SIGNS[verdict.outcome]
    return plain if ascii_only else sign, style


def dots(verdicts: Sequence[Verdict], *, ascii_only: bool = False) -> list[tuple[str, str]]:
    """One dot a check; of very many those that ask for attention, and how many more there are."""
    shown = list(verdicts)
    if len(shown) > MOST:
        shown = sorted(shown, key=lambda one: _RANK[one.outcome])[:MOST]
    signs = [sign_of(one, ascii_only) for one in shown]
    more = len(verdicts) - len(shown)
    return [*signs, (f"+{more}", "muted")] if more else signs


def together(parts: Iterable[Sequence[Verdict]]) -> list[Verdict]:
    """The verdicts on the partitions of one asset as those of one: of each check the worst, with how many are so."""
    by_check: dict[str, list[Verdict]] = {}
    for verdicts in parts:
        for one in verdicts:
            by_check.setdefault(one.check, []).append(one)
    return [_worst(found) for found in by_check.values()]


def by_asset(verdicts: Mapping[str, Sequence[Verdict]]) -> dict[str, Sequence[Verdict]]:
    """Verdicts by the asset as it was written: those of its partitions together."""
    parts: dict[str, list[Sequence[Verdict]]] = {}
    for name, each in verdicts.items():
        parts.setdefault(split(name)[0], []).append(each)
    return {
        name: [replace(one, asset=name) for one in together(each)] if len(each) > 1 else each[0]
        for name, each in parts.items()
    }


def _worst(found: Sequence[Verdict]) -> Verdict:
    worst = min(found, key=lambda one: _RANK[one.outcome])
    if worst.outcome == "passed":
        return worst
    count = sum(one.outcome == worst.outcome for one in found)
    told = f"{count:,} of {len(found):,} partitions: {shown_part(split(worst.asset)[1])}"
    return replace(worst, message=f"{told}: {worst.message}" if worst.message else told)
