"""A table of any size, read in windows: rows in the order of the file or of one column, and what a column holds.

Whoever opens one closes it, and calls it from one thread at a time; `interrupt` is for any thread.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from .secrets import Secrets
from .tabular import (
    WIDEST,
    Cell,
    Columns,
    Rows,
    TableError,
    array_rows,
    cell_text,
    connected,
    laid_out,
    plain_cell,
    quoted,
    selected,
)

BINS = 12
_LOADED = 256 << 20
"""Bytes of a CSV that is read whole; of a longer one only the beginning is shown."""
_HELD = 1_000_000
"""Rows of an array that are sorted or counted."""
_ROW, _PLACE, _WAS = "__bakehouse_row", "__bakehouse_place", "__bakehouse_was"
"""Columns of our own, beside those of any table."""
_TIMES = ("date", "time", "interval")


@dataclass(frozen=True, slots=True)
class Sort:
    """By a column, by its place. Rows that are equal in it keep their order; rows without a value come last."""

    column: int
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a column holds. `distinct` is an estimate; `low` and `high` are the least and the greatest value, `mean`
    there is of numbers, `bins` (how many values in each of so many equal steps) of numbers and times."""

    rows: int
    nulls: int
    distinct: int
    low: Cell = None
    high: Cell = None
    mean: float | None = None
    bins: tuple[int, ...] = ()


class Windows(Protocol):
    """A table that is open. `note` says what of it is not here."""

    columns: Columns
    total: int
    note: str

    def rows(self, first: int, count: int, sort: Sort | None = None) -> Rows:
        """Up to `count` rows from the row `first` (from 0) on. Raises TableError."""

    def statistics(self, column: int) -> Statistics:
        """What the column holds. Raises TableError."""

    def interrupt(self) -> None:
        """Has a call that is under way raise."""

    def close(self) -> None: ...


# ---- with DuckDB -----------------------------------------------------------------------------


class QueriedTable:
    """A Parquet or CSV file through DuckDB: its memory is bounded, whatever the file's size."""

    def __init__(self, form: str, path: Path | None, inline: bytes | None) -> None:
        self._open = contextlib.ExitStack()
        self._sort: Sort | None = None
        with contextlib.ExitStack() as opening:
            folder = Path(opening.enter_context(tempfile.TemporaryDirectory(prefix="bakehouse-")))
            place, is_whole = laid_out(form, path, inline, folder, _LOADED)
            self._connection = opening.enter_context(connected(folder))
            with _told():
                self._take(form, str(place), is_whole)
            self._open = opening.pop_all()

    def _take(self, form: str, place: str, is_whole: bool) -> None:
        literal = place.replace("'", "''")
        plain = f"read_{form}('{literal}')"
        described = self._all(f"describe select * from {plain}")
        columns = tuple((str(row[0]), str(row[1]).lower()) for row in described)
        self._from, self._number = f"read_parquet('{literal}', file_row_number = true)", "file_row_number"
        if form == "csv" or any(name.lower() == self._number for name, _ in columns):
            numbered = f"select row_number() over () - 1 as {_ROW}, * from {plain}"
            self._all(f"create temp table held as {numbered}")
            self._from, self._number = "held", _ROW
        notes = [] if is_whole else ["only the beginning is here"]
        if len(columns) > WIDEST:
            notes.append(f"the first {WIDEST} of {len(columns)} columns")
        self.columns: Columns = columns[:WIDEST]
        self.note = "; ".join(notes)
        self.total = int(self._all(f"select count(*) from {self._from}")[0][0])
        self._cells = ", ".join(selected(name, kind) for name, kind in self.columns)

    def _all(self, query: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(query).fetchall()
        return found

    def rows(self, first: int, count: int, sort: Sort | None = None) -> Rows:
        with _told():
            if sort is None:
                query = f"""select {self._cells} from {self._from}
                where {self._number} between {first} and {first + count - 1} order by {self._number}"""
            else:
                self._put_in_order(sort)
                query = f"""select {self._cells} from {self._from} join
                (select * from sorted where {_PLACE} between {first} and {first + count - 1})
                on {_WAS} = {self._number} order by {_PLACE}"""
            return tuple(tuple(map(plain_cell, row)) for row in self._all(query))

    def _put_in_order(self, sort: Sort) -> None:
        """Which row stands where is found once; the rows themselves are read when they are asked for."""
        if sort == self._sort:
            return
        self._sort = None
        way = "desc" if sort.descending else "asc"
        self._all("drop table if exists sorted")
        self._all(f"""create temp table sorted as select row_number() over () - 1 as {_PLACE}, {_WAS} from
            (select {self._number} as {_WAS} from {self._from}
            order by {quoted(self.columns[sort.column][0])} {way} nulls last, {self._number})""")
        self._sort = sort

    def statistics(self, column: int) -> Statistics:
        name, kind = self.columns[column]
        cell = quoted(name)
        number = _as_number(cell, kind)
        shown = selected("v", kind)
        mean = "null" if number is None or kind.startswith(_TIMES) else f"avg({number})"
        with _told():
            found = self._all(f"""select rows, filled, many, {shown.replace('"v"', "low")},
                {shown.replace('"v"', "high")}, mean from (select count(*) as rows, count({cell}) as filled,
                approx_count_distinct({cell}) as many, min({cell}) as low, max({cell}) as high,
                {mean} as mean from {self._from})""")[0]
            rows, filled, many, low, high, average = found
            bins = () if number is None else self._bins(number)
        return Statistics(
            rows, rows - filled, min(many, filled), plain_cell(low), plain_cell(high), _finite(average), bins
        )

    def _bins(self, number: str) -> tuple[int, ...]:
        """Infinite values are in no bin."""
        found = self._all(f"""with n as (select {number} as v from {self._from} where isfinite({number})),
            ends as (select min(v) as low, max(v) as high from n)
            select least({BINS - 1}, floor((v / 2 - low / 2) / (high / 2 - low / 2) * {BINS}))::int, count(*)
            from n, ends where high > low group by 1""")
        counts = dict(found)
        return tuple(counts.get(at, 0) for at in range(BINS)) if counts else ()

    def interrupt(self) -> None:
        self._connection.interrupt()

    def close(self) -> None:
        self._open.close()


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What DuckDB raises, as TableError: it is there, or the table would not be open."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TableError(f"DuckDB cannot read it: {first[:200]}") from error


def _as_number(cell: str, kind: str) -> str | None:
    """An expression for a place on a line of numbers, or None where there is none."""
    if kind.startswith(("date", "timestamp")):
        return f"epoch({cell})"
    if kind == "boolean" or kind.startswith(("int", "uint", "big", "small", "tiny", "huge", "ubig", "usmall",
                                             "utiny", "uhuge", "double", "float", "decimal")):  # fmt: skip
        return f"cast({cell} as double)" if "[" not in kind else None
    return None


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


# ---- in memory -------------------------------------------------------------------------------


class HeldRows:
    """Rows that are in memory already: records of plain data, files of a folder."""

    def __init__(self, columns: Columns, rows: Rows, note: str = "") -> None:
        self.columns, self.note, self.total = columns, note, len(rows)
        self._rows = rows
        self._sorted: tuple[Sort | None, Sequence[int]] = (None, range(len(rows)))

    def rows(self, first: int, count: int, sort: Sort | None = None) -> Rows:
        if sort != self._sorted[0]:
            order = (
                range(self.total) if sort is None else in_order([r[sort.column] for r in self._rows], sort)
            )
            self._sorted = sort, order
        return tuple(self._rows[at] for at in self._sorted[1][first : first + count])

    def statistics(self, column: int) -> Statistics:
        return statistics_of([row[column] for row in self._rows])

    def interrupt(self) -> None:
        """A call ends by itself soon."""

    def close(self) -> None:
        self._rows = ()


class ArrayTable:
    """A `.npy` array: rows are read where they stand in the file."""

    def __init__(self, source: Path | bytes) -> None:
        self._source = source
        self.columns, _, total, _ = array_rows(source, 1, 0)
        self.total, self.note = total or 0, ""
        self._sorted: tuple[Sort | None, Sequence[int]] = (None, range(self.total))

    def rows(self, first: int, count: int, sort: Sort | None = None) -> Rows:
        if sort is None:
            return array_rows(self._source, count, first)[1]
        if sort != self._sorted[0]:
            self._sorted = sort, in_order(self._column(sort.column), sort)
        return tuple(array_rows(self._source, 1, at)[1][0] for at in self._sorted[1][first : first + count])

    def _column(self, column: int) -> list[Cell]:
        if self.total > _HELD:
            raise TableError(f"an array of more than {_HELD:,} rows is neither sorted nor counted here")
        found: list[Cell] = []
        while len(found) < self.total:
            rows = array_rows(self._source, 65_536, len(found))[1]
            if not rows:
                raise TableError("the array ends too soon")
            found += [row[column] for row in rows]
        return found

    def statistics(self, column: int) -> Statistics:
        return statistics_of(self._column(column))

    def interrupt(self) -> None:
        """A call ends by itself soon."""

    def close(self) -> None: ...


def in_order(cells: Sequence[Cell], sort: Sort) -> list[int]:
    """The places of `cells` in the order of their values: nothing last, unlike kinds apart, equal ones as they
    stood."""
    there = [at for at, cell in enumerate(cells) if not _is_nothing(cell)]
    none = [at for at, cell in enumerate(cells) if _is_nothing(cell)]
    return sorted(there, key=lambda at: _rank(cells[at]), reverse=sort.descending) + none


def _is_nothing(cell: Cell) -> bool:
    return cell is None or cell != cell


def _rank(cell: Cell) -> tuple[int, Any]:
    return (1, cell) if isinstance(cell, str) else (0, cell)


def statistics_of(cells: Sequence[Cell]) -> Statistics:
    """What these cells hold."""
    filled = [cell for cell in cells if not _is_nothing(cell)]
    distinct = len(set(filled))
    numbers = [float(c) for c in filled if isinstance(c, bool | int | float | Decimal) and math.isfinite(c)]
    if not filled:
        return Statistics(len(cells), len(cells), 0)
    ranked = min(filled, key=_rank), max(filled, key=_rank)
    mean = math.fsum(numbers) / len(numbers) if len(numbers) == len(filled) else None
    return Statistics(len(cells), len(cells) - len(filled), distinct, *ranked, mean, _counted(numbers))


def _counted(numbers: list[float]) -> tuple[int, ...]:
    if not numbers or (low := min(numbers)) == (high := max(numbers)):
        return ()
    counts = Counter(min(BINS - 1, int((n / 2 - low / 2) / (high / 2 - low / 2) * BINS)) for n in numbers)
    return tuple(counts[at] for at in range(BINS))


# ---- without secrets -------------------------------------------------------------------------


class WithoutSecrets:
    """A table whose cells are told without the values of secrets."""

    def __init__(self, inner: Windows, secrets: Secrets) -> None:
        self._inner, self._secrets = inner, secrets
        self.columns: Columns = secrets.json(inner.columns)
        self.total, self.note = inner.total, inner.note

    def _cell(self, cell: Cell) -> Cell:
        told = cell_text(cell)
        kept = self._secrets.text(told)
        return cell if kept == told else kept

    def rows(self, first: int, count: int, sort: Sort | None = None) -> Rows:
        return tuple(tuple(map(self._cell, row)) for row in self._inner.rows(first, count, sort))

    def statistics(self, column: int) -> Statistics:
        found = self._inner.statistics(column)
        return replace(found, low=self._cell(found.low), high=self._cell(found.high))

    def interrupt(self) -> None:
        self._inner.interrupt()

    def close(self) -> None:
        self._inner.close()
