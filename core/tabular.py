"""Rows of stored tables and arrays, without the libraries that made them."""

from __future__ import annotations

import ast
import contextlib
import math
import re
import struct
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

Columns = tuple[tuple[str, str], ...]
Cell = None | bool | int | float | Decimal | str
Rows = tuple[tuple[Cell, ...], ...]

CELL = 200
"""Characters of a cell that are kept."""
WIDEST = 200
"""Columns of a table that are read."""
_SCANNED = 16 << 20
_SAMPLE = 1 << 20


class TableError(Exception):
    """A table that cannot be shown, and why."""


# ---- cells -----------------------------------------------------------------------------------


def short(text: str) -> str:
    return text if len(text) <= CELL else text[: CELL - 1] + "…"


def plain_cell(value: Any) -> Cell:
    """A number, a boolean or nothing as it is; anything else as short text."""
    if value is None or isinstance(value, bool | int | float | Decimal):
        return value
    return short(value if isinstance(value, str) else str(value))


def cell_text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    return "" if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell)


def cell_json(cell: Cell) -> bool | int | float | str | None:
    """A cell as JSON can say it: what is no number there (`nan`, a decimal of too many digits) is text."""
    if isinstance(cell, Decimal):
        near = float(cell)
        return near if cell.is_finite() and Decimal(repr(near)) == cell else str(cell)
    if isinstance(cell, float) and not math.isfinite(cell):
        return str(cell)
    return cell


# ---- with DuckDB -----------------------------------------------------------------------------


def query_rows(
    form: str, path: Path | None, inline: bytes | None, limit: int, offset: int
) -> tuple[Columns, Rows, int | None, str]:
    """Columns, rows, the number of all rows (if it costs little) and a note, of a Parquet or CSV file.

    Raises TableError if DuckDB is not installed or cannot read it.
    """
    with tempfile.TemporaryDirectory(prefix="bakehouse-") as folder:
        place, is_whole = laid_out(form, path, inline, Path(folder), _SCANNED)
        with connected(Path(folder)) as connection:
            return _read(connection, form, str(place), limit, offset, is_whole)


@contextlib.contextmanager
def connected(folder: Path) -> Iterator[Any]:
    """A DuckDB that keeps to 512 MB of memory and, beside that, to some disk in `folder`; what it raises comes as
    TableError, as does that it is not installed."""
    try:
        import duckdb
    except ImportError:
        raise TableError("a table; to see it install duckdb: pip install 'bakehouse[duckdb]'") from None
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": "512MB",
        "temp_directory": str(folder / "spilled"),
        "max_temp_directory_size": "4GB",
        "autoinstall_known_extensions": "false",
        "threads": "1",
    }
    try:
        with duckdb.connect(":memory:", config=settings) as connection:
            yield connection
    except duckdb.Error as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TableError(f"a table that DuckDB cannot read: {first[:200]}") from error


def laid_out(
    form: str, path: Path | None, inline: bytes | None, folder: Path, most: int
) -> tuple[Path, bool]:
    """A path without wildcards in `folder`, at which the bytes are; of a CSV of more than `most` bytes the first.
    Also whether it is all."""
    place = folder / f"value.{form}"
    if path is None:
        place.write_bytes(inline or b"")
        return place, True
    if form == "csv" and path.stat().st_size > most:
        with path.open("rb") as file:
            sample = file.read(_SAMPLE)
        place.write_bytes(sample[: sample.rfind(b"\n") + 1] or sample)
        return place, False
    place.symlink_to(path)
    return place, True


def _read(
    connection: Any, form: str, place: str, limit: int, offset: int, is_whole: bool
) -> tuple[Columns, Rows, int | None, str]:
    literal = place.replace("'", "''")
    source = f"read_{form}('{literal}')"
    described = connection.execute(f"describe select * from {source}").fetchall()
    columns = tuple((str(row[0]), str(row[1]).lower()) for row in described)
    notes = [] if is_whole else [f"of the first {_SAMPLE:,} bytes"]
    if len(columns) > WIDEST:
        notes.append(f"the first {WIDEST} of {len(columns)} columns")
        columns = columns[:WIDEST]
    cells = ", ".join(selected(name, kind) for name, kind in columns)
    found = connection.execute(f"select {cells} from {source} limit {limit} offset {offset}").fetchall()
    rows = tuple(tuple(map(plain_cell, row)) for row in found)
    total = None
    if is_whole:
        total = int(connection.execute(f"select count(*) from {source}").fetchall()[0][0])
    return columns, rows, total, "; ".join(notes)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_NATIVE = re.compile(r"boolean|u?(tiny|small|big|huge)int|u?integer|double|decimal\(.*\)")


def selected(name: str, kind: str) -> str:
    """A column as it comes to Python: bounded, and a short float with the digits that it is known by."""
    if _NATIVE.fullmatch(kind):
        return quoted(name)
    text = f"cast({quoted(name)} as varchar)"
    return f"cast({text} as double)" if kind == "float" else f"left({text}, {CELL + 1})"


# ---- arrays ----------------------------------------------------------------------------------

_NUMBERS = {
    "b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
    "f2": "e", "f4": "f", "f8": "d",
}  # fmt: skip


def array_rows(source: Path | bytes, limit: int, offset: int) -> tuple[Columns, Rows, int | None, str]:
    """Columns, rows, number of rows and a description of a `.npy` array; no rows where its numbers are none
    that we know. Raises ValueError if it is no array."""
    if isinstance(source, bytes):
        import io

        return _array(io.BytesIO(source), limit, offset)
    with source.open("rb") as file:
        return _array(file, limit, offset)


def _array(file: BinaryIO, limit: int, offset: int) -> tuple[Columns, Rows, int | None, str]:
    kind, by_column, shape = _header(file)
    text = f"array of {kind.lstrip('<>|=')}, shape {' × '.join(map(str, shape)) or 'scalar'}"
    code = _NUMBERS.get(kind[1:])
    if code is None or by_column or len(shape) > 2 or 0 in shape:
        return (), (), shape[0] if shape else None, text
    total = shape[0] if shape else 1
    width = shape[1] if len(shape) == 2 else 1
    count = max(0, min(limit, total - offset, _SAMPLE // (width * struct.calcsize(code))))
    form = struct.Struct(("<" if kind[0] in "<|=" else ">") + code * width)
    file.seek(offset * form.size, 1)
    rows = []
    for _ in range(count):
        data = file.read(form.size)
        if len(data) < form.size:
            raise ValueError("it ends too soon")
        row = form.unpack(data)
        rows.append(row[:WIDEST])
    columns = tuple((str(index), kind.lstrip("<>|=")) for index in range(min(width, WIDEST)))
    return columns, tuple(rows), total, text


def _header(file: BinaryIO) -> tuple[str, bool, tuple[int, ...]]:
    start = file.read(8)
    if start[:6] != b"\x93NUMPY" or len(start) < 8:
        raise ValueError("it is no array")
    form = "<H" if start[6] == 1 else "<I"
    (size,) = struct.unpack(form, file.read(struct.calcsize(form)))
    if size > 1 << 16:
        raise ValueError("its header is too long")
    try:
        header = ast.literal_eval(file.read(size).decode("utf-8"))
        kind, by_column, shape = header["descr"], header["fortran_order"], header["shape"]
    except (SyntaxError, KeyError, TypeError, MemoryError) as error:
        raise ValueError("its header cannot be read") from error
    if not isinstance(kind, str):
        return "|V", bool(by_column), tuple(map(int, shape))
    sizes = tuple(map(int, shape))
    if any(one < 0 for one in sizes) or math.prod(sizes) > 1 << 62:
        raise ValueError("its shape is impossible")
    return kind, bool(by_column) and len(sizes) > 1, sizes
