"""What a step is told of its partition, and an input of several partitions as one thing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from ..engine.executor import Given, Order
from ..model import identifier
from ..naming import joined, keys_of, shown_part

Window = tuple[datetime, datetime]


def key_of(part: str) -> str | tuple[str, ...]:
    """A partition as code knows it: one key, or of two dimensions both."""
    keys = keys_of(part)
    return keys[0] if len(keys) == 1 else keys


def _values(order: Order) -> Mapping[str, str]:
    return order.partition["values"] if order.partition is not None else {}


def partition_of(order: Order) -> str | dict[str, str] | None:
    """The key of the step, or of two dimensions the key of each by its name; None for what is not divided."""
    values = _values(order)
    if not values:
        return None
    return next(iter(values.values())) if len(values) == 1 else dict(values)


def window_of(order: Order) -> Window | None:
    """From when (inclusive) to when (exclusive), with the offset of that moment; None but for time."""
    said = order.partition or {}
    return (
        (datetime.fromisoformat(said["start"]), datetime.fromisoformat(said["end"]))
        if "start" in said
        else None
    )


def named_values(order: Order) -> dict[str, str]:
    """What SQL binds and a shell has as variables: `partition` (of two dimensions as `2013-01|EWR`), each dimension by
    its name, and of time `partition_start` and `partition_end`."""
    if order.partition is None:
        return {}
    values = _values(order)
    said = {"partition": shown_part(joined(values.values()))}
    for end in ("start", "end"):
        if end in order.partition:
            said[f"partition_{end}"] = order.partition[end]
    return {**{identifier(name): key for name, key in values.items()}, **said}


def variables(order: Order) -> dict[str, str]:
    """The same for a command, in capitals."""
    return {re.sub("[^A-Z0-9_]", "_", name.upper()): value for name, value in named_values(order).items()}


def gathered(inputs: Iterable[Given]) -> dict[str, list[Given]]:
    """The inputs that are several partitions of one asset, by identifier."""
    found: dict[str, list[Given]] = {}
    for given in inputs:
        if given.input.part:
            found.setdefault(given.input.identifier, []).append(given)
    return found


def lay_out(folder: Path, places: Mapping[str, str]) -> str:
    """A folder with one file (or folder) for each encoded key: links, so that nothing is copied."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for part, place in places.items():
        if place:
            (folder / part).symlink_to(place)
    return os.fspath(folder)
