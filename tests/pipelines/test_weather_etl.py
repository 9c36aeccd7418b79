"""The weather pipeline against a real HTTP server, one page of which fails."""

from __future__ import annotations

import csv
import importlib.util
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

if TYPE_CHECKING:
    from tests.pipelines.conftest import Project

TASKS = ["daily_weather", "readings", "warehouse", "weather_pages"]


@pytest.fixture
def weather(copied: Callable[[str], Project]) -> Project:
    return copied("weather_etl")


@contextmanager
def served(weather: Project, failing: dict[int, int] | None = None) -> Iterator[Any]:
    """The project's own `serve.py` on a free port: the server, which has `.url` and `.failing`."""
    spec = importlib.util.spec_from_file_location("weather_serve", weather.root / "serve.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.WeatherServer(failing=failing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def hours_by_hand(weather: Project) -> dict[tuple[str, str], list[dict[str, str]]]:
    """The records of each airport and day, one for each local hour."""
    hours: dict[tuple[str, str, str], dict[str, str]] = {}
    with next((weather.root / "data").glob("*.csv")).open(newline="") as file:
        for row in csv.DictReader(file):
            day = f"{row['year']}-{int(row['month']):02}-{int(row['day']):02}"
            hours.setdefault((row["origin"], day, row["hour"]), row)
    days = defaultdict(list)
    for (origin, day, _), row in hours.items():
        days[origin, day].append(row)
    return days


def test_a_page_that_fails_is_got_over(weather: Project) -> None:
    with served(weather, {3: 2}) as server:
        run = weather.materialize(env={"BAKEHOUSE_WEATHER_URL": server.url})
    assert run.tasks("step_failed") == ["weather_pages", "weather_pages"]
    failure = next(event for event in run.events if event["event"] == "step_failed")
    assert "page=3" in failure["error"] and "503" in failure["error"]
    assert run.ran == TASKS
    assert sum("page 11 of 11" in line for line in run.lines("weather_pages")) == 1

    days = hours_by_hand(weather)
    rows = weather.rows("daily_weather")
    assert {(row["origin"], row["day"]): int(row["hours"]) for row in rows} == {
        key: len(records) for key, records in days.items()
    }
    for row in rows:
        records = days[row["origin"], row["day"]]
        rain = sum(float(r["precip"]) for r in records if r["precip"] != "NA")
        wind = max(float(r["wind_speed"]) for r in records if r["wind_speed"] != "NA")
        assert float(row["precip"]) == pytest.approx(rain, abs=0.006)
        assert float(row["wind"]) == pytest.approx(wind)


def test_the_warehouse_is_a_duckdb_file_without_doubles(weather: Project) -> None:
    with served(weather) as server:
        weather.materialize("warehouse", env={"BAKEHOUSE_WEATHER_URL": server.url})
    expected = sum(len(records) for records in hours_by_hand(weather).values())
    with duckdb.connect(str(weather.root / "warehouse.duckdb"), read_only=True) as base:
        counted = "select count(*), count(distinct (origin, day, hour)) from readings"
        assert base.execute(counted).fetchall() == [(expected, expected)]
        assert base.execute("select count(*) from readings where pressure is null").fetchall()[0][0] > 0


def test_pulling_the_same_again_spares_what_follows(weather: Project) -> None:
    with served(weather) as server:
        env = {"BAKEHOUSE_WEATHER_URL": server.url}
        weather.materialize(env=env)
        assert weather.materialize(env=env).idle
        assert weather.materialize("weather_pages", "--force", env=env).ran == ["weather_pages"]
        assert weather.materialize(env=env).idle
        server.records[0]["temp"] = "70.0"
        weather.materialize("weather_pages", "--force", env=env)
        assert weather.materialize(env=env).ran == ["daily_weather", "readings", "warehouse"]


def test_a_page_that_never_comes_fails_the_pull_and_blocks_the_rest(weather: Project) -> None:
    weather.edit("bakehouse.yaml", lambda text: text.replace("backoff: 0.2", "backoff: 0.01"))
    with served(weather, {2: 1000}) as server:
        run = weather.materialize(env={"BAKEHOUSE_WEATHER_URL": server.url}, code=1)
    assert run.tasks("step_failed") == ["weather_pages"] * 4
    assert run.tasks("step_blocked") == ["daily_weather", "readings", "warehouse"]
    assert run.ran == []


def test_without_a_server_it_says_how_to_start_one(weather: Project) -> None:
    weather.edit("bakehouse.yaml", lambda text: text.replace("retries: 3", "retries: 0"))
    weather.edit("pull.py", lambda text: text.replace(":8765/", ":1/"))
    run = weather.materialize(code=1)
    (failure,) = (event for event in run.events if event["event"] == "step_failed")
    assert "python3 serve.py" in failure["error"]
