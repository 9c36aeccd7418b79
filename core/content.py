"""A value whole, as another program takes it. Nothing of it is ever executed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .model import Stored
from .preview import pretty
from .problems import ProblemError
from .store.store import Store

if TYPE_CHECKING:
    from .workbench import Workbench

PIECE = 1 << 20
"""Bytes that are held at a time."""


def content_of(bench: Workbench, asset: str) -> Iterator[bytes]:
    """The current value of an asset, or the file of a source, as it is: secrets too. Blocking; raises as `content`."""
    if (file := bench.source_file(asset)) is not None:
        return file_content(file)
    if (made := bench.materialization(asset)) is None:
        raise ProblemError(f"{asset} has no value to write: it was never materialized")
    return content(bench.store, made.value)


def content(store: Store, value: Stored) -> Iterator[bytes]:
    """The bytes of a value, piece by piece: of a file, a table (Parquet), an array (npy) or a pickle those that are
    kept; text as it is; other plain data as JSON. They are compared with their digest before the first is given.

    Raises StoreError for what is missing or damaged, ProblemError for what is not one row of bytes.
    """
    if value.codec == "none":
        raise ProblemError("the step left no value, so there is nothing to write")
    if value.codec == "json":
        yield _plain(store.values.read(value))
    elif value.inline is not None:
        yield store.values.read(value)
    else:
        store.values.demand(value)
        yield from file_content(store.values.path(value))


def file_content(path: Path) -> Iterator[bytes]:
    """The bytes of a file. Raises ProblemError for a folder and for what cannot be read."""
    if path.is_dir():
        raise ProblemError(f"it is a folder, not one file: {path}", "copy it from there")
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as error:
        raise ProblemError(f"{path} cannot be read: {error.strerror or error}") from error


def _plain(data: bytes) -> bytes:
    from .workers import plain

    found = plain.loads(data)
    if isinstance(found, bytes):
        return found
    text = found if isinstance(found, str) else pretty(found) + "\n"
    return text.encode("utf-8", "surrogatepass")
