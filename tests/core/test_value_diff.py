"""What sets a value apart from the one before: each kind as it is read, exact in its counts, bounded in its samples."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bakehouse.core.diff.changes import LISTED, SAMPLE, ColumnChange, PathChange, TableChanges
from bakehouse.core.diff.rows import Held, row_changes
from bakehouse.core.diff.tables import Stored, table_changes
from bakehouse.core.diff.trees import tree_changes

OLD = Held((("id", "int"), ("name", "str"), ("gate", "str")), [(1, "a", "x"), (2, "b", "y"), (3, "c", "z")])
NEW = Held(
    (("id", "int"), ("name", "str"), ("late", "bool")), [(2, "b", True), (3, "C", False), (4, "d", True)]
)


def test_rows_with_a_key_are_added_removed_and_changed() -> None:
    found = row_changes(OLD, NEW, ["id"])
    assert found.columns == (ColumnChange("late", None, "bool"), ColumnChange("gate", "str", None))
    assert (found.old_rows, found.new_rows, found.compared) == (3, 3, ("id", "name"))
    assert (found.added, found.removed, found.changed) == (1, 1, 1)
    assert found.added_rows == ((4, "d"),) and found.removed_rows == ((1, "a"),)
    assert [(row.key, row.cells) for row in found.changed_rows] == [((3,), (("name", "c", "C"),))]


def test_rows_without_a_key_are_counted_whole_as_often_as_they_are_there() -> None:
    found = row_changes(
        Held((("n", "int"),), [(1,), (1,), (2,)]), Held((("n", "int"),), [(2,), (1,), (3,), (3,)])
    )
    assert (found.added, found.removed, found.changed, found.key) == (2, 1, 0, ())
    assert found.added_rows == ((3,), (3,)) and found.removed_rows == ((1,),)


@pytest.mark.parametrize(
    ("key", "words"), [(["n"], "not that of one row alone"), (["m"], "no column of both")]
)
def test_a_key_that_is_none_is_said_and_whole_rows_are_compared(key: list[str], words: str) -> None:
    table = Held((("n", "int"),), [(1,), (1,)])
    found = row_changes(table, table, key)
    assert words in found.note and found.key == () and not found.added


def test_a_sample_is_bounded_and_the_counts_are_not() -> None:
    many = Held((("n", "int"),), [(n,) for n in range(1000)])
    found = row_changes(Held((("n", "int"),), []), many)
    assert found.added == 1000 and len(found.added_rows) == SAMPLE


CELL = st.one_of(st.none(), st.integers(-3, 3))
ROWS = st.lists(st.tuples(CELL, CELL, st.sampled_from(["x", "y'", None])), max_size=12)


def parquet(folder: Path, name: str, rows: list[tuple[Any, ...]]) -> Stored:
    duckdb = pytest.importorskip("duckdb")
    path = folder / name
    with duckdb.connect(":memory:") as connection:
        connection.execute('create table t ("an id" bigint, "file_row_number" bigint, "te""xt" varchar)')
        if rows:
            connection.executemany("insert into t values (?, ?, ?)", rows)
        literal = str(path).replace("'", "''")
        connection.execute(f"copy t to '{literal}' (format parquet)")
    return Stored("parquet", path, None)


def counted(found: TableChanges) -> tuple[Any, ...]:
    changed = sorted(((row.key, row.cells) for row in found.changed_rows), key=repr)
    samples = (Counter(found.added_rows), Counter(found.removed_rows), changed)
    return found.key, found.old_rows, found.new_rows, found.added, found.removed, found.changed, samples


@settings(max_examples=25)
@example([(None, 1, None), (1, None, "x"), (2, 2, "x")], [(None, 2, None), (1, 2, None)], ("an id",))
@given(ROWS, ROWS, st.sampled_from([(), ("an id",), ("an id", "file_row_number")]))
def test_tables_on_disk_are_compared_as_those_in_memory(
    tmp_path_factory: pytest.TempPathFactory,
    old: list[tuple[Any, ...]],
    new: list[tuple[Any, ...]],
    key: tuple[str, ...],
) -> None:
    folder = tmp_path_factory.mktemp("pair")
    columns = (("an id", "bigint"), ("file_row_number", "bigint"), ('te"xt', "varchar"))
    found = table_changes(parquet(folder, "old'.parquet", old), parquet(folder, "new.parquet", new), key)
    assert counted(found) == counted(row_changes(Held(columns, old), Held(columns, new), key))


def test_a_column_with_another_type_is_told_and_compared_as_text(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    sides = []
    for name, query in (("a", "select 1 as n, 'k' as k"), ("b", "select '1' as n, 'k' as k, [1, 2] as many")):
        path = tmp_path / f"{name}.parquet"
        duckdb.execute(f"copy ({query}) to '{path}' (format parquet)")
        sides.append(Stored("parquet", path, None))
    found = table_changes(sides[0], sides[1])
    assert found.columns == (ColumnChange("n", "integer", "varchar"), ColumnChange("many", None, "integer[]"))
    assert (found.added, found.removed) == (0, 0)


def test_csv_files_are_compared_too(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    for name, last in (("a", "3,c"), ("b", "3,d")):
        (tmp_path / f"{name}.csv").write_text(f"id,name\n1,a\n2,b\n{last}\n")
    old, new = (Stored("csv", tmp_path / f"{n}.csv", None) for n in "ab")
    found = table_changes(old, new, ("id",))
    assert [(row.key, row.cells) for row in found.changed_rows] == [((3,), (("name", "c", "d"),))]


def test_of_a_tree_the_places_that_differ_are_told() -> None:
    old = {"a": 1, "b": {"x y": [1, 2, 3]}, "gone": {"k": 1}, "same": [1]}
    new = {"a": 1.0, "b": {"x y": [0, 1, 3]}, "come": "text", "same": [1]}
    changes, count = tree_changes(old, new)
    assert count == 5 and changes == (
        PathChange("a", "~", "1", "1.0"),
        PathChange('b["x y"][0]', "~", "1", "0"),
        PathChange('b["x y"][1]', "~", "2", "1"),
        PathChange("come", "+", "", '"text"'),
        PathChange("gone", "-", "{… 1}", ""),
    )


def test_what_comes_into_a_list_does_not_shift_the_rest() -> None:
    assert tree_changes([1, 2, 3], [1, 9, 2, 3])[0] == (PathChange("[1]", "+", "", "9"),)
    assert tree_changes([True], [1])[1] == 1, "true is not 1"


def test_a_scalar_is_told_as_it_was_and_is() -> None:
    assert tree_changes(0.5, 0.75) == ((PathChange("", "~", "0.5", "0.75"),), 1)


def test_a_deep_tree_and_a_wide_one_are_compared_within_bounds() -> None:
    deep_old: Any = 1
    deep_new: Any = 2
    for _ in range(10_000):
        deep_old, deep_new = {"d": deep_old}, {"d": deep_new}
    assert tree_changes(deep_old, deep_new)[1] == 1
    changes, count = tree_changes({}, {str(n): n for n in range(5_000)})
    assert count == 5_000 and len(changes) == LISTED
    assert all(len(json.dumps(one.new)) < 300 for one in tree_changes(None, "x" * 10_000)[0])
