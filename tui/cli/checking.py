"""The checks of an asset on the command line: what they came to, with rows that fail, and how it was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...core.model import State
from ...core.verdicts import Verdict, history, latest
from ...core.workbench import Workbench
from ..paint.sanitize import clean, one_line
from ..projection.verdicts import by_asset
from .output import mark, moment, print_columns, print_json, print_line, talk

_STATES: Mapping[str, State] = {
    "passed": State.FRESH,
    "warned": State.STALE,
    "failed": State.FAILED,
    "never": State.NEVER,
}
_WIDEST = 60


def print_checks(bench: Workbench, asset: str, limit: int, as_json: bool, quiet: bool) -> int:
    """Of what is divided, those of all its partitions together. Exits with 1 where a check that blocks does not hold,
    or there is none."""
    verdicts = latest(bench.store, bench.survey())
    now = verdicts.get(asset) or by_asset(verdicts).get(asset, ())
    before = history(bench.store, asset, max(1, limit))
    if as_json:
        told = [one.as_json() for one in now]
        print_json(
            {"schema": 1, "asset": asset, "checks": told, "history": [one.as_json() for one in before]}
        )
    else:
        for one in now:
            _print(one)
        past = [one for one in before if one.run not in {verdict.run for verdict in now}]
        print_columns([_row(one) for one in past])
        if not now:
            talk(f"{clean(asset)} has no checks (checks: in its definition, or @check)", quiet)
        elif asset not in verdicts:
            talk("these are of all its partitions together (--partition KEY: of one, with its past)", quiet)
    return int(not now or any(one.outcome == "failed" for one in now))


def _print(one: Verdict) -> None:
    message = f": {clean(one.message)}" if one.message else ""
    print_line(f"{mark(_STATES[one.outcome])} {clean(one.check)}  {one.outcome}{message}")
    if one.rows:
        print_columns([("   ", *map(clean, one.columns)), *(("   ", *map(_cell, row)) for row in one.rows)])


def _row(one: Verdict) -> tuple[str, ...]:
    when = moment(one.ts) if one.ts is not None else ""
    return (mark(_STATES[one.outcome]), clean(one.check), one.outcome, when, clean(one.message))


def _cell(value: object) -> str:
    text = one_line("null" if value is None else str(value))
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def failing_lines(verdicts: Mapping[str, Sequence[Verdict]]) -> list[str]:
    """One line for each check that did not hold the last time."""
    found = [one for each in verdicts.values() for one in each if one.outcome in ("failed", "warned")]
    return [
        f"{mark(_STATES[one.outcome])} {clean(one.asset)}: {clean(one.check)}  {clean(one.message)}"
        for one in found
    ]
