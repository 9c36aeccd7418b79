"""Checks on what was made: dirty tables for every kind on the real DuckDB, and what becomes of the value."""

from __future__ import annotations

import json
import math
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.checks.definition import Check, Checked
from bakehouse.core.load.definitions import load_definitions
from bakehouse.core.load.discovery import Project
from bakehouse.core.model import SqlAction, Stored
from bakehouse.core.workers.codecs import encode

duckdb = pytest.importorskip("duckdb")

Begin = Callable[..., Awaitable[Any]]
Call = Callable[..., subprocess.CompletedProcess[str]]
NOW = 1_700_000_000.0


def table(query: str, folder: Path) -> Stored | str:
    """A table as it is after a step: inline, or where it is large, a file."""
    path = folder / f"{secrets.token_hex(4)}.parquet"
    duckdb.sql(query).write_parquet(str(path))
    made = encode(duckdb.read_parquet(str(path)), f"{path}.value")
    return made.stored if made.path is None else str(path)


def checks_of(folder: Path, *entries: Mapping[str, Any]) -> tuple[Check, ...]:
    """The checks as a definition file gives them, on the asset `loaf` that is made of `flour`."""
    defined = {
        "flour": {},
        "loaf": {"deps": ["flour"], "shell": "true", "checks": [*entries]},
    }
    path = folder / "checks.yaml"
    path.write_text(json.dumps({"assets": defined}, ensure_ascii=False))
    return load_definitions(Project(folder, (path,), "bakery"), trusted=False).assets["loaf"].checks


@pytest.fixture
def look(begin: Begin, tmp_path: Path) -> Callable[..., Awaitable[list[Checked]]]:
    """What comes of checks on a value, in a real worker."""

    async def look(value: Any, *entries: Mapping[str, Any], **others: Any) -> list[Checked]:
        steps = await begin()
        inputs = {
            "loaf": value
            if isinstance(value, Stored) or str(value).endswith(".parquet")
            else encode(value, tmp_path / "v").stored
        }
        attempt = steps.submit(
            SqlAction(""), inputs=inputs | others, outputs=(), checks=checks_of(tmp_path, *entries), now=NOW
        )
        outcome = await steps.outcome(attempt)
        assert outcome.ok, outcome
        return list(outcome.checks)

    return look


DIRTY = """
select * from (values
  (1, 'rye', 1.5::double, date '2023-11-14'),
  (2, 'rye', 'nan'::double, null),
  (2, null, null, date '2023-11-01'),
  (null, 'oat', 2.0, null),
  (null, 'wheat', 2.0, null)
) t(id, kind, kg, day)
"""


async def test_dirty_rows_are_found_counted_and_shown(look: Any, tmp_path: Path) -> None:
    told = await look(
        table(DIRTY, tmp_path),
        {"not_null": "id"},
        {"not_null": ["kind", "kg"]},
        {"unique": "id"},
        {"unique": ["id", "kind"]},
        {"accepted_values": {"column": "kind", "values": ["rye", "oat"]}},
        {"relationships": {"column": "kind", "to": "flour", "field": "name"}},
        {"expression": "kg < 2"},
        {"row_count": {"min": 6}},
        {"row_count": {"max": 4}, "name": "few"},
        {"freshness": {"column": "day", "max_age": "1d"}},
        {"freshness": {"column": "day", "max_age": "1m"}, "name": "today"},
        {"not_null": "id", "where": "kind <> 'wheat'", "name": "not of wheat"},
        flour=table("select unnest(['rye', null, 'wheat']) as name", tmp_path),
    )
    found = {one.name: (one.passed, one.failing) for one in told}
    assert found == {
        "not_null(id)": (False, 2),
        "not_null(kind, kg)": (False, 2),  # NaN is no value, and a row counts once
        "unique(id)": (False, 4),  # what is missing twice is there twice
        "unique(id, kind)": (True, 0),
        "accepted_values(kind)": (False, 1),
        "relationships(kind)": (False, 1),
        "kg < 2": (False, 4),  # NaN is more than all, and what is not known does not hold
        "row_count": (False, None),
        "few": (False, None),
        "freshness(day)": (True, None),
        "today": (False, None),
        "not of wheat": (False, 1),
    }
    by_name = {one.name: one for one in told}
    assert by_name["unique(id)"].columns == ("id", "times")
    assert sorted(by_name["unique(id)"].rows, key=str) == [(2, 2), (None, 2)]
    assert by_name["accepted_values(kind)"].rows == (("wheat", None, 2.0, None),)
    assert by_name["accepted_values(kind)"].columns == ("kind", "id", "kg", "day")
    assert by_name["not_null(kind, kg)"].rows[0] == ("rye", "nan", 2, None)
    assert by_name["row_count"].message == "there are 5 rows, not at least 6"
    assert by_name["not_null(id)"].message == "2 of 5 rows: id is missing"
    assert "80,000 s old, 60 s are allowed" in by_name["today"].message


async def test_an_empty_table_has_no_bad_rows_but_may_be_too_small_or_too_old(
    look: Any, tmp_path: Path
) -> None:
    kinds = [
        {"not_null": "id"},
        {"unique": "id"},
        {"expression": "id > 0"},
        {"row_count": {"min": 1}},
        {"freshness": {"column": "at", "max_age": 60}},
    ]
    query = "select 1 as id, now() as at where false"
    empty: list[Any] = [table(query, tmp_path), []]
    for nothing in empty:
        told = await look(nothing, *kinds)
        assert [one.passed for one in told] == [True, True, True, False, False], nothing


async def test_a_column_that_is_not_there_is_told_with_those_that_are(look: Any, tmp_path: Path) -> None:
    told = await look(
        table("select 1 as id, 'a' as kind", tmp_path),
        {"not_null": "knd"},
        {"unique": ["id", "weight"]},
        {"expression": "weight > 3"},
        {"freshness": {"column": "at", "max_age": 60}},
        {"relationships": {"column": "id", "to": "flour", "field": "no"}},
        {"expression": "id > 0", "where": "weight is null"},
        {"not_null": "ID"},
        flour=table("select 1 as number", tmp_path),
    )
    assert [one.passed for one in told] == [False] * 6 + [True]
    assert told[0].message == "there is no column 'knd': the table has id, kind; did you mean 'kind'?"
    assert "the table has id, kind" in told[1].message and "the table has id, kind" in told[2].message
    assert told[4].message == "flour: there is no column 'no': the table has number"
    assert all("\n" not in one.message for one in told)


async def test_a_wrong_type_is_told_and_not_a_pass(look: Any, tmp_path: Path) -> None:
    told = await look(
        table("select 1 as id, 'a' as kind, true as good, 1.10::decimal(4,2) as price", tmp_path),
        {"accepted_values": {"column": "id", "values": ["one", "two"]}},
        {"freshness": {"column": "kind", "max_age": 60}},
        {"relationships": {"column": "kind", "to": "flour", "field": "id"}},
        {"expression": "kind + 1 > 0"},
        {"accepted_values": {"column": "kind", "values": [1, "a"]}},
        {"accepted_values": {"column": "good", "values": [True]}},
        {"accepted_values": {"column": "price", "values": [1.1, 2]}},
        {"accepted_values": {"column": "id", "values": [1.0]}, "name": "one"},
        flour=table("select 7 as id", tmp_path),
    )
    assert [one.passed for one in told] == [False, False, False, False, True, True, True, True]
    assert "none of the accepted values can be one" in told[0].message
    assert told[1].message == "column kind is VARCHAR, and freshness needs a date or a time: cast it"
    assert all(one.message for one in told[:4])


@pytest.mark.parametrize("value", [42, "bread", None, range(3), {1, 2}], ids=str)
async def test_what_is_no_table_fails_and_says_that_it_has_to_be_one(look: Any, value: Any) -> None:
    (told,) = await look(value, {"row_count": {"min": 0}})
    assert not told.passed and told.message.startswith("a check of this kind needs a table: loaf is")


async def test_plain_records_are_a_table(look: Any) -> None:
    told = await look(
        [{"id": 1, "kg": 1.5}, {"id": 1, "kg": math.nan}, {"kg": 2}],
        {"unique": "id"},
        {"not_null": "id"},
        {"row_count": 3},
    )
    assert [(one.passed, one.failing) for one in told] == [(False, 2), (False, 1), (True, None)]


@pytest.mark.parametrize("base", [2**53, 2**63, 2**64, -(2**64), 2**100, 10**40], ids="{:.0e}".format)
async def test_whole_numbers_are_compared_to_their_last_digit(look: Any, base: int) -> None:
    told = await look(
        [{"v {x}": base}, {"v {x}": base + 1}, {"v {x}": None, "other": 1}],
        {"unique": "v {x}"},
        {"accepted_values": {"column": "v {x}", "values": [base, base + 1]}},
        {"accepted_values": {"column": "v {x}", "values": [base, base + 2]}, "name": "others"},
        {"not_null": "v {x}"},
    )
    assert [(one.passed, one.failing) for one in told] == [(True, 0), (True, 0), (False, 1), (False, 1)]


async def test_in_a_column_of_mixed_values_a_number_is_no_text(look: Any) -> None:
    mixed = [{"v": 1}, {"v": "1"}, {"v": 'é"'}, {"v": True}, {"v": None}]
    told = await look(
        mixed,
        {"accepted_values": {"column": "v", "values": [1, "1", 'é"', True]}},
        {"accepted_values": {"column": "v", "values": [1, 'é"', True]}, "name": "without the text"},
        {"accepted_values": {"column": "v", "values": ["1", 'é"', True]}, "name": "without the number"},
    )
    assert [(one.passed, one.failing) for one in told] == [(True, 0), (False, 1), (False, 1)]


async def test_a_csv_file_without_rows_has_no_types_to_be_wrong(look: Any, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("id,amount,at\n")
    told = await look(
        path,
        {"expression": "amount > 0 and length(id) < 3"},
        {"not_null": ["id", "amount"]},
        {"unique": "id", "where": "amount > 0"},
        {"accepted_values": {"column": "amount", "values": [1, "a"]}},
        {"relationships": {"column": "id", "to": "flour", "field": "number"}},
        {"freshness": {"column": "at", "max_age": 60}},
        {"row_count": {"min": 1}},
        {"expression": "weight > 0"},
        flour=table("select 1 as number", tmp_path),
    )
    assert [one.passed for one in told] == [True] * 5 + [False] * 3, told
    assert [one.message for one in told[5:7]] == [
        "there is no time in at",
        "there are 0 rows, not at least 1",
    ]
    assert "the table has id, amount, at" in told[7].message


async def test_a_column_that_is_there_twice_is_not_checked_as_if_it_were_one(
    look: Any, tmp_path: Path
) -> None:
    path = tmp_path / "twice.csv"
    path.write_text("id,amount,ID,id_sum\n1,5,7,1\n2,5,7,2\n")
    told = await look(
        path,
        {"unique": "id"},
        {"expression": "id > 0"},
        {"row_count": 2, "where": "id > 0"},
        {"row_count": 2, "name": "all of them"},
        {"not_null": "amount"},
        {"expression": "id_sum > 0"},
    )
    assert [one.passed for one in told] == [False] * 3 + [True] * 3, told
    assert {one.message for one in told[:3]} == {
        "loaf has several columns called 'id': give each a name of its own"
    }


async def test_a_time_without_an_end_is_not_the_newest(look: Any, tmp_path: Path) -> None:
    days = "select unnest(['infinity', '2023-11-14', '-infinity'])::date as day"
    (told,) = await look(table(days, tmp_path), {"freshness": {"column": "day", "max_age": 60}})
    assert not told.passed and told.message.startswith("the newest day is")


HOSTILE = [
    'a"b',
    "a'b",
    "x; drop table loaf",
    "a\nb",
    "--",
    "ü 🥖",
    "select",
    "1",
    "a.b",
    "$values",
    '"',
    "%s {x}",
]


@pytest.mark.case("X10")
async def test_column_names_and_values_are_data_whatever_is_in_them(look: Any, tmp_path: Path) -> None:
    for name in HOSTILE:
        quoted = '"' + name.replace('"', '""') + '"'
        literal = "'" + name.replace("'", "''") + "'"
        stored = table(f"select {literal} as {quoted}, 1 as other union all select null, 1", tmp_path)
        told = await look(
            stored,
            {"not_null": name, "name": "a"},
            {"unique": [name, "other"], "name": "b"},
            {"accepted_values": {"column": name, "values": [name]}, "name": "c"},
            {"accepted_values": {"column": name, "values": ["') or true --", "x"]}, "name": "d"},
            {"relationships": {"column": name, "to": "flour", "field": name}, "name": "e"},
            flour=stored,
        )
        assert [one.failing for one in told] == [1, 0, 0, 1, 0], (name, told)
        assert told[0].columns == (name, "other")


@pytest.mark.case("X10")
async def test_an_expression_is_one_condition_and_reaches_nothing_else(look: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n")
    told = await look(
        table("select 1 as id", tmp_path),
        {
            "expression": "true) is not true); copy (select 1) to 'x.csv'; select count(*) from loaf where ((true"
        },
        {"expression": f"id in (select a from read_csv('{outside}'))"},
        {"expression": "id = 1 -- and no more"},
        {"expression": "id = (select max(id) from loaf)"},
    )
    assert [one.passed for one in told] == [False, False, True, True]


async def test_a_million_rows_are_checked_and_ten_are_shown(look: Any, tmp_path: Path) -> None:
    steps_dir = tmp_path / "many"
    steps_dir.mkdir()
    query = "select case when range % 1000 = 0 then null else range end as id, range % 7 as kind from range(1000000)"
    told = await look(
        table(query, steps_dir),
        {"not_null": "id"},
        {"unique": "id"},
        {"accepted_values": {"column": "kind", "values": [0, 1, 2, 3, 4, 5]}},
        {"expression": "id >= 0"},
        {"row_count": 1_000_000},
    )
    assert [one.failing for one in told] == [1000, 1000, 142857, 1000, None] and told[4].passed
    assert all(len(one.rows) <= 10 for one in told)


async def test_rows_that_are_shown_are_bounded(look: Any, tmp_path: Path) -> None:
    wide = ", ".join(f"repeat('é', 100000) as c{n}" for n in range(40))
    (told,) = await look(
        table(
            f"select null as id, now() as at, [1, 2] as l, '\\x00'::blob as b, {wide} from range(50)",
            tmp_path,
        ),
        {"not_null": "id"},
    )
    assert told.failing == 50 and len(told.rows) == 10 and len(told.columns) == 16
    assert len(json.dumps(told.told())) < 200_000


# ---- whole runs ------------------------------------------------------------------------------

YAML = """
pipeline: checked
assets:
  numbers:
    sql: select range as n from range(3)
    checks: [{expression: "n >= 0"}, {row_count: {min: 1}}]
  doubled:
    deps: [numbers]
    sql: select n * 2 as n from numbers
"""


def project_of(folder: Path, text: str = YAML, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "bakehouse.yaml").write_text(text)
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content)
    return folder


def events(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def shown(call: Call, at: Path, asset: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call("show", asset, "--json", at=at).stdout)
    return found


def reasons(call: Call, at: Path) -> dict[str, list[str]]:
    told = json.loads(call("ls", "--json", at=at).stdout)
    return {node["key"]: [reason["kind"] for reason in node["reasons"]] for node in told["nodes"]}


def test_what_fails_a_check_never_becomes_current(call: Call, tmp_path: Path) -> None:
    at = project_of(tmp_path / "p")
    assert call("materialize", at=at).returncode == 0
    good = shown(call, at, "numbers")

    project_of(at, YAML.replace("select range as n", "select range - 1 as n"))
    done = call("materialize", "--json", at=at)
    assert done.returncode == 1, done.stderr
    told = events(done)
    assert [one["event"] for one in told if one.get("task") == "numbers"][-3:] == [
        "check_failed",
        "check_passed",
        "step_failed",
    ]
    assert not [one for one in told if one["event"] == "asset_materialized"]
    (failed,) = [one for one in told if one["event"] == "check_failed"]
    assert (failed["asset"], failed["check"], failed["severity"]) == ("numbers", "n >= 0", "error")
    assert (failed["failing"], failed["total"], failed["columns"], failed["rows"]) == (1, 3, ["n"], [[-1]])
    assert failed["seconds"] >= 0 and failed["message"] == "1 of 3 rows: n >= 0 does not hold"
    (blocked,) = [one for one in told if one["event"] == "step_blocked"]
    assert (blocked["task"], blocked["by"]) == ("doubled", "numbers")

    now = shown(call, at, "numbers")
    assert now["version"] == good["version"]
    assert "check_failed" in reasons(call, at)["numbers"]
    assert "n >= 0" in call("why", "numbers", at=at).stdout
    assert not [*(at / ".bakehouse" / "tmp").iterdir()]


def test_a_warning_is_told_and_the_value_is_current(call: Call, tmp_path: Path) -> None:
    text = YAML.replace('{expression: "n >= 0"}', '{expression: "n > 0", severity: warn}')
    at = project_of(tmp_path / "p", text)
    done = call("materialize", at=at)
    assert done.returncode == 0
    assert "check n > 0 of numbers warned: 1 of 3 rows: n > 0 does not hold" in done.stdout
    assert reasons(call, at) == {"numbers": [], "doubled": []}
    assert call("materialize", "--json", at=at).stdout.count("check_") == 0


def test_a_changed_check_is_a_reason_by_its_name(call: Call, tmp_path: Path) -> None:
    at = project_of(tmp_path / "p")
    call("materialize", at=at)
    project_of(at, YAML.replace("{row_count: {min: 1}}", "{row_count: {min: 4}}"))
    assert "check row_count changed" in call("why", "numbers", at=at).stdout
    done = call("materialize", at=at)
    assert done.returncode == 1 and "there are 3 rows, not at least 4" in done.stdout
    project_of(at)
    done = call("materialize", at=at)
    assert done.returncode == 0


COUNTED = """
pipeline: p
assets:
  rows.csv: {shell: 'echo made >> times; printf "id\\n1\\n2\\n" > "$OUTPUT"', checks: [CHECKS]}
  below: {deps: [rows.csv], sql: "select count(*) as n from rows_csv"}
"""


def test_where_only_the_checks_changed_only_they_are_run_again(call: Call, tmp_path: Path) -> None:
    at = tmp_path / "p"

    def run(checks: str, *more: str) -> tuple[int, list[dict[str, Any]], int]:
        project_of(at, COUNTED.replace("CHECKS", checks))
        done = call("materialize", "--json", *more, at=at)
        return done.returncode, events(done), len((at / "times").read_text().splitlines())

    def of(told: list[dict[str, Any]], kind: str, task: str = "rows.csv") -> list[dict[str, Any]]:
        return [one for one in told if one["event"] == kind and one.get("task") == task]

    assert run("row_count: 2")[0::2] == (0, 1)
    before = shown(call, at, "rows.csv")

    code, told, made = run("{row_count: 2, name: count}")  # another name is another check, and one is gone
    assert (code, made) == (0, 1) and [one["check"] for one in of(told, "check_passed")] == ["count"]
    (done,) = of(told, "step_succeeded")
    assert done["checked_only"] and not of(told, "asset_materialized")
    assert of(told, "step_spared", "below") and shown(call, at, "rows.csv") == before

    project_of(at, COUNTED.replace("CHECKS", "row_count: 3"))
    plan = json.loads(call("plan", "--json", at=at).stdout)["steps"][0]
    assert {why["kind"] for why in plan["reasons"]} == {"check_changed"} and plan["estimate_s"] is None
    code, told, made = run("row_count: 3")
    assert (code, made) == (1, 1) and of(told, "step_blocked", "below")
    (failed,) = of(told, "step_failed")
    assert (
        "row_count: there are 2 rows, not exactly 3 (of the value that is there; --force" in failed["error"]
    )
    assert shown(call, at, "rows.csv")["version"] == before["version"]
    assert run("row_count: 3")[0::2] == (1, 1) and run("row_count: 3", "--force")[0::2] == (1, 2)
    assert run("{row_count: 2, severity: warn}")[0::2] == (0, 2)  # it was the check that was wrong

    code, told, made = run("")  # none is left: there is nothing to look at
    assert (code, made, reasons(call, at)["rows.csv"]) == (0, 2, [])
    assert not [one for one in told if one["event"].startswith("check_")]
    assert run("unique: id")[0::2] == (0, 2) and run("unique: id")[1][-1]["counts"].get("succeeded", 0) == 0
    assert call("doctor", "--replay", at=at).returncode == 0


def test_a_changed_check_is_not_accepted_but_run(call: Call, tmp_path: Path) -> None:
    at = project_of(tmp_path / "p", COUNTED.replace("CHECKS", "row_count: 2"))
    assert call("materialize", at=at).returncode == 0
    project_of(at, COUNTED.replace("CHECKS", "row_count: 3"))
    done = call("accept", "rows.csv", at=at)
    assert done.returncode == 1 and "check row_count changed (materialize it: only" in done.stderr
    project_of(at, COUNTED.replace("CHECKS", "row_count: 3").replace("echo made", "echo  made"))
    assert call("accept", "rows.csv", at=at).returncode == 0
    assert reasons(call, at)["rows.csv"] == ["check_changed"]
    assert call("materialize", at=at).returncode == 1


def test_a_project_that_is_not_trusted_hides_no_check_and_invents_none(call: Call, tmp_path: Path) -> None:
    code = """
from bakehouse import check

@check(asset="numbers")
def good(numbers):
    return True
"""
    at = project_of(tmp_path / "p", YAML, good=code)
    assert call("materialize", at=at).returncode == 0
    told = json.loads(call("ls", "--json", at=at, BAKEHOUSE_TRUST="").stdout)
    assert {node["key"]: node["reasons"] for node in told["nodes"]} == {"numbers": [], "doubled": []}


PYTHON = """
from bakehouse import CheckResult, asset, check

@asset(retries=3, backoff=0)
def numbers():
    print("making")
    return {"n": [1, None, 3]}

@check(asset=numbers)
def no_gaps(value):
    print("looking")
    gaps = [{"at": i} for i, n in enumerate(value["n"]) if n is None]
    return CheckResult(not gaps, rows=gaps, failing=len(gaps), metadata={"n": len(value["n"])})

@check(asset="numbers", severity="warn")
async def small(numbers) -> bool:
    return len(numbers["n"]) < 2

@check(asset="numbers", severity="warn")
def broken(numbers, context):
    raise KeyError("kg")

@check(asset="numbers", severity="warn")
def odd(numbers):
    return "yes"
"""


def test_a_function_checks_any_value_and_its_failure_is_not_tried_again(call: Call, tmp_path: Path) -> None:
    at = project_of(tmp_path / "p", "pipeline: p\n", loaves=PYTHON)
    done = call("materialize", "--json", at=at)
    assert done.returncode == 1
    told = events(done)
    results = {one["check"]: one for one in told if one["event"].startswith("check_")}
    assert results["no_gaps"]["rows"] == [[1]] and results["no_gaps"]["columns"] == ["at"]
    assert results["no_gaps"]["metadata"] == {"n": 3} and results["no_gaps"]["failing"] == 1
    assert results["small"]["message"] == "it returned False"
    assert results["broken"]["message"] == "KeyError: 'kg'"
    assert "returns True, False or a CheckResult, not a str" in results["odd"]["message"]
    assert len([one for one in told if one["event"] == "step_started"]) == 1
    log = call("logs", "numbers", at=at).stdout
    assert "making" in log and "looking" in log and "KeyError" in log

    (at / "loaves.py").write_text(PYTHON.replace("[1, None, 3]", "[1, 2, 3]"))
    assert call("materialize", at=at).returncode == 0
    (at / "loaves.py").write_text(
        PYTHON.replace("[1, None, 3]", "[1, 2, 3]").replace("not gaps", "not gaps or 1")
    )
    assert "check no_gaps changed" in call("why", "numbers", at=at).stdout


def test_a_check_that_writes_to_the_value_keeps_it_from_being_kept(call: Call, tmp_path: Path) -> None:
    code = """
from pathlib import Path
from bakehouse import asset, check

@asset
def big() -> Path:
    Path("big.txt").write_text("x" * 100_000)
    return Path("big.txt")

@check(asset=big)
def meddling(big):
    big.write_text("y" * 100_000)
    return True
"""
    at = project_of(tmp_path / "p", "pipeline: p\n", big=code)
    done = call("materialize", at=at)
    assert done.returncode == 1 and "value of big is damaged: its content has changed" in done.stdout


SLOW = """
from pathlib import Path
from bakehouse import asset, check

@asset({options})
def loaf():
    return 1

@check(asset=loaf)
def slow(loaf):
    import time
    Path("looking").touch()
    time.sleep(60)
    return True
"""


def test_checks_are_under_the_time_limit_of_the_step(call: Call, tmp_path: Path) -> None:
    at = project_of(tmp_path / "p", "pipeline: p\n", slow=SLOW.replace("{options}", "timeout=0.5"))
    done = call("materialize", at=at)
    assert done.returncode == 1
    assert "loaf failed: timed out after 0.5 s while what it made was checked" in done.stdout
    assert not [*(at / ".bakehouse" / "tmp").iterdir()]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["cancelled", "killed"])
def test_what_ends_during_its_checks_is_not_committed(
    end: signal.Signals, call: Call, environ: dict[str, str], eventually: Any, tmp_path: Path
) -> None:
    at = project_of(tmp_path / "p", "pipeline: p\n", slow=SLOW.replace("{options}", ""))
    command = [sys.executable, "-m", "bakehouse", "-C", str(at), "materialize"]
    running = subprocess.Popen(command, env=environ | {"BAKEHOUSE_TRUST": "1"}, stdout=subprocess.DEVNULL)
    try:
        eventually((at / "looking").exists)
        os.kill(running.pid, end)
    finally:
        code = running.wait(60)
    assert code == (130 if end is signal.SIGINT else -signal.SIGKILL)
    assert "never_materialized" in reasons(call, at)["loaf"]
    (at / "slow.py").write_text(SLOW.replace("{options}", "").replace("sleep(60)", "sleep(0)"))
    assert call("materialize", at=at).returncode == 0


def test_a_shell_step_is_checked_and_so_are_several_outputs(call: Call, tmp_path: Path) -> None:
    text = """
pipeline: p
assets:
  rows.csv: {shell: 'printf "id,kind\\n1,a\\n1,b\\n" > "$OUTPUT"', checks: [{unique: id}]}
  left: {checks: [{row_count: 1}]}
  right: {checks: [{row_count: 2}, {relationships: {column: id, to: left}}]}
tasks:
  both: {outputs: [left, right], python: "both:both"}
"""
    code = "def both(): return {'left': [{'id': 1}], 'right': [{'id': 1}, {'id': 2}]}\n"
    at = project_of(tmp_path / "p", text, both=code)
    done = call("materialize", at=at)
    assert done.returncode == 1
    assert "check unique(id) of rows.csv failed: 2 of 2 rows: id is the same in another row" in done.stdout
    assert "check relationships(id) of right failed: 1 of 2 rows: id is no id of left" in done.stdout
    assert set(reasons(call, at)["left"]) == {"never_materialized", "check_failed"}


def test_secrets_do_not_leave_in_the_rows_that_fail(call: Call, tmp_path: Path) -> None:
    text = """
pipeline: p
secrets: [TOKEN]
assets:
  a: {sql: "select getenv('TOKEN') as t, 'TOKEN' as n", shell: 'printf "t\\n$TOKEN\\n" > "$OUTPUT"'}
""".replace("""sql: "select getenv('TOKEN') as t, 'TOKEN' as n", """, "").replace(
        "a: {", "a.csv: {checks: [{expression: \"t = ''\"}], env: [TOKEN], "
    )
    at = project_of(tmp_path / "p", text)
    done = call("materialize", "--json", at=at, TOKEN="q8Zr-42_Xy7w")
    assert done.returncode == 1 and "check_failed" in done.stdout
    assert "q8Zr-42_Xy7w" not in done.stdout
