"""Slots of schedules and time: each at most once, whoever is open, whatever dies, wherever the clock goes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from harness.bakery import until

from bakehouse.core.agenda import agenda, pause
from bakehouse.core.clockwork import Clockwork, News
from bakehouse.core.plan import Plan
from bakehouse.core.problems import ProblemError, SlotTaken
from bakehouse.core.schedules.due import Occasion
from bakehouse.core.store.crash import CRASH_POINTS, VARIABLE
from bakehouse.core.store.facts import Batch
from bakehouse.core.store.ledger import LedgerWriter
from bakehouse.core.store.lock import ProjectLock
from bakehouse.core.store.store import Store
from bakehouse.core.workbench import Workbench

PROGRAM = Path(__file__).with_name("ticking.py")
LIMIT = 60
MINUTE, HOUR = 60, 3600
START = int(datetime(2026, 5, 4, 9, 30, tzinfo=UTC).timestamp())
ASSETS = "assets:\n  bread: {shell: 'echo x >> ../journal; echo bread > \"$OUTPUT\"'}\n"


def at(hour: int, minute: int = 0, second: int = 0) -> int:
    return START - 9 * HOUR - 30 * MINUTE + hour * HOUR + minute * MINUTE + second


def defined(*schedules: str) -> str:
    return ASSETS + "schedules:\n" + "".join(f"  {one}\n" for one in schedules)


HOURLY = "hourly: {cron: '0 * * * *', select: bread, force: true}"


class Kept:
    """A project whose schedules are kept in this process, under a clock that the test sets."""

    def __init__(self, root: Path, text: str) -> None:
        self.root = root
        root.mkdir(exist_ok=True)
        self.write(text)
        self.now = float(START)
        self.news: list[News] = []
        self.bench = Workbench.open(root, trust=True)
        self.clockwork = self.anew()

    def anew(self) -> Clockwork:
        self.clockwork = Clockwork(self.bench, self.begin, tell=self.news.append, clock=lambda: self.now)
        return self.clockwork

    async def begin(self, plan: Plan, occasion: Occasion) -> None:
        await self.bench.start(plan, jobs=1, occasion=occasion).wait()

    def write(self, text: str) -> None:
        (self.root / "bakehouse.yaml").write_text(text)

    async def look(self, now: float) -> None:
        self.now = now
        await self.clockwork.look()

    @property
    def runs(self) -> list[int]:
        """The slots that have a run, the earliest run first."""
        return [run.slot for run in reversed(self.bench.store.runs(1000)) if run.slot is not None]

    @property
    def missed(self) -> list[tuple[int, int, int]]:
        rows = [
            row for name in self.bench.definitions.schedules for row in self.bench.store.slots(name, limit=99)
        ]
        return sorted((row.first, row.slot, row.missed) for row in rows if row.missed)


Keep = Callable[..., Kept]


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Keep]:
    made: list[Kept] = []

    def kept(*schedules: str) -> Kept:
        made.append(Kept(tmp_path / "project", defined(*(schedules or (HOURLY,)))))
        return made[-1]

    yield kept
    for one in made:
        one.bench.store.close()


# ---- the clock ----------------------------------------------------------------------------------


@pytest.mark.case("S2")
async def test_wherever_the_clock_is_set_no_slot_runs_twice_and_the_next_one_runs(keep: Keep) -> None:
    kept = keep()
    y1970, y2039 = 9 * HOUR + 5, int(datetime(2039, 1, 1, 0, 30, tzinfo=UTC).timestamp())
    for now in (START, at(10), at(11, 0, 30), at(10, 0, 40), at(10, 59), at(11), y1970, at(11, 5), at(12)):
        await kept.look(now)
    assert kept.runs == [at(10), at(11), at(12)]
    await kept.look(y2039)
    assert kept.missed[-1][:2] == (at(13), y2039 - 30 * MINUTE)
    for now in (at(12, 30), at(13), at(13, 0, 1), y2039, at(13, 59), at(14, 0, 20), at(13, 30), at(14, 1)):
        await kept.look(now)
    assert kept.runs == [at(10), at(11), at(12), at(13), at(14)]


@pytest.mark.case("S2")
async def test_a_run_over_which_the_clock_is_set_is_alive_and_took_no_negative_time(
    keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = keep("hourly: {cron: '0 * * * *', select: bread}")
    kept.write(kept.root.joinpath("bakehouse.yaml").read_text().replace("echo x", "sleep 0.6; echo x"))
    kept.bench.reload()
    real, shift = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + shift[0])
    await kept.look(START)
    looking = asyncio.create_task(kept.look(at(10)))
    alive = []
    for shift[0] in (0.0, 3600.0, -3600.0, 1e9, -1e9):
        await asyncio.to_thread(until, lambda: kept.bench.running is not None or looking.done())
        await asyncio.sleep(0.05)
        alive += [run.status for run in kept.bench.store.runs()]
    await looking
    assert set(alive) == {"running"}
    (run,) = kept.bench.store.runs()
    assert run.status == "succeeded"
    seconds = [event.data["seconds"] for event in kept.bench.store.events(run.run) if "seconds" in event.data]
    assert seconds and min(seconds) >= 0


@pytest.mark.case("S3")
@pytest.mark.parametrize(("policy", "runs", "missed"), [("skip", [], 8), ("one", [at(17)], 7)])
async def test_after_a_long_sleep_there_is_one_run_at_most(
    keep: Keep, policy: str, runs: list[int], missed: int
) -> None:
    kept = keep(HOURLY.replace("force", f"catch_up: {policy}, force"))
    await kept.look(START)
    for second in range(5):
        await kept.look(at(17, 30, second))
    assert kept.runs == runs
    assert kept.missed == [(at(10), at(9 + missed), missed)]
    await kept.look(at(18))
    assert kept.runs == [*runs, at(18)]


@pytest.mark.case("S3")
async def test_while_nothing_was_open_slots_are_missed_too_and_of_each_schedule(keep: Keep) -> None:
    kept = keep(HOURLY, "weekly: {cron: '0 7 * * 1', select: bread, catch_up: one}")
    await kept.look(START)
    kept.anew()
    week = 7 * 24 * HOUR
    await kept.look(START + 2 * week)
    (run,) = kept.bench.store.runs()
    assert (run.schedule, run.slot) == ("weekly", at(7) + 2 * week)
    assert sorted(count for _, _, count in kept.missed) == [1, 2 * 7 * 24]
    assert {(news.kind, news.schedule) for news in kept.news} >= {("missed", "hourly")}


async def test_a_new_schedule_begins_with_its_next_slot(keep: Keep) -> None:
    kept = keep("weekly: {cron: '0 7 * * 1', select: bread, catch_up: one}")
    await kept.look(START)
    assert kept.runs == [] and kept.missed == []


# ---- several processes, and dead ones -----------------------------------------------------------


def ticking(root: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(root)],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until_done(process: subprocess.Popen[str], word: str = "done") -> list[str]:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line.strip())
        if said[-1] == word:
            break
    return said


def tell(process: subprocess.Popen[str], now: float) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{now}\n")
    process.stdin.flush()


@pytest.mark.case("S4")
def test_three_processes_at_a_hundred_slots_make_a_hundred_runs(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "bakehouse.yaml").write_text(defined("minutely: {cron: '* * * * *', select: bread}"))
    three = [ticking(root) for _ in range(3)]
    try:
        for process in three:
            assert until_done(process, "ready") == ["ready"]
        began: list[str] = []
        for number in range(101):
            for process in three:
                tell(process, START + number * MINUTE)
            said = [until_done(process) for process in three]
            assert all(lines and lines[-1] == "done" for lines in said), [p.poll() for p in three]
            began += [line for lines in said for line in lines if line.startswith("began")]
    finally:
        for process in three:
            process.communicate(timeout=LIMIT)
    assert began == [f"began minutely {START + number * MINUTE}" for number in range(1, 101)]
    with Store.open(root / ".bakehouse") as store:
        assert sorted(run.slot or 0 for run in store.runs(1000)) == [
            START + n * MINUTE for n in range(1, 101)
        ]
        assert not [row for row in store.slots("minutely", limit=1000) if row.missed]


FEW = (
    "lock.taken",
    "begin.committed",
    "ledger.begun",
    "ledger.before_commit",
    "ledger.committed",
    "run.released",
)


@pytest.mark.case("S5")
@pytest.mark.parametrize(
    "point",
    [
        point if point in FEW else pytest.param(point, marks=pytest.mark.full)
        for point in CRASH_POINTS[CRASH_POINTS.index("lock.taken") :]
        if not point.startswith(("recover.", "folder.", "log.", "checkpoint.", "value"))
    ],
)
def test_killed_anywhere_between_its_slot_and_its_end_a_run_is_there_once(tmp_path: Path, point: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "bakehouse.yaml").write_text(defined(HOURLY))
    for now in (START, at(10)):
        environment = {VARIABLE: point} if now != START else {}
        process = ticking(root, **environment)
        until_done(process, "ready")
        tell(process, now)
        until_done(process)
        process.communicate(timeout=LIMIT)
        assert process.returncode == (-signal.SIGKILL if now != START else 0), point
    for now in (at(10, 0, 40), at(10, 1)):
        process = ticking(root)
        tell(process, now)
        process.communicate(timeout=LIMIT)
    with Store.open(root / ".bakehouse") as store:
        (run,) = store.runs()
        assert run.slot == at(10) and run.status in ("succeeded", "interrupted")
        assert [row.slot for row in store.slots("hourly", limit=9)] == [at(10)]
        assert store.problems() == []
    journal = tmp_path / "journal"
    times = len(journal.read_text().split()) if journal.exists() else 0
    assert times == 1 if run.status == "succeeded" else times <= 1


@pytest.mark.case("S5")
async def test_no_step_begins_before_the_claim_of_its_slot_is_durable(
    keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = keep()
    await kept.look(START)
    write, begun = LedgerWriter.write, []

    def slow(ledger: LedgerWriter, batch: Batch) -> None:
        if batch.slots:
            time.sleep(1)  # for a step that does not wait
            begun.append((kept.root.parent / "journal").exists())
        write(ledger, batch)

    monkeypatch.setattr(LedgerWriter, "write", slow)
    await kept.look(at(10))
    assert begun == [False] and (kept.root.parent / "journal").exists()


async def test_a_slot_that_is_settled_begins_no_run_whatever_a_process_believes(keep: Keep) -> None:
    kept = keep()
    await kept.look(START)
    await kept.look(at(10))
    plan = kept.bench.plan()
    with pytest.raises(SlotTaken):
        kept.bench.start(plan, occasion=Occasion("hourly", at(10)))
    with ProjectLock.acquire(kept.bench.store.folder):
        pass
    assert len(kept.bench.store.runs()) == 1


# ---- a run in the way, edits, pauses --------------------------------------------------------------


async def test_a_slot_waits_for_the_run_that_holds_the_project(keep: Keep) -> None:
    kept = keep()
    await kept.look(START)
    with ProjectLock.acquire(kept.bench.store.folder, "another"):
        for minute in (0, 1, 5, 45):
            await kept.look(at(10, minute))
        assert kept.clockwork.waiting and kept.runs == [] and kept.missed == []
    await kept.look(at(10, 46))
    assert kept.runs == [at(10)]
    assert [news.kind for news in kept.news] == ["waits"], "told once"


async def test_a_later_slot_takes_the_place_of_one_that_waits(keep: Keep) -> None:
    kept = keep()
    await kept.look(START)
    with ProjectLock.acquire(kept.bench.store.folder, "another"):
        for hour in (10, 11, 12):
            await kept.look(at(hour))
    await kept.look(at(12, 20))
    assert kept.runs == [at(12)] and kept.missed == [(at(10), at(11), 2)]


@pytest.mark.case("S8")
@pytest.mark.parametrize("cron", ["0 * * * *", "30 * * * *", "0 0 1 1 *"])
async def test_a_schedule_that_is_edited_while_it_is_due_runs_its_slot_once(keep: Keep, cron: str) -> None:
    kept = keep()
    await kept.look(START)
    with ProjectLock.acquire(kept.bench.store.folder, "another"):
        await kept.look(at(10))
        kept.write(defined(HOURLY.replace("0 * * * *", cron).replace("bread", "+bread")))
        assert kept.bench.reload()
        await kept.look(at(10, 3))
    for now in (at(10, 4), at(10, 4, 30), at(10, 29)):
        await kept.look(now)
    assert kept.runs == [at(10)]
    for now in (at(10, 30), at(10, 31), at(11), at(11, 1)):
        await kept.look(now)
    assert kept.runs == {"0 * * * *": [at(10), at(11)], "30 * * * *": [at(10), at(10, 30)]}.get(
        cron, [at(10)]
    )
    assert kept.missed == []


@pytest.mark.case("S8")
async def test_an_edit_between_a_slot_and_the_look_at_it_loses_and_doubles_nothing(keep: Keep) -> None:
    kept = keep()
    await kept.look(START)
    kept.write(defined(HOURLY.replace("0 * * * *", "0,1 10 * * *")))
    kept.bench.reload()
    for now in (at(10, 0, 20), at(10, 0, 40), at(10, 1), at(10, 1, 30)):
        await kept.look(now)
    assert kept.runs == [at(10), at(10, 1)]


@pytest.mark.case("S8")
async def test_a_process_that_has_not_read_an_edit_yet_does_not_take_it_back(keep: Keep) -> None:
    kept = keep()
    old = Kept(kept.root, defined(HOURLY))
    for one in (kept, old):
        await one.look(START)
    kept.write(defined(HOURLY.replace("0 * * * *", "45,46 * * * *")))
    kept.bench.reload()
    for second in range(0, 17 * MINUTE, 20):
        for one in (kept, old):
            await one.look(START + second)
    assert kept.runs == [at(9, 45), at(9, 46)] and kept.missed == []
    old.bench.store.close()


async def test_a_paused_schedule_neither_runs_nor_misses_and_goes_on_with_its_next_slot(keep: Keep) -> None:
    kept = keep()
    await kept.look(START)
    assert pause(kept.bench, "hourly", True, START) and not pause(kept.bench, "hourly", True, START)
    for hour in (10, 11, 12):
        await kept.look(at(hour))
    assert agenda(kept.bench, at(12))[0].paused and agenda(kept.bench, at(12))[0].coming is None
    assert pause(kept.bench, "hourly", False, at(12, 30))
    for now in (at(12, 31), at(13)):
        await kept.look(now)
    assert kept.runs == [at(13)] and kept.missed == []
    assert agenda(kept.bench, at(13, 10))[0].coming == at(14)


async def test_nothing_runs_by_itself_in_a_project_that_is_not_trusted(keep: Keep) -> None:
    kept = keep()
    await kept.look(START)
    kept.bench.trusted = False
    await kept.look(at(10))
    assert kept.bench.store.runs() == []


async def test_a_selection_that_fails_is_told_once_and_the_others_run(keep: Keep) -> None:
    kept = keep("a: {cron: '0 * * * *', select: bread}", "b: {cron: '0 * * * *', select: bread, force: true}")

    async def begin(plan: Plan, occasion: Occasion) -> None:
        if occasion.schedule == "a":
            raise ProblemError("the oven is out of order")
        await kept.begin(plan, occasion)

    kept.clockwork = Clockwork(kept.bench, begin, tell=kept.news.append, clock=lambda: kept.now)
    for now in (START, at(10), at(10, 0, 31), at(10, 1, 2)):
        await kept.look(now)
    assert [(news.kind, news.schedule) for news in kept.news if news.kind == "trouble"] == [("trouble", "a")]
    assert [run.schedule for run in kept.bench.store.runs()] == ["b"]


# ---- many ---------------------------------------------------------------------------------------


@pytest.mark.case("S9")
async def test_a_look_at_which_nothing_is_due_asks_no_calendar_of_a_thousand_schedules(keep: Keep) -> None:
    kept = keep(*(f"s{n}: {{cron: '{n % 50 + 5} 12 * * *', select: bread}}" for n in range(999)), HOURLY)
    await kept.look(START)
    assert kept.clockwork.judged == 1000
    for second in range(100):
        await kept.look(START + second)
    assert kept.clockwork.judged == 1000
    await kept.look(at(10))
    assert kept.clockwork.judged == 1001 and kept.runs == [at(10)]
    pause(kept.bench, "s7", True, at(10))
    await kept.look(at(10, 1))
    assert kept.clockwork.judged == 1001


# ---- the data of time zones -----------------------------------------------------------------------


def call(root: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bakehouse", "-C", str(root), *words],
        env={**os.environ, "BAKEHOUSE_TRUST": "1", **environment},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


@pytest.mark.case("S7")
def test_without_data_of_time_zones_that_is_said_and_utc_works(tmp_path: Path) -> None:
    root, hidden = tmp_path / "project", tmp_path / "hidden"
    root.mkdir()
    (hidden / "tzdata").mkdir(parents=True)
    (hidden / "tzdata" / "__init__.py").touch()
    gone = {"PYTHONTZPATH": "", "PYTHONPATH": str(hidden)}
    (root / "bakehouse.yaml").write_text(defined("there: {cron: '@daily', timezone: Europe/Berlin}"))
    assert call(root, "schedule").returncode == 0
    told = call(root, "schedule", **gone)
    assert told.returncode == 2 and "Traceback" not in told.stderr
    assert (
        "bakehouse.yaml:4:37: schedules.there.timezone: this machine has no data of time zones" in told.stderr
    )
    assert "install tzdata" in told.stderr
    (root / "bakehouse.yaml").write_text(defined("here: {cron: '@daily'}"))
    assert call(root, "schedule", **gone).returncode == 0


@pytest.mark.case("S7")
def test_the_zone_of_the_machine_moves_no_slot(tmp_path: Path) -> None:
    (tmp_path / "bakehouse.yaml").write_text(
        defined("there: {cron: '0 7 * * 5', timezone: Pacific/Chatham}", "utc: {cron: '0 7 * * 5'}")
    )
    told = [
        json.loads(call(tmp_path, "schedule", "--json", TZ=zone).stdout)
        for zone in ("Asia/Tokyo", "America/New_York")
    ]
    assert told[0] == told[1]
    there = datetime.fromtimestamp(told[0]["schedules"][0]["next"], UTC)
    assert (there.weekday(), there.minute) == (3, 15), "Friday morning on Chatham is Thursday evening in UTC"
