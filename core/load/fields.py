"""What many keys of the YAML format hold, and how a refusal is worded."""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhd])", re.ASCII)


def fault(message: str) -> PydanticCustomError:
    """A validation error in our own words (braces of the text kept as they are)."""
    return PydanticCustomError("fault", "{text}", {"text": message})


def seconds(value: object) -> float:
    """A duration in seconds from a number or `30s`, `5m`, `2h`, `7d`."""
    if isinstance(value, bool):
        raise fault("must be a duration")
    if isinstance(value, str) and (found := _DURATION.fullmatch(value)):
        number = float(found[1]) * _UNITS[found[2]]
    elif isinstance(value, int | float):
        number = float(value)
    else:
        raise fault("must be a duration: a number of seconds, or 30s, 5m, 2h, 7d")
    if not math.isfinite(number) or not 0 <= number <= 1e10:
        raise fault("must be a duration between 0 and 300 years")
    return number


def _more_than_zero(value: float) -> float:
    if value <= 0:
        raise fault("must be longer than 0 seconds")
    return value


def _text(value: str) -> str:
    if "\0" in value:
        raise fault("must not hold a NUL character")
    if not value.strip():
        raise fault("must not be empty")
    return value


_SECONDS_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"type": "number", "minimum": 0},
            {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*[smhd]$"},
        ]
    }
)
Text = Annotated[str, AfterValidator(_text)]
Seconds = Annotated[float, BeforeValidator(seconds), _SECONDS_SCHEMA]
Limit = Annotated[float, AfterValidator(_more_than_zero), BeforeValidator(seconds), _SECONDS_SCHEMA]


class Strict(BaseModel):
    """Takes nothing that it does not know, and turns nothing into something else."""

    model_config = ConfigDict(strict=True, extra="forbid")
