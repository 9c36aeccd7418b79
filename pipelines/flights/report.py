"""The report: one page of HTML with its charts inside, and the figures as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import svg

from bakehouse import Context, task

Rows = Iterable[Mapping[str, Any]]

PUBLIC = Path("public")
STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 2rem } td, th { padding: .2rem .8rem; text-align: left }
td.number { text-align: right; font-variant-numeric: tabular-nums } tr + tr { border-top: 1px solid #DEDDFF }
"""


@task(
    inputs=[
        "delays_by_weather",
        "delays_by_hour",
        "delays_by_month",
        "delays_by_plane_age",
        "delays_by_airport",
        "cancellations_by_day",
        "carrier_ranking",
        "delay_model",
        "model_calibration",
        "dirt",
        "data_manifest",
    ],
    after=["check_dirt", "check_joins"],
    outputs=["flights_report", "delays_csv"],
    verb="write the report",
    group="report",
)
def write_report(
    delays_by_weather: Rows,
    delays_by_hour: Rows,
    delays_by_month: Rows,
    delays_by_plane_age: Rows,
    delays_by_airport: Rows,
    cancellations_by_day: Rows,
    carrier_ranking: Rows,
    delay_model: Mapping[str, Any],
    model_calibration: Rows,
    dirt: Rows,
    data_manifest: Path,
    context: Context,
) -> dict[str, Path]:
    """Everything on one page, for somebody who has never seen the data; the files lie in public/."""
    weather, ages = list(delays_by_weather), list(delays_by_plane_age)
    coefficients = [
        {"what": name, "coefficient": value} for name, value in delay_model["coefficients"].items()
    ]
    page = [
        "<h1>Late out of New York, 2013</h1>",
        svg.lines(by_season(delays_by_hour), "Mean delay at departure by planned hour", "min"),
        "<h2>Month by month</h2>",
        table(delays_by_month),
        svg.bars({row["conditions"]: row["mean_delay"] for row in weather}, "By weather", "min"),
        table(weather),
        svg.bars({row["years"]: row["mean_delay"] for row in ages}, "By age of the plane", "min"),
        "<h2>Carriers, best first</h2>",
        table(carrier_ranking),
        "<h2>Ten destinations latest at arrival</h2>",
        table(list(delays_by_airport)[:10]),
        "<h2>Ten days with most cancellations</h2>",
        table(list(cancellations_by_day)[:10]),
        f"<h2>What makes a late departure likely</h2><p>{delay_model['flights']:,} flights, "
        f"log loss {delay_model['log_loss']:.4f}.</p>",
        table(coefficients),
        table(model_calibration),
        "<h2>What is wrong with the data</h2>",
        table(dirt),
        f"<h2>Made from</h2><pre>{escape(data_manifest.read_text())}</pre>",
    ]
    PUBLIC.mkdir(exist_ok=True)
    report, figures = PUBLIC / "index.html", PUBLIC / "delays.csv"
    report.write_text(document("Late out of New York, 2013", page), encoding="utf-8")
    write_csv(figures, {"weather": (weather, "conditions"), "plane age": (ages, "years")})
    context.metadata(asset="flights_report", bytes=report.stat().st_size, charts=3)
    return {"flights_report": report, "delays_csv": figures}


def by_season(delays: Rows) -> dict[str, list[tuple[float, float]]]:
    series: dict[str, list[tuple[float, float]]] = {}
    for row in delays:
        series.setdefault(row["season"], []).append((row["hour"], row["mean_delay"]))
    return series


def table(rows: Rows) -> str:
    """Rows as an HTML table with the keys of the first as its head."""
    listed = list(rows)
    head = "".join(f"<th>{escape(str(name))}</th>" for name in (listed[0] if listed else {}))
    body = "".join("<tr>" + "".join(map(cell, row.values())) + "</tr>" for row in listed)
    return f"<table><tr>{head}</tr>{body}</table>"


def cell(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'<td class="number">{value:,}</td>'
    return f"<td>{'' if value is None else escape(str(value))}</td>"


def document(title: str, parts: Sequence[str]) -> str:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def write_csv(path: Path, tables: Mapping[str, tuple[Rows, str]]) -> None:
    """One row a figure: which table, which group, how many flights, how late."""
    with path.open("w", newline="", encoding="utf-8") as file:
        sheet = csv.writer(file)
        sheet.writerow(["by", "group", "flights", "mean_delay", "late"])
        for by, (rows, label) in tables.items():
            sheet.writerows([by, row[label], row["flights"], row["mean_delay"], row["late"]] for row in rows)
