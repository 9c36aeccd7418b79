"""`checks:` of an asset as pydantic models: the kinds there are and what each takes, in its short or its long form."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from ..model import Json
from .fields import Limit, Strict, Text
from .rules import fault

_MOST_VALUES = 10_000


def _columns(value: object) -> object:
    """One column, several, or a mapping that says so."""
    if isinstance(value, str):
        return {"columns": [value]}
    if isinstance(value, list):
        return {"columns": value}
    if isinstance(value, dict) and "column" in value and "columns" not in value:
        return {"columns": [value["column"]], **{k: v for k, v in value.items() if k != "column"}}
    if isinstance(value, dict):
        return value
    raise fault("must be a column, or a list of columns")


def _rows(value: object) -> object:
    return {"equals": value} if isinstance(value, int) and not isinstance(value, bool) else value


def _query(value: object) -> object:
    return {"sql": value} if isinstance(value, str) else value


def _values(value: object) -> object:
    if not isinstance(value, list):
        raise fault("must be a list")
    if not value or len(value) > _MOST_VALUES:
        raise fault(f"must have at least one value, and at most {_MOST_VALUES:,}")
    for one in value:
        if one is None or isinstance(one, list | dict) or (isinstance(one, float) and not math.isfinite(one)):
            raise fault("must be a list of texts, numbers, true or false")
    return value


Count = Annotated[int, Field(ge=0, le=10**15)]


class Columns(Strict):
    """Which columns are meant."""

    columns: Annotated[list[Text], Field(min_length=1, max_length=100)]
    """The columns; one of them alone is `column`."""


class AcceptedValues(Strict):
    """What a column may hold."""

    column: Text
    """The column."""
    values: Annotated[Json, BeforeValidator(_values), WithJsonSchema({"type": "array", "minItems": 1})]
    """All that it may hold, beside nothing."""


class Relationship(Strict):
    """Where the values of a column are looked up."""

    column: Text
    """The column."""
    to: Text
    """The asset that has them: one that the step reads, or the asset itself."""
    field: Text = ""
    """The column of that asset; by default the one of the same name."""


class RowCount(Strict):
    """How many rows there have to be."""

    min: Count | None = None
    """At least so many."""
    max: Count | None = None
    """At most so many."""
    equals: Count | None = None
    """Exactly so many."""

    @model_validator(mode="after")
    def _says_something(self) -> RowCount:
        if not self.model_fields_set:
            raise fault("must say min, max or equals")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise fault("min is more than max: no table can hold that")
        return self


class Freshness(Strict):
    """How old the newest row may be."""

    column: Text
    """The column with a date or a time (UTC, where it has no zone)."""
    max_age: Limit
    """Seconds that the newest may be old, or `2h`, `7d`."""


class Expression(Strict):
    """What has to be true of every row."""

    sql: Text
    """A condition in DuckDB's SQL over the columns of the table."""


def _short(model: type[Strict], *forms: dict[str, Json]) -> WithJsonSchema:
    long = {**model.model_json_schema(), "description": (model.__doc__ or "").strip()}
    return WithJsonSchema({"anyOf": [*forms, long]})


_TEXT: dict[str, Json] = {"type": "string"}
_TEXTS: dict[str, Json] = {"type": "array", "items": _TEXT}
Named = Annotated[Columns | None, BeforeValidator(_columns), _short(Columns, _TEXT, _TEXTS)]


class CheckEntry(Strict):
    """One thing that must hold of a value. It is of exactly one kind."""

    name: Annotated[str, Field(max_length=255)] = ""
    """How it is called; by default after its kind and what it is about."""
    severity: Literal["error", "warn"] = "error"
    """`error`: a value that fails does not become current. `warn`: it does, and the failure is told."""
    where: Text | None = None
    """Only the rows for which this SQL condition is true are looked at."""
    not_null: Named = None
    """Columns that have a value in every row; NaN is none."""
    unique: Named = None
    """Columns that are, taken together, never the same in two rows."""
    accepted_values: AcceptedValues | None = None
    """A column that holds nothing but these values."""
    relationships: Relationship | None = None
    """A column whose values all stand in a column of another asset."""
    row_count: Annotated[RowCount | None, BeforeValidator(_rows), _short(RowCount, {"type": "integer"})] = (
        None
    )
    """How many rows there are."""
    freshness: Freshness | None = None
    """How old the newest row is."""
    expression: Annotated[Expression | None, BeforeValidator(_query), _short(Expression, _TEXT)] = None
    """A condition in SQL that is true of every row."""

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> CheckEntry:
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) > 1:
            raise fault(f"is {' and '.join(kinds)} at once: write one entry for each")
        if not kinds:
            raise fault(f"must be of a kind: {', '.join(KINDS)}")
        return self

    @property
    def kind(self) -> str:
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def said(self) -> dict[str, Any]:
        """What was said of it, in the long form."""
        model = getattr(self, self.kind)
        return {key: value for key, value in model.model_dump().items() if value is not None}


KINDS = (
    "not_null",
    "unique",
    "accepted_values",
    "relationships",
    "row_count",
    "freshness",
    "expression",
)


def keys_at(path: tuple[int | str, ...]) -> list[str]:
    """The keys that stand where the last part of `path` does: of an entry, or of what its kind takes."""
    if len(path) <= 3:
        return list(CheckEntry.model_fields)
    models: dict[str, type[Strict]] = {
        "not_null": Columns,
        "unique": Columns,
        "accepted_values": AcceptedValues,
        "relationships": Relationship,
        "row_count": RowCount,
        "freshness": Freshness,
        "expression": Expression,
    }
    return list(models[str(path[2])].model_fields)
