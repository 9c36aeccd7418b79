"""The History and Why tabs: what the thing under the cursor has been, and what has changed since."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.model import Materialization, Stored
from bakehouse.tui.panes.history import history_lines, moment

NOON = time.mktime((2026, 3, 4, 12, 0, 0, 0, 0, -1))


def made(seq: int, version: str, ts: float, asset: str = "bread") -> Materialization:
    value = Stored("json", "d" * 64, 2048, version * 64)
    return Materialization(asset, "bake", value, f"run-{seq}", seq, ts, 65.0, {"loaves": seq})


def words(*values: Materialization) -> list[str]:
    return ["".join(bit.text for bit in line) for line in history_lines([], values, NOON)]


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


def test_a_value_that_was_made_current_again_is_told_so() -> None:
    older = made(1, "a", NOON - 120)
    again = replace(older, seq=3)
    told = words(again, made(2, "b", NOON - 60), older)
    assert "restored" in told[0] and "changed" in told[1] and "restored" not in told[2]


def test_only_what_is_not_from_today_has_a_date() -> None:
    assert moment(NOON, NOON) == "12:00:00" and moment(NOON - 86400, NOON) == "2026-03-03 12:00"


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
