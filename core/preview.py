"""A look at a stored value: as a table or as text, of bounded size. Nothing of the value is ever executed."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from .model import Damage, Json, Materialization, Stored
from .pictures import picture_of
from .places import is_in_store
from .problems import StoreError, number_of
from .secrets import Secrets
from .store.store import Store
from .tabular import Cell, TableError, array_rows, cell_text, plain_cell, query_rows, short

PreviewKind = Literal["table", "json", "text", "none", "binary", "image"]

READ = 1 << 20
"""At most so many bytes of a value are turned into text."""
CHECKED = 64 << 20
"""Values up to this size are compared with their digest first."""
_LISTED = 10_000


@dataclass(frozen=True, slots=True)
class Preview:
    """What can be shown of a value: of a table the cells (`None`, or a number, a boolean or short text); `total`
    is the number of rows, if it is known.

    `note` is one sentence on what is not shown, or why nothing is.
    """

    kind: PreviewKind
    columns: tuple[tuple[str, str], ...] = ()
    cells: tuple[tuple[Cell, ...], ...] = ()
    total: int | None = None
    text: str = ""
    note: str = ""

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The cells as text."""
        return tuple(tuple(map(cell_text, row)) for row in self.cells)


def without_secrets(shown: Preview, secrets: Secrets) -> Preview:
    """The same with the values of secrets taken out."""
    if not secrets:
        return shown
    return replace(
        shown,
        columns=secrets.json(shown.columns),
        cells=tuple(tuple(_cell_without(cell, secrets) for cell in row) for row in shown.cells),
        text=secrets.text(shown.text),
        note=secrets.text(shown.note),
    )


def _cell_without(cell: Cell, secrets: Secrets) -> Cell:
    told = cell_text(cell)
    kept = secrets.text(told)
    return cell if kept == told else kept


def preview(store: Store, value: Materialization | Stored, limit: int = 100, offset: int = 0) -> Preview:
    """Shows up to `limit` rows from row `offset`. What cannot be shown is said in the note; raises nothing."""
    stored, metadata = (value.value, value.metadata) if isinstance(value, Materialization) else (value, {})
    try:
        if (wrong := unusable(store, stored)) is not None:
            return Preview("none", note=wrong)
        path = None if stored.inline is not None else store.values.path(stored)
        return _Look(stored, path, metadata, max(limit, 0), max(offset, 0)).show()
    except (StoreError, OSError, ValueError, csv.Error, RecursionError, MemoryError) as error:
        return Preview("none", note=f"it cannot be shown: {error}")


def preview_file(path: Path, limit: int = 100, offset: int = 0) -> Preview:
    """Shows a file or folder that is a source, by its suffix. Raises nothing."""
    try:
        if is_in_store(path):
            return Preview("none", note=f"{path} is a part of the store, which is no data")
        codec = "folder" if path.is_dir() else "file"
        if codec == "file" and not path.is_file() and path.exists():
            return Preview("none", note=f"{path} is neither a file nor a folder")
        value = Stored(codec, "", path.stat().st_size, "", type=path.name)
        return _Look(value, path, {}, max(limit, 0), max(offset, 0)).show()
    except FileNotFoundError:
        return Preview("none", note=f"{path} is not there")
    except (OSError, ValueError, csv.Error, RecursionError, MemoryError) as error:
        return Preview("none", note=f"it cannot be shown: {error}")


def unusable(store: Store, value: Stored) -> str | None:
    """Why the bytes of a value cannot be shown; None if they can. Reads what is small in full. Raises StoreError."""
    if value.codec == "none":
        return "the step left no value"
    if value.size <= CHECKED:
        damage = store.values.check(value)
    else:
        path = store.values.path(value)
        damage = None if path.exists() else Damage.MISSING
        if damage is None and path.is_file() and path.stat().st_size != value.size:
            damage = Damage.DAMAGED
    if damage is Damage.MISSING:
        return "missing: the stored value is not there; materialize it again"
    return None if damage is None else "damaged: the stored value is not what was made; materialize it again"


def how_opaque(value: Stored) -> str:
    """How a value is kept that is only opened where the user's code runs."""
    return "as a pickle" if value.codec == "pickle" else f"in the encoding {value.codec} of a plugin"


@dataclass(slots=True)
class _Look:
    value: Stored
    path: Path | None
    metadata: Mapping[str, Json]
    limit: int
    offset: int

    def show(self) -> Preview:
        match self.value.codec:
            case "json":
                return self._json(self._head())
            case "parquet":
                return self._queried("parquet")
            case "npy":
                return self._array()
            case "folder":
                return self._folder()
            case "file":
                return self._file()
            case _:
                return self._opaque()

    def _file_path(self) -> Path:
        assert self.path is not None, "a value is inline or in a file"
        return self.path

    def _head(self) -> bytes:
        if self.value.inline is not None:
            return self.value.inline[:READ]
        with self._file_path().open("rb") as file:
            return file.read(READ)

    def _is_cut(self) -> bool:
        return self.value.size > READ

    # ---- by encoding -----------------------------------------------------------------------------

    def _json(self, data: bytes, *, tagged: bool = True) -> Preview:
        if self._is_cut():
            return Preview("json", text=_decoded(data), note=_cut_note(self.value.size))
        try:
            found = _load(data, tagged=tagged)
        except ValueError:
            return self._text(data)
        if is_table(found):
            return self._records(found)
        if isinstance(found, bytes) and (seen := self._image(found, len(found))) is not None:
            return seen
        if tagged and isinstance(found, str) and "\n" in found:
            return Preview("text", text=found)
        return Preview("json", text=pretty(found))

    def _records(self, records: list[dict[str, Any]]) -> Preview:
        names = list(dict.fromkeys(itertools.chain.from_iterable(records[:1000])))
        kinds = tuple((name, _kind_of(records, name)) for name in names)
        shown = records[self.offset : self.offset + self.limit]
        rows = tuple(tuple(plain_cell(record.get(name)) for name in names) for record in shown)
        return Preview("table", kinds, rows, len(records))

    def _queried(self, form: str) -> Preview:
        try:
            columns, rows, total, note = query_rows(
                form, self.path, self.value.inline, self.limit, self.offset
            )
        except TableError as error:
            return Preview("none", note=str(error))
        return Preview("table", columns, rows, total, note=note)

    def _array(self) -> Preview:
        columns, rows, total, text = array_rows(self._reader(), self.limit, self.offset)
        return Preview("table" if rows else "text", columns, rows, total, text)

    def _reader(self) -> Path | bytes:
        return self.value.inline if self.value.inline is not None else self._file_path()

    def _opaque(self) -> Preview:
        kept = self.metadata.get("preview")
        head = f"{self.value.type or 'a Python object'}, {number_of(self.value.size, 'byte')}"
        note = f"kept {how_opaque(self.value)}, which is only ever opened in a step"
        return Preview("text", text=f"{head}\n\n{kept}" if kept is not None else head, note=note)

    def _folder(self) -> Preview:
        root = self._file_path()
        files = sorted(itertools.islice((p for p in root.rglob("*") if p.is_file()), _LISTED))
        shown = files[self.offset : self.offset + self.limit]
        rows = tuple((short(p.relative_to(root).as_posix()), p.stat().st_size) for p in shown)
        note = f"only {_LISTED:,} files were looked at" if len(files) == _LISTED else ""
        return Preview("table", (("file", "path"), ("size", "bytes")), rows, len(files), note=note)

    def _file(self) -> Preview:
        suffix = Path(self.value.type).suffix.lower()
        if suffix == ".parquet":
            return self._queried("parquet")
        if suffix in (".csv", ".tsv"):
            return self._csv(suffix)
        data = self._head()
        return self._json(data, tagged=False) if suffix in (".json", ".geojson") else self._text(data)

    def _csv(self, suffix: str) -> Preview:
        found = self._queried("csv")
        if found.kind == "table":
            return found
        text = _decoded(self._head())
        lines = text.splitlines()[: -1 if self._is_cut() else None]
        table = list(csv.reader(lines, delimiter="\t" if suffix == ".tsv" else ","))
        if not table:
            return replace(found, kind="text", text=text)
        columns = tuple((short(name), "text") for name in table[0])
        shown = table[1 + self.offset : 1 + self.offset + self.limit]
        rows = tuple(tuple(short(cell) for cell in row) for row in shown)
        return Preview("table", columns, rows, None if self._is_cut() else len(table) - 1, note=found.note)

    @staticmethod
    def _image(head: bytes, size: int) -> Preview | None:
        found = picture_of(head)
        return (
            Preview("image", note=f"{found.words}, {number_of(size, 'byte')}") if found is not None else None
        )

    def _text(self, data: bytes) -> Preview:
        if (seen := self._image(data, self.value.size)) is not None:
            return seen
        if b"\0" in data[:8192] or not _is_text(data[:8192]):
            return Preview("binary", note=f"binary, {number_of(self.value.size, 'byte')}")
        return Preview("text", text=_decoded(data), note=_cut_note(self.value.size) if self._is_cut() else "")


# ---- text ----------------------------------------------------------------------------------------


def _load(data: bytes, *, tagged: bool) -> Any:
    if tagged:
        from .workers import plain

        return plain.loads(data)
    return json.loads(data)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start > len(data) - 4
    return True


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _cut_note(size: int) -> str:
    return f"the first {READ:,} of {size:,} bytes"


def is_table(value: Any) -> bool:
    """Whether it is a list of flat records."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(row, dict) and row and all(map(_is_flat, row.values())) for row in value)
        and all(isinstance(name, str) for name in value[0])
    )


def _is_flat(value: Any) -> bool:
    return not isinstance(value, dict | list | tuple | set | frozenset)


def _kind_of(records: list[dict[str, Any]], name: str) -> str:
    for record in records[:1000]:
        if (value := record.get(name)) is not None:
            return type(value).__name__
    return "null"


def pretty(value: Any) -> str:
    """Plain data as JSON of several lines; what JSON has no word for as its nearest."""
    try:
        return json.dumps(_plain(value), indent=2, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        return repr(value)[:READ]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name if isinstance(name, str) else str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(item) for item in value), key=str)
    if isinstance(value, bytes):
        return short(repr(value))
    return value
