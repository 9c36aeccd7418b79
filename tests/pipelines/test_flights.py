"""The flights pipeline: what runs when, and every figure against one computed from the tables anew."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

if TYPE_CHECKING:
    from tests.pipelines.conftest import Project

SOURCES = {"flights", "weather", "planes", "airports", "airlines"}
LATE = 15


@pytest.fixture(scope="module")
def tables() -> duckdb.DuckDBPyConnection:
    """The five tables as they are shipped, and `gone`: the flights that left."""
    data = Path(__file__).resolve().parents[2] / "pipelines" / "flights" / "data"
    base = duckdb.connect()
    for name in sorted(SOURCES):
        base.execute(f"create view {name} as from '{data}/{name}.parquet'")
    base.execute("create view gone as from flights where dep_delay is not null")
    return base


@pytest.fixture
def flights(copied: Callable[[str], Project]) -> Project:
    return copied("flights")


@pytest.fixture(scope="module")
def made(copied_to: Callable[[str, Path], Project], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The pipeline with everything made: to be looked at only."""
    project = copied_to("flights", tmp_path_factory.mktemp("made"))
    project.materialize()
    return project


@pytest.fixture
def warm(made: Project, tmp_path: Path) -> Project:
    """A copy of it in which things can be changed."""
    root = tmp_path / "flights"
    shutil.copytree(made.root, root)
    return replace(made, root=root)


def one(tables: duckdb.DuckDBPyConnection, query: str) -> Any:
    ((value,),) = tables.execute(query).fetchall()
    return value


def close(found: str, expected: float, digits: int = 2) -> bool:
    return math.isclose(float(found), expected, abs_tol=0.51 * 10**-digits)


# ---- what runs -------------------------------------------------------------------------------


def test_it_mixes_yaml_and_python_and_has_no_loose_ends(flights: Project) -> None:
    listing = flights.ls()
    kinds = {node["key"]: node["kind"] for node in listing["nodes"]}
    assert {key for key, kind in kinds.items() if kind == "source"} == SOURCES
    assert len(kinds) - len(SOURCES) >= 14
    read = {edge["from"] for edge in listing["edges"]}
    assert set(kinds) - read == {"flights_report", "delays_csv"}
    places = {node["place"].partition(":")[0] for node in listing["nodes"]}
    assert {"staging.yaml", "delays.yaml", "checks.yaml", "analysis.py", "report.py"} <= places
    assert listing["pipelines"] == ["flights"]


def test_cold_then_all_reused_then_a_comment(flights: Project) -> None:
    cold = flights.materialize()
    assert not cold.tasks("step_reused")
    assert {"check_dirt", "check_joins", "fit_delay_model", "write_report"} <= set(cold.ran)

    again = flights.materialize()
    assert again.idle
    assert again.tasks("step_reused") == cold.ran

    for file in ("analysis.py", "svg.py", "shrinkage.py", "logistic.py", "checks.py", "report.py"):
        flights.edit(file, lambda text: text.replace("\n\n\ndef ", "\n\n\n# a remark\n\n\ndef "))
    for file in ("sources.yaml", "staging.yaml", "delays.yaml", "checks.yaml"):
        flights.edit(file, lambda text: text.replace("assets:", "# a remark\nassets:"))
    assert set(flights.states().values()) == {"source", "fresh"}
    assert flights.materialize().idle


@pytest.mark.parametrize(
    ("file", "before", "after", "users"),
    [
        ("svg.py", '"#4F43DD"', '"#21463D"', {"write_report"}),
        ("shrinkage.py", "between - 1", "between - 2", {"carrier_ranking", "write_report"}),
        ("logistic.py", "< 1e-9", "< 1e-2", {"fit_delay_model", "write_report"}),
        ("checks.py", '"flights of no known airline": 0', '"flights of no known airline": 1', {"check_dirt"}),
    ],
    ids=["chart", "ranking", "model", "check"],
)
def test_a_changed_helper_runs_its_users_and_what_follows(
    warm: Project, file: str, before: str, after: str, users: set[str]
) -> None:
    warm.edit(file, lambda text: text.replace(before, after))
    failing = file == "checks.py"
    run = warm.materialize(code=1 if failing else 0)
    assert set(run.tasks("step_started")) == users
    if failing:
        assert run.tasks("step_blocked") == ["write_report"]
        (failure,) = (event for event in run.events if event["event"] == "step_failed")
        assert "flights of no known airline: 0, known are 1" in failure["error"]


def test_a_change_that_changes_nothing_spares_what_follows(warm: Project) -> None:
    warm.edit("logistic.py", lambda text: text.replace("rounds: int = 25", "rounds: int = 24"))
    run = warm.materialize()
    assert run.tasks("step_started") == ["fit_delay_model"]
    assert "write_report" in run.tasks("step_spared") + run.tasks("step_reused")


@pytest.mark.parametrize("harm", ["deleted", "cut short", "one bit"])
def test_a_value_that_is_lost_or_damaged_is_made_again(warm: Project, harm: str) -> None:
    digest: str = warm.show("departures_with_weather")["version"]
    file = warm.root / ".bakehouse" / "values" / digest[:2] / digest
    good = file.read_bytes()
    file.chmod(0o600)
    if harm == "deleted":
        file.unlink()
    elif harm == "cut short":
        file.write_bytes(good[: len(good) // 2])
    else:
        file.write_bytes(good[:1000] + bytes([good[1000] ^ 1]) + good[1001:])

    (node,) = warm.ls_of("departures_with_weather")
    assert node["state"] == "stale"
    assert {reason["kind"] for reason in node["reasons"]} <= {"value_missing", "value_damaged"}
    run = warm.materialize()
    assert run.tasks("step_started") == ["departures_with_weather"]
    assert file.read_bytes() == good
    assert warm.materialize().idle


# ---- what comes out --------------------------------------------------------------------------


def test_the_known_dirt_is_found(made: Project, tables: duckdb.DuckDBPyConnection) -> None:
    found = {row["fact"]: int(row["found"]) for row in made.rows("dirt")}
    assert found == {
        "flights that never left": one(tables, "select count(*) - count(dep_time) from flights"),
        "flights without a tail number": one(tables, "select count(*) - count(tailnum) from flights"),
        "flights whose plane is not in planes": one(
            tables,
            "select count(*) from flights f where tailnum is not null and not exists "
            "(from planes p where p.tailnum = f.tailnum)",
        ),
        "destinations not in airports": 4,
        "flights of no known airline": 0,
        "flights without a weather hour": one(
            tables,
            "select count(*) from flights f where not exists "
            "(from weather w where w.origin = f.origin and w.time_hour = f.time_hour)",
        ),
        "flights without a temperature": one(
            tables,
            "select count(*) from flights f where not exists (from weather w "
            "where w.origin = f.origin and w.time_hour = f.time_hour and w.temp is not null)",
        ),
        "weather hours that came twice": 3,
    }
    assert (found["flights that never left"], found["flights without a temperature"]) == (8255, 1573)
    assert (found["flights whose plane is not in planes"], found["flights without a tail number"]) == (
        50094,
        2512,
    )
    (names,) = (row["names"] for row in made.rows("dirt") if row["names"] and row["names"].startswith("BQN"))
    assert names == "BQN PSE SJU STT"


def test_no_join_loses_or_doubles_a_flight(made: Project, tables: duckdb.DuckDBPyConnection) -> None:
    left = one(tables, "select count(dep_time) from flights")
    assert left == 328_521
    for asset in ("departures", "departures_with_weather", "departures_with_plane"):
        assert made.show(asset)["total"] == left
    assert made.show("cancelled_flights")["total"] == 8_255
    assert made.show("weather_hours")["total"] == 26_112


def test_delays_by_weather(made: Project, tables: duckdb.DuckDBPyConnection) -> None:
    rows = made.rows("delays_by_weather")
    averages = "select count(*), avg(dep_delay), avg(cast(dep_delay >= 15 as int)) from gone"
    wet = f"{averages} join weather using (origin, time_hour)"
    expected = {
        "rain or snow": f"{wet} where precip > 0 and visib is not null and wind_speed is not null",
        "low visibility": f"{wet} where precip = 0 and visib < 3 and wind_speed is not null",
        "strong wind": f"{wet} where precip = 0 and visib >= 3 and wind_speed >= 20",
        "fair": f"{wet} where precip = 0 and visib >= 3 and wind_speed < 20",
        "no reading": f"{averages} f where not exists "
        "(from weather w where w.origin = f.origin and w.time_hour = f.time_hour and w.wind_speed is not null)",
    }
    assert {row["conditions"] for row in rows} == expected.keys()
    for row in rows:
        ((count, delay, late),) = tables.execute(expected[row["conditions"]]).fetchall()
        assert int(row["flights"]) == count
        assert close(row["mean_delay"], delay)
        assert close(row["late"], late, digits=4)


def test_delays_by_plane_age(made: Project, tables: duckdb.DuckDBPyConnection) -> None:
    built = {tail: year for tail, year in tables.execute("select tailnum, year from planes").fetchall()}
    sums: dict[str, list[int]] = {}
    for tail, delay in tables.execute("select tailnum, dep_delay from gone").fetchall():
        year = built.get(tail)
        age = None if year is None else 2013 - year
        years = (
            "not known"
            if age is None
            else "25 and more"
            if age >= 25
            else f"{age // 5 * 5} to {age // 5 * 5 + 4}"
        )
        entry = sums.setdefault(years, [0, 0, 0])
        entry[0] += 1
        entry[1] += delay
        entry[2] += delay >= LATE
    rows = {row["years"]: row for row in made.rows("delays_by_plane_age")}
    assert rows.keys() == sums.keys()
    for years, (count, total, late) in sums.items():
        assert int(rows[years]["flights"]) == count
        assert close(rows[years]["mean_delay"], total / count)
        assert close(rows[years]["late"], late / count, digits=4)


def test_delays_by_airport_keep_those_without_a_name(
    made: Project, tables: duckdb.DuckDBPyConnection
) -> None:
    names = dict(tables.execute("select faa, name from airports").fetchall())
    arrived = "select dest, count(*), avg(dep_delay), avg(arr_delay) from gone group by dest"
    expected = {dest: tuple(rest) for dest, *rest in tables.execute(arrived).fetchall()}
    rows = {row["dest"]: row for row in made.rows("delays_by_airport")}
    assert rows.keys() == expected.keys()
    for dest, (count, left, came) in expected.items():
        assert rows[dest]["airport"] == names.get(dest, dest)
        assert int(rows[dest]["flights"]) == count
        assert close(rows[dest]["mean_delay"], left)
        assert came is None or close(rows[dest]["mean_arrival_delay"], came)
    assert {dest for dest, row in rows.items() if row["in_list"] is False} == {
        "BQN",
        "PSE",
        "SJU",
        "STT",
    }


def test_delays_by_carrier_and_their_ranking(made: Project, tables: duckdb.DuckDBPyConnection) -> None:
    query = """
        select a.carrier, a.name, count(dep_time), count(*) - count(dep_time), sum((dep_delay >= 15)::int)
        from flights join airlines a using (carrier) group by all
    """
    expected = {carrier: rest for carrier, *rest in tables.execute(query).fetchall()}
    rows = {row["carrier"]: row for row in made.rows("delays_by_carrier")}
    assert rows.keys() == expected.keys()
    for carrier, (name, flown, cancelled, late) in expected.items():
        row = rows[carrier]
        assert (row["name"], int(row["flights"]), int(row["cancelled"]), int(row["late_flights"])) == (
            name,
            flown,
            cancelled,
            late,
        )

    ranking = made.rows("carrier_ranking")
    trials = {carrier: rest[1] for carrier, rest in expected.items()}
    hits = {carrier: rest[3] for carrier, rest in expected.items()}
    mean = sum(hits.values()) / sum(trials.values())
    for row in ranking:
        raw = hits[row["carrier"]] / trials[row["carrier"]]
        assert close(row["raw"], raw, digits=4)
        assert min(raw, mean) - 1e-4 <= float(row["estimate"]) <= max(raw, mean) + 1e-4
    pull = {row["carrier"]: abs(float(row["estimate"]) - float(row["raw"])) for row in ranking}
    assert pull["OO"] > 10 * pull["UA"], "the fewer flights, the more it is drawn to the middle"
    estimates = [float(row["estimate"]) for row in ranking]
    assert estimates == sorted(estimates)


def test_delays_by_hour_and_season(made: Project, tables: duckdb.DuckDBPyConnection) -> None:
    season = "list_extract(['winter', 'spring', 'summer', 'autumn'], (month % 12) // 3 + 1)"
    query = f"select {season}, hour, count(*), avg(dep_delay) from gone group by all"
    expected = {(name, hour): (count, delay) for name, hour, count, delay in tables.execute(query).fetchall()}
    rows = {(row["season"], int(row["hour"])): row for row in made.rows("delays_by_hour")}
    assert rows.keys() == expected.keys()
    for key, (count, delay) in expected.items():
        assert int(rows[key]["flights"]) == count
        assert close(rows[key]["mean_delay"], delay)


def test_delays_by_month_are_those_of_its_partitions(
    made: Project, tables: duckdb.DuckDBPyConnection
) -> None:
    late = "avg(case when dep_time is null or dep_delay is null then null else (dep_delay >= 15)::int end)"
    query = f"select month, count(*), count(*) - count(dep_time), avg(dep_delay), {late} from flights group by month"
    expected = {f"2013-{month:02}": rest for month, *rest in tables.execute(query).fetchall()}
    rows = {str(row["month"]): row for row in made.rows("delays_by_month")}
    assert list(rows) == sorted(expected) and len(rows) == 12
    for month, (planned, cancelled, delay, share) in expected.items():
        assert (int(rows[month]["planned"]), int(rows[month]["cancelled"])) == (planned, cancelled)
        assert close(rows[month]["mean_delay"], delay) and close(rows[month]["late"], share, 4)
    (node,) = made.ls_of("delays_of_month")
    assert node["partitions"] == {"total": 12, "fresh": 12, "failed": 0, "missing": 0, "stale": 0}


def test_cancellations_by_day(made: Project, tables: duckdb.DuckDBPyConnection) -> None:
    query = "select month, day, count(*), count(*) - count(dep_time) from flights group by all"
    expected = {(month, day): tuple(rest) for month, day, *rest in tables.execute(query).fetchall()}
    rows = made.rows("cancellations_by_day")
    assert {
        (int(r["month"]), int(r["day"])): (int(r["planned"]), int(r["cancelled"])) for r in rows
    } == expected
    assert (rows[0]["month"], rows[0]["day"], rows[0]["cancelled"]) == (2, 8, 472)


def test_the_model_is_the_most_likely_one(made: Project, tables: duckdb.DuckDBPyConnection) -> None:
    """At the maximum the slope of the likelihood is zero; here it is computed flight by flight in SQL."""
    model = made.json("delay_model")
    features = {
        "base": "1",
        "hour": "(f.hour - 12) / 6.0",
        "hour²": "((f.hour - 12) / 6.0) ** 2",
        "summer": "(f.month in (6, 7, 8))::int",
        "winter": "(f.month in (12, 1, 2))::int",
        "spring": "(f.month in (3, 4, 5))::int",
        "JFK": "(f.origin = 'JFK')::int",
        "LGA": "(f.origin = 'LGA')::int",
        "wet": "(precip > 0)::int",
        "dim": "(visib < 3)::int",
        "windy": "(wind_speed >= 20)::int",
    }
    assert list(model["coefficients"]) == list(features)
    columns = ", ".join(f"{sql} as x{n}" for n, sql in enumerate(features.values()))
    score = " + ".join(f"{value} * x{n}" for n, value in enumerate(model["coefficients"].values()))
    slopes = ", ".join(f"sum((late - p) * x{n}) / count(*)" for n in range(len(features)))
    query = f"""
        with x as (
            select (dep_delay >= 15)::int as late, {columns}
            from gone f join weather w using (origin, time_hour)
            where precip is not null and visib is not null and wind_speed is not null
        ), scored as (select *, 1 / (1 + exp(-({score}))) as p from x)
        select count(*), -avg(late * ln(p) + (1 - late) * ln(1 - p)), {slopes} from scored
    """
    ((flights, loss, *slope),) = tables.execute(query).fetchall()
    assert model["flights"] == flights
    assert model["log_loss"] == pytest.approx(loss, abs=1e-5)
    assert max(map(abs, slope)) < 1e-6

    groups = made.rows("model_calibration")
    assert sum(int(group["flights"]) for group in groups) == flights
    assert [float(group["modelled"]) for group in groups] == sorted(
        float(group["modelled"]) for group in groups
    )
    assert all(abs(float(group["modelled"]) - float(group["real"])) < 0.02 for group in groups)


def test_the_report_has_its_charts_and_figures(made: Project) -> None:
    page = (made.root / "public" / "index.html").read_text(encoding="utf-8")
    assert page.count("<svg ") == page.count("</svg>") == 3
    assert page.count("<polyline ") == 4
    for words in (
        "rain or snow",
        "ExpressJet Airlines Inc.",
        "Columbia Metropolitan",
        "BQN PSE SJU STT",
        "flights.parquet",
    ):
        assert words in page
    figures = (made.root / "public" / "delays.csv").read_text(encoding="utf-8").splitlines()
    assert figures[0] == "by,group,flights,mean_delay,late"
    assert len(figures) == 1 + 5 + 7
