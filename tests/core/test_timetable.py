"""The file that says since when schedules count: written by several at once, spoiled, grown large."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from bakehouse.core.store import timetable
from bakehouse.core.store.timetable import Entry, Timetable


def entry(since: float = 1.0, *, paused: bool = False) -> Entry:
    return Entry("0 7 * * 5", "Europe/Berlin", since, paused)


def test_what_several_change_at_once_is_all_kept(tmp_path: Path) -> None:
    def change(number: int) -> None:
        for part in range(10):
            Timetable(tmp_path).change({f"s{number}-{part}": entry(number)})

    threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Timetable(tmp_path).entries()) == 80
    assert stat.S_IMODE((tmp_path / "schedules.json").stat().st_mode) == 0o600


def test_the_first_to_note_a_schedule_says_since_when_it_counts(tmp_path: Path) -> None:
    first, second = Timetable(tmp_path), Timetable(tmp_path)
    first.change({"s": entry(5)}, new_only=True)
    stamp = first.stamp()
    assert second.change({"s": entry(9)}, new_only=True) == {"s": entry(5)}
    assert first.stamp() == stamp, "nothing was written"
    second.change({"s": entry(9)})
    assert first.entries() == {"s": entry(9)} and first.stamp() != stamp


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"schema": 2, "schedules": {}}',
        '{"schema": 1, "schedules": {"s": {"cron": 1, "timezone": "UTC", "since": 1, "paused": false}}}',
        '{"schema": 1, "schedules": {"s": {"cron": "x", "timezone": "UTC", "since": 1e99, "paused": false}}}',
        "[" * 100_000,
    ],
)
def test_a_file_that_cannot_be_understood_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "schedules.json").write_text(text)
    assert Timetable(tmp_path).entries() == {}
    Timetable(tmp_path).change({"s": entry()})
    assert Timetable(tmp_path).entries() == {"s": entry()}


def test_it_does_not_grow_for_ever_and_forgets_no_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timetable, "_MANY", 10)
    Timetable(tmp_path).change({f"old{n}": entry(paused=n == 3) for n in range(11)})
    Timetable(tmp_path).change({"new": entry()}, new_only=True)
    assert Timetable(tmp_path).entries().keys() == {"old3", "new"}
