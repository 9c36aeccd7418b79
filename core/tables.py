"""The value of an asset, opened as a table that is read in windows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .preview import preview, preview_file, unusable
from .tabular import TableError
from .windows import ArrayTable, HeldRows, QueriedTable, Windows, WithoutSecrets

if TYPE_CHECKING:
    from .model import Stored
    from .preview import Preview
    from .workbench import Workbench

_ALL = 1_000_000


def open_table(bench: Workbench, asset: str) -> Windows | None:
    """The value of `asset` as a table without secrets, to be closed by the caller; None if it is none, or cannot be
    read. Blocking. Raises StoreError for the ledger."""
    found = _of_source(bench, asset) if bench.source_file(asset) is not None else _of_made(bench, asset)
    secrets = bench.defined.secrets()
    return WithoutSecrets(found, secrets) if found is not None and secrets else found


def _of_source(bench: Workbench, asset: str) -> Windows | None:
    path = bench.source_file(asset)
    if path is None:
        return None
    return _opened("file", path.name, path, None) or _held(preview_file(path, _ALL))


def _of_made(bench: Workbench, asset: str) -> Windows | None:
    made = bench.materialization(asset)
    if made is None or unusable(bench.store, made.value) is not None:
        return None
    value: Stored = made.value
    path = None if value.inline is not None else bench.store.values.path(value)
    found = _opened(value.codec, value.type, path, value.inline)
    return found or _held(preview(bench.store, made, _ALL))


def _opened(codec: str, type_: str, path: Path | None, inline: bytes | None) -> Windows | None:
    """As its encoding says; None where it is no table, or its reader fails (then the preview says what it can)."""
    suffix = Path(type_).suffix.lower() if codec == "file" else ""
    try:
        if codec == "parquet" or suffix == ".parquet":
            return QueriedTable("parquet", path, inline)
        if suffix in (".csv", ".tsv"):
            return QueriedTable("csv", path, inline)
        if codec == "npy" and (source := inline if path is None else path) is not None:
            array = ArrayTable(source)
            return array if array.columns else None
    except (TableError, OSError, ValueError):
        return None
    return None


def _held(seen: Preview) -> Windows | None:
    return HeldRows(seen.columns, seen.cells, seen.note) if seen.kind == "table" else None
