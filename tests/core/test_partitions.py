"""Grids, their keys and windows, which partitions belong to which, and definitions unfolded by them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.defined import Defined
from bakehouse.core.model import Definitions, Input
from bakehouse.core.naming import joined, keys_of, readable, shown_part, split
from bakehouse.core.partitions.choice import choose
from bakehouse.core.partitions.grid import Dimension, GridFault, Window, cells, check, period_at, settled
from bakehouse.core.partitions.mapping import MappingFault, Space, rule
from bakehouse.core.partitions.unfold import unfold
from bakehouse.core.plan import static_key
from bakehouse.core.problems import ProblemError

Define = Callable[..., Definitions]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ZONES = [
    "UTC",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Africa/Casablanca",
]
"""Clocks that leap by an hour, by half of one, at midnight, over a day, and twice around a month."""
KEYS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


def month(**said: Any) -> dict[str, Any]:
    return {"name": "month", "kind": "monthly", "start": "2013-01", "end": "2013-12", **said}


def day(**said: Any) -> dict[str, Any]:
    return {"name": "day", "kind": "daily", "start": "2013-01-01", "end": "2013-12-31", **said}


# ---- keys --------------------------------------------------------------------------------------


@given(st.lists(KEYS, min_size=1, max_size=2), st.lists(KEYS, min_size=1, max_size=2))
def test_different_keys_and_pairs_of_keys_have_different_names(one: list[str], other: list[str]) -> None:
    assert (joined(one) == joined(other)) == (one == other)
    assert keys_of(joined(one)) == tuple(one)


@given(KEYS)
def test_a_name_with_its_key_can_be_a_file_and_is_read_back(key: str) -> None:
    part = joined([key])
    assert part.isascii() and part.isprintable() and not set(part) & set("/.\\ '\";$`\n")
    assert split(f"flights\x1f{part}") == ("flights", part)
    assert readable(f"of flights\x1f{part}, which") == f"of flights[{key}], which"


# ---- grids -------------------------------------------------------------------------------------


@given(
    st.sampled_from(ZONES),
    st.sampled_from(["hourly", "daily", "weekly", "monthly"]),
    st.dates(datetime(1995, 1, 1).date(), datetime(2030, 1, 1).date()),
    st.integers(0, 120),
)
def test_windows_follow_each_other_without_a_gap_in_every_zone(
    zone: str, kind: str, first: Any, days: int
) -> None:
    form = "%Y-%m" if kind == "monthly" else "%Y-%m-%d"
    start, end = first.strftime(form), (first + timedelta(days=days)).strftime(form)
    found = cells(Dimension("grid", kind, (), start, end, zone), NOW)
    windows = [window for window in found.values() if window is not None]

    assert len(windows) == len(found) >= (0 if zone == "Pacific/Apia" else 1)
    for window in windows:
        assert window.start < window.end
        if kind == "hourly":
            assert window.end - window.start == timedelta(hours=1)
    for before, after in itertools.pairwise(windows):
        assert before.end == after.start
    if kind != "hourly":
        begun = [window.start.astimezone(ZoneInfo(zone)) for window in windows]
        assert all(at.strftime(form) == key for at, key in zip(begun, found, strict=True))


@given(
    st.sampled_from(ZONES),
    st.sampled_from(["hourly", "daily", "weekly", "monthly"]),
    st.datetimes(datetime(2025, 1, 2), datetime(2026, 12, 31), timezones=st.just(UTC)),
)
def test_a_grid_without_an_end_has_the_periods_that_are_over(zone: str, kind: str, now: datetime) -> None:
    start = "2024-12" if kind == "monthly" else "2024-12-02"
    dimension = Dimension("grid", kind, (), start, "", zone)
    found = list(cells(dimension, settled(dimension, now)).values())
    last, (begin, end) = found[-1], period_at(dimension, now)

    assert last is not None and last.end <= now < end
    assert last.end == begin
    assert settled(dimension, end - timedelta(seconds=1)) == settled(dimension, now)


def test_an_hour_that_stands_twice_on_the_clock_is_two_partitions() -> None:
    hours = cells(Dimension("h", "hourly", (), "2013-11-03", "2013-11-03", "America/New_York"), NOW)

    assert len(hours) == 25
    assert list(hours)[:4] == [
        "2013-11-03T00",
        "2013-11-03T0100-0400",
        "2013-11-03T0100-0500",
        "2013-11-03T02",
    ]


# ---- mapping -----------------------------------------------------------------------------------


def mapped(mine: list[dict[str, Any]], theirs: list[dict[str, Any]], mapping: str = "") -> Callable[..., Any]:
    def space(said: list[dict[str, Any]]) -> Space:
        return Space.at([Dimension(**{**one, "keys": tuple(one.get("keys", ()))}) for one in said], NOW)

    found = rule(space(mine), space(theirs), mapping)
    return lambda *keys: [*map("|".join, found(keys))]


ORIGIN = {"name": "origin", "kind": "static", "keys": ["EWR", "JFK"]}


def test_each_reads_its_own_partition_of_the_same_grid() -> None:
    assert mapped([month()], [month()])("2013-02") == ["2013-02"]
    assert mapped([month(), ORIGIN], [month()])("2013-02", "EWR") == ["2013-02"]
    assert mapped([month(), ORIGIN], [ORIGIN, month()])("2013-02", "EWR") == ["EWR|2013-02"]


def test_what_is_not_shared_is_read_whole() -> None:
    assert mapped([month()], [month(), ORIGIN])("2013-02") == ["2013-02|EWR", "2013-02|JFK"]
    assert len(mapped([], [month(), ORIGIN])()) == 24
    assert len(mapped([ORIGIN], [month()], "all")("JFK")) == 12


def test_a_month_reads_its_days_and_an_hourly_grid_the_hours_between_two_midnights() -> None:
    days = mapped([month(timezone="America/New_York")], [day(timezone="America/New_York")])("2013-02")
    assert (days[0], days[-1], len(days)) == ("2013-02-01", "2013-02-28", 28)
    zone = {"start": "2013-03-01", "end": "2013-03-31", "timezone": "America/New_York"}
    hours = mapped([day(**zone)], [{"name": "h", "kind": "hourly", **zone}])
    assert (len(hours("2013-03-09")), len(hours("2013-03-10"))) == (24, 23)


def test_the_last_three_are_the_own_one_and_the_two_before_it() -> None:
    last = mapped([month()], [month()], "last:3")
    assert last("2013-05") == ["2013-03", "2013-04", "2013-05"]
    assert last("2013-01") == ["2013-01"], "what would be before the start is left out"
    assert mapped([month(), ORIGIN], [month(), ORIGIN], "last:2")("2013-02", "JFK") == [
        "2013-01|JFK",
        "2013-02|JFK",
    ]
    assert mapped([], [month()], "last:2")() == ["2013-11", "2013-12"]


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ([month()], [{"name": "week", "kind": "weekly", "start": "2013-01-07", "end": "2013-12-30"}]),
        ([day()], [month()]),
        ([month(timezone="America/New_York")], [day()]),
        ([month()], [month(start="2013-02")]),
        ([ORIGIN], [month()]),
        ([month(), ORIGIN], [day(timezone="Asia/Tokyo"), ORIGIN]),
    ],
    ids=["weeks in months", "coarse in fine", "zones", "other start", "nothing shared", "one of two"],
)
def test_grids_that_no_rule_takes_to_each_other_are_refused(mine: Any, theirs: Any) -> None:
    with pytest.raises(MappingFault):
        mapped(mine, theirs)


# ---- unfolding ---------------------------------------------------------------------------------


def by_month(define: Define, **more: Any) -> Definitions:
    tasks: Mapping[str, Any] = {
        "raw": {"inputs": ["file"], "outputs": ["raw"], "partitions": [month(**more)]},
        "report": {"inputs": ["raw"], "outputs": ["report"], "partitions": [month(**more)]},
        "year": {"inputs": ["report"], "outputs": ["year"], "after": ["raw"]},
    }
    return define(tasks)


def test_each_partition_is_a_node_that_reads_its_own(define: Define) -> None:
    found = unfold(by_month(define), NOW.timestamp())
    tasks = found.definitions.tasks

    assert len(tasks) == 25 and len(found.definitions.assets) == 26
    report = tasks["report\x1f2013-03"]
    assert report.inputs == (Input("raw\x1f2013-03", "raw"),)
    assert report.outputs == ("report\x1f2013-03",)
    assert report.partition == {
        "values": {"month": "2013-03"}, "start": "2013-03-01T00:00:00+00:00", "end": "2013-04-01T00:00:00+00:00",
    }  # fmt: skip
    year = tasks["year"]
    assert [one.part for one in year.inputs] == [f"2013-{number:02}" for number in range(1, 13)]
    assert year.gathers == ("report",) and len(year.after) == 12
    assert tasks["raw\x1f2013-03"].inputs == (Input("file", "file"),), "what is not divided is read whole"


def test_the_partition_its_window_and_what_is_gathered_are_part_of_the_key(define: Define) -> None:
    def digest(name: str, **more: Any) -> str:
        task = unfold(by_month(define, **more), NOW.timestamp()).definitions.tasks[name]
        return static_key(task, {}, "3.11").text

    one, other = digest("raw\x1f2013-03"), digest("raw\x1f2013-04")
    assert one.replace("2013-03", "") != other.replace("2013-04", "")
    assert digest("raw\x1f2013-03") == one
    assert digest("raw\x1f2013-03", timezone="Asia/Tokyo") != one
    assert digest("raw\x1f2013-03", end="2013-11") == one, (
        "a longer grid leaves the partitions that were there"
    )
    assert '"several partitions"' in digest("year")


def test_a_grid_grows_when_a_period_is_over(define: Define) -> None:
    defined = Defined(by_month(define, start="2026-08", end=""))
    now = NOW.timestamp()
    first = defined.divided(now)
    assert first is not None and list(first.parts["raw"]) == ["2026-08", "2026-09", "2026-10"]
    assert first.until == datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    assert defined.divided(first.until - 1) is first
    later = defined.divided(first.until)
    assert later is not None and list(later.parts["raw"])[-1] == "2026-11"


def test_too_many_partitions_are_refused_before_they_are_made(define: Define) -> None:
    keys = [str(number) for number in range(60_000)]
    grid = [{"name": "k", "kind": "static", "keys": keys}]
    many = define({name: {"outputs": [name], "partitions": grid} for name in ("a", "b")})
    with pytest.raises(ProblemError, match="120,000 partitions: at most 100,000"):
        unfold(many, NOW.timestamp())
    few = [{"name": "k", "kind": "static", "keys": keys[:1100]}]
    wide = define({"a": {"outputs": ["a"], "partitions": few}, "b": {"inputs": ["a"], "partitions": few}})
    wide.tasks["b"] = type(wide.tasks["b"])(  # type: ignore[index]
        "b", wide.tasks["b"].action, inputs=(Input("a", "a", "all"),), partitions=few
    )
    with pytest.raises(ProblemError, match="read more than 1,000,000"):
        unfold(wide, NOW.timestamp())


def test_what_has_no_partitions_is_left_as_it_is(define: Define) -> None:
    definitions = define({"bake": {"inputs": ["dough"], "outputs": ["bread"]}})
    defined = Defined(definitions)
    assert defined.divided(NOW.timestamp()) is None and defined.as_it_runs(NOW.timestamp()) is defined


# ---- which a user means ------------------------------------------------------------------------

PARTS = {
    "by_month": [f"2013-{number:02}" for number in range(1, 13)],
    "both": [f"2013-{number:02}|{origin}" for number in range(1, 4) for origin in ("EWR", "JFK")],
}


@pytest.mark.parametrize(
    ("said", "months", "both"),
    [
        (["2013-02"], ["2013-02"], ["2013-02|EWR", "2013-02|JFK"]),
        (["2013-02|JFK"], [], ["2013-02|JFK"]),
        (["JFK"], [], ["2013-01|JFK", "2013-02|JFK", "2013-03|JFK"]),
        (["2013-12,2013-10"], ["2013-10", "2013-12"], []),
        (["2013-11..", "2013-01"], ["2013-01", "2013-11", "2013-12"], ["2013-01|EWR", "2013-01|JFK"]),
        (["2013-04..2013-06"], ["2013-04", "2013-05", "2013-06"], []),
    ],
)
def test_partitions_are_named_by_key_list_and_range(
    said: list[str], months: list[str], both: list[str]
) -> None:
    assert choose(said, PARTS) == {"by_month": tuple(months), "both": tuple(both)}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("2013-13", "no partition '2013-13'\ndid you mean 2013-1"),
        ("2013-01..2014-01", "no partition '2014-01'\ndid you mean 2013-01"),
        ("LGA", "no partition 'LGA'\nthere are 2013-01 to JFK"),
        ("2013-06..2013-04", "runs backwards"),
    ],
)
def test_a_partition_that_does_not_exist_is_told_with_the_nearest(said: str, told: str) -> None:
    with pytest.raises(ProblemError) as caught:
        choose([said], PARTS)
    assert told in str(caught.value)


def test_keys_that_look_like_a_list_or_a_range_are_found_as_they_are() -> None:
    odd = {"a": [joined([key]) for key in ("a,b", "a..b", "a", "b", "'; drop table x", "../..")]}
    assert choose(["a,b"], odd)["a"] == (joined(["a,b"]),)
    assert choose(["a..b"], odd)["a"] == (joined(["a..b"]),)
    assert choose(["../.."], odd)["a"] == (joined(["../.."]),)


def test_two_keys_are_shown_as_they_were_written_and_found_as_they_are_shown() -> None:
    pairs = [
        ("São Paulo", "a/b.c"),
        ("100%", "x,y"),
        ("a|b", "c"),
        ("a", "b|c"),
        ("%7C", "|"),
        ("..", "日本"),
    ]
    parts = {"both": [joined(pair) for pair in pairs]}
    shown = [shown_part(part) for part in parts["both"]]
    assert shown == ["São Paulo|a/b.c", "100%25|x,y", "a%7Cb|c", "a|b%7Cc", "%257C|%7C", "..|日本"]
    for part, name in zip(parts["both"], shown, strict=True):
        assert choose([name], parts)["both"] == choose([part], parts)["both"] == (part,)
    assert choose(["100%|x,y"], parts)["both"] == (joined(["100%", "x,y"]),)
    with pytest.raises(ProblemError, match=r"there is no partition 'a\|b\|c'"):  # which of the two?
        choose(["a|b|c"], parts)


@pytest.mark.parametrize("said", ["", " ", ",", " , "])
def test_what_names_no_partition_is_told(said: str) -> None:
    with pytest.raises(ProblemError, match="there is no partition"):
        choose([said], PARTS)


@given(st.lists(KEYS, min_size=2, max_size=2), st.lists(KEYS, min_size=2, max_size=2))
def test_different_pairs_are_shown_as_different_text(one: list[str], other: list[str]) -> None:
    assert (shown_part(joined(one)) == shown_part(joined(other))) == (one == other)


def test_a_window_is_checked_by_its_grid() -> None:
    check(Dimension("d", "daily", (), "2013-01-31"))
    assert Window(NOW, NOW + timedelta(1)).as_json()["start"] == "2026-11-23T12:00:00+00:00"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "europe/berln", "2026", "../UTC", "Europe", "", "a\x00b"])
def test_a_time_zone_that_does_not_exist_is_told(zone: str) -> None:
    with pytest.raises(GridFault, match="there is no time zone") as told:
        check(Dimension("d", "daily", (), "2013-01-31", timezone=zone))
    assert told.value.key == "timezone"
