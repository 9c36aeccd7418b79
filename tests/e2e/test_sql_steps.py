"""SQL steps: tables in, a table out, and a query that reaches nothing else."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.model import SqlAction, Stored
from bakehouse.core.workers import sql
from bakehouse.core.workers.codecs import encode

duckdb = pytest.importorskip("duckdb")

Begin = Callable[..., Awaitable[Any]]


def stored(value: object, folder: Path) -> Stored:
    return encode(value, folder / "unused").stored


async def test_every_kind_of_table_is_a_view(begin: Begin, tmp_path: Path) -> None:
    steps = await begin()
    (tmp_path / "flour.csv").write_text("kind,kg\nrye,1\nspelt,2\n")
    (tmp_path / "sugar.tsv").write_text("kind\tkg\nrye\t5\n")
    (tmp_path / "eggs.json").write_text('[{"kind": "rye", "n": 4}]')
    parquet = tmp_path / "it's.parquet"
    duckdb.sql("select 'rye' as kind, 7 as salt").write_parquet(str(parquet))
    outcome = await steps.outcome(
        steps.sql(
            "create table t as select * from flour;"
            "select kind, t.kg, s.kg as s, n, salt, l.v, one.value as one from t join sugar s using (kind)"
            " join eggs using (kind) join salt using (kind) join rows l using (kind), one",
            inputs={
                "flour": str(tmp_path / "flour.csv"),
                "sugar": str(tmp_path / "sugar.tsv"),
                "eggs": stored(tmp_path / "eggs.json", tmp_path),
                "salt": stored(parquet, tmp_path),
                "rows": stored([{"kind": "rye", "v": 1.5}], tmp_path),
                "one": stored(42, tmp_path),
                "nothing": None,
            },
        )
    )
    assert outcome.ok, outcome
    expected = {"kind": "rye", "kg": 1, "s": 5, "n": 4, "salt": 7, "v": 1.5, "one": 42}
    assert list(steps.value(outcome)) == [expected]
    (made,) = outcome.made
    assert made.value.codec == "parquet" and made.metadata["rows"] == 1
    assert made.metadata["columns"][0] == ["kind", "VARCHAR"]
    chained = await steps.outcome(
        steps.sql("select kg + 1 as more from before", inputs={"before": made.value})
    )
    assert list(steps.value(chained)) == [{"more": 2}]


async def test_the_same_query_makes_the_same_bytes(begin: Begin) -> None:
    steps = await begin()
    query = "select range as a, md5(range::text) as b from range(20000)"
    outcomes = await steps.all_outcomes([steps.sql(query) for _ in range(3)])
    assert len({outcome.made[0].value.digest for outcome in outcomes}) == 1
    assert all(outcome.made[0].value.size > 8192 for outcome in outcomes)


async def test_own_files_are_read_relative_to_the_folder(begin: Begin) -> None:
    steps = await begin()
    (steps.root / "sub").mkdir()
    (steps.root / "sub" / "x.csv").write_text("a\n1\n")
    outcome = await steps.outcome(steps.submit(SqlAction("select * from 'x.csv'", "sub")))
    assert list(steps.value(outcome)) == [{"a": 1}]


HOSTILE = ["'; attach 'x.db'; --", '"; drop table t; --', "$1", "' or 1=1 --", "\x1b", "é\n", "'''"]


@pytest.mark.case("X10")
async def test_params_are_only_ever_bound(begin: Begin) -> None:
    steps = await begin()
    for text in HOSTILE:
        outcome = await steps.outcome(
            steps.sql(
                "select 1 as skip; select $word as word, $n + 1 as n",
                params={"word": text, "n": 1, "more": 2},
            )
        )
        assert list(steps.value(outcome)) == [{"word": text, "n": 2}]
    missing = await steps.outcome(steps.sql("select $salt"))
    assert missing.error == "the query uses $salt, but the step has no such param"


@pytest.mark.case("X10")
async def test_a_query_reaches_nothing_else(begin: Begin, tmp_path: Path) -> None:
    steps = await begin()
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n")
    for query in (
        f"select * from read_csv('{outside}')",
        f"attach '{tmp_path / 'x.db'}' as x; select 1",
        f"copy (select 1) to '{tmp_path / 'y.csv'}'",
        "install httpfs; select 1",
        "load httpfs; select 1",
        "set enable_external_access = true; select 1",
        "set threads = 4; select 1",
        "select * from read_csv('http://127.0.0.1:9/x.csv')",
    ):
        outcome = await steps.outcome(steps.sql(query))
        assert not outcome.ok and outcome.error and "\n" not in outcome.error, query
    assert not (tmp_path / "y.csv").exists() and not (tmp_path / "x.db").exists()


async def test_errors_are_one_sentence_with_a_way_out(begin: Begin, tmp_path: Path) -> None:
    steps = await begin()
    unknown = await steps.outcome(steps.sql("select * from flower"))
    assert unknown.error.startswith("Catalog Error: Table with name flower does not exist!")
    assert "flower" in unknown.traceback
    odd = stored(range(3), tmp_path)
    pickled = await steps.outcome(steps.sql("select * from dough", inputs={"dough": odd}))
    assert pickled.error == "dough is stored as pickle, which SQL cannot read: return a table or plain data"
    (tmp_path / "x.bin").write_bytes(b"\0")
    file = await steps.outcome(steps.sql("select * from dough", inputs={"dough": str(tmp_path / "x.bin")}))
    assert "dough is a file that SQL cannot read (.bin)" in file.error
    assert (await steps.outcome(steps.sql("select 1", inputs={"dough": odd}))).ok
    empty = await steps.outcome(steps.sql("-- nothing"))
    assert empty.error == "the query is empty"
    silent = await steps.outcome(steps.sql("create table t (a int)"))
    assert "the last statement has no result" in silent.error
    assert (await steps.outcome(steps.sql("create table t (a int)", outputs=()))).ok
    twins = await steps.outcome(steps.sql("select 1", outputs=("a", "b")))
    assert "a query makes one asset" in twins.error


async def test_a_damaged_table_is_not_read(begin: Begin, tmp_path: Path) -> None:
    steps = await begin()
    good = stored([{"a": 1}], tmp_path)
    bad = Stored(
        good.codec, good.digest, good.size, good.version, json.dumps([{"a": 2}]).encode()[: good.size]
    )
    outcome = await steps.outcome(steps.sql("select * from t", inputs={"t": bad}))
    assert outcome.error.startswith("value of t is damaged")


async def test_a_long_query_is_cancelled(begin: Begin) -> None:
    steps = await begin()
    await steps.outcome(steps.sql("select 1"))
    attempt = steps.sql("select sum(a.range * b.range) from range(10000000) a, range(10000000) b")
    await steps.until(lambda: attempt in steps.pids)
    steps.workers.cancel(attempt)
    assert (await steps.outcome(attempt)).cancelled


def test_without_duckdb_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    from bakehouse.core.engine.executor import Order

    monkeypatch.setitem(sys.modules, "duckdb", None)
    outcome = sql.SqlSteps(tmp_path, tmp_path).run(
        Order("a", "t", SqlAction("select 1"), (), ()), lambda *_: None
    )
    assert not outcome.ok and "pip install 'bakehouse[duckdb]'" in outcome.error


async def test_whole_numbers_keep_all_their_digits(begin: Begin) -> None:
    steps = await begin()
    summed = await steps.outcome(
        steps.sql("select sum(n) as total, [sum(n)] as all from (values (9007199254740992), (1)) t(n)")
    )
    assert list(steps.value(summed)) == [{"total": 9007199254740993, "all": [9007199254740993]}]
    assert summed.made[0].metadata["columns"] == [["total", "BIGINT"], ["all", "BIGINT[]"]]
    wide = await steps.outcome(steps.sql("select 9223372036854775808::hugeint as n, 7 as n order by 1"))
    assert wide.made[0].metadata["columns"][0] == ["n", "DECIMAL(38,0)"]
    found = await steps.outcome(steps.sql("select n::varchar as n from t", inputs={"t": wide.made[0].value}))
    assert list(steps.value(found)) == [{"n": "9223372036854775808"}]


async def test_a_whole_number_that_no_column_has_room_for_is_told(begin: Begin) -> None:
    steps = await begin()
    outcome = await steps.outcome(
        steps.sql(f"select {2**126}::hugeint as small, {2**127 - 1}::hugeint as big")
    )
    assert not outcome.ok
    assert "whole numbers of more than 38 digits: cast them to varchar or double" in outcome.error
    wrong = await steps.outcome(steps.sql("select sum(n::int) as n from (values ('rye')) t(n)"))
    assert "Could not convert string 'rye' to INT32" in wrong.error
