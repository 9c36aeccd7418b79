"""The difference between two values of an asset in lines, for the screen and the command line alike: foreign text
still, not yet cleaned."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ...core.diff.changes import ColumnChange, Difference, RowChange, TableChanges
from ...core.model import Materialization
from ...core.problems import number_of
from ...core.tabular import Cell, cell_text
from .difference import difference

_LINES = 400
_CELL = 24
_CELLS = 40


class Told(NamedTuple):
    """One line. `sign`: `+` came, `-` went, `~` is another, `@` heads what follows, a space for words."""

    sign: str
    text: str


def told(found: Difference) -> list[Told]:
    """All that is known of the difference."""
    lines: list[Told] = []
    if found.old is not None and found.new is not None:
        lines += [Told("-", _side("was", found.old)), Told("+", _side("is ", found.new))]
    if found.note:
        lines.append(Told(" ", found.note))
    if found.table is not None:
        lines += _table(found.table)
    if found.kind == "tree":
        lines += _tree(found)
    if found.texts is not None:
        lines += [Told(piece.sign, piece.text) for piece in difference(*found.texts, most=_LINES)]
    return lines


def _side(word: str, made: Materialization) -> str:
    value = made.value
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(made.ts))
    return f"{word}  {value.version[:8]}  {when}  {value.size:,} bytes  {made.run}"


def rows_in_words(table: TableChanges) -> str:
    """`300,012 rows, +12`."""
    more = table.new_rows - table.old_rows
    size = number_of(table.new_rows, "row")
    return f"{size}, {more:+,}" if more else f"{size}, as many as before"


def _table(table: TableChanges) -> Iterator[Told]:
    yield Told("@", rows_in_words(table))
    for column in table.columns:
        yield _column(column)
    counts = [(table.added, "added"), (table.removed, "removed"), (table.changed, "changed")]
    words = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    by = f" (by {', '.join(table.key)})" if table.key else ""
    if table.compared:
        same = f"the same rows{by}, in another order or otherwise encoded"
        yield Told("@", f"{words}{by}" if words else same)
    for row in table.changed_rows:
        yield Told("~", _changed(table.key, row))
    yield from _more(table.changed, table.changed_rows)
    yield from _sample(table.compared, table.added, table.added_rows, table.removed, table.removed_rows)


def _column(change: ColumnChange) -> Told:
    if change.old is None:
        return Told("+", f"column {change.name}: {change.new}")
    if change.new is None:
        return Told("-", f"column {change.name}: {change.old}")
    return Told("~", f"column {change.name}: {change.old} → {change.new}")


def _changed(key: Sequence[str], row: RowChange) -> str:
    at = " ".join(f"{name}={_shown(cell)}" for name, cell in zip(key, row.key, strict=True))
    cells = ", ".join(f"{name} {_shown(old)} → {_shown(new)}" for name, old, new in row.cells[:_CELLS])
    return f"{at}: {cells}"


def _shown(cell: Cell) -> str:
    text = "null" if cell is None else cell_text(cell)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _sample(
    names: Sequence[str],
    added: int,
    added_rows: Sequence[Sequence[Cell]],
    removed: int,
    removed_rows: Sequence[Sequence[Cell]],
) -> Iterator[Told]:
    cells = [[_shown(cell) for cell in row[:_CELLS]] for row in (*removed_rows, *added_rows)]
    if not cells:
        return
    head = [name if len(name) <= _CELL else name[: _CELL - 1] + "…" for name in names[:_CELLS]]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    yield Told(" ", _line(head, widths))
    for row in cells[: len(removed_rows)]:
        yield Told("-", _line(row, widths))
    yield from _more(removed, removed_rows)
    for row in cells[len(removed_rows) :]:
        yield Told("+", _line(row, widths))
    yield from _more(added, added_rows)


def _line(cells: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _more(count: int, shown: Sequence[object]) -> Iterator[Told]:
    if count > len(shown):
        yield Told(" ", f"and {count - len(shown):,} more")


def _tree(found: Difference) -> Iterator[Told]:
    if not (len(found.paths) == 1 and not found.paths[0].path):
        yield Told("@", f"{number_of(found.places, 'place')} changed")
    for change in found.paths:
        head = f"{change.path}: " if change.path else ""
        match change.sign:
            case "+":
                yield Told("+", head + change.new)
            case "-":
                yield Told("-", head + change.old)
            case "~":
                yield Told("~", f"{head}{change.old} → {change.new}")
    yield from _more(found.places, found.paths)
