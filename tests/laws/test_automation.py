"""Files that are watched and steps that are kept up to date: a run for what changed, none for what did not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.bakery import until

from bakehouse.core.agenda import agenda, pause
from bakehouse.core.automation import Automation
from bakehouse.core.clockwork import News
from bakehouse.core.plan import Plan
from bakehouse.core.problems import SlotTaken
from bakehouse.core.schedules.due import Occasion
from bakehouse.core.store.lock import ProjectLock
from bakehouse.core.workbench import Workbench

WATCHING = """
assets:
  orders: {file: inbox}
  report: {deps: [orders], shell: 'echo x >> journal; cat "$orders"/*.csv > "$OUTPUT"'}
schedules:
  arrivals: {on_change: 'inbox/*.csv', select: report}
"""
KEPT = """
assets:
  flour: {file: flour.txt}
  dough: {deps: [flour], auto: true, shell: 'echo dough >> journal; cat "$flour" > "$OUTPUT"'}
  bread: {deps: [dough], auto: true, shell: 'echo bread >> journal; grep -v bad "$dough" > "$OUTPUT"'}
  photo: {deps: [bread], shell: 'echo photo >> journal; cat "$bread" > "$OUTPUT"'}
"""


class Kept:
    """A project that is looked after in this process."""

    def __init__(self, root: Path, text: str) -> None:
        self.root = root
        root.mkdir(exist_ok=True)
        self.write(text)
        self.news: list[News] = []
        self.ahead = 0.0
        self.bench = Workbench.open(root, trust=True)
        self.open()

    def open(self) -> None:
        self.automation = Automation(self.bench, self.begin, tell=self.news.append, clock=self.now)

    def now(self) -> float:
        return time.time() + self.ahead

    async def begin(self, plan: Plan, occasion: Occasion) -> None:
        await self.bench.start(plan, jobs=1, occasion=occasion).wait()

    def write(self, text: str) -> None:
        (self.root / "bakehouse.yaml").write_text(text)

    def put(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    async def look(self, times: int = 3) -> None:
        """Often enough for a change to be seen twice and dealt with."""
        for _ in range(times):
            await self.automation.look()

    def later(self, seconds: float = 60) -> None:
        """The clock of what is looked after goes on."""
        self.ahead += seconds

    @property
    def journal(self) -> list[str]:
        path = self.root / "journal"
        return path.read_text().split() if path.exists() else []

    @property
    def runs(self) -> int:
        return len(self.bench.store.runs(1000))


Keep = Callable[[str], Kept]


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Keep]:
    made: list[Kept] = []

    def kept(text: str) -> Kept:
        (tmp_path / "project" / "inbox").mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / "inbox" / "a.csv").write_text("1\n")
        (tmp_path / "project" / "flour.txt").write_text("flour\n")
        made.append(Kept(tmp_path / "project", text))
        return made[-1]

    yield kept
    for one in made:
        one.bench.store.close()


# ---- files that are watched ---------------------------------------------------------------------


async def test_a_change_of_content_begins_one_run_and_a_touch_none(keep: Keep) -> None:
    kept = keep(WATCHING)
    await kept.look()
    assert kept.runs == 0
    kept.put("inbox/b.csv", "2\n")
    await kept.look()
    assert kept.journal == ["x"]
    assert kept.bench.store.runs(1)[0].schedule == "arrivals"
    os.utime(kept.root / "inbox" / "b.csv")
    kept.put("inbox/a.csv", "1\n")
    kept.put("inbox/notes.txt", "not meant")
    await kept.look()
    assert kept.runs == 1


async def test_what_goes_away_and_comes_back_is_a_change_each_time(keep: Keep) -> None:
    kept = keep(WATCHING)
    kept.put("inbox/b.csv", "2\n")
    await kept.look()
    (kept.root / "inbox" / "b.csv").unlink()
    await kept.look()
    kept.put("inbox/b.csv", "2\n")
    await kept.look()
    assert kept.runs == 2
    slots = [row.slot for row in kept.bench.store.slots("arrivals", limit=9)]
    assert len(slots) == len(set(slots)) == 2


async def test_a_file_that_is_still_being_written_is_waited_for(keep: Keep) -> None:
    kept = keep(WATCHING)
    await kept.look()
    for line in range(5):
        kept.put("inbox/b.csv", "2\n" * (line + 1))
        await kept.look(1)
    assert kept.runs == 0 and kept.automation.settling
    await kept.look(1)
    assert kept.runs == 1 and not kept.automation.settling


async def test_what_changed_while_nothing_was_open_counts_when_something_is(keep: Keep) -> None:
    kept = keep(WATCHING)
    await kept.look()
    kept.put("inbox/b.csv", "2\n")
    kept.open()
    await kept.look()
    assert kept.runs == 1
    kept.open()
    await kept.look()
    assert kept.runs == 1


async def test_two_processes_that_see_one_change_begin_one_run(keep: Keep) -> None:
    kept, other = keep(WATCHING), keep(WATCHING)
    await kept.look()
    await other.look()
    kept.put("inbox/b.csv", "2\n")
    await asyncio.gather(kept.look(), other.look())
    await asyncio.gather(kept.look(), other.look())
    assert kept.runs == 1


async def test_a_change_that_has_its_run_begins_no_other_whatever_a_process_believes(keep: Keep) -> None:
    kept = keep(WATCHING)
    await kept.look()
    kept.put("inbox/b.csv", "2\n")
    await kept.look()
    content = kept.bench.store.events(kept.bench.store.runs(1)[0].run)[0].data["content"]
    plan = kept.bench.plan(kept.bench.select("report"), force=True)
    with pytest.raises(SlotTaken):
        await kept.begin(plan, Occasion("arrivals", int(time.time()) + 9, content=str(content)))


async def test_a_change_waits_while_another_run_holds_the_project(keep: Keep) -> None:
    kept = keep(WATCHING)
    await kept.look()
    kept.put("inbox/b.csv", "2\n")
    kept.bench.store.furnish()
    with ProjectLock.acquire(kept.bench.store.folder, "a test"):
        await kept.look()
        assert kept.runs == 0
    await kept.look()
    assert kept.runs == 1


async def test_what_changes_while_a_schedule_is_paused_is_let_go(keep: Keep) -> None:
    kept = keep(WATCHING)
    await kept.look()
    assert pause(kept.bench, "arrivals", True)
    kept.put("inbox/b.csv", "2\n")
    await kept.look()
    assert pause(kept.bench, "arrivals", False)
    await kept.look()
    assert kept.runs == 0
    kept.put("inbox/c.csv", "3\n")
    await kept.look()
    assert kept.runs == 1


async def test_an_edit_of_what_is_watched_begins_nothing(keep: Keep) -> None:
    kept = keep(WATCHING)
    await kept.look()
    kept.put("inbox/b.txt", "2\n")
    kept.write(WATCHING.replace("*.csv', select", "*', select"))
    assert kept.bench.reload()
    await kept.look()
    assert kept.runs == 0
    kept.put("inbox/b.txt", "3\n")
    await kept.look()
    assert kept.runs == 1


async def test_too_many_files_are_told_once_and_the_others_are_watched(
    keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bakehouse.core.lookout.MOST_FILES", 1)
    kept = keep(WATCHING + "  other: {on_change: flour.txt, select: report, force: true}\n")
    kept.put("inbox/b.csv", "2\n")
    await kept.look()
    assert [(one.kind, one.schedule) for one in kept.news] == [("trouble", "arrivals")]
    kept.put("flour.txt", "rye\n")
    await kept.look()
    assert len(kept.news) == 1 and kept.runs == 1


# ---- what is kept up to date --------------------------------------------------------------------


async def test_what_is_kept_up_is_made_when_it_is_out_of_date_and_nothing_else_is(keep: Keep) -> None:
    kept = keep(KEPT)
    await kept.look()
    assert kept.journal == ["dough", "bread"] and kept.runs == 1
    assert kept.bench.store.runs(1)[0].schedule == "auto"
    await kept.look()
    assert kept.runs == 1
    kept.put("flour.txt", "rye\n")
    kept.later()
    await kept.look()
    assert kept.journal == ["dough", "bread"] * 2 and kept.runs == 2


async def test_it_is_made_no_more_often_than_is_said(keep: Keep) -> None:
    kept = keep(KEPT.replace("auto: true", "auto: 1h"))
    await kept.look()
    kept.put("flour.txt", "rye\n")
    kept.later(1800)
    await kept.look()
    assert kept.runs == 1
    kept.later(1801)
    await kept.look()
    assert kept.runs == 2


async def test_a_step_that_failed_rests_until_something_has_changed_whoever_is_open(keep: Keep) -> None:
    kept = keep(KEPT)
    kept.put("flour.txt", "bad\n")
    for _ in range(3):
        await kept.look()
        kept.later()
    assert kept.journal == ["dough", "bread"] and kept.runs == 1
    kept.open()
    await kept.look()
    assert kept.runs == 1
    kept.put("flour.txt", "good\n")
    kept.later()
    await kept.look()
    assert kept.journal == ["dough", "bread"] * 2
    runs = kept.runs
    await kept.look()
    assert kept.runs == runs


async def test_a_step_that_failed_is_tried_again_when_its_code_was_mended(keep: Keep) -> None:
    kept = keep(KEPT)
    kept.put("flour.txt", "bad\n")
    await kept.look()
    kept.write(KEPT.replace("grep -v bad", "cat"))
    assert kept.bench.reload()
    kept.later()
    await kept.look()
    assert kept.journal == ["dough", "bread", "bread"] and kept.runs == 2


async def test_what_needs_a_step_that_rests_waits_and_the_rest_goes_on(keep: Keep) -> None:
    text = KEPT.replace("auto: true", "group: plain").replace("photo: {", "photo: {auto: true, ")
    kept = keep(
        text + "  salad: {deps: [flour], auto: true, shell: 'echo salad >> journal; : > \"$OUTPUT\"'}\n"
    )
    kept.put("flour.txt", "bad\n")
    await kept.look()
    kept.later()
    assert sorted(kept.journal) == ["bread", "dough", "salad"]
    await kept.look()
    assert kept.runs == 1


async def test_what_expires_is_made_again_when_it_does(keep: Keep) -> None:
    kept = keep(
        "assets:\n  eggs: {max_age: 1s, auto: 10s, shell: 'echo egg >> journal; date +%N > \"$OUTPUT\"'}\n"
    )
    await kept.look()
    assert kept.journal == ["egg"]
    kept.later(11)
    until(lambda: "eggs" in kept.bench.survey().survey.reasons)
    await kept.look()
    assert kept.journal == ["egg", "egg"]


async def test_paused_nothing_is_kept_up(keep: Keep) -> None:
    kept = keep(KEPT)
    assert pause(kept.bench, "auto", True)
    await kept.look()
    assert kept.runs == 0
    [item] = agenda(kept.bench)
    assert item.schedule.name == "auto" and item.paused
    assert pause(kept.bench, "auto", False)
    await kept.look()
    assert kept.runs == 1


async def test_nothing_is_kept_up_or_watched_in_a_project_that_is_not_trusted(keep: Keep) -> None:
    kept = keep(KEPT + "schedules:\n  arrivals: {on_change: 'inbox/*.csv', select: photo}\n")
    kept.bench.trusted = False
    kept.put("inbox/b.csv", "2\n")
    await kept.look()
    kept.put("inbox/b.csv", "3\n")
    await kept.look()
    assert kept.runs == 0


async def test_a_look_at_which_nothing_is_out_of_date_surveys_nothing(keep: Keep) -> None:
    kept = keep(KEPT)
    await kept.look()
    before = kept.bench.survey().survey
    await kept.look()
    assert kept.bench.survey().survey is before


def test_headless_it_keeps_up_what_changes_and_ends_on_sigterm(tmp_path: Path, keep: Keep) -> None:
    kept = keep(KEPT)
    command = [sys.executable, "-m", "bakehouse", "-C", str(kept.root), "schedule", "run"]
    environ = {**os.environ, "BAKEHOUSE_TRUST": "1"}
    with (tmp_path / "told").open("w") as told:
        process = subprocess.Popen(command, env=environ, stdout=told, stderr=told)
    try:
        until(lambda: kept.journal == ["dough", "bread"])
        kept.write(KEPT.replace('cat "$flour"', 'tac "$flour"'))
        until(lambda: kept.journal[2:3] == ["dough"])
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    assert "2 steps kept up to date" in (tmp_path / "told").read_text()
