"""The value of an asset beside the one before it, as the store still has them. Nothing of them is executed."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model import Materialization
from ..model import Stored as StoredValue
from ..preview import READ, how_opaque, is_table, unusable
from ..problems import StoreError
from ..secrets import Secrets
from ..store.store import Store
from ..store.values import file_digest
from ..tabular import Cell, Rows, TableError, array_rows, cell_text
from .changes import Difference, PathChange, RowChange, TableChanges
from .rows import Held, row_changes
from .tables import Stored, table_changes
from .trees import tree_changes

if TYPE_CHECKING:
    from ..workbench import Workbench

_BACK = 200
"""Values before the current one that are looked through."""
_PARSED = 8 << 20
"""Bytes of JSON that is compared as what it means; longer JSON as text."""
_ROWS = 100_000
"""Rows of an array that are compared."""
_FILES = 10_000
_DIGESTED = 64 << 20
"""Bytes of the files of a folder that are digested, so that a change in place is seen."""


def difference(bench: Workbench, asset: str) -> Difference:
    """What sets the current value of `asset` apart from the last one with another content that is still there,
    without secrets. Blocking. What cannot be compared is said in the note; raises StoreError for the ledger."""
    definition = bench.defined.asset(asset)
    made = bench.materializations(asset, _BACK)
    if not made:
        said = (
            "a source is not kept, so it cannot be compared" if definition.is_source else "never materialized"
        )
        return Difference(asset, note=said)
    now, was, said = _pair(bench.store, made)
    if was is None:
        return Difference(asset, new=now, note=said)
    try:
        found = _Pair(bench.store, asset, was, now).compared(_key(definition.metadata))
    except (StoreError, TableError, OSError, ValueError, RecursionError, MemoryError) as error:
        found = Difference(asset, note=f"they cannot be compared: {error}")
    note = "; ".join(part for part in (said, found.note) if part)
    return _without_secrets(replace(found, old=was, new=now, note=note), bench.defined.secrets())


def _key(metadata: Any) -> tuple[str, ...]:
    """The columns that tell rows apart, as the definition says it: `metadata: {key: id}` or a list."""
    key = metadata.get("key")
    return (key,) if isinstance(key, str) else tuple(map(str, key)) if isinstance(key, list | tuple) else ()


def _pair(
    store: Store, made: Sequence[Materialization]
) -> tuple[Materialization, Materialization | None, str]:
    now = made[0]
    if (wrong := unusable(store, now.value)) is not None:
        return now, None, wrong
    others = [one for one in made[1:] if one.value.version != now.value.version]
    for gone, one in enumerate(others):
        if unusable(store, one.value) is None:
            return now, one, _told_gone(gone, one) if gone else ""
    if not others:
        return now, None, "there is no earlier value with another content to compare with"
    return now, None, "the value before was collected: its file is not there any more"


def _told_gone(gone: int, one: Materialization) -> str:
    values = "the value before was" if gone == 1 else f"the {gone} values before were"
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.ts))
    return f"{values} collected; compared with the one of {when}"


class _Pair:
    """Two values of one asset whose bytes are there."""

    def __init__(self, store: Store, asset: str, was: Materialization, now: Materialization) -> None:
        self._store = store
        self._asset = asset
        self._both = (was, now)

    def _path(self, value: StoredValue) -> Path | None:
        return None if value.inline is not None else self._store.values.path(value)

    def _read(self, value: StoredValue, most: int) -> bytes:
        path = self._path(value)
        if path is None:
            return (value.inline or b"")[:most]
        with path.open("rb") as file:
            return file.read(most)

    def compared(self, key: tuple[str, ...]) -> Difference:
        old, new = (one.value for one in self._both)
        forms = _form(old), _form(new)
        if forms[0] != forms[1]:
            return self._said(f"it was {_words(old)} and is {_words(new)}")
        match forms[0]:
            case "parquet" | "csv" as form:
                was, now = (Stored(form, self._path(value), value.inline) for value in (old, new))
                return self._table(table_changes(was, now, key))
            case "json":
                return self._json(old, new, key)
            case "npy":
                return self._arrays(old, new)
            case "folder":
                return self._table(row_changes(self._folder(old), self._folder(new), ("file",)))
            case "file":
                return self._texts(old, new)
        return self._opaque()

    def _said(self, note: str) -> Difference:
        return Difference(self._asset, note=note)

    def _table(self, changes: TableChanges) -> Difference:
        return Difference(self._asset, "table", table=changes, note=changes.note)

    def _json(self, old: StoredValue, new: StoredValue, key: tuple[str, ...]) -> Difference:
        if max(old.size, new.size) > _PARSED:
            return self._texts(old, new)
        try:
            was, now = (self._parsed(value) for value in (old, new))
        except ValueError:
            return self._texts(old, new)
        if is_table(was) and is_table(now):
            return self._table(row_changes(_held(was), _held(now), key))
        if isinstance(was, str) and isinstance(now, str) and ("\n" in was or "\n" in now):
            return Difference(self._asset, "text", texts=(was[:READ], now[:READ]))
        paths, places = tree_changes(was, now)
        return Difference(self._asset, "tree", paths=paths, places=places)

    def _parsed(self, value: StoredValue) -> Any:
        data = self._read(value, _PARSED)
        if value.codec == "json":
            from ..workers import plain

            return plain.loads(data)
        return json.loads(data)

    def _texts(self, old: StoredValue, new: StoredValue) -> Difference:
        was, now = self._read(old, READ), self._read(new, READ)
        if b"\0" in was[:8192] or b"\0" in now[:8192]:
            return self._said(f"binary: it was {old.size:,} bytes and is {new.size:,}")
        texts = was.decode("utf-8", "replace"), now.decode("utf-8", "replace")
        if texts[0].endswith("\n") and texts[1].endswith("\n"):
            texts = texts[0][:-1], texts[1][:-1]
        cut = f"the first {READ:,} bytes are compared" if max(old.size, new.size) > READ else ""
        return Difference(self._asset, "text", texts=texts, note=cut)

    def _opaque(self) -> Difference:
        """What only a step may open is compared by what its step said of it."""
        was, now = (str(one.metadata.get("preview", "")) for one in self._both)
        old, new = (one.value for one in self._both)
        note = (
            f"kept {how_opaque(new)}, which is only ever opened in a step: {old.size:,} → {new.size:,} bytes"
        )
        texts = (was, now) if was != now else None
        return Difference(self._asset, "text" if texts else "none", texts=texts, note=note)

    def _arrays(self, old: StoredValue, new: StoredValue) -> Difference:
        sides, told = [], []
        for value in (old, new):
            source = self._path(value) or value.inline or b""
            columns, rows, total, text = array_rows(source, _ROWS, 0)
            told.append(text)
            if total is None or (total and not rows) or total > _ROWS:
                return self._said(f"{' → '.join(dict.fromkeys(told))}: not compared number by number")
            numbered = tuple((at, *row) for at, row in enumerate(rows))
            sides.append(Held((("row", "int"), *columns), numbered))
        found = self._table(row_changes(sides[0], sides[1], ("row",)))
        return replace(found, note=" → ".join(told)) if told[0] != told[1] else found

    def _folder(self, value: StoredValue) -> Held:
        root, left = self._path(value), _DIGESTED
        assert root is not None, "a folder is never inline"
        rows = []
        for path in sorted(itertools.islice((p for p in root.rglob("*") if p.is_file()), _FILES)):
            size = path.stat().st_size
            left -= size
            digest = file_digest(path)[:12] if left >= 0 else ""
            rows.append((path.relative_to(root).as_posix(), size, digest))
        return Held((("file", "path"), ("size", "bytes"), ("content", "digest")), rows)


def _form(value: StoredValue) -> str:
    """What a value is compared as."""
    if value.codec != "file":
        return value.codec
    match Path(value.type).suffix.lower():
        case ".parquet":
            return "parquet"
        case ".csv" | ".tsv":
            return "csv"
        case ".json" | ".geojson":
            return "json"
    return "file"


def _words(value: StoredValue) -> str:
    return " ".join(dict.fromkeys(part for part in (value.codec, value.type) if part))


def _held(records: list[dict[str, Any]]) -> Held:
    names = list(dict.fromkeys(itertools.chain.from_iterable(records)))
    kinds = {}
    for name in names:
        found = {type(r[name]).__name__ for r in records if r.get(name) is not None}
        kinds[name] = " | ".join(sorted(found)) or "null"
    return Held(tuple(kinds.items()), [tuple(record.get(name) for name in names) for record in records])


# ---- without secrets -------------------------------------------------------------------------


def _without_secrets(found: Difference, secrets: Secrets) -> Difference:
    if not secrets:
        return found
    text = secrets.text
    paths = (PathChange(text(p.path), p.sign, text(p.old), text(p.new)) for p in found.paths)
    return replace(
        found,
        table=None if found.table is None else _table_without(found.table, secrets),
        paths=tuple(paths),
        texts=None if found.texts is None else (text(found.texts[0]), text(found.texts[1])),
        note=text(found.note),
    )


def _table_without(table: TableChanges, secrets: Secrets) -> TableChanges:
    def cell(one: Cell) -> Cell:
        kept = secrets.text(told := cell_text(one))
        return one if kept == told else kept

    def rows(some: Rows) -> Rows:
        return tuple(tuple(map(cell, row)) for row in some)

    changed = (
        RowChange(tuple(map(cell, r.key)), tuple((n, cell(a), cell(b)) for n, a, b in r.cells))
        for r in table.changed_rows
    )
    return replace(
        table,
        columns=tuple(replace(one, name=secrets.text(one.name)) for one in table.columns),
        compared=tuple(map(secrets.text, table.compared)),
        added_rows=rows(table.added_rows),
        removed_rows=rows(table.removed_rows),
        changed_rows=tuple(changed),
    )
