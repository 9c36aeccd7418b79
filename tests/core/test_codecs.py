"""What a step returns is what the next one gets, exactly, or the difference is told."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import os
import pickle
import string
from collections import OrderedDict
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakehouse.core.workers import plain
from bakehouse.core.workers.codecs import CannotStore, ValueDamaged, decode, digest_folder, encode, take_file
from bakehouse.core.workers.sink import Encoded

fixed_zones = st.integers(-1439, 1439).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters())
    | st.binary(max_size=20)
    | st.complex_numbers(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.datetimes(timezones=st.none() | fixed_zones, allow_imaginary=True)
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.text(string.ascii_letters + "./", max_size=8).map(Path)
)
hashables = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(max_size=5) | st.dates(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(["$tuple", "$", "$dict"]), inner, max_size=4)
        | st.dictionaries(hashables, inner, max_size=3)
        | st.sets(hashables, max_size=4)
    ),
    max_leaves=12,
)


def there_and_back(value: object, folder: Path, **how: Any) -> tuple[Encoded, Any]:
    encoded = encode(value, folder / "value")
    return encoded, decode(encoded.stored, encoded.path, asset="x", scratch=folder / "in", **how)


def shape(value: Any) -> Any:
    """Types, order and all: `==` alone says that 1, 1.0 and True are the same."""
    kind = type(value).__name__
    if isinstance(value, dict):
        return kind, [(shape(k), shape(v)) for k, v in value.items()]
    if isinstance(value, list | tuple):
        return kind, [shape(item) for item in value]
    if isinstance(value, set | frozenset):
        return kind, sorted(repr(shape(item)) for item in value)
    return kind, hex(value) if type(value) is int else repr(value), getattr(value, "fold", 0)


@settings(max_examples=400, deadline=None)
@given(values)
def test_plain_data_comes_back_exactly(value: object) -> None:
    data = plain.dumps(value)
    assert shape(plain.loads(data)) == shape(value)
    assert plain.dumps(plain.loads(data)) == data


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, -0.0, 10**400, -(10**5000), complex(math.inf, -0.0), "\ud800", "\ud83d\ude00"[::-1],
     decimal.Decimal("sNaN"), decimal.Decimal("-0.00"), {1: "a", "1": "b", True is None: 2}, {"$tuple": [1]},
     [{"$set": 1, "b": 2}], {"\udfff": 1}, {(1, 2): {3}}, PurePosixPath("a/b"), [], {}, (), set(), "", b""],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_odd_values_come_back_exactly(value: object, tmp_path: Path) -> None:
    encoded, back = there_and_back([value], tmp_path)
    assert encoded.stored.codec == "json"
    assert shape(back) == shape([value])


@pytest.mark.parametrize(
    "value",
    [OrderedDict(a=1), [range(3)], {"x": object}, dt.UTC, [dt.datetime.now(dt.timezone(dt.timedelta(0), "X"))]],
    ids=["ordered", "range", "class", "zone", "named zone"],
)  # fmt: skip
def test_what_json_cannot_hold_is_pickled_and_has_a_preview(value: object, tmp_path: Path) -> None:
    encoded, back = there_and_back(value, tmp_path)
    assert encoded.stored.codec == "pickle"
    assert type(back) is type(value) and repr(back) == repr(value)
    assert encoded.metadata["preview"]


def test_a_container_that_occurs_twice_stays_one(tmp_path: Path) -> None:
    row = [0, 0]
    encoded, back = there_and_back([row, row], tmp_path)
    assert encoded.stored.codec == "pickle"
    assert back[0] is back[1]


def test_deep_nesting_is_no_error(tmp_path: Path) -> None:
    value: Any = []
    for _ in range(400):
        value = [value]
    assert there_and_back(value, tmp_path)[1] == value


def test_what_cannot_be_stored_is_told_by_its_type(tmp_path: Path) -> None:
    with pytest.raises(CannotStore, match=r"a value of type builtins\.generator cannot be stored"):
        encode((i for i in range(3)), tmp_path / "value")


def test_a_preview_is_bounded_and_survives_a_broken_repr(tmp_path: Path) -> None:
    encoded = encode(_Broken("x" * 10_000_000), tmp_path / "value")
    assert "_Broken" in encoded.metadata["preview"]
    assert len(encode(OrderedDict(a="x" * 1_000_000), tmp_path / "two").metadata["preview"]) <= 2048


class _Broken:
    def __init__(self, payload: str) -> None:
        self.payload = payload

    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_small_values_are_inline_and_large_ones_files(tmp_path: Path) -> None:
    small, _ = there_and_back("x" * 8190, tmp_path)
    large, back = there_and_back("x" * 8191, tmp_path)
    assert small.stored.inline is not None and small.path is None and small.stored.size == 8192
    assert large.stored.inline is None and large.path is not None and back == "x" * 8191
    assert small.stored.version == small.stored.digest


def test_nothing_is_a_new_version_every_time(tmp_path: Path) -> None:
    first, second = encode(None, tmp_path / "a"), encode(None, tmp_path / "a")
    assert first.stored.codec == "none" and first.stored.version != second.stored.version
    assert decode(first.stored) is None


@pytest.mark.parametrize("value", ["x" * 9000, OrderedDict(a="x" * 9000)], ids=["json", "pickle"])
def test_a_changed_file_is_damaged(value: object, tmp_path: Path) -> None:
    encoded = encode(value, tmp_path / "value")
    path = Path(encoded.path or "")
    good = path.read_bytes()
    for bad, word in (
        (good[:-1], "bytes where"),
        (good[:-2] + b"!!", "content has changed"),
        (None, "No such file"),
    ):
        path.unlink()
        if bad is not None:
            path.write_bytes(bad)
        with pytest.raises(ValueDamaged, match=f"value of sugar is damaged: .*{word}"):
            decode(encoded.stored, encoded.path, asset="sugar")
        path.write_bytes(good)


@pytest.mark.case("X14")
def test_damaged_pickles_are_never_unpickled(tmp_path: Path) -> None:
    encoded = encode(OrderedDict(a="x" * 9000), tmp_path / "value")
    Path(encoded.path or "").write_bytes(
        pickle.dumps(_Bomb(str(tmp_path / "boom"))).ljust(encoded.stored.size)
    )
    with pytest.raises(ValueDamaged):
        decode(encoded.stored, encoded.path, asset="x")
    assert not (tmp_path / "boom").exists()


class _Bomb:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


# ---- files and folders ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [5, 20_000])
def test_a_returned_path_is_copied(size: int, tmp_path: Path) -> None:
    original = tmp_path / "report.csv"
    original.write_bytes(b"a" * size)
    encoded = encode(original, tmp_path / "value")
    original.write_bytes(b"later")
    back = decode(encoded.stored, encoded.path, scratch=tmp_path / "in")
    assert isinstance(back, Path) and back.read_bytes() == b"a" * size
    assert encoded.stored.codec == "file" and encoded.stored.type == "report.csv"


def test_a_folder_is_stored_by_names_and_contents(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "b.txt").write_text("b")
        (tmp_path / name / "a.txt").write_text("a")
    first, second = encode(tmp_path / "one", tmp_path / "v1"), encode(tmp_path / "two", tmp_path / "v2")
    assert first.stored.codec == "folder" and first.stored.digest == second.stored.digest
    assert (decode(first.stored, first.path, asset="x") / "sub" / "b.txt").read_text() == "b"
    (tmp_path / "v2" / "a.txt").rename(tmp_path / "v2" / "c.txt")
    assert digest_folder(tmp_path / "v2")[0] != first.stored.digest
    with pytest.raises(ValueDamaged):
        decode(second.stored, second.path, asset="x")


def test_links_that_a_step_leaves_are_stored_as_what_they_point_to(tmp_path: Path) -> None:
    secret = tmp_path / "mine.txt"
    secret.write_text("mine" * 5000)
    link, hard = tmp_path / "link", tmp_path / "hard"
    link.symlink_to(secret)
    os.link(secret, hard)
    for number, place in enumerate((link, hard)):
        encoded = take_file(place, tmp_path / f"{number}.value", keep=False)
        assert Path(encoded.path or "").stat().st_nlink == 1 and not Path(encoded.path or "").is_symlink()
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(secret)
    take_file(folder, tmp_path / "folder.value", keep=False)
    assert not (folder / "link").is_symlink() and secret.read_text() == "mine" * 5000


@pytest.mark.case("X13")
def test_a_planted_link_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "value").symlink_to(victim)
    with pytest.raises(FileExistsError):
        encode("x" * 9000, tmp_path / "value")
    assert victim.read_text() == "untouched"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CannotStore, match="neither file nor folder"):
        take_file(tmp_path / "pipe", tmp_path / "value", keep=False)
    with pytest.raises(CannotStore, match="does not exist"):
        encode(tmp_path / "nowhere", tmp_path / "value")


# ---- tables and arrays ------------------------------------------------------------------------


def test_arrays_come_back(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    for number, array in enumerate(
        (
            numpy.arange(12).reshape(3, 4),
            numpy.zeros(5000),
            numpy.array(["a", "é"]),
            numpy.asfortranarray([[1, 2], [3, 4]]),
        )
    ):
        encoded, back = there_and_back(array, tmp_path / str(number))
        assert encoded.stored.codec == "npy" and back.dtype == array.dtype and (back == array).all()
        assert encoded.metadata["shape"] == list(array.shape)
    assert encode(numpy.array([object()]), tmp_path / "o").stored.codec == "pickle"


def test_pandas_frames_come_back(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(
        {"a": [1, 2], "b": ["x", None], "c": pandas.to_datetime(["2020-01-01", "2021-01-01"])}
    )
    for number, one in enumerate((frame, frame.set_index("b"), frame.astype({"a": "Int64"}), frame.iloc[:0])):
        encoded, back = there_and_back(one, tmp_path / str(number))
        pandas.testing.assert_frame_equal(back, one)
        assert encoded.stored.codec == "parquet" and encoded.metadata["rows"] == len(one)
    assert [name for name, _ in encode(frame, tmp_path / "m").metadata["columns"]] == ["a", "b", "c"]
    odd = pandas.DataFrame({"a": [[1], [2]], "b": [1, None]}, dtype=object)
    encoded, back = there_and_back(odd, tmp_path / "odd")
    assert encoded.stored.codec == "pickle"
    pandas.testing.assert_frame_equal(back, odd)


def test_other_tables_come_back_as_they_were_or_as_they_are_wanted(tmp_path: Path) -> None:
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    frame = polars.DataFrame({"a": [1, 2], "b": ["x", None]})
    _, back = there_and_back(frame, tmp_path / "1")
    assert back.equals(frame)
    _, lazy = there_and_back(frame.lazy(), tmp_path / "2")
    assert type(lazy) is polars.LazyFrame and lazy.collect().equals(frame)
    table = pyarrow.table({"a": [1, 2]})
    assert there_and_back(table, tmp_path / "3")[1].equals(table)
    assert type(there_and_back(table, tmp_path / "4", wanted="pd.DataFrame")[1]) is pandas.DataFrame
    assert type(there_and_back(table, tmp_path / "5", wanted=polars.DataFrame)[1]) is polars.DataFrame


def test_a_relation_comes_back_as_a_table(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    encoded, back = there_and_back(duckdb.sql("select range as a from range(3)"), tmp_path, wanted="Table")
    assert encoded.metadata == {"rows": 3, "columns": [["a", "BIGINT"]]}
    assert [row["a"] for row in back] == [0, 1, 2] and type(back).__name__ == "Table"
    again, _ = there_and_back(back, tmp_path / "again")
    assert again.stored.digest == encoded.stored.digest
    wide, _ = there_and_back(duckdb.sql("select sum(a) as a from range(3) r(a)"), tmp_path / "wide")
    assert wide.metadata["columns"] == [["a", "BIGINT"]], "not a DOUBLE, which has no room for all digits"
