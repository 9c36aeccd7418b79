"""The words of a difference between two values: frozen data, bounded in size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..model import Materialization
from ..tabular import Cell, Rows

Sign = Literal["+", "-", "~"]
Kind = Literal["table", "tree", "text", "none"]

SAMPLE = 20
"""Rows of a sort (added, removed, changed) that are shown."""
LISTED = 200
"""Places of a tree that are listed."""


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column that came (`old` is None), went (`new` is None) or has another type."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that has its key still: the key's cells, and of each column that differs its name, then and now."""

    key: tuple[Cell, ...]
    cells: tuple[tuple[str, Cell, Cell], ...]


@dataclass(frozen=True, slots=True)
class TableChanges:
    """Rows are told apart by `key`; without one whole rows are counted, and none is called changed.

    `compared` are the columns that both have. `added_rows`, `removed_rows` (cells of the compared columns) and
    `changed_rows` are samples.
    """

    columns: tuple[ColumnChange, ...]
    compared: tuple[str, ...]
    old_rows: int
    new_rows: int
    key: tuple[str, ...] = ()
    added: int = 0
    removed: int = 0
    changed: int = 0
    added_rows: Rows = ()
    removed_rows: Rows = ()
    changed_rows: tuple[RowChange, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class PathChange:
    """A place in a tree, `a.b[2]` (the whole is empty): what came (`+`), went (`-`) or is another (`~`), in short."""

    path: str
    sign: Sign
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """Between the value of an asset and the one before. `old` and `new` are None where there is none.

    `paths` are the first places of a tree that differ, of `places` in all. `texts` are two texts, each cut at a
    bound. `note` is what else there is to say, or why nothing is compared.
    """

    asset: str
    kind: Kind = "none"
    old: Materialization | None = None
    new: Materialization | None = None
    table: TableChanges | None = None
    paths: tuple[PathChange, ...] = ()
    places: int = 0
    texts: tuple[str, str] | None = None
    note: str = ""
