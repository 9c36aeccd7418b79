"""The History and Why tabs: what the thing under the cursor has been, and what has changed since."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.history import Idle
from bakehouse.core.model import Materialization, Stored
from bakehouse.core.store.store import RunSummary
from bakehouse.tui.panes.history import history_lines, moment
from bakehouse.tui.panes.plots import plot, sparkline
from bakehouse.tui.panes.trends import trend_lines

NOON = time.mktime((2026, 3, 4, 12, 0, 0, 0, 0, -1))


def made(seq: int, version: str, ts: float, asset: str = "bread") -> Materialization:
    value = Stored("json", "d" * 64, 2048, version * 64)
    return Materialization(asset, "bake", value, f"run-{seq}", seq, ts, 65.0, {"loaves": seq})


def words(*values: Materialization, restored: Mapping[int, float] = {}) -> list[str]:
    return ["".join(bit.text for bit in line) for line in history_lines([], values, NOON, restored)]


def test_a_value_is_told_with_its_time_duration_size_run_and_whether_it_changed() -> None:
    today, older, oldest = words(
        made(3, "b", NOON - 60), made(2, "a", NOON - 86400), made(1, "a", NOON - 2 * 86400)
    )[:3]
    assert today.split() == ["11:59:00", "changed", "1:05", "2.0", "KiB", "bbbbbbbb", "run-3", "loaves=3"]
    assert older.split()[:2] == ["2026-03-03", "12:00"] and "same" in older
    assert "same" not in oldest and "changed" not in oldest and "run-1" in oldest


def test_the_values_of_a_task_that_makes_several_are_compared_each_with_its_own() -> None:
    first, second, *_ = words(made(3, "b", NOON), made(2, "a", NOON, "crust"), made(1, "b", NOON))
    assert "bread" in first and "same" in first and "crust" in second and "same" not in second


def test_runs_with_nothing_to_do_are_one_line_of_the_history() -> None:
    ran = RunSummary("r2", 2, NOON - 60, NOON - 59, "succeeded", "", 2, 1, {"succeeded": 1})
    idle = Idle([replace(ran, run=f"r{n}", started=NOON - 3600 * n, counts={"reused": 4}) for n in (3, 4, 5)])
    *_, first, second = ("".join(bit.text for bit in line) for line in history_lines([ran, idle], [], NOON))
    assert "1 succeeded" in first
    assert second.split(maxsplit=1) == ["09:00:00", "3 runs with nothing to do, since 07:00:00"]


def test_a_value_that_was_made_current_again_is_told_so() -> None:
    older = made(1, "a", NOON - 120)
    again = replace(older, seq=3)
    told = words(again, made(2, "b", NOON - 60), older, restored={3: NOON - 5})
    assert (
        told[0].startswith("11:59:55")
        and "restored" in told[0]
        and "changed" in told[1]
        and "restored" not in told[2]
    )


def test_only_what_is_not_from_today_has_a_date() -> None:
    assert moment(NOON, NOON) == "12:00:00" and moment(NOON - 86400, NOON) == "2026-03-03 12:00"


def test_a_line_of_bars_keeps_the_peaks_and_stays_in_its_cells() -> None:
    assert sparkline([1, 2, 8], 10) == "▁▂█" and sparkline([1, 2, 8], 10, ascii_only=True) == "_.@"
    assert sparkline([5, 5], 10) == "▅▅" and sparkline([], 10) == ""
    calm = [1.0] * 500
    assert sparkline([*calm, *calm[:7], 9.0, *calm], 20).count("█") == 1
    assert len(sparkline([float("nan"), -1e308, 1e308, float("inf")], 9)) == 2


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=200), st.integers(1, 30), st.booleans()
)
def test_a_plot_of_any_numbers_stays_in_its_cells(values: list[float], width: int, plain: bool) -> None:
    rows = plot(values, width, 3, ascii_only=plain)
    assert len(rows) == 3 and all(len(row) <= width for row in rows)
    assert all(row.isascii() for row in rows) or not plain


def test_a_plot_draws_the_highest_at_the_top_and_the_newest_at_the_right() -> None:
    assert plot([0, 1, 2, 2], 10, 3, ascii_only=True) == ["  **", " *", "*"]
    top, middle, bottom = plot(list(range(24)), 12, 3)
    assert top.strip("⠀") and not top[:7].strip("⠀") and not bottom[5:].strip("⠀") and middle.strip("⠀")


def test_trends_tell_least_most_and_last_of_duration_size_and_numbers_in_words() -> None:
    values = [
        replace(made(n, "a", NOON - n), metadata={"loaves": n * n, "oven": "hot", "ok": True})
        for n in range(9)
    ]
    told = ["".join(bit.text for bit in line) for line in trend_lines(list(reversed(values)))]
    assert told[0].startswith("duration") and "min 1:05 · max 1:05 · last 1:05" in told[0]
    assert "min 2.0 KiB" in told[1] and "min 0 · max 64 · last 64" in told[2] and told[2].startswith("loaves")
    assert not [line for line in told if "oven" in line or "ok" in line]
    assert trend_lines(values[:1]) == []
    huge = [replace(one, metadata={"n": 10**400, "x": float("inf")}) for one in values]
    assert len(trend_lines(huge)) == 3
    assert all(bit.text.isascii() for line in trend_lines(values, ascii_only=True) for bit in line)


async def test_all_runs_are_reached_page_by_page(
    tmp_path: Path, screen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bakehouse.yaml").write_text(SIEVE)
    monkeypatch.setattr("bakehouse.tui.panes.past.RUNS", 2)
    monkeypatch.setattr("bakehouse.tui.background.sidework.RUNS", 2)
    program = [
        sys.executable,
        "-m",
        "bakehouse",
        "-C",
        str(tmp_path),
        "--trust",
        "-q",
        "materialize",
        "--force",
        "flour",
    ]
    for _ in range(5):
        await asyncio.to_thread(subprocess.run, program, check=True, capture_output=True)
    async with screen(tmp_path, size=(120, 50)) as s:
        s.app.side.go_to_tab("history")
        await s.go("flour")
        await s.press("tab", "z")
        await s.sees("older ones: Enter shows 2 more", "duration", "last ")
        roll, runs = s.app.side.roll, [run.run for run in s.bench.history()]
        for count in (4, 5):
            await s.press("G", "enter")
            await s.until(lambda: roll.target in runs, "the cursor stays on a run")
            await s.until(
                lambda n=count: sum(to in runs for to in roll._targets.values()) == 5 + n, "a page more"
            )
        await s.press("G")
        assert roll.target == runs[-1] and "older ones" not in s.text


async def test_the_history_tab_follows_the_cursor(cookies: Path, screen: Callable[..., Any]) -> None:
    program = [sys.executable, "-m", "bakehouse", "-C", str(cookies / "one_cookie.yaml"), "--trust", "-q"]
    await asyncio.to_thread(subprocess.run, [*program, "materialize"], check=True, capture_output=True)
    async with screen(cookies / "one_cookie.yaml") as s:
        s.app.side.go_to_tab("history")
        await s.go("cookie_dough")
        await s.sees("runs of the project", "3 succeeded")
        assert "never made" not in s.text
        await s.go("wet_ingredients")
        await s.sees("never made", "3 succeeded")


SIEVE = """
assets:
  flour: {shell: 'for n in $(seq 100); do echo sifted $n; done; echo flour > "$OUTPUT"'}
  dough: {deps: [flour], shell: 'printf "mixing \\033[2Jdone\\n"; test -e ../oven || exit 3; cat "$flour" > "$OUTPUT"'}
  bread: {deps: [dough], shell: 'cat "$dough" > "$OUTPUT"'}
"""


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_enter_opens_a_past_run_then_a_step_of_it_and_escape_goes_back(
    tmp_path: Path, screen: Callable[..., Any], size: tuple[int, int]
) -> None:
    folder = tmp_path / "mill"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(SIEVE)
    program = [sys.executable, "-m", "bakehouse", "-C", str(folder), "--trust", "-q", "materialize"]
    failed = await asyncio.to_thread(subprocess.run, program, capture_output=True)
    (tmp_path / "oven").touch()
    await asyncio.to_thread(subprocess.run, program, check=True, capture_output=True)
    assert failed.returncode == 1
    async with screen(folder, size=size) as s:
        newest, first = [run.run for run in s.bench.history()]
        s.app.side.go_to_tab("history")
        await s.press("tab", "z")
        await s.sees("Enter opens one", newest, "Enter Open")
        await s.press("G", "enter")
        await s.sees(f"run {first}  failed", "failed", "flour", "exit", "blocked", "by dough", "Esc Back")
        assert s.app.side.roll.target == "flour"
        await s.press("j", "enter")
        await s.sees(f"dough  in run {first}", "mixing", "done", "was never made")
        assert "\x1b" not in s.text
        await s.press("enter")
        await s.sees("there is nothing here to open")
        await s.press("escape")
        await s.sees(f"run {first}  failed")
        assert s.app.side.roll.target == "dough", "the cursor is where it was"
        await s.press("k", "enter")
        await s.sees(f"flour  in run {first}", "sifted 1")
        await s.press("G")
        await s.sees("sifted 100")
        await s.press("escape")
        await s.sees(f"run {first}  failed")
        await s.press("escape")
        await s.sees("Enter opens one")
        assert s.app.side.roll.target == first and s.app.zoomed
        await s.press("g", "enter")
        await s.sees(f"run {newest}  succeeded", "1 more was reused", "dough", "bread")
        await s.press("escape", "escape")
        await s.sees("Assets")
        assert s.bench.told is None, "nothing was planned or run"


async def test_a_run_that_is_open_gives_way_when_the_cursor_goes_on(
    tmp_path: Path, screen: Callable[..., Any]
) -> None:
    (tmp_path / "bakehouse.yaml").write_text(SIEVE)
    program = [
        sys.executable,
        "-m",
        "bakehouse",
        "-C",
        str(tmp_path),
        "--trust",
        "-q",
        "materialize",
        "flour",
    ]
    await asyncio.to_thread(subprocess.run, program, check=True, capture_output=True)
    async with screen(tmp_path) as s:
        s.app.side.go_to_tab("history")
        await s.go("flour")
        await s.press("tab")
        await s.until(lambda: s.app.side.roll.target, "the values of flour")
        await s.press("enter")
        await s.sees("run 2", "  succeeded", "by process")
        await s.press("tab", "k")
        await s.sees("Enter opens one", "dough")


async def test_the_why_tab_shows_the_line_that_changed(tmp_path: Path, screen: Callable[..., Any]) -> None:
    columns = "".join(f"        {n} as column_{n},\n" for n in range(40))
    query = f"assets:\n  wide:\n    sql: |\n      select\n{columns}        1 as last\n"
    (tmp_path / "bakehouse.yaml").write_text(query)
    program = [sys.executable, "-m", "bakehouse", "-C", str(tmp_path), "--trust", "-q", "materialize"]
    await asyncio.to_thread(subprocess.run, program, check=True, capture_output=True)
    (tmp_path / "bakehouse.yaml").write_text(query.replace("1 as last", "2 as last"))
    async with screen(tmp_path) as s:
        s.app.side.go_to_tab("why")
        await s.go("wide")
        await s.sees("config changed", "line 40:", "1 as last", "2 as last")
        assert "column_1," not in s.text and "␊" not in s.text
