"""`bakehouse schedule`: listed, fired, paused, kept open without a screen, ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bakehouse.core.store.timetable import Entry, Timetable

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def scheduled(project: Path, call: Call) -> Path:
    """Bread each Friday; and a schedule whose latest slot is one that nobody has seen, if a test wants one."""
    text = (project / "bakehouse.yaml").read_text()
    (project / "bakehouse.yaml").write_text(
        text
        + "schedules:\n  friday: {cron: '0 7 * * 5', timezone: Europe/Berlin, select: bread, catch_up: one}\n"
    )
    return project


def as_if_known_since(project: Path, name: str, days: float) -> None:
    since = time.time() - days * 86400
    Timetable(project / ".bakehouse").change({name: Entry("0 7 * * 5", "Europe/Berlin", since)})


@pytest.fixture
def keeping(scheduled: Path, environ: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "bakehouse", "-C", str(scheduled), "schedule", "run", *words]
        env = environ | {"BAKEHOUSE_TRUST": "1"}
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_list_tells_when_each_comes_and_what_it_did(scheduled: Path, call: Call) -> None:
    told = json.loads(call("schedule", "--json").stdout)
    (friday,) = told["schedules"]
    assert (told["schema"], friday["cron"], friday["timezone"], friday["select"]) == (
        1,
        "0 7 * * 5",
        "Europe/Berlin",
        "bread",
    )
    coming = datetime.fromtimestamp(friday["next"], UTC)
    assert timedelta(0) < coming - datetime.now(UTC) <= timedelta(days=8)
    assert (coming.weekday(), coming.hour in (5, 6), coming.minute) == (4, True, 0)
    assert (friday["last"], friday["missed"], friday["paused"]) == (None, None, False)
    plain = call("schedule", "ls").stdout
    assert "At 07:00 on Friday, Europe/Berlin" in plain and "not run yet" in plain and "next    in " in plain


def test_a_schedule_that_is_fired_by_hand_says_so_in_the_history(scheduled: Path, call: Call) -> None:
    done = call("schedule", "fire", "friday", "--json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["schedule"] == "friday" and "slot" not in events[0]
    (run,) = json.loads(call("runs", "--json").stdout)["runs"]
    assert (run["schedule"], run["slot"], run["status"]) == ("friday", None, "succeeded")
    assert "by the schedule friday" in call("runs").stdout
    assert json.loads(call("schedule", "--json").stdout)["schedules"][0]["last"]["run"] == run["run"]
    wrong = call("schedule", "fire", "fryday")
    assert wrong.returncode == 2 and "did you mean friday?" in wrong.stderr


def test_a_slot_that_passed_is_made_up_for_once_and_told(scheduled: Path, call: Call) -> None:
    assert call("ls").returncode == 0
    as_if_known_since(scheduled, "friday", days=22)
    for times in (1, 2):
        done = call("schedule", "run", "--once", "--json")
        assert done.returncode == 0, done.stderr
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert len([one for one in events if one["event"] == "run_started"]) == (1 if times == 1 else 0)
    (run,) = json.loads(call("runs", "--json").stdout)["runs"]
    assert run["schedule"] == "friday" and run["slot"] < time.time()
    (friday,) = json.loads(call("schedule", "--json").stdout)["schedules"]
    assert friday["missed"]["count"] in (2, 3) and friday["last"]["slot"] == run["slot"]
    assert "missed  " in call("schedule").stdout
    assert call("doctor", "--replay").returncode == 0


def test_a_slot_that_is_skipped_is_told_as_missed(scheduled: Path, call: Call) -> None:
    path = scheduled / "bakehouse.yaml"
    path.write_text(path.read_text().replace("catch_up: one", "catch_up: skip"))
    call("ls")
    as_if_known_since(scheduled, "friday", days=22)
    done = call("schedule", "run", "--once")
    assert done.returncode == 0 and done.stdout.startswith("missed of friday: 3 slots"), done.stdout
    assert json.loads(call("runs", "--json").stdout)["runs"] == []
    assert call("schedule", "run", "--once").stdout == ""


def test_a_pause_is_kept_until_it_is_taken_back(scheduled: Path, call: Call) -> None:
    assert "friday: paused" in call("schedule", "pause", "friday").stderr
    assert "friday: paused already" in call("schedule", "pause", "friday").stderr
    told = call("schedule").stdout
    assert "friday  (paused)" in told and "next    paused" in told
    assert "friday: resumed" in call("schedule", "resume", "friday").stderr
    assert json.loads(call("schedule", "--json").stdout)["schedules"][0]["next"]


def test_nothing_of_an_untrusted_project_is_kept_open(scheduled: Path, call: Call) -> None:
    for words in (("run",), ("run", "--once"), ("fire", "friday")):
        assert call("schedule", *words, trusted=False).returncode == 5
    assert call("schedule", trusted=False).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(keeping: Callable[..., subprocess.Popen[str]], number: int) -> None:
    process = keeping()
    assert process.stderr is not None and "1 schedule, the next slot is at Fri" in process.stderr.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (128 + number, "") and "Traceback" not in err


def test_a_signal_ends_the_run_under_way_first(
    scheduled: Path, call: Call, keeping: Callable[..., subprocess.Popen[str]]
) -> None:
    path = scheduled / "bakehouse.yaml"
    path.write_text(path.read_text().replace('\'cat "$dough" > "$OUTPUT"\'', "'sleep 300'"))
    call("ls")
    as_if_known_since(scheduled, "friday", days=22)
    process = keeping()
    assert process.stdout is not None
    for line in process.stdout:
        if "bake started" in line:
            break
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143
    (run,) = json.loads(call("runs", "--json").stdout)["runs"]
    assert run["status"] == "cancelled"


def test_definitions_that_are_edited_are_read_again_and_broken_ones_change_nothing(
    scheduled: Path, call: Call, keeping: Callable[..., subprocess.Popen[str]]
) -> None:
    call("ls")
    since = time.time() - 3600
    Timetable(scheduled / ".bakehouse").change({"often": Entry("* * * * *", "UTC", since)})
    process = keeping()
    assert process.stdout is not None and process.stderr is not None
    assert "1 schedule, " in process.stderr.readline()
    path = scheduled / "bakehouse.yaml"
    right = path.read_text()
    path.write_text(right + "  often: {cron: '* * * *'}\n")
    said = [process.stderr.readline() for _ in range(2)]
    assert "what was read before stands" in said[0] and "must have five fields" in said[1]
    path.write_text(right + "  often: {cron: '* * * * *', catch_up: one, select: dough}\n")
    assert ", by the schedule often: 1 to run" in process.stdout.readline()
    process.terminate()
    _, err = process.communicate(timeout=30)
    assert "can be read again" in err


def test_the_unit_of_systemd_names_this_project_and_is_only_printed(
    tmp_path: Path, scheduled: Path, call: Call, environ: dict[str, str]
) -> None:
    odd = tmp_path / 'a "b" $HOME 100%'
    scheduled.rename(odd)
    done = call("schedule", "install", "--print", at=odd)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("ExecStart=")]
    quoted = str(odd).replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    assert line == f'ExecStart="{sys.executable}" "-m" "bakehouse" "-C" "{quoted}" "schedule" "run"'
    assert "SuccessExitStatus=143" in done.stdout and "WantedBy=default.target" in done.stdout
    assert not (tmp_path / ".config").exists()
    assert call("schedule", "install", at=odd, XDG_CONFIG_HOME=str(tmp_path / "config")).returncode == 0
    (unit,) = (tmp_path / "config" / "systemd" / "user").iterdir()
    assert unit.read_text() == done.stdout and os.access(unit, os.R_OK)
