"""Loads the readings into a DuckDB file and reads the daily table off it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from bakehouse import Context

WAREHOUSE = Path("warehouse.duckdb")
SCHEMA = """
create table readings (
  origin text, day date, hour tinyint, utc timestamp,
  temp double, humid double, wind_speed double, precip double, visib double, pressure double,
  primary key (origin, day, hour)
);
create view daily as
select day, origin, round(avg(temp), 2) as temp, round(sum(precip), 2) as precip,
       round(max(wind_speed), 2) as wind, count(*) as hours
from readings group by day, origin order by day, origin;
"""


def warehouse(readings: list[dict[str, Any]], context: Context) -> Path:
    """A fresh DuckDB file in the place of the old one: loading again never doubles a row."""
    building = WAREHOUSE.with_suffix(".building")
    building.unlink(missing_ok=True)
    with duckdb.connect(str(building)) as base:
        base.execute(SCHEMA)
        base.execute("insert into readings by name select unnest(?, recursive := true)", [readings])
    building.replace(WAREHOUSE)
    context.metadata(rows=len(readings), bytes=WAREHOUSE.stat().st_size)
    return WAREHOUSE


def daily(warehouse: Path) -> list[dict[str, Any]]:
    with duckdb.connect(str(warehouse), read_only=True) as base:
        table = base.execute("select * from daily")
        names = [column[0] for column in table.description]
        return [dict(zip(names, row, strict=True)) for row in table.fetchall()]
