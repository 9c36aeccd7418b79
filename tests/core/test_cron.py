"""Instants of cron expressions, beside an account of Debian's rules of its own and beside cronsim's."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from bakehouse.core.schedules.cron import between, five_fields, instants, latest, next_after

ZONES = ("America/New_York", "Australia/Lord_Howe", "Pacific/Chatham", "Africa/Casablanca", "UTC")
YEARS = range(2024, 2031)
MINUTE = timedelta(minutes=1)
Fits = Callable[[datetime], bool]

FIXED: dict[str, Fits] = {
    "30 2 * * *": lambda at: (at.hour, at.minute) == (2, 30),
    "30 1 * * *": lambda at: (at.hour, at.minute) == (1, 30),
    "45 2,3 * * *": lambda at: at.hour in (2, 3) and at.minute == 45,
    "15 2 * * 0": lambda at: (at.hour, at.minute) == (2, 15) and at.isoweekday() == 7,
    "0,20,40 1-3 * * *": lambda at: at.hour in (1, 2, 3) and at.minute in (0, 20, 40),
}
WITH_A_STAR: dict[str, Fits] = {
    "*/30 * * * *": lambda at: at.minute % 30 == 0,
    "17 * * * *": lambda at: at.minute == 17,
    "*/20 2 * * *": lambda at: at.hour == 2 and at.minute % 20 == 0,
}


def offset(at: datetime, zone: ZoneInfo) -> timedelta:
    found = at.astimezone(zone).utcoffset()
    assert found is not None
    return found


def changes(zone: ZoneInfo, year: int) -> Iterable[datetime]:
    """The days (UTC) in which the clocks of the zone are put forward or back."""
    days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(367)]
    return [day for day, after in pairwise(days) if offset(day, zone) != offset(after, zone)]


def by_debians_rules(cron: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[int]:
    """Minute by minute. A job of fixed times comes when the clock first shows its time or, where it never does, a later
    one; a job with a star comes whenever the clock fits."""
    minutes = [start + n * MINUTE for n in range((end - start) // MINUTE)]
    clock = [at.astimezone(zone).replace(tzinfo=None) for at in minutes]
    if cron in WITH_A_STAR:
        return [
            int(at.timestamp()) for at, shown in zip(minutes, clock, strict=True) if WITH_A_STAR[cron](shown)
        ]
    wanted = sorted({clock[0] + n * MINUTE for n in range((clock[-1] - clock[0]) // MINUTE)})
    found: set[int] = set()
    at = 0
    for naive in wanted:
        while clock[at] < naive:
            at += 1
        if FIXED[cron](naive):
            found.add(int(minutes[at].timestamp()))
    return sorted(found)


@pytest.mark.case("S1")
@pytest.mark.parametrize("zone", ZONES)
def test_where_clocks_are_put_forward_or_back_each_slot_comes_once_as_in_debian(zone: str) -> None:
    where = ZoneInfo(zone)
    days = [day for year in YEARS for day in changes(where, year)]
    assert len(days) >= 14 or zone == "UTC"
    for day in days or [datetime(2024, 2, 29, tzinfo=UTC)]:
        start, end = day - timedelta(days=1), day + timedelta(days=2)
        for cron in (*FIXED, *WITH_A_STAR):
            truth = by_debians_rules(cron, where, start, end)
            first, last = start.timestamp() - 1, (end - MINUTE).timestamp()
            found = [at for at in between(cron, zone, first, last, 1000) if at <= truth[-1]]
            assert found == truth, f"{cron} in {zone} around {day:%Y-%m-%d}"


@pytest.mark.case("S1")
@pytest.mark.parametrize("zone", ZONES)
def test_every_day_of_seven_years_has_its_one_slot_and_cronsim_says_the_same(zone: str) -> None:
    where = ZoneInfo(zone)
    start, end = datetime(2024, 1, 1, tzinfo=where), datetime(2031, 1, 1, tzinfo=where)
    days = (end.date() - start.date()).days
    for cron in ("30 2 * * *", "30 1 * * *"):
        found = between(cron, zone, start.timestamp() - 1, end.timestamp() - 1, 9999)
        assert [datetime.fromtimestamp(at, where).date() for at in found] == [
            start.date() + timedelta(days=n) for n in range(days)
        ]
        simulated = CronSim(cron, start - MINUTE)
        assert list(found) == [int(next(simulated).timestamp()) for _ in found]


@pytest.mark.case("S1")
@pytest.mark.parametrize("zone", ZONES)
def test_from_wherever_one_looks_the_next_slot_and_the_last_one_are_the_same(zone: str) -> None:
    """Also from within an hour that comes twice."""
    for day in list(changes(ZoneInfo(zone), 2026))[:2] or [datetime(2026, 3, 1, tzinfo=UTC)]:
        start, end = (day - timedelta(days=1)).timestamp(), (day + timedelta(days=2)).timestamp()
        for cron in (*FIXED, *WITH_A_STAR):
            slots = between(cron, zone, start - 9 * 86400, end + 9 * 86400, 9999)
            for at in range(int(start), int(end), 1171):
                place = bisect_right(slots, at)
                assert next_after(cron, zone, at) == slots[place], f"{cron} after {at} in {zone}"
                assert latest(cron, zone, at, start - 8 * 86400) == slots[place - 1], f"{cron} until {at}"


def test_a_slot_long_ago_and_one_long_to_come_are_found() -> None:
    leap = "0 0 29 2 *"
    at = datetime(2027, 7, 1, tzinfo=UTC).timestamp()
    assert latest(leap, "UTC", at, 0) == datetime(2024, 2, 29, tzinfo=UTC).timestamp()
    assert next_after(leap, "UTC", at) == datetime(2028, 2, 29, tzinfo=UTC).timestamp()
    assert list(instants(leap, "UTC", 1e18)) == []
    assert latest(leap, "UTC", at, at - 86400) is None


@pytest.mark.parametrize(
    ("cron", "means"), [("@daily", "0 0 * * *"), ("@Weekly", "0 0 * * 0"), (" 0 7 * * FRI ", "0 7 * * FRI")]
)
def test_words_stand_for_five_fields(cron: str, means: str) -> None:
    assert five_fields(cron) == means


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("*/0 * * * *", "'*/0' cannot be the minute"),
        ("0 24 * * *", "'24' cannot be the hour"),
        ("0 0 32 * *", "'32' cannot be the day of the month"),
        ("0 0 * 13 *", "'13' cannot be the month"),
        ("0 0 * * FRY", "'FRY' cannot be the day of the week"),
        ("0 0 31 2 *", "never comes"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 */31 2 2#5", "never comes"),
        ("* * * * * *", "must have five fields (minute hour day month weekday), not 6"),
        ("0 0 1 1 * 0 0 0 0 0", "not 10"),
        ("", "not 0"),
        ("@fortnightly", "is no word of cron"),
        ("0 7 * * 5\u200b", "plain characters"),
        ("1," * 200 + "1 * * * *", "plain characters"),
    ],
)
def test_what_is_impossible_is_refused_in_words(cron: str, said: str) -> None:
    with pytest.raises(ValueError) as error:
        five_fields(cron)
    assert said in str(error.value)
