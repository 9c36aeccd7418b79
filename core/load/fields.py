"""What many keys of the YAML format hold."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from . import rules

SECONDS_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"type": "number", "minimum": 0},
            {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*[smhd]$"},
        ]
    }
)
Text = Annotated[str, AfterValidator(rules.text)]
Seconds = Annotated[float, BeforeValidator(rules.seconds), SECONDS_SCHEMA]
Limit = Annotated[float, AfterValidator(rules.more_than_zero), BeforeValidator(rules.seconds), SECONDS_SCHEMA]


class Strict(BaseModel):
    """Takes nothing that it does not know, and turns nothing into something else."""

    model_config = ConfigDict(strict=True, extra="forbid")
