"""What came of the checks of each asset: the last time, and before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .events import Event, Kind
from .model import Json
from .store.findings import Findings

if TYPE_CHECKING:
    from .checks.definition import Check
    from .store.store import Store
    from .workbench import Snapshot

_SLACK = 8
"""Results of checks that are not defined any more, which may stand among those that are."""

Outcome = Literal["passed", "warned", "failed", "never"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check of an asset. `rows` are some that failed, by `columns`; `failing` of `total` did, where rows were
    counted. `never` is one that no attempt has come to yet."""

    asset: str
    check: str
    outcome: Outcome = "never"
    message: str = ""
    failing: int | None = None
    total: int | None = None
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Json, ...], ...] = ()
    ts: float | None = None
    run: str = ""

    def as_json(self) -> dict[str, Any]:
        rows = [list(row) for row in self.rows]
        return {
            "check": self.check, "outcome": self.outcome, "message": self.message, "failing": self.failing,
            "total": self.total, "columns": list(self.columns), "rows": rows, "ts": self.ts, "run": self.run or None,
        }  # fmt: skip


def verdict_of(event: Event) -> Verdict:
    """What a `check_passed` or `check_failed` tells."""
    data = event.data
    outcome: Outcome = "passed" if event.kind is Kind.CHECK_PASSED else "failed"
    if outcome == "failed" and data.get("severity") == "warn":
        outcome = "warned"
    return Verdict(
        event.asset or event.task or "",
        str(data.get("check") or ""),
        outcome,
        str(data.get("message") or ""),
        data.get("failing"),
        data.get("total"),
        tuple(map(str, data.get("columns") or ())),
        tuple(tuple(row) for row in data.get("rows") or ()),
        event.ts,
        event.run,
    )


def latest(store: Store, look: Snapshot) -> dict[str, tuple[Verdict, ...]]:
    """Of each asset that has checks what they came to the last time, in the order of its definition. Blocking.
    Of what is divided, those of all partitions."""
    assets = look.whole.facts.graph.assets.items()
    return {
        name: tuple(past[0] for past in pasts(store, name, asset.checks, 1))
        for name, asset in assets
        if asset.checks
    }


def pasts(store: Store, asset: str, checks: Sequence[Check], most: int) -> list[Sequence[Verdict]]:
    """Of each check of an asset its last verdicts, newest first: one that was never made has that one. Blocking."""
    found: dict[str, list[Verdict]] = {check.name: [] for check in checks}
    for one in history(store, asset, len(checks) * most + _SLACK):
        if one.check in found:
            found[one.check].append(one)
    return [found[check.name][:most] or [Verdict(asset, check.name)] for check in checks]


def history(store: Store, asset: str, limit: int = 50) -> list[Verdict]:
    """The last verdicts on an asset, newest first. Blocking."""
    return [verdict_of(event) for event in Findings(store.reader).checks(asset, limit)]


def counted(verdicts: Mapping[str, Iterable[Verdict]]) -> dict[str, int]:
    """How many checks passed, warned, failed, or were never made."""
    tally = dict.fromkeys(("passed", "warned", "failed", "never"), 0)
    for each in verdicts.values():
        for one in each:
            tally[one.outcome] += 1
    return tally
