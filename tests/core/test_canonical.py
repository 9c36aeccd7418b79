"""Canonical encoding: equal bytes exactly for equal values of equal kinds, in every process."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import hashlib
import math
import os
import pathlib
import re
import subprocess
import sys
import uuid
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakehouse.core.fingerprint.canonical import NotCanonical, digest, encode

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**60, max_value=2**300)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.datetimes()
    | st.dates()
    | st.timedeltas()
    | st.uuids()
)
hashable = st.deferred(lambda: scalars | st.tuples(scalars, scalars) | st.frozensets(scalars, max_size=3))
values: st.SearchStrategy[Any] = st.deferred(
    lambda: (
        hashable
        | st.lists(values, max_size=3)
        | st.tuples(values)
        | st.sets(hashable, max_size=3)
        | st.dictionaries(hashable, values, max_size=3)
        | st.dictionaries(st.text(), st.text(), max_size=3)
    )
)


def told_apart(value: Any) -> Any:
    """An independent notion of sameness: like `==`, but kinds and signs of zero count."""
    match value:
        case bool() | None | str() | bytes():
            return (type(value).__name__, value)
        case float():
            return ("float", value, math.copysign(1, value))
        case list() | tuple():
            return (type(value).__name__, tuple(told_apart(item) for item in value))
        case set() | frozenset():
            return (type(value).__name__, frozenset(told_apart(item) for item in value))
        case dict():
            return ("dict", frozenset((told_apart(k), told_apart(v)) for k, v in value.items()))
        case decimal.Decimal():
            return ("decimal", value.as_tuple())
        case _:
            return (type(value).__name__, value)


@settings(max_examples=300, deadline=None)
@given(values, values)
def test_bytes_are_equal_exactly_if_the_values_are(one: Any, other: Any) -> None:
    assert (encode(one) == encode(other)) == (told_apart(one) == told_apart(other))
    assert encode(one) == encode(one)


@settings(max_examples=100, deadline=None)
@given(st.lists(scalars, max_size=5), st.lists(scalars, max_size=5))
def test_neighbours_never_run_together(left: list[Any], right: list[Any]) -> None:
    assert encode([left, right]) != encode([left + right, []]) or not right


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(hashable, scalars, max_size=6))
def test_the_order_of_a_dict_is_no_part_of_it(value: dict[Any, Any]) -> None:
    assert encode(value) == encode(dict(reversed(list(value.items()))))


@dataclasses.dataclass
class Oven:
    heat: int
    fan: bool = False


class Size(enum.Enum):
    SMALL = 1
    LARGE = 2


class Tray(NamedTuple):
    rows: int
    columns: int


DISTINCT: list[Any] = [
    1,
    1.0,
    True,
    "1",
    b"1",
    bytearray(b"1"),
    0.0,
    -0.0,
    None,
    "",
    [],
    (),
    set(),
    frozenset(),
    {},
    2**80,
    -(2**80),
    1e300,
    math.inf,
    -math.inf,
    "é",
    "e\u0301",
    "\ud800",
    [[1], 2],
    [[1, 2]],
    {"a": "b"},
    {"a": ["b"]},
    {1: 2},
    {"1": 2},
    Oven(1),
    Oven(1, True),
    Size.SMALL,
    Size.LARGE,
    Tray(1, 2),
    (1, 2),
    complex(0, -0.0),
    complex(0, 0.0),
    range(3),
    decimal.Decimal("1"),
    decimal.Decimal("1.0"),
    pathlib.PurePosixPath("a"),
    re.compile("a"),
    re.compile("a", re.I),
    datetime.date(2026, 1, 2),
    datetime.datetime(2026, 1, 2),
    datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    datetime.datetime(2026, 1, 2, fold=1),
    datetime.time(1, 2),
    datetime.timedelta(1),
    uuid.UUID(int=1),
    ...,
]


def test_things_that_look_alike_are_told_apart() -> None:
    assert len({encode(value) for value in DISTINCT}) == len(DISTINCT)


@pytest.mark.parametrize(
    "value", [float("nan"), decimal.Decimal("nan"), [float("nan")], complex(math.nan, 0)]
)
def test_nan_is_refused_because_it_equals_nothing(value: Any) -> None:
    with pytest.raises(NotCanonical, match="nan"):
        encode(value)


class Odd:
    pass


@pytest.mark.parametrize("value", [Odd(), object(), len, Odd, {"deep": [Odd()]}, iter([])])
def test_what_has_no_canonical_form_is_refused_by_kind(value: Any) -> None:
    with pytest.raises(NotCanonical, match="cannot be part of a key"):
        encode(value)


def test_a_bottomless_value_is_refused_not_fallen_into() -> None:
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (cyclic, deep):
        with pytest.raises(NotCanonical, match="nested deeper"):
            encode(value)
    while deep:  # let it go level by level
        deep = deep[0]


def test_a_value_that_unfolds_without_end_is_refused() -> None:
    shared: list[Any] = ["x" * 100]
    for _ in range(60):
        shared = [shared, shared]
    with pytest.raises(NotCanonical, match="this large"):
        encode(shared)


SAMPLE = """
import sys; sys.path.insert(0, {src!r})
from bakehouse.core.fingerprint.canonical import digest
words = [f"word{{n}}" for n in range(200)]
print(digest([set(words), frozenset(words), {{w: {{w}} for w in words}}, {{(w, 1) for w in words}}]))
"""


def test_five_processes_with_five_hash_seeds_agree() -> None:
    script = SAMPLE.format(src=str(pathlib.Path(__file__).parents[2] / "src"))
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(5)
    }
    assert len(found) == 1


def test_a_digest_is_the_sha256_of_the_bytes() -> None:
    value = {"code": {"a": "b"}, "inputs": {}}
    assert digest(value) == hashlib.sha256(encode(value)).hexdigest()
