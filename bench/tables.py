"""A table of 50 MB and what a step does to it. Needs pandas: it runs in an environment of its own."""

from __future__ import annotations

from typing import Any

ROWS = 1_250_000


def first() -> Any:
    import numpy
    import pandas

    dice = numpy.random.default_rng(0)
    return pandas.DataFrame({f"c{column}": dice.random(ROWS) for column in range(5)})


def following(table: Any) -> Any:
    return table.assign(c0=table["c0"] + 1)


def summary(table: Any) -> int:
    return round(float(table["c0"].iloc[0]))
