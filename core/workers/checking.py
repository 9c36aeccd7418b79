"""Checks inside a worker: queries over what was made, and the project's own functions. Nothing that they raise ends
more than the check that raised it."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..api import CheckResult
from ..checks.definition import MOST_ROWS, Check, Checked, result_of
from ..checks.queries import (
    EMPTY,
    CannotCheck,
    age_fault,
    count_fault,
    count_query,
    named,
    newest_query,
    row_query,
    rows_found,
    speaks_of,
)
from ..engine.executor import Given, Order, Outcome
from ..model import Json
from . import codecs
from .codecs import CannotStore, ValueDamaged
from .headers import doubled
from .sql import MISSING, SETTINGS, SqlSteps, create_views, in_words, quoted
from .step import Loaded, PythonSteps, Said, as_json, awaited, changed_env, context_of, sentence, told

LONGEST = 200
"""Characters that are kept of one value in a row that fails."""
WIDEST = 16
"""Columns that are kept of such a row."""


# ---- queries ---------------------------------------------------------------------------------


def run_queries(steps: SqlSteps, order: Order) -> Outcome:
    """Each check of the order as queries, on one database in memory. Never raises but for what ends the process."""
    began = time.perf_counter()
    scratch = steps.store / "tmp" / order.attempt
    try:
        import duckdb
    except ModuleNotFoundError:
        missing = MISSING.replace("SQL steps need", "checks need")
        checks = tuple(result_of(check, False, missing) for check in order.checks)
        return Outcome(order.attempt, True, checks=checks)
    try:
        with changed_env(order.env):
            checks = Tables(duckdb, steps, order, scratch).results()
    except Exception as error:
        head, detail = told(error, steps.store)
        return Outcome(order.attempt, False, error=f"its checks could not be run: {head}", traceback=detail)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Outcome(order.attempt, True, checks=checks, seconds=time.perf_counter() - began)


class Tables:
    """What was made, and what it is compared with, as views of one database."""

    def __init__(self, duckdb: Any, steps: SqlSteps, order: Order, scratch: Path) -> None:
        self.duckdb, self.steps, self.order = duckdb, steps, order
        self.columns: dict[str, dict[str, str]] = {}
        self.why: dict[str, str] = {}
        self.bare: set[str] = set()
        self.files: dict[str, tuple[str, str]] = {}
        self.twice: dict[str, tuple[str, ...]] = {}
        self.scratch = scratch

    def results(self) -> tuple[Checked, ...]:
        connection = self.duckdb.connect(":memory:", config=SETTINGS)
        try:
            self.connection = connection
            whole = (given for given in self.order.inputs if not given.input.part)
            views = [view for given in whole if (view := self._view(given)) is not None]
            several = self.steps.several(self.order, self.scratch) if self.order.gathers else {}
            parts = [path for tables in several.values() for _, _, path in tables]
            self.steps.confine(connection, self.scratch, [*(path for _, _, path in views), *parts])
            create_views(connection, views, several)
            return tuple(map(self._result, self.order.checks))
        finally:
            connection.close()

    def _view(self, given: Given) -> tuple[str, str, str] | None:
        """The view of a value; None where it is no table, and then it is known why."""
        name, asset, value = given.input.identifier, given.input.asset, given.value
        try:
            if value is not None and value.codec == "json":
                plain = codecs.decode(value, given.path, asset=asset)
                if not isinstance(plain, list | tuple | dict):
                    self.why[name] = f"{asset} is no table, it is {_article(type(plain).__name__)}"
                    return None
                if not plain and not isinstance(plain, dict):
                    self.bare.add(name)
                    return None
            found = self.steps.table_of(given, self.scratch / "in" / name)
        except (ValueDamaged, CannotStore, OSError) as error:
            self.why[name] = str(error)
            return None
        if found is None or isinstance(found, str):
            self.why[name] = f"{asset} is no table: it is empty" if found is None else found
            return None
        self.files[name] = found
        return name, *found

    def _result(self, check: Check) -> Checked:
        began = time.perf_counter()
        try:
            result = self._checked(check)
        except CannotCheck as wrong:
            result = result_of(check, False, sentence(str(wrong)))
        except self.duckdb.Error as failure:
            result = result_of(check, False, self._in_words(check, failure))
        except RecursionError as failure:
            result = result_of(check, False, sentence(str(failure)))
        return replace(result, seconds=time.perf_counter() - began)

    def _in_words(self, check: Check, failure: Exception) -> str:
        """DuckDB's sentence; where a name is not known, with the columns there are."""
        text, _ = in_words(failure)
        if isinstance(failure, self.duckdb.BinderException) and check.identifier in self.columns:
            text += f" (the table has {named(self.columns[check.identifier])})"
        return sentence(text)

    def _columns(self, name: str) -> dict[str, str]:
        """Raises CannotCheck where the value is no table."""
        if name in self.why:
            raise CannotCheck(f"a check of this kind needs a table: {self.why[name]}")
        if name not in self.columns:
            found = self.connection.sql(f"from {quoted(name)}")
            self.columns[name] = dict(zip(found.columns, map(str, found.types), strict=True))
            if name in self.files:
                self.twice[name] = doubled(self.connection, found.columns, *self.files[name])
            if self.connection.execute(f"select 1 from {quoted(name)} limit 1").fetchone() is None:
                self._without_types(name)
        return self.columns[name]

    def _is_of_one(self, table: str, speaks_of: Callable[[str], bool]) -> None:
        """Raises CannotCheck where a column that the check speaks of is there twice."""
        for name in filter(speaks_of, self.twice.get(table, ())):
            raise CannotCheck(f"{table} has several columns called {name!r}: give each a name of its own")

    def _without_types(self, name: str) -> None:
        """Of a table without rows the types are not known (a CSV file has none), and no row can be of a wrong one."""
        nulls = ", ".join(f"null as {quoted(column)}" for column in self.columns[name])
        self.connection.execute(f"create or replace view {quoted(name)} as select {nulls} where false")
        self.columns[name] = dict.fromkeys(self.columns[name], EMPTY)

    def _one(self, query: str, params: Mapping[str, Json] | None = None) -> Any:
        (statement,) = self._statements(query)
        row = self.connection.execute(statement, params or None).fetchone()
        return None if row is None else row[0]

    def _statements(self, query: str) -> list[Any]:
        """Raises CannotCheck where an expression tried to be more than one."""
        statements = self.connection.extract_statements(query)
        if len(statements) != 1:
            raise CannotCheck("an expression is one condition, without a semicolon")
        return list(statements)

    def _checked(self, check: Check) -> Checked:
        if check.identifier in self.bare:
            return self._of_nothing(check)
        columns = self._columns(check.identifier)
        self._is_of_one(check.identifier, partial(speaks_of, check))
        if check.kind == "freshness":
            fault = age_fault(check, self._one(newest_query(check, columns)), self.order.now)
            return result_of(check, not fault, fault)
        total = int(self._one(count_query(check)))
        if check.kind == "row_count":
            fault = count_fault(check, total)
            return result_of(check, not fault, fault, total=total)
        other = check.said.get("identifier") if check.kind == "relationships" else None
        others = self._columns(other) if other is not None else None
        if other is not None:
            self._is_of_one(other, lambda name: name.casefold() == check.said["field"].casefold())
        query = row_query(check, columns, others, MOST_ROWS)
        failing = int(self._one(query.count, query.params))
        message = rows_found(failing, total, query.finding) if failing else ""
        result = result_of(check, not failing, sentence(message), failing=failing, total=total)
        return self._with_rows(result, query.sample, query.params) if failing else result

    def _of_nothing(self, check: Check) -> Checked:
        """An empty list has no rows, and no columns that anyone could know."""
        if check.kind == "freshness":
            fault = age_fault(check, None, self.order.now)
        else:
            fault = count_fault(check, 0) if check.kind == "row_count" else ""
        return result_of(check, not fault, fault, total=0)

    def _with_rows(self, result: Checked, query: str, params: Mapping[str, Json]) -> Checked:
        found = self.connection.execute(query, params or None)
        columns = [str(one[0]) for one in found.description]
        return with_rows(result, columns, found.fetchmany(MOST_ROWS))


def _article(word: str) -> str:
    return f"{'an' if word[:1] in 'aeiou' else 'a'} {word}"


# ---- functions -------------------------------------------------------------------------------


def run_functions(steps: PythonSteps, order: Order, tell: Callable[[str, Any], None]) -> Outcome:
    """Each check of the order as a call of the project's function."""
    began = time.perf_counter()
    given = {one.input.asset: one for one in order.inputs}
    scratch = steps.store / "tmp" / order.attempt
    try:
        checks = tuple(
            _called(steps, order, check, given[check.asset], scratch, tell) for check in order.checks
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Outcome(order.attempt, True, checks=checks, seconds=time.perf_counter() - began)


def _called(
    steps: PythonSteps,
    order: Order,
    check: Check,
    given: Given,
    scratch: Path,
    tell: Callable[[str, Any], None],
) -> Checked:
    began = time.perf_counter()
    said = Said(lambda kind, value: tell(kind, value) if kind != "metadata" else None)

    def call(loaded: Loaded) -> Checked:
        arguments = _arguments(loaded, order, given, scratch / str(time.monotonic_ns()), said)
        return answered(check, awaited(loaded.function(**arguments)))

    try:
        assert check.action is not None
        result = steps.within(check.action, order.env, call)
        _still_as_made(given)
    except BaseException as error:  # whatever a check raises ends that check, not its worker
        head, detail = told(error, steps.store)
        if detail:
            print(detail, end="" if detail.endswith("\n") else "\n", flush=True)
        result = result_of(check, False, head)
    return replace(result, metadata={**said.kept, **result.metadata}, seconds=time.perf_counter() - began)


def _arguments(loaded: Loaded, order: Order, given: Given, scratch: Path, said: Said) -> dict[str, Any]:
    """The value for the first parameter that is no context, and a context for each that is."""
    arguments: dict[str, Any] = {}
    takes = [parameter for parameter in loaded.parameters if not parameter.variadic]
    for parameter in (one for one in takes if one.is_context):
        arguments[parameter.name] = context_of(order, said)
    name = next(parameter.name for parameter in takes if not parameter.is_context)
    value = given.value
    assert value is not None
    wanted = loaded.annotations.get(name)
    arguments[name] = codecs.decode(
        value, given.path, asset=given.input.asset, wanted=wanted, scratch=scratch
    )
    return arguments


def _still_as_made(given: Given) -> None:
    """Raises ValueDamaged where a check has written to the value that is to be committed."""
    value = given.value
    if value is not None and given.path is not None and value.inline is None:
        if value.codec in ("file", "folder", "parquet"):
            codecs.file_of(value, given.path, asset=given.input.asset, scratch=None)
        else:
            codecs.checked_bytes(value, given.path, given.input.asset)


def answered(check: Check, answer: Any) -> Checked:
    """What a function returned, as a result."""
    if type(answer).__module__ == "numpy" and type(answer).__name__ in ("bool", "bool_"):
        answer = bool(answer)
    if isinstance(answer, bool):
        return result_of(check, answer, "" if answer else "it returned False")
    if not isinstance(answer, CheckResult):
        raise TypeError(
            f"a check returns True, False or a CheckResult, not {_article(type(answer).__name__)}"
        )
    passed = bool(answer.passed)
    failing = None if answer.failing is None else int(answer.failing)
    usual = "" if passed else f"{failing:,} failing" if failing is not None else "it did not pass"
    result = result_of(check, passed, sentence(answer.message) or usual, failing=failing)
    result = replace(result, metadata=as_json(answer.metadata))
    columns, rows = _rows_of(answer.rows)
    return with_rows(result, columns, rows)


def _rows_of(given: Any) -> tuple[list[str], list[list[Any]]]:
    """Rows in whatever form: dicts, lists, values, or a table of a library."""
    if callable(records := getattr(given, "to_dicts", None)):  # polars
        given = given.head(MOST_ROWS)
        given = getattr(given, "to_dicts", records)()
    elif callable(getattr(given, "to_pylist", None)):  # arrow
        given = given.slice(0, MOST_ROWS).to_pylist()
    elif hasattr(given, "iloc"):  # pandas
        given = given.head(MOST_ROWS).to_dict("records")
    first = _first(given)
    if first and all(isinstance(row, Mapping) for row in first):
        columns = list(dict.fromkeys(str(name) for row in first for name in row))
        by_name = [{str(name): value for name, value in row.items()} for row in first]
        return columns, [[row.get(name) for name in columns] for row in by_name]
    rows = [list(row) if isinstance(row, list | tuple) else [row] for row in first]
    width = max((len(row) for row in rows), default=0)
    names = ["value"] if width == 1 else [str(number) for number in range(1, width + 1)]
    return names, [row + [None] * (width - len(row)) for row in rows]


def _first(given: Iterable[Any]) -> list[Any]:
    return [row for row, _ in zip(given, range(MOST_ROWS), strict=False)]


# ---- rows, bounded ---------------------------------------------------------------------------


def with_rows(result: Checked, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> Checked:
    """The result with the first few rows, cut to a size that an event can hold."""
    names = tuple(_cut(name) for name in columns)[:WIDEST]
    kept = tuple(tuple(map(_cell, list(row)[:WIDEST])) for row in rows)[:MOST_ROWS]
    return replace(result, columns=names if kept else (), rows=kept)


def _cell(value: Any) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)[:LONGEST]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _cut(bytes(value[:LONGEST]).hex())
    if callable(found := getattr(value, "item", None)):  # a scalar of numpy
        try:
            return _cell(found())
        except (TypeError, ValueError, RecursionError):
            return _cut(str(value))
    return _cut(value.isoformat() if callable(getattr(value, "isoformat", None)) else str(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
