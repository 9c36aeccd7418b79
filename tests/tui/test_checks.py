"""Checks on the screen: a dot for each, rows that fail, live as a run tells them, and of partitions together."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.verdicts import Outcome, Verdict
from bakehouse.core.workbench import Workbench
from bakehouse.tui.projection.verdicts import MOST, dots, together

YAML = """
pipeline: shop
partitions: {month: {monthly: {start: 2013-01, end: 2013-03}}}
assets:
  rows: {file: rows.csv}
  orders:
    deps: [rows]
    sql: select * from rows
    checks:
      - not_null: id
      - {accepted_values: {column: status, values: [open]}, severity: warn}
      - {expression: amount > 0, name: positive}
  by_month:
    partitions: month
    deps: [orders]
    sql: select * from orders where month = $partition
    checks: [{row_count: {min: 1}}]
"""
GOOD = "id,amount,status,month\n1,5,open,2013-01\n2,7,paid,2013-02\n3,1,open,2013-03\n"
Opener = Callable[..., Any]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "bakehouse.yaml").write_text(YAML)
    (root / "rows.csv").write_text(GOOD)
    return root


def line_of(s: Any, name: str) -> str:
    rows: list[str] = [line[:72] for line in s.text.splitlines()[2:]]
    return next((row for row in rows if re.search(rf"[^\w\s] {name} ", row)), "")


async def test_dots_tell_what_checks_came_to_as_the_run_tells_them(shop: Path, screen: Opener) -> None:
    async with screen(shop, size=(140, 40)) as s:
        assert "orders ◦◦◦" in line_of(s, "orders") and "by_month ◦" in line_of(s, "by_month")
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        s.run.tell("step_started", "orders", attempt=1)
        for kind, check, severity in (
            ("check_passed", "not_null(id)", "error"),
            ("check_failed", "accepted_values(status)", "warn"),
            ("check_failed", "positive", "error"),
        ):
            s.run.tell_of(kind, "orders", "orders", check=check, severity=severity, message="2 of 3 rows: odd",
                          failing=5, total=9, columns=["id", "amount"], rows=[[1, -5], [2, "a\x1b[2Jb"]])  # fmt: skip
        await s.until(lambda: "orders •!✗" in line_of(s, "orders"), "the dots")
        await s.go("orders")
        await s.sees("checks      • not_null(id)", "✗ positive  2 of 3 rows: odd", "-5", "and 3 more")
        assert "\x1b" not in s.text and "␛[2J" in s.text


async def test_after_a_run_they_are_what_the_ledger_tells(shop: Path, screen: Opener) -> None:
    async with screen(shop, size=(140, 40), bench=Workbench, clock=time.time) as s:
        await s.press("a")
        await s.until(lambda: "orders •!•" in line_of(s, "orders"), "the dots")
        await s.until(lambda: "by_month •" in line_of(s, "by_month"), "those of all months")
    (shop / "rows.csv").write_text(GOOD.replace("7,paid", "-7,paid"))
    async with screen(shop, size=(140, 40), bench=Workbench, clock=time.time) as s:
        await s.press("a")
        await s.until(lambda: "orders •!✗" in line_of(s, "orders"), "the dots")
        await s.go("orders")
        await s.sees("✗ positive", "-7")
        await s.sees("1 failed", "version")


def verdict(outcome: Outcome, part: str = "", check: str = "c") -> Verdict:
    return Verdict(f"a\x1f{part}" if part else "a", check, outcome, "1 of 2 rows: odd")


def test_of_many_checks_those_that_ask_for_attention_are_shown() -> None:
    many = [verdict("passed", check=str(n)) for n in range(20)] + [verdict("failed", check="last")]
    shown = dots(many)
    assert shown[0] == ("✗", "failed") and shown[-1] == ("+13", "muted") and len(shown) == MOST + 1
    assert [sign for sign, _ in dots([verdict("passed"), verdict("warned")], ascii_only=True)] == ["*", "!"]


def test_of_partitions_the_worst_is_told_and_how_many_are_so() -> None:
    (one,) = together(
        [[verdict("passed", "2013-01")], [verdict("failed", "2013-02")], [verdict("failed", "2013-03")]]
    )
    assert (one.outcome, one.message) == ("failed", "2 of 3 partitions: 2013-02: 1 of 2 rows: odd")
    assert [v.outcome for v in together([[verdict("passed", "x")], [verdict("never", "y")]])] == ["never"]
