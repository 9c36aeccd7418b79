"""A look at each kind of stored value: right, bounded, and without running anything of it."""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakehouse.core.model import Materialization, Stored
from bakehouse.core.preview import READ, preview
from bakehouse.core.store.store import Store
from bakehouse.core.store.values import folder_digest, folder_size


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "a[b]*" / "store") as store:
        yield store


def keep(store: Store, data: bytes, codec: str, kind: str = "", inline: bool = False) -> Stored:
    digest = hashlib.sha256(data).hexdigest()
    value = Stored(codec, digest, len(data), digest, data if inline else None, kind)
    if not inline:
        path = store.values.path(value)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return value


def parquet(tmp_path: Path, query: str) -> bytes:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "made.parquet"
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"copy ({query}) to '{path}' (format parquet)")
    return path.read_bytes()


def test_plain_data_is_shown_as_json_and_a_list_of_records_as_a_table(store: Store) -> None:
    seen = preview(store, keep(store, b'{"eggs":2,"milk":{"$tuple":[1,2]}}', "json", inline=True))
    assert seen.kind == "json" and json.loads(seen.text) == {"eggs": 2, "milk": [1, 2]}
    records = [{"name": f"n{i}", "grams": i, "note": None} for i in range(250)]
    seen = preview(store, keep(store, json.dumps(records).encode(), "json"), limit=2, offset=100)
    assert seen.kind == "table" and seen.total == 250
    assert seen.columns == (("name", "str"), ("grams", "int"), ("note", "null"))
    assert seen.rows == (("n100", "100", ""), ("n101", "101", ""))


@pytest.mark.parametrize("inline", [True, False])
def test_a_parquet_table_is_read_by_pages(store: Store, tmp_path: Path, inline: bool) -> None:
    data = parquet(
        tmp_path, "select i as \"a \"\"b\", 'x' || i as t, repeat('y', 999) as wide from range(500) r(i)"
    )
    seen = preview(store, keep(store, data, "parquet", inline=inline), limit=3, offset=497)
    assert seen.kind == "table" and seen.total == 500 and seen.note == ""
    assert [name for name, _ in seen.columns] == ['a "b', "t", "wide"] and seen.columns[0][1] == "bigint"
    assert [row[:2] for row in seen.rows] == [("497", "x497"), ("498", "x498"), ("499", "x499")]
    assert len(seen.rows[0][2]) == 200


def test_without_duckdb_the_note_says_what_to_install(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    seen = preview(store, keep(store, b"PAR1", "parquet"))
    assert seen.kind == "none" and "bakehouse[duckdb]" in seen.note
    seen = preview(store, keep(store, b"a,b\n1,=cmd()\n", "file", "x.csv"))
    assert seen.columns == (("a", "text"), ("b", "text")) and seen.rows == (("1", "=cmd()"),)


def test_arrays_are_read_without_numpy(store: Store) -> None:
    def npy(descr: str, shape: tuple[int, ...], body: bytes, header: str | None = None) -> Stored:
        text = (header or repr({"descr": descr, "fortran_order": False, "shape": shape})).encode()
        data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body
        return keep(store, data, "npy", "ndarray")

    seen = preview(store, npy("<f8", (3, 2), struct.pack("<6d", 1, 2, 3, 4, 5, 6.5)), limit=2, offset=1)
    assert seen.rows == (("3.0", "4.0"), ("5.0", "6.5")) and seen.total == 3 and "3 × 2" in seen.text
    assert preview(store, npy(">i4", (2,), struct.pack(">2i", 7, 8))).rows == (("7",), ("8",))
    assert "shape 2 × 2 × 2" in preview(store, npy("<f4", (2, 2, 2), b"\0" * 32)).text
    assert preview(store, npy("<f8", (10**9,), b"")).kind == "none"
    assert preview(store, npy("", (), b"", "__import__('os').system('x')")).kind == "none"


@pytest.mark.case("X14", "X15")
def test_a_pickle_is_never_opened(store: Store, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (Path(tmp_path / "sprung"),))  # type: ignore[return-value]

    value = keep(store, pickle.dumps(Trap()), "pickle", "shop.Oven", inline=True)
    seen = preview(
        store, Materialization("oven", "build", value, "r1", 1, 0.0, 0.0, {"preview": "Oven(220)"})
    )
    assert seen.kind == "text" and "shop.Oven" in seen.text and "Oven(220)" in seen.text
    assert not (tmp_path / "sprung").exists()


def test_files_are_shown_by_what_they_are(store: Store, tmp_path: Path) -> None:
    assert preview(store, keep(store, b"hello\n", "file", "note.txt")).text == "hello\n"
    seen = preview(store, keep(store, b"\x89PNG\0\xff" * 2000, "file", "photo.png"))
    assert seen.kind == "binary" and seen.note == "binary, 12,000 bytes"
    assert preview(store, keep(store, b'{"$a": 1}', "file", "x.json")).text == '{\n  "$a": 1\n}'
    assert preview(store, keep(store, b"{broken", "file", "x.json")).text == "{broken"
    csv = keep(store, b"name,grams\nflour,500\nsugar,200\n", "file", "list.csv")
    seen = preview(store, csv)
    assert [name for name, _ in seen.columns] == ["name", "grams"]
    assert seen.rows == (("flour", "500"), ("sugar", "200")) and seen.total == 2
    data = parquet(tmp_path, "select 1 as one")
    assert preview(store, keep(store, data, "file", "t.parquet")).rows == (("1",),)


@pytest.mark.case("X15")
def test_large_text_and_a_long_csv_are_shown_in_part(store: Store) -> None:
    seen = preview(store, keep(store, b"x" * (READ + 5), "file", "big.txt"))
    assert len(seen.text) == READ and "of 1,048,581 bytes" in seen.note
    rows = b"".join(b"%d,flour\n" % number for number in range(2_000_000))
    seen = preview(store, keep(store, b"id,name\n" + rows, "file", "big.csv"), limit=2)
    assert seen.rows == (("0", "flour"), ("1", "flour")) and seen.total is None and "first" in seen.note


def test_a_folder_is_listed(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "f"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "b").write_text("22")
    (folder / "a").write_text("1")
    digest = folder_digest(folder)
    value = Stored("folder", digest, folder_size(folder), digest, None, "f")
    store.values.path(value).parent.mkdir(parents=True)
    folder.rename(store.values.path(value))
    seen = preview(store, value)
    assert seen.rows == (("a", "1"), ("deep/b", "2")) and seen.total == 2


def test_what_is_damaged_missing_or_nothing_is_not_shown_but_said(store: Store) -> None:
    value = keep(store, b"hello" * 3000, "file", "x.txt")
    store.values.path(value).write_bytes(b"jello" * 3000)
    assert preview(store, value).note.startswith("damaged")
    store.values.path(value).unlink()
    assert preview(store, value).note.startswith("missing")
    assert preview(store, Stored("none", "", 0, "v")).kind == "none"
    assert preview(store, Stored("file", "../../etc/passwd", 5, "v")).kind == "none"
    deep = b"[" * 5000 + b"]" * 5000
    assert preview(store, keep(store, deep, "json")).kind in ("json", "none", "text")
    assert preview(store, keep(store, b"PAR1 but not really PAR1", "parquet")).kind == "none"
