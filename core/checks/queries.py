"""Kinds of checks as DuckDB queries over the table that was made. Names are quoted, values are bound: both are data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from ..model import Json
from ..problems import number_of
from .definition import Check

Columns = Mapping[str, str]
"""The type of each column of a table, by name, as DuckDB writes it."""

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_WHOLE_TYPES = (*_WHOLE, *(f"U{name}" for name in _WHOLE))
_WIDE = "DECIMAL(38,0)"
_FLOATS = ("FLOAT", "DOUBLE")
EMPTY = "NULL"
"""The type of each column of a table without rows."""
_MOST_NAMED = 20
_LONGEST_TEXT = 1000


class CannotCheck(Exception):
    """The check does not fit the table; the message says why and what there is."""


@dataclass(frozen=True, slots=True)
class RowQuery:
    """`count` gives how many rows fail, `sample` some of them; both take `params` by name. `finding` says what
    is wrong with the rows that fail, as in "3 of 10 rows: id is missing"."""

    count: str
    sample: str
    finding: str
    params: Mapping[str, Json] = field(default_factory=dict)


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def table_of(check: Check) -> str:
    """The rows that a check is about, as what stands behind FROM."""
    name = quoted(check.identifier)
    return f"(select * from {name} where ({check.where}\n)) as {name}" if check.where else name


def count_query(check: Check) -> str:
    """How many rows the check is about."""
    return f"select count(*) from {table_of(check)}"


def newest_query(check: Check, columns: Columns) -> str:
    """The newest time in the column, in seconds since 1970; a time without a zone counts as UTC."""
    name = column_of(check.said["column"], columns)
    kind = columns[name]
    if kind == EMPTY:
        return f"select max(epoch({quoted(name)}::timestamp)) from {table_of(check)}"
    if not kind.startswith(("TIMESTAMP", "DATE")):
        raise CannotCheck(f"column {name} is {kind}, and freshness needs a date or a time: cast it")
    return f"select epoch(max({quoted(name)})) from {table_of(check)} where isfinite({quoted(name)})"


def row_query(check: Check, columns: Columns, others: Columns | None, limit: int) -> RowQuery:
    """The query of a check that speaks of rows. `others` are the columns of the table that a relationship leads to.

    Raises CannotCheck where a column is not there or is of a type that the check cannot be about.
    """
    return _KINDS[check.kind](check, columns, others or columns, limit)


def column_of(name: str, columns: Columns) -> str:
    """The column as the table spells it. Raises CannotCheck that names the columns there are."""
    if name in columns:
        return name
    same = [one for one in columns if one.casefold() == name.casefold()]
    if len(same) == 1:
        return same[0]
    close = get_close_matches(name, columns, 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise CannotCheck(f"there is no column {name!r}: the table has {named(columns)}{hint}")


def speaks_of(check: Check, column: str) -> bool:
    """Whether the check is about that column, by its definition."""
    said = [*check.said.get("columns", ()), check.said.get("column", "")]
    if column.casefold() in map(str.casefold, said):
        return True
    code = f"{check.said.get('sql', '')} {check.where}"
    return re.search(rf"(?<!\w){re.escape(column)}(?!\w)", code, re.IGNORECASE) is not None


def named(columns: Columns) -> str:
    """The columns in words, not all of very many."""
    names = [*columns][:_MOST_NAMED]
    more = len(columns) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _rows(
    check: Check, fails: str, first: Sequence[str], columns: Columns, limit: int, finding: str, **params: Json
) -> RowQuery:
    """Rows for which `fails` is true, shown with the columns of the check `first`."""
    shown = ", ".join(_shown(name, columns) for name in dict.fromkeys([*first, *columns]))
    table = table_of(check)
    return RowQuery(
        f"select count(*) from {table} where {fails}",
        f"select {shown} from {table} where {fails} limit {limit}",
        finding,
        params,
    )


def _shown(name: str, columns: Columns) -> str:
    """A column as it is shown: numbers as they are, all else as the beginning of its text."""
    kind, column = columns[name], quoted(name)
    if kind in (*_WHOLE_TYPES, *_FLOATS, "BOOLEAN") or kind.startswith("DECIMAL"):
        return column
    return f"left({column}::varchar, {_LONGEST_TEXT}) as {column}"


def _not_null(check: Check, columns: Columns, _: Columns, limit: int) -> RowQuery:
    names = [column_of(name, columns) for name in check.said["columns"]]
    tests = [f"{quoted(name)} is null" for name in names]
    tests += [f"isnan({quoted(name)})" for name in names if columns[name] in _FLOATS]
    finding = f"{' or '.join(names)} is missing"
    return _rows(check, f"({' or '.join(tests)})", names, columns, limit, finding)


def _unique(check: Check, columns: Columns, _: Columns, limit: int) -> RowQuery:
    names = [column_of(name, columns) for name in check.said["columns"]]
    listed = ", ".join(map(quoted, names))
    times = "times"
    while times.casefold() in {name.casefold() for name in names}:
        times += "_"
    shown = ", ".join(_shown(name, columns) for name in names)
    several = (
        f"select {listed}, count(*) as {times} from {table_of(check)} group by {listed} having count(*) > 1"
    )
    return RowQuery(
        f"select coalesce(sum({times}), 0)::bigint from ({several})",
        f"select {shown}, {times} from ({several}) order by {times} desc, {listed} limit {limit}",
        f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} the same in another row",
    )


def _accepted(check: Check, columns: Columns, _: Columns, limit: int) -> RowQuery:
    name = column_of(check.said["column"], columns)
    column, kind, values = quoted(name), columns[name], check.said["values"]
    as_kind, fitting = _bound(kind, values)
    if not fitting:
        raise CannotCheck(f"column {name} is {kind}, and none of the accepted values can be one")
    left = _COMPARED[as_kind].replace("{0}", column)
    as_kind = "varchar" if as_kind == "json" else as_kind
    fails = f"({column} is not null and not list_contains($values::{as_kind}[], {left}))"
    finding = f"{name} is none of the accepted values"
    return _rows(check, fails, [name], columns, limit, finding, values=fitting)


_COMPARED = {
    "boolean": "{0}",
    "double": "{0}",
    "hugeint": "{0}::hugeint",
    "varchar": "{0}::varchar",
    "json": "case json_type({0}) when 'VARCHAR' then 's' || ({0} ->> '$') else {0}::varchar end",
}
"""A column as it is compared with what is accepted. In one of mixed values 1 is not the text '1'."""


def _bound(kind: str, values: Sequence[Json]) -> tuple[str, list[Json]]:
    """The type in which a column is compared, and those of the values that fit it."""
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if kind == "BOOLEAN":
        return "boolean", [v for v in values if isinstance(v, bool)]
    if kind in (*_WHOLE_TYPES, _WIDE) and all(isinstance(v, int) for v in numbers):
        return "hugeint", numbers
    if kind in _WHOLE_TYPES or kind in _FLOATS or kind.startswith("DECIMAL"):
        return "double", [float(v) for v in numbers]
    if kind == "JSON":
        return "json", [f"s{v}" if isinstance(v, str) else json.dumps(v) for v in values]
    return "varchar", [_as_text(v) for v in values]


def _as_text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _related(check: Check, columns: Columns, others: Columns, limit: int) -> RowQuery:
    name = column_of(check.said["column"], columns)
    to, other = check.said["to"], check.said["identifier"]
    try:
        field_name = column_of(check.said["field"], others)
    except CannotCheck as wrong:
        raise CannotCheck(f"{to}: {wrong}") from None
    known = f"select {quoted(field_name)} from {quoted(other)} where {quoted(field_name)} is not null"
    fails = f"({quoted(name)} is not null and {quoted(name)} not in ({known}))"
    return _rows(check, fails, [name], columns, limit, f"{name} is no {field_name} of {to}")


def _expression(check: Check, columns: Columns, _: Columns, limit: int) -> RowQuery:
    text = check.said["sql"]
    return _rows(check, f"(({text}\n) is not true)", [], columns, limit, f"{text.strip()} does not hold")


_KINDS: Mapping[str, Callable[[Check, Columns, Columns, int], RowQuery]] = {
    "not_null": _not_null,
    "unique": _unique,
    "accepted_values": _accepted,
    "relationships": _related,
    "expression": _expression,
}


# ---- in words --------------------------------------------------------------------------------


def rows_found(failing: int, total: int, finding: str) -> str:
    """What was found in the rows."""
    return f"{failing:,} of {number_of(total, 'row')}: {finding}"


def count_fault(check: Check, count: int) -> str:
    """What is wrong with the number of rows; empty if nothing is."""
    exactly, least, most = (check.said.get(key) for key in ("equals", "min", "max"))
    wanted = []
    if exactly is not None and count != exactly:
        wanted.append(f"exactly {exactly:,}")
    if least is not None and count < least:
        wanted.append(f"at least {least:,}")
    if most is not None and count > most:
        wanted.append(f"at most {most:,}")
    return (
        f"there {'is' if count == 1 else 'are'} {number_of(count, 'row')}, not {' and '.join(wanted)}"
        if wanted
        else ""
    )


def age_fault(check: Check, newest: float | None, now: float) -> str:
    """What is wrong with the age of the newest row; empty if nothing is. Times are Unix time in seconds."""
    name, limit = check.said["column"], check.said["max_age"]
    if newest is None:
        return f"there is no time in {name}"
    age = now - newest
    return f"the newest {name} is {age:,.0f} s old, {limit:,.0f} s are allowed" if age > limit else ""
