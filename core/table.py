"""A stored table as the project's code gets it, where it asks for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Table:
    """A stored table, read only when asked: the rows stay in its Parquet file at `path`.

    Needs DuckDB where the step runs; raises ModuleNotFoundError that says so.
    """

    __slots__ = ("_connection", "path")

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._connection: Any = None

    def __repr__(self) -> str:
        return f"Table({str(self.path)!r})"

    @property
    def columns(self) -> list[str]:
        return list(self._relation().columns)

    def __len__(self) -> int:
        return int(self._read("count(*)").fetchall()[0][0])

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[dict[str, Any]]:
        columns, cursor = self.columns, self._read()
        while batch := cursor.fetchmany(2048):
            for row in batch:
                yield dict(zip(columns, row, strict=True))

    def rows(self, limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
        """Rows as dicts, in the order in which they are stored."""
        bound = "" if limit is None else f" limit {int(limit)}"
        rows = self._read("*", f"{bound} offset {int(offset)}").fetchall()
        return [dict(zip(self.columns, row, strict=True)) for row in rows]

    def sql(self, query: str) -> Any:
        """The DuckDB relation of a query in which this table is called `this`."""
        return self._relation().query("this", query)

    def pandas(self) -> Any:
        return self._relation().df()

    def polars(self) -> Any:
        return self._relation().pl()

    def arrow(self) -> Any:
        relation = self._relation()
        return (getattr(relation, "to_arrow_table", None) or relation.arrow)()

    def _relation(self) -> Any:
        return self._connect().read_parquet(str(self.path))

    def _read(self, what: str = "*", rest: str = "") -> Any:
        query = f"select {what} from read_parquet(?){rest}"
        cursor = self._connect().cursor()
        cursor.execute(query, [str(self.path)])
        return cursor

    def _connect(self) -> Any:
        if self._connection is None:
            try:
                import duckdb
            except ModuleNotFoundError as missing:
                raise ModuleNotFoundError(
                    "a stored table is read with DuckDB: add duckdb to the project's environment",
                    name="duckdb",
                ) from missing
            self._connection = duckdb.connect()
        return self._connection
