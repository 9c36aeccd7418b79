"""What `partitions:` may say, as pydantic models. What it comes to is worked out in `partitioning.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

KINDS = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "static": "key"}
"""How a grid may be given, and what a grid without a name of its own is called."""
MOST_DIMENSIONS = 2


def _fault(message: str) -> PydanticCustomError:
    return PydanticCustomError("fault", "{text}", {"text": message})


class Periods(BaseModel):
    """From when to when; periods begin where days do in the time zone."""

    model_config = ConfigDict(strict=True, extra="forbid")

    start: str
    """The first period: `2013-01` for months, else a day, as in `2013-01-31`. Weeks begin on its weekday."""
    end: str = ""
    """The last period; without it, the grid grows with each period that is over."""
    timezone: str = "UTC"
    """An IANA name, as in `America/New_York`."""


class Grid(BaseModel):
    """One of five: periods of time, or keys that are listed. `grid` names one that is defined at the top."""

    model_config = ConfigDict(strict=True, extra="forbid")

    grid: str = ""
    hourly: Periods | None = None
    daily: Periods | None = None
    weekly: Periods | None = None
    monthly: Periods | None = None
    static: list[str] | None = None

    @property
    def kind(self) -> str:
        return next((kind for kind in KINDS if getattr(self, kind) is not None), "")


def _one(value: object) -> object:
    if isinstance(value, list):
        return {"static": value}
    if isinstance(value, dict) and len(value) != 1:
        raise _fault(f"must say one of {', '.join(KINDS)}")
    if isinstance(value, dict) and "grid" in value:
        raise _fault(f"must say one of {', '.join(KINDS)}")
    return value


def _all(value: object) -> object:
    if not isinstance(value, str | dict | list):
        raise _fault("must be the name of a grid, a mapping, or a list of up to two of these")
    found = value if isinstance(value, list) else [value]
    if not 0 < len(found) <= MOST_DIMENSIONS:
        raise _fault(f"must have one or two dimensions, not {len(found)}")
    return [{"grid": one} if isinstance(one, str) else _one(one) for one in found]


def _mapping(value: object) -> str:
    if value in ("all", "same"):
        return "" if value == "same" else "all"
    if isinstance(value, dict) and value.keys() == {"last"}:
        count = value["last"]
        if isinstance(count, int) and not isinstance(count, bool) and 1 <= count <= 10_000:
            return f"last:{count}"
        raise _fault("last must be a whole number from 1 to 10,000")
    raise _fault("must be all, same, or {last: 3}")


_PERIODS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("start", "end", "timezone")},
    "required": ["start"],
    "additionalProperties": False,
}
_STATIC_SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string"},
    "minItems": 1,
    "uniqueItems": True,
}
_GRID_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("hourly", "daily", "weekly", "monthly"), _PERIODS_SCHEMA),
        "static": _STATIC_SCHEMA,
    },
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}
_EITHER: dict[str, Any] = {"anyOf": [{"type": "string"}, _GRID_SCHEMA]}
NamedGrid = Annotated[Grid, BeforeValidator(_one), WithJsonSchema({"anyOf": [_GRID_SCHEMA, _STATIC_SCHEMA]})]
Grids = Annotated[
    list[Grid],
    BeforeValidator(_all),
    WithJsonSchema(
        {"anyOf": [*_EITHER["anyOf"], {"type": "array", "items": _EITHER, "minItems": 1, "maxItems": 2}]}
    ),
]
Mapped = Annotated[
    str,
    BeforeValidator(_mapping),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["all", "same"]},
                {
                    "type": "object",
                    "properties": {"last": {"type": "integer", "minimum": 1, "maximum": 10_000}},
                    "required": ["last"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


def known_keys(path: Sequence[int | str]) -> list[str]:
    """The keys that a mapping at `path`, which begins with `partitions`, may have."""
    return list(Periods.model_fields) if path[-2] in KINDS else list(KINDS)
