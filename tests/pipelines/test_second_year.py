"""A second year of flights comes from somewhere else and looks different.

Only what is new is made, its checks find what is wrong with the first deliveries, and every figure is the one that is
computed from the file without any of it.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

if TYPE_CHECKING:
    from tests.pipelines.conftest import Json, Project

LATER = """
pipeline: flights
partitions:
  later_month: {monthly: {start: 2014-01, end: 2014-12, timezone: America/New_York}}
assets:
  flights_2014: {file: data/flights_2014.csv, group: sources}
  planned_2014:
    deps: [flights_2014, airlines]
    checks:
      - not_null: [month, origin, carrier]
      - accepted_values: {column: origin, values: [EWR, JFK, LGA]}
      - relationships: {column: carrier, to: airlines, field: carrier}
      - expression: said is null or regexp_full_match(said, '-?[0-9]+')
        name: delays are whole minutes
    sql: |
      select strftime("date", '%Y-%m') as month, airline as carrier, number as flight,
             "from" as origin, nullif(delay, 'C') as said, try_cast(said as int) as dep_delay
      from flights_2014
  delays_of_later_month:
    partitions: later_month
    deps: [planned_2014]
    params: {late_from: 15}
    sql: |
      select $partition as month, count(*) as planned, count(*) - count(dep_delay) as cancelled,
             round(avg(dep_delay), 2) as mean_delay, round(avg((dep_delay >= $late_from)::int), 4) as late
      from planned_2014 where month = $partition
"""
BY_MONTH = "select month, planned, cancelled, mean_delay, late from delays_of_month order by month"
BY_MONTH_OF_BOTH = BY_MONTH.replace(
    " order by",
    " union all select month, planned, cancelled, mean_delay, late from delays_of_later_month order by",
)
MONTHS = {f"2014-{month:02}" for month in range(1, 13)}


def deliver(
    project: Project, number: str = "flight", origin: str = "origin", delay: str = "dep_delay"
) -> Path:
    """Every third flight of 2013 as one of 2014: semicolons, days as 31.12.2014, C for what was cancelled."""
    file = project.root / "data" / "flights_2014.csv"
    duckdb.execute(
        f"""copy (
            select format('{{:02d}}.{{:02d}}.2014', day, month) as date, carrier as airline, {number} as number,
                   {origin} as "from", coalesce(({delay})::varchar, 'C') as delay
            from '{project.root}/data/flights.parquet' where flight % 3 = 0 order by all
        ) to '{file}' (delimiter ';', header)"""
    )
    return file


def expected(file: Path) -> dict[str, tuple[int, int, float, float]]:
    delays: dict[str, list[int | None]] = defaultdict(list)
    with file.open(newline="") as stream:
        for row in csv.DictReader(stream, delimiter=";"):
            _, month, year = row["date"].split(".")
            delays[f"{year}-{month}"].append(None if row["delay"] == "C" else int(row["delay"]))
    found = {}
    for month, each in delays.items():
        gone = [one for one in each if one is not None]
        late = sum(one >= 15 for one in gone) / len(gone)
        found[month] = (len(each), len(each) - len(gone), sum(gone) / len(gone), late)
    return found


def by_month(project: Project) -> dict[str, Json]:
    return {str(row["month"]): row for row in project.rows("delays_by_month")}


@pytest.fixture
def first_year(copied: Callable[[str], Project]) -> Project:
    """The pipeline with 2013 made, in which 2014 is then defined."""
    project = copied("flights")
    project.materialize()
    (project.root / "later.yaml").write_text(LATER)
    project.edit(
        "delays.yaml",
        lambda text: text.replace(BY_MONTH, BY_MONTH_OF_BOTH).replace(
            "deps: [delays_of_month]", "deps: [delays_of_month, delays_of_later_month]"
        ),
    )
    return project


def test_a_second_year_in_another_format(first_year: Project) -> None:
    before = by_month(first_year)
    deliver(first_year, origin="case origin when 'EWR' then 'Newark' else origin end")
    bad = first_year.materialize(code=1)
    assert bad.tasks("step_started") == ["planned_2014"]
    (failure,) = (told for told in bad.events if told["event"] == "check_failed")
    assert failure["check"] == "accepted_values(origin)" and "Newark" in str(failure["rows"])
    assert "delays_by_month" in bad.tasks("step_blocked") and by_month(first_year) == before

    deliver(first_year, delay="round(dep_delay / 60.0, 2)")
    hours = first_year.materialize(code=1)
    (failure,) = (told for told in hours.events if told["event"] == "check_failed")
    assert failure["check"] == "delays are whole minutes" and by_month(first_year) == before

    file = deliver(first_year)
    good = first_year.materialize()
    started = [
        (told["task"], told.get("partition")) for told in good.events if told["event"] == "step_started"
    ]
    months = {("delays_of_later_month", month) for month in MONTHS}
    assert sorted(started, key=str) == sorted(
        {("planned_2014", None), *months, ("delays_by_month", None), ("write_report", None)}, key=str
    )
    assert good.tasks("step_reused").count("delays_of_month") == 12
    rows, wanted = by_month(first_year), expected(file)
    assert {month: rows[month] for month in before} == before and rows.keys() == before.keys() | MONTHS
    for month, (planned, cancelled, delay, late) in wanted.items():
        row = rows[month]
        assert (int(row["planned"]), int(row["cancelled"])) == (planned, cancelled)
        assert math.isclose(float(row["mean_delay"]), delay, abs_tol=0.0051)
        assert math.isclose(float(row["late"]), late, abs_tol=0.000051)


def test_a_column_that_comes_as_text_the_next_time_is_news_and_changes_no_figure(first_year: Project) -> None:
    deliver(first_year)
    first_year.materialize()
    before = by_month(first_year)
    deliver(first_year, number="carrier || flight")
    run = first_year.materialize()
    (change,) = (told for told in run.events if told["event"] == "schema_changed")
    assert (change["asset"], change["changed"]) == ("planned_2014", [["flight", "BIGINT", "VARCHAR"]])
    assert "delays_by_month" in run.tasks("step_spared") and by_month(first_year) == before
    assert not [task for task in run.tasks("step_started") if task == "delays_of_month"]
