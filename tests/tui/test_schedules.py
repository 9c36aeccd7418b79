"""Schedules on the screen: slots that come while it is open, and their page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.workbench import Workbench
from bakehouse.tui.background import timekeeper

BREAD = """
assets:
  bread: {shell: 'echo x >> ../journal; echo bread > "$OUTPUT"'}
schedules:
  hourly: {cron: '0 * * * *', select: bread, force: true}
  weekly: {cron: '0 7 * * 5', timezone: Europe/Berlin, description: "[b]not markup[/b]"}
"""
START = datetime(2026, 5, 4, 9, 30, tzinfo=UTC).timestamp()


@pytest.fixture
def bakery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(timekeeper, "LOOK", 0.02)
    folder = tmp_path / "bakery"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(BREAD)
    return folder


class Clock:
    now = START

    def __call__(self) -> float:
        return self.now


async def test_a_slot_that_comes_while_the_screen_is_open_runs_and_says_so(
    screen: Callable[..., Any], bakery: Path
) -> None:
    clock = Clock()
    async with screen(bakery, bench=Workbench, watching=True, clock=clock, size=(140, 30)) as s:
        store = s.bench.store
        await s.until(lambda: (store.folder / "schedules.json").exists(), "it is known since when they count")
        assert store.runs() == []
        clock.now = START + 1800
        await s.until(lambda: [run.status for run in store.runs()] == ["succeeded"], "the run of the slot")
        (run,) = store.runs()
        assert (run.schedule, run.slot) == ("hourly", int(START + 1800))
        for clock.now in (START + 1801, START + 1799, START + 1860):
            await s.pilot.pause(0.1)
        assert len(store.runs()) == 1 and (bakery.parent / "journal").read_text() == "x\n"
        s.app.side.go_to_tab("history")
        await s.until(lambda: "1 succeeded  by hourly" in s.text, "history says what began it")


async def test_the_page_of_schedules_pauses_resumes_and_runs_one(
    screen: Callable[..., Any], bakery: Path
) -> None:
    clock = Clock()
    async with screen(bakery, bench=Workbench, watching=True, clock=clock, size=(120, 40)) as s:
        await s.press("H")
        await s.sees("p pauses")
        assert "At 07:00 on Friday, Europe/Berlin" in s.text, "the page is whole as soon as it is there"
        assert "in 30 min: Mon 2026-05-04 10:00 UTC" in s.text and "[b]not markup[/b]" in s.text
        assert s.text.count("not run yet") == 2
        await s.press("j", "p")
        await s.until(lambda: "› weekly  paused" in s.text, "paused")
        await s.press("p")
        await s.until(lambda: "paused" not in s.text.replace("p pauses", ""), "resumed")
        await s.press("k", "m")
        await s.until(lambda: [run.status for run in s.bench.store.runs()] == ["succeeded"], "the run")
        (run,) = s.bench.store.runs()
        assert (run.schedule, run.slot) == ("hourly", None)
        said = [one.command for one in s.app.echo.said]
        assert [words.split(" schedule", 1)[1] for words in said] == [
            "",
            " pause weekly",
            " resume weekly",
            " fire hourly",
        ]


async def test_nothing_runs_by_itself_on_the_screen_of_a_project_that_is_not_trusted(
    screen: Callable[..., Any], bakery: Path
) -> None:
    clock = Clock()
    async with screen(bakery, bench=Workbench, watching=True, clock=clock, trust=False) as s:
        await s.until(lambda: "Trust this project?" in s.text, "the question")
        assert "each when you ask for it, or a schedule does:" in s.text
        assert "2 schedules run by themselves while a screen of this project is open:" in s.text
        assert "0 7 * * 5  Europe/Berlin" in s.text
        for clock.now in (START, START + 1800, START + 3600):
            await s.pilot.pause(0.1)
        assert s.bench.store.runs() == [] and not (s.bench.store.folder / "schedules.json").exists()


async def test_a_project_without_schedules_says_how_to_make_one(
    screen: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text("assets: {flour: {}}\n")
    async with screen(folder, bench=Workbench, watching=True) as s:
        await s.press("H")
        await s.until(lambda: "This project has no schedules" in s.text, "the page")
