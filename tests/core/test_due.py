"""Which slots are due, which were missed: the policy alone, under a clock that is handed in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bakehouse.core.schedules.due import GRACE, MOST_COUNTED, Due, Missed, delay, judge
from bakehouse.core.schedules.schedule import CatchUp, Schedule

HOUR = 3600


def at(hour: int, minute: int = 0, second: int = 0, day: int = 4) -> int:
    return int(datetime(2026, 5, day, hour, minute, second, tzinfo=UTC).timestamp())


def hourly(catch_up: CatchUp = "skip", jitter: float = 0) -> Schedule:
    return Schedule("s", "0 * * * *", catch_up=catch_up, jitter=jitter)


def test_a_slot_is_due_when_it_comes_and_not_before() -> None:
    assert judge(hourly(), at(9), at(9, 59, 59)) == Due(None, None, at(10))
    assert judge(hourly(), at(9), at(10)) == Due(at(10), None, at(11))
    assert judge(hourly(), at(10), at(10, 0, 30)) == Due(None, None, at(11))


@pytest.mark.parametrize("late", [0, 29, GRACE])
def test_a_little_late_is_in_time(late: float) -> None:
    assert judge(hourly(), at(9), at(10) + late).slot == at(10)


def test_what_was_slept_through_is_skipped_or_made_up_for_once() -> None:
    """Never a burst."""
    night = at(17, 30)
    assert judge(hourly("skip"), at(9), night) == Due(None, Missed(at(10), at(17), 8), at(18))
    assert judge(hourly("one"), at(9), night) == Due(at(17), Missed(at(10), at(16), 7), at(18))
    assert judge(hourly("skip"), at(9), at(17, 1)) == Due(at(17), Missed(at(10), at(16), 7), at(18))


def test_what_waited_for_its_turn_stays_due_until_a_later_slot_takes_its_place() -> None:
    assert judge(hourly(), at(9), at(10, 50), waited=at(10)).slot == at(10)
    assert judge(hourly(), at(9), at(11, 1), waited=at(10)) == Due(at(11), Missed(at(10), at(10), 1), at(12))
    assert judge(hourly(), at(9), at(11, 50), waited=at(10)).slot is None


def test_so_many_missed_slots_are_not_all_counted() -> None:
    schedule = Schedule("s", "* * * * *")
    missed = judge(schedule, at(0, day=1), at(23, 30, 30, day=28)).missed
    assert missed is not None
    assert (missed.count, missed.last) == (MOST_COUNTED, at(23, 29, day=28))


def test_jitter_delays_a_slot_by_as_much_in_every_process_and_never_into_the_next() -> None:
    schedule = hourly(jitter=6 * HOUR)
    slots = [at(hour) for hour in range(24)]
    delays = [delay(schedule, slot) for slot in slots]
    assert delays == [delay(schedule, slot) for slot in slots]
    assert len(set(delays)) == 24 and max(delays) < HOUR / 2 and min(delays) >= 0
    begin = at(10) + delay(schedule, at(10))
    assert judge(schedule, at(9), begin - 1).slot is None
    assert judge(schedule, at(9), begin - 1).look in range(int(begin), int(begin) + 2)
    assert judge(schedule, at(9), begin + 1).slot == at(10)
    assert delay(hourly(), at(10)) == 0
