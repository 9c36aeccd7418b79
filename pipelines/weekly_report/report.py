"""The weekly report: what was sold in the last full week, and how that compares."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from bakehouse import Context

WEEK = timedelta(days=7)
COLUMNS = ("week", "product", "orders", "pieces", "sales", "sales_before", "change")


class Order(NamedTuple):
    day: date
    product: str
    pieces: int
    cents: int


def run(orders: Path, context: Context) -> dict[str, Any]:
    """`week` is its Monday; one row a product, best seller first; sales in whole cents."""
    sold = read_orders(orders)
    monday = last_full_week(max(order.day for order in sold))
    now = [order for order in sold if monday <= order.day < monday + WEEK]
    before = [order for order in sold if monday - WEEK <= order.day < monday]
    context.log.info("%d orders in the week of %s, %d in the week before", len(now), monday, len(before))
    context.metadata(week=monday.isoformat(), orders=len(now), sales=euros(sum(o.cents for o in now)))
    return {"week": monday, "rows": rows_of(now, before)}


def as_csv(report: dict[str, Any], context: Context) -> str:
    """The rows as a spreadsheet reads them: each with its week, amounts with two decimals."""
    text = io.StringIO()
    sheet = csv.DictWriter(text, COLUMNS)
    sheet.writeheader()
    for row in report["rows"]:
        amounts = {"sales": euros(row["sales"]), "sales_before": euros(row["sales_before"])}
        sheet.writerow({"week": report["week"], **row, **amounts})
    context.metadata(rows=len(report["rows"]))
    return text.getvalue()


def read_orders(path: Path) -> list[Order]:
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Order(date.fromisoformat(row["date"]), row["product"], int(row["pieces"]), int(row["cents"]))
            for row in csv.DictReader(file)
        ]


def last_full_week(last: date) -> date:
    """The Monday of the last week whose Sunday is not after `last`."""
    this_monday = last - timedelta(days=last.weekday())
    return this_monday if last.weekday() == 6 else this_monday - WEEK


def rows_of(now: list[Order], before: list[Order]) -> list[dict[str, Any]]:
    sales, sales_before = cents_by_product(now), cents_by_product(before)
    counts = Counter(order.product for order in now)
    pieces: Counter[str] = Counter()
    for order in now:
        pieces[order.product] += order.pieces
    return [
        {
            "product": product,
            "orders": counts[product],
            "pieces": pieces[product],
            "sales": sales[product],
            "sales_before": sales_before[product],
            "change": change(sales[product], sales_before[product]),
        }
        for product in sorted(sales | sales_before, key=lambda name: (-sales[name], name))
    ]


def cents_by_product(orders: list[Order]) -> Counter[str]:
    cents: Counter[str] = Counter()
    for order in orders:
        cents[order.product] += order.cents
    return cents


def change(now: int, before: int) -> str:
    return f"{(now - before) / before:+.0%}" if before else "new"


def euros(cents: int) -> str:
    return f"{cents / 100:.2f}"
