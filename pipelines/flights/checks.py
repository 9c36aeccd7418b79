"""What must hold of the tables before anybody believes the report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bakehouse import Context, Table

KNOWN = {
    "flights that never left": 8_255,
    "flights without a tail number": 2_512,
    "flights whose plane is not in planes": 50_094,
    "destinations not in airports": 4,
    "flights of no known airline": 0,
    "flights without a weather hour": 1_556,
    "flights without a temperature": 1_573,
    "weather hours that came twice": 3,
}
HOUR = ["origin", "year", "month", "day", "hour"]


def no_more_than_known(dirt: Iterable[dict[str, Any]], context: Context) -> None:
    """Compare what was found with what is known, fact by fact."""
    found = {row["fact"]: row["found"] for row in dirt}
    for fact, count in found.items():
        context.log.info("%-38s %6d", fact, count)
    context.metadata(**{fact.replace(" ", "_"): count for fact, count in found.items()})
    worse = [
        f"{fact}: {found.get(fact, 0)}, known are {count}"
        for fact, count in KNOWN.items()
        if found.get(fact, 0) != count
    ]
    if worse or found.keys() != KNOWN.keys():
        raise ValueError("the data changed: " + "; ".join(worse or sorted(found.keys() ^ KNOWN.keys())))


def joins_keep_every_flight(
    flights: Path,
    departures: Table,
    cancelled_flights: Table,
    weather_hours: Table,
    departures_with_weather: Table,
    departures_with_plane: Table,
    context: Context,
) -> None:
    """A left join on a unique key keeps the number of rows, and every flight left or was cancelled."""
    planned, left, cancelled = len(Table(flights)), len(departures), len(cancelled_flights)
    if planned != left + cancelled:
        raise ValueError(f"{planned} flights, but {left} left and {cancelled} were cancelled")
    for name, joined in (("weather", departures_with_weather), ("plane", departures_with_plane)):
        context.log.info("departures with %s: %d of %d", name, len(joined), left)
        if len(joined) != left:
            raise ValueError(f"the {name} join made {len(joined)} rows of {left}")
    doubled = weather_hours.sql(
        f"select count(*) from (select 1 from this group by {', '.join(HOUR)} having count(*) > 1)"
    ).fetchall()[0][0]
    if doubled:
        raise ValueError(f"{doubled} weather hours still come twice")
    context.metadata(planned=planned, left=left, cancelled=cancelled)
