"""Who is really late, and what makes a late departure likely."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from logistic import chance, fit
from shrinkage import beta_prior, shrunk

from bakehouse import Context, asset, task

Rows = Iterable[dict[str, Any]]

FEATURES = ("base", "hour", "hour²", "summer", "winter", "spring", "JFK", "LGA", "wet", "dim", "windy")


@asset(group="model", verb="rank", tags=["python"])
def carrier_ranking(delays_by_carrier: Rows, context: Context) -> list[dict[str, Any]]:
    """Carriers by their rate of late departures, small ones drawn toward the middle."""
    carriers = list(delays_by_carrier)
    prior = beta_prior([c["late_flights"] for c in carriers], [c["flights"] for c in carriers])
    ranking = [
        {
            "carrier": c["carrier"],
            "name": c["name"],
            "flights": c["flights"],
            "raw": round(c["late_flights"] / c["flights"], 4),
            "estimate": round(shrunk(c["late_flights"], c["flights"], prior), 4),
        }
        for c in carriers
    ]
    ranking.sort(key=lambda row: (row["estimate"], row["carrier"]))
    context.metadata(best=ranking[0]["name"], worst=ranking[-1]["name"], prior_flights=round(sum(prior)))
    return ranking


@task(
    inputs=["delay_cells"],
    outputs=["delay_model", "model_calibration"],
    verb="fit a model",
    group="model",
    tags=["python"],
)
def fit_delay_model(delay_cells: Rows, context: Context) -> dict[str, Any]:
    """Logistic regression of "leaves 15 minutes late or more", and how far it can be believed."""
    cells = list(delay_cells)
    rows = [features(cell) for cell in cells]
    late, flights = [c["late_flights"] for c in cells], [c["flights"] for c in cells]
    found = fit(rows, late, flights)
    context.log.info("%d cells, %d rounds, log loss %.4f", len(cells), found.rounds, found.log_loss)
    context.metadata(asset="delay_model", log_loss=round(found.log_loss, 4), rounds=found.rounds)
    model = {
        "flights": sum(flights),
        "log_loss": round(found.log_loss, 6),
        "coefficients": {
            name: round(value, 6) for name, value in zip(FEATURES, found.coefficients, strict=True)
        },
    }
    modelled = [chance(row, found.coefficients) for row in rows]
    return {"delay_model": model, "model_calibration": calibration(modelled, late, flights)}


def features(cell: dict[str, Any]) -> list[float]:
    """One number for each of FEATURES; the hour is counted from noon in units of six."""
    hour = (cell["hour"] - 12) / 6
    season, origin = cell["season"], cell["origin"]
    return [
        1.0,
        hour,
        hour * hour,
        float(season == "summer"),
        float(season == "winter"),
        float(season == "spring"),
        float(origin == "JFK"),
        float(origin == "LGA"),
        float(cell["wet"]),
        float(cell["dim"]),
        float(cell["windy"]),
    ]


def calibration(modelled: list[float], late: list[int], flights: list[int]) -> list[dict[str, Any]]:
    """The cells in ten groups of about as many flights, least likely first: modelled and real rates."""
    order = sorted(range(len(modelled)), key=lambda i: (modelled[i], i))
    total, seen = sum(flights), 0
    groups: list[list[int]] = [[] for _ in range(10)]
    for i in order:
        groups[min(9, seen * 10 // total)].append(i)
        seen += flights[i]
    table = []
    for number, group in enumerate(groups, start=1):
        size = sum(flights[i] for i in group)
        if not size:
            continue
        expected, found = sum(modelled[i] * flights[i] for i in group), sum(late[i] for i in group)
        row = {"tenth": number, "flights": size}
        table.append(row | {"modelled": round(expected / size, 4), "real": round(found / size, 4)})
    return table
