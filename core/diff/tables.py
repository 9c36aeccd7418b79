"""Two stored tables of any size and the rows that set them apart, through DuckDB: its memory is bounded."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..tabular import WIDEST, Columns, Rows, TableError, connected, laid_out, plain_cell, quoted, selected
from .changes import SAMPLE, RowChange, TableChanges
from .rows import DOUBLE, LACKING, column_changes

_READ = 1 << 30
"""Bytes of a CSV that is compared."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A Parquet or CSV file (`form`), at `path` or inline."""

    form: str
    path: Path | None
    inline: bytes | None


def table_changes(old: Stored, new: Stored, key: Sequence[str] = ()) -> TableChanges:
    """As `rows.row_changes`. Raises TableError where DuckDB is missing or cannot read them."""
    with tempfile.TemporaryDirectory(prefix="bakehouse-") as folder:
        root = Path(folder)
        sources = [_source(one, root / name) for name, one in (("old", old), ("new", new))]
        with connected(root) as connection:
            return _Comparison(connection, *sources).changes(tuple(key))


def _source(table: Stored, folder: Path) -> str:
    folder.mkdir()
    place, is_whole = laid_out(table.form, table.path, table.inline, folder, _READ)
    if not is_whole:
        raise TableError(f"a table of more than {_READ:,} bytes of text is not compared")
    literal = str(place).replace("'", "''")
    return f"read_{table.form}('{literal}')"


class _Comparison:
    def __init__(self, connection: Any, old: str, new: str) -> None:
        self._connection = connection
        self._was, self._now = self._described(old), self._described(new)
        types = dict(self._was)
        self._names = [name for name, _ in self._now if name in types][:WIDEST]
        self._old = f"(select {self._listed(types, dict(self._now))} from {old})"
        self._new = f"(select {self._listed(dict(self._now), types)} from {new})"
        kinds = dict(self._now)
        self._kinds = {n: kinds[n] if types[n] == kinds[n] else "varchar" for n in self._names}
        self._counts = self._one(f"select count(*) from {old}"), self._one(f"select count(*) from {new}")

    def _listed(self, own: dict[str, str], other: dict[str, str]) -> str:
        """The columns that both have; those of unlike types as text."""
        one = (
            quoted(n) if own[n] == other[n] else f"cast({quoted(n)} as varchar) as {quoted(n)}"
            for n in self._names
        )
        return ", ".join(one) or "1 as nothing"

    def _described(self, source: str) -> Columns:
        found = self._all(f"describe select * from {source}")
        return tuple((str(row[0]), str(row[1]).lower()) for row in found)

    def _all(self, query: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(query).fetchall()
        return found

    def _one(self, query: str) -> int:
        return int(self._all(query)[0][0])

    def changes(self, key: tuple[str, ...]) -> TableChanges:
        note = f"the first {WIDEST} columns are compared" if len(self._names) == WIDEST else ""
        if key and not set(key) <= set(self._names):
            key, note = (), LACKING.format(", ".join(key))
        elif key and not (self._is_key(self._old, key) and self._is_key(self._new, key)):
            key, note = (), DOUBLE.format(", ".join(key))
        columns = column_changes(self._was, self._now)
        head = TableChanges(columns, tuple(self._names), *self._counts, note=note)
        if not self._names:
            return replace(head, note="the two have no column in common, so no rows are compared")
        return self._keyed(head, key) if key else self._counted(head)

    def _is_key(self, source: str, key: tuple[str, ...]) -> bool:
        names = ", ".join(map(quoted, key))
        many = f"select count(*) from {source} group by {names} having count(*) > 1 limit 1"
        return not self._all(many)

    def _counted(self, head: TableChanges) -> TableChanges:
        added = f"(select * from {self._new} except all select * from {self._old})"
        removed = f"(select * from {self._old} except all select * from {self._new})"
        counts = [self._one(f"select count(*) from {rows}") for rows in (added, removed)]
        return replace(
            head,
            added=counts[0],
            removed=counts[1],
            added_rows=self._sample(added) if counts[0] else (),
            removed_rows=self._sample(removed) if counts[1] else (),
        )

    def _sample(self, rows: str) -> Rows:
        cells = ", ".join(selected(name, self._kinds[name]) for name in self._names)
        found = self._all(f"select {cells} from (select * from {rows} order by all limit {SAMPLE})")
        return tuple(tuple(map(plain_cell, row)) for row in found)

    def _keyed(self, head: TableChanges, key: tuple[str, ...]) -> TableChanges:
        same = " and ".join(f"o.{quoted(n)} is not distinct from n.{quoted(n)}" for n in key)
        added = f"(select n.* from {self._new} n anti join {self._old} o on {same})"
        removed = f"(select o.* from {self._old} o anti join {self._new} n on {same})"
        others = [n for n in self._names if n not in key]
        differ = " or ".join(f"o.{quoted(n)} is distinct from n.{quoted(n)}" for n in others) or "false"
        changed = f"from {self._old} o join {self._new} n on {same} where {differ}"
        counts = [self._one(f"select count(*) from {rows}") for rows in (added, removed)]
        return replace(
            head,
            key=key,
            added=counts[0],
            removed=counts[1],
            changed=self._one(f"select count(*) {changed}"),
            added_rows=self._sample(added),
            removed_rows=self._sample(removed),
            changed_rows=self._row_changes(changed, key, others),
        )

    def _row_changes(self, changed: str, key: tuple[str, ...], others: list[str]) -> tuple[RowChange, ...]:
        keys = [selected(n, self._kinds[n]).replace(quoted(n), f"n.{quoted(n)}") for n in key]
        pairs = [
            selected(n, self._kinds[n]).replace(quoted(n), f"{side}.{quoted(n)}")
            for n in others
            for side in "on"
        ]
        flags = [f"o.{quoted(n)} is distinct from n.{quoted(n)}" for n in others]
        order = ", ".join(f"n.{quoted(n)}" for n in key)
        query = f"select {', '.join([*keys, *pairs, *flags])} {changed} order by {order} limit {SAMPLE}"
        return tuple(self._row_change(row, len(key), others) for row in self._all(query))

    @staticmethod
    def _row_change(row: tuple[Any, ...], width: int, others: list[str]) -> RowChange:
        values, flags = row[width : width + 2 * len(others)], row[width + 2 * len(others) :]
        cells = (
            (name, plain_cell(values[2 * at]), plain_cell(values[2 * at + 1]))
            for at, name in enumerate(others)
            if flags[at]
        )
        return RowChange(tuple(map(plain_cell, row[:width])), tuple(cells))
