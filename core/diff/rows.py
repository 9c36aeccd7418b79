"""Two tables in memory and the rows that set them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..tabular import Columns, plain_cell
from .changes import SAMPLE, ColumnChange, RowChange, TableChanges

Row = tuple[Hashable, ...]
DOUBLE = "the key {} is not that of one row alone, so whole rows are compared"
LACKING = "the key {} is no column of both, so whole rows are compared"


@dataclass(frozen=True, slots=True)
class Held:
    """A table in memory; the cells are what they are, in full."""

    columns: Columns
    rows: Sequence[Row]


def column_changes(old: Columns, new: Columns) -> tuple[ColumnChange, ...]:
    """Columns that came, went or have another type."""
    was, now = dict(old), dict(new)
    names = dict.fromkeys([*now, *was])
    return tuple(ColumnChange(n, was.get(n), now.get(n)) for n in names if was.get(n) != now.get(n))


def row_changes(old: Held, new: Held, key: Sequence[str] = ()) -> TableChanges:
    """Compares rows by `key`, or (where there is none, or it is no key) whole rows, however often each is there."""
    names = [name for name, _ in old.columns]
    compared = tuple(name for name, _ in new.columns if name in names)
    was, now = _narrowed(old, compared), _narrowed(new, compared)
    head = TableChanges(column_changes(old.columns, new.columns), compared, len(was), len(now))
    note = ""
    if key:
        if set(key) <= set(compared):
            places = [compared.index(name) for name in key]
            befores, afters = _by_key(was, places), _by_key(now, places)
            if befores is not None and afters is not None:
                return _keyed(head, tuple(key), befores, afters)
        note = (DOUBLE if set(key) <= set(compared) else LACKING).format(", ".join(key))
    return _counted(head, was, now, note)


def _narrowed(table: Held, names: Sequence[str]) -> list[Row]:
    places = {name: at for at, (name, _) in enumerate(table.columns)}
    return [tuple(row[places[name]] for name in names) for row in table.rows]


def _by_key(rows: Sequence[Row], places: Sequence[int]) -> dict[Row, Row] | None:
    found = {tuple(row[at] for at in places): row for row in rows}
    return found if len(found) == len(rows) else None


def _keyed(
    head: TableChanges, key: tuple[str, ...], was: Mapping[Row, Row], now: Mapping[Row, Row]
) -> TableChanges:
    added = [now[one] for one in now if one not in was]
    removed = [was[one] for one in was if one not in now]
    changed = [one for one in now if one in was and now[one] != was[one]]
    sample = tuple(_row_change(head.compared, one, was[one], now[one]) for one in changed[:SAMPLE])
    return TableChanges(
        head.columns, head.compared, head.old_rows, head.new_rows, key,
        len(added), len(removed), len(changed), _shown(added), _shown(removed), sample,
    )  # fmt: skip


def _row_change(names: Sequence[str], key: Row, was: Row, now: Row) -> RowChange:
    cells = ((n, plain_cell(a), plain_cell(b)) for n, a, b in zip(names, was, now, strict=True) if a != b)
    return RowChange(tuple(map(plain_cell, key)), tuple(cells))


def _counted(head: TableChanges, was: list[Row], now: list[Row], note: str) -> TableChanges:
    before, after = Counter(was), Counter(now)
    added, removed = list((after - before).elements()), list((before - after).elements())
    return TableChanges(
        head.columns, head.compared, head.old_rows, head.new_rows, (), len(added), len(removed), 0,
        _shown(added), _shown(removed), (), note,
    )  # fmt: skip


def _shown(rows: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(tuple(map(plain_cell, row)) for row in rows[:SAMPLE])
