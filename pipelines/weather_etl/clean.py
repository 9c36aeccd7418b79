"""Turns the records of the API, all text, into readings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bakehouse import Context

NUMBERS = ("temp", "humid", "wind_speed", "precip", "visib", "pressure")


def readings(weather_pages: list[dict[str, str]], context: Context) -> list[dict[str, Any]]:
    """By airport and time. Of a local hour that comes twice (summer time ends) the first is kept."""
    first: dict[tuple[str, str, str, str, str], dict[str, Any]] = {}
    for record in sorted(weather_pages, key=lambda record: (record["origin"], record["time_hour"])):
        hour = (record["origin"], record["year"], record["month"], record["day"], record["hour"])
        first.setdefault(hour, reading(record))
    dropped = len(weather_pages) - len(first)
    missing = sum(row[name] is None for row in first.values() for name in NUMBERS)
    context.log.info("%d hours came twice, %d readings are missing", dropped, missing)
    context.metadata(rows=len(first), dropped=dropped, missing=missing)
    return list(first.values())


def reading(record: dict[str, str]) -> dict[str, Any]:
    return {
        "origin": record["origin"],
        "day": f"{record['year']}-{int(record['month']):02}-{int(record['day']):02}",
        "hour": int(record["hour"]),
        "utc": datetime.fromisoformat(record["time_hour"]).strftime("%Y-%m-%d %H:%M:%S"),
        **{name: None if record[name] == "NA" else float(record[name]) for name in NUMBERS},
    }
