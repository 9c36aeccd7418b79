"""Tables of any size, read in windows: the same rows whatever the window, in a stable order, within bounds."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.tabular import TableError, plain_cell
from bakehouse.core.windows import ArrayTable, HeldRows, QueriedTable, Sort, Statistics, Windows, in_order

QUERY = """select i as id, (i * 7919) % 5 as five, case when i % 3 = 0 then null else i / 4.0 end as part,
'n' || (i % 10) as name, timestamp '2024-01-01' + interval (i) minute as moment, [i, 2] as many, i % 2 = 0 as even
from range(1, 20001) r(i)"""
FORMS = ("parquet", "csv", "held", "array")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    duckdb = pytest.importorskip("duckdb")
    folder = tmp_path_factory.mktemp("it's [a] *table*")
    with duckdb.connect(":memory:") as connection:
        for form in ("parquet", "csv"):
            literal = str(folder / f"t.{form}").replace("'", "''")
            connection.execute(f"copy ({QUERY}) to '{literal}' (format {form})")
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (20000, 2), }"
    cells = [cell for i in range(1, 20001) for cell in (float(i), float(i * 7919 % 5))]
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack("<40000d", *cells)
    (folder / "t.npy").write_bytes(data)
    return folder


@pytest.fixture(params=FORMS)
def table(request: pytest.FixtureRequest, files: Path) -> Iterator[Windows]:
    found: Windows
    match request.param:
        case "held":
            source = QueriedTable("parquet", files / "t.parquet", None)
            found = HeldRows(source.columns, source.rows(0, 20_000))
            source.close()
        case "array":
            found = ArrayTable(files / "t.npy")
        case form:
            found = QueriedTable(form, files / f"t.{form}", None)
    yield found
    found.close()


def test_a_window_is_the_same_wherever_it_begins(table: Windows) -> None:
    assert table.total == 20_000 and table.rows(20_000, 10) == ()
    assert [row[0] for row in table.rows(19_998, 10)] == [19_999, 20_000]
    assert table.rows(5_000, 300)[100:110] == table.rows(5_100, 10)


@pytest.mark.parametrize("descending", [False, True])
def test_rows_are_sorted_by_a_column_and_equal_ones_keep_their_order(
    table: Windows, descending: bool
) -> None:
    sort = Sort(1, descending)
    keys: list[Any] = []
    for first in range(0, 20_000, 4_000):
        keys += [(row[1], row[0]) for row in table.rows(first, 4_000, sort)]
    assert keys == sorted(keys, key=lambda key: (-key[0] if descending else key[0], key[1]))
    assert [row[0] for row in table.rows(0, 2)] == [1, 2], "and back in their own order"


@pytest.mark.parametrize("descending", [False, True])
def test_what_is_nothing_comes_last(files: Path, descending: bool) -> None:
    table = QueriedTable("parquet", files / "t.parquet", None)
    assert [row[2] for row in table.rows(19_990, 10, Sort(2, descending))] == [None] * 10
    assert in_order([None, 2, "b", float("nan"), 1], Sort(0, descending))[-2:] == [0, 3]
    table.close()


def test_what_a_column_holds_is_told(table: Windows) -> None:
    found = table.statistics(1)
    assert (found.rows, found.nulls, found.distinct, found.low, found.high, found.mean) == (
        20_000,
        0,
        5,
        0,
        4,
        2.0,
    )
    assert sum(found.bins) == 20_000 and len([size for size in found.bins if size]) == 5


def test_a_column_of_text_times_lists_or_flags_is_told_as_far_as_it_can_be(files: Path) -> None:
    table = QueriedTable("parquet", files / "t.parquet", None)
    part, name, moment, many, even = (table.statistics(at) for at in range(2, 7))
    assert part.nulls == 6666 and part.rows == 20_000
    assert (name.low, name.high, name.distinct, name.mean, name.bins) == ("n0", "n9", name.distinct, None, ())
    assert 8 <= name.distinct <= 12
    assert moment.low == "2024-01-01 00:01:00" and moment.mean is None and sum(moment.bins) == 20_000
    assert many.bins == () and many.low == "[1, 2]"
    assert even.mean == 0.5 and (even.bins[0], even.bins[-1]) == (10_000, 10_000)
    table.close()


def test_numbers_beyond_all_bounds_break_nothing(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    values = "(1e308::double), (-1e308), ('nan'), ('inf'), ('-inf'), (null), (0)"
    duckdb.execute(f"copy (select * from (values {values}) v(d)) to '{tmp_path}/t.parquet' (format parquet)")
    table = QueriedTable("parquet", tmp_path / "t.parquet", None)
    assert sum(table.statistics(0).bins) == 3 and table.statistics(0).mean is None
    assert len(table.rows(0, 10, Sort(0, True))) == 7
    table.close()
    empty = HeldRows((("a", "int"),), ())
    assert empty.statistics(0) == Statistics(0, 0, 0) and empty.rows(0, 5, Sort(0)) == ()


def test_a_column_named_as_duckdb_numbers_rows_is_read_too(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    query = "select 9 - i as File_Row_Number, i as place, i as was from range(9) r(i)"
    duckdb.execute(f"copy ({query}) to '{tmp_path}/t.parquet' (format parquet)")
    table = QueriedTable("parquet", tmp_path / "t.parquet", None)
    assert table.rows(7, 5) == ((2, 7, 7), (1, 8, 8)) and table.rows(0, 1, Sort(0)) == ((1, 8, 8),)
    assert table.rows(0, 1, Sort(1, True)) == ((1, 8, 8),)
    table.close()


def test_what_is_no_table_is_said_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("duckdb")
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    (tmp_path / "t.parquet").write_bytes(b"PAR1 nothing of the kind PAR1")
    with pytest.raises(TableError):
        QueriedTable("parquet", tmp_path / "t.parquet", None)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_call_under_way_can_be_interrupted(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    rows = "select hash(i) as h, 'x' || hash(i + 1) as t from range(3000000) r(i)"
    duckdb.execute(f"copy ({rows}) to '{tmp_path}/t.parquet' (format parquet)")
    table, ends = QueriedTable("parquet", tmp_path / "t.parquet", None), []

    def sort() -> None:
        try:
            table.rows(0, 10, Sort(1))
            ends.append("done")
        except TableError:
            ends.append("interrupted")

    thread = threading.Thread(target=sort)
    thread.start()
    while thread.is_alive():
        table.interrupt()
        thread.join(0.001)
    assert ends == ["interrupted"]
    assert plain_cell(table.rows(0, 1)[0][1]).startswith("x"), "and it can be read on"  # type: ignore[union-attr]
    table.close()
