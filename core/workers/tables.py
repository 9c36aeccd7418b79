"""Tables and arrays of the libraries that the user's own environment has. None is imported unless the value,
or the parameter that takes it, is of that library."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model import Json

if TYPE_CHECKING:
    from .sink import Sink

PANDAS, POLARS, LAZY = "pandas.DataFrame", "polars.DataFrame", "polars.LazyFrame"
ARROW, RELATION, OURS = "pyarrow.Table", "duckdb.DuckDBPyRelation", "bakehouse.Table"
CLASSES = {
    PANDAS: ("pandas", "DataFrame"),
    POLARS: ("polars", "DataFrame"),
    LAZY: ("polars", "LazyFrame"),
    ARROW: ("pyarrow", "Table"),
    RELATION: ("duckdb", "DuckDBPyRelation"),
}
COMPRESSION = "lz4"
SAFE_OBJECTS = ("string", "large_string", "binary", "date32[day]", "decimal", "null", "bool")


def table_kind(value: object) -> str | None:
    """The name of the class of a table, or None. Subclasses are no tables: they carry more than rows."""
    return _kind_of_class(type(value))


def _kind_of_class(found: object) -> str | None:
    if getattr(found, "__name__", "") == "Table" and getattr(found, "__module__", "").endswith("core.table"):
        return OURS
    for kind, (module, name) in CLASSES.items():
        if (library := sys.modules.get(module)) is not None and getattr(library, name, None) is found:
            return kind
    return None


def write_table(value: Any, kind: str, path: Path) -> dict[str, Json] | None:
    """Write Parquet; None where the file would not give back the same table."""
    if kind == PANDAS:
        table = _arrow_of_pandas(value)
        return None if table is None else _write_arrow(table, path)
    if kind == ARROW:
        return _write_arrow(value, path)
    if kind in (POLARS, LAZY):
        frame = value.collect() if kind == LAZY else value
        frame.write_parquet(path, compression=COMPRESSION)
        columns = [[name, str(dtype)] for name, dtype in frame.schema.items()]
        return {"rows": frame.height, "columns": columns}
    if kind == RELATION:
        from . import relations

        written = relations.write(value, path)
        columns = [[name, str(of)] for name, of in zip(written.columns, written.types, strict=True)]
        return {"rows": rows_of(path), "columns": columns}
    import shutil

    shutil.copyfile(value.path, path)
    return {"rows": len(value), "columns": [[name, ""] for name in value.columns]}


def rows_of(path: Path) -> int:
    import duckdb

    with duckdb.connect() as connection:
        found = connection.execute("select count(*) from read_parquet(?)", [str(path)]).fetchone()
    return int(found[0]) if found else 0


def _write_arrow(table: Any, path: Path) -> dict[str, Json]:
    import pyarrow.parquet

    pyarrow.parquet.write_table(table, path, compression=COMPRESSION, use_dictionary=_repeating(table))
    columns = [[f.name, str(f.type)] for f in table.schema if not f.name.startswith("__index_level_")]
    return {"rows": table.num_rows, "columns": columns}


def _repeating(table: Any) -> bool | list[str]:
    """The columns to look for repeated values in. Floats seldom repeat, and to look costs more than to write."""
    from pyarrow import types

    if any(types.is_nested(field.type) for field in table.schema):
        return True
    return [field.name for field in table.schema if not types.is_floating(field.type)]


def _arrow_of_pandas(frame: Any) -> Any:
    """The frame as an Arrow table, or None where it would not come back the same."""
    try:
        import pyarrow
    except ImportError:
        return None
    if frame.attrs or not all(type(name) is str for name in frame.columns):
        return None
    try:
        table = pyarrow.Table.from_pandas(frame)
    except Exception:
        return None
    for name, dtype in frame.dtypes.items():
        if str(dtype) == "object" and not str(table.schema.field(name).type).startswith(SAFE_OBJECTS):
            return None
    return table


def read_table(path: Path, wanted: object, made_as: str) -> Any:
    """The table at `path` as its annotation wants it, else as it was made, else our lazy `Table`."""
    from ..table import Table

    kind = _wanted_kind(wanted) or (made_as if made_as in CLASSES else OURS)
    if kind == PANDAS:
        return _read_pandas(path)
    if kind in (POLARS, LAZY):
        import polars

        return polars.scan_parquet(path) if kind == LAZY else polars.read_parquet(path)
    if kind == ARROW:
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path, memory_map=True)
    if kind == RELATION:
        import duckdb

        return duckdb.read_parquet(str(path))
    return Table(path)


def _wanted_kind(wanted: object) -> str | None:
    if isinstance(wanted, str):
        return _kind_of_text(wanted)
    return None if wanted is None else _kind_of_class(wanted)


def _kind_of_text(text: str) -> str | None:
    """An annotation that was left as text: `pd.DataFrame`, `polars.LazyFrame`."""
    first, _, last = text.strip("'\" ").rpartition(".")
    known = {"pd": "pandas", "pl": "polars", "pa": "pyarrow"}
    for kind, (module, name) in CLASSES.items():
        if name == last and known.get(first, first) == module:
            return kind
    return OURS if last == "Table" and first in ("", "bakehouse") else None


def _read_pandas(path: Path) -> Any:
    import pandas

    try:
        import pyarrow.parquet
    except ImportError:
        from ..table import Table

        return Table(path).pandas()
    frame = pyarrow.parquet.read_table(path).to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    return frame


# ---- arrays ----------------------------------------------------------------------------------


def is_array(value: object) -> bool:
    """Whether it is a numpy array of plain numbers or text."""
    numpy = sys.modules.get("numpy")
    found = getattr(numpy, "ndarray", None)
    if found is None or type(value) is not found:
        return False
    return not value.dtype.hasobject  # type: ignore[attr-defined]


def write_array(value: Any, sink: Sink) -> None:
    import numpy

    numpy.lib.format.write_array(sink, value, allow_pickle=False)


def read_array(data: bytes) -> Any:
    import numpy

    return numpy.load(io.BytesIO(data), allow_pickle=False)
