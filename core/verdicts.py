"""What came of the checks of each asset: the last time, and before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .events import Event, Kind
from .model import Json
from .store.checked import checked_in, checks_of

if TYPE_CHECKING:
    from .store.store import Store
    from .workbench import Snapshot

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
    """Of each asset that has checks what they came to at the last attempt, in the order of its definition. Blocking.
    Of what is divided, those of all partitions."""
    found: dict[str, dict[str, Verdict]] = {}
    whole = look.whole.facts
    attempts = whole.recorded.attempts
    checked = {name: asset for name, asset in whole.graph.assets.items() if asset.checks}
    runs: dict[str, set[str]] = {}
    for asset in checked.values():
        if (last := attempts.get(asset.task or "")) is not None:
            runs.setdefault(last.run, set()).add(asset.name)
    for run, assets in runs.items():
        for event in checked_in(store.reader, run):
            if event.asset in assets:
                found.setdefault(event.asset or "", {})[str(event.data.get("check"))] = verdict_of(event)
    return {
        name: tuple(found.get(name, {}).get(check.name, Verdict(name, check.name)) for check in asset.checks)
        for name, asset in checked.items()
    }


def history(store: Store, asset: str, limit: int = 50) -> list[Verdict]:
    """The last verdicts on an asset, newest first. Blocking."""
    return [verdict_of(event) for event in checks_of(store.reader, asset, limit)]


def counted(verdicts: Mapping[str, Iterable[Verdict]]) -> dict[str, int]:
    """How many checks passed, warned, failed, or were never made."""
    tally = dict.fromkeys(("passed", "warned", "failed", "never"), 0)
    for each in verdicts.values():
        for one in each:
            tally[one.outcome] += 1
    return tally
