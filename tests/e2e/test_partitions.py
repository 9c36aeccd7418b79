"""Divided assets on the command line: what each step is given, backfills, failures by name, and hostile keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Call

YAML = """
pipeline: sales
partitions:
  month: {monthly: {start: 2013-01, end: 2013-04, timezone: America/New_York}}
  shop: [north, south]
assets:
  orders: {partitions: month, sql: 'select $partition as month, $partition_start as begins, unnest([1, 2]) as n'}
  by_shop: {deps: [orders], partitions: [month, shop], sql: 'select *, $shop as shop, $partition as part from orders'}
  year: {deps: [by_shop], sql: 'select partition, count(*) as n from by_shop group by all order by all'}
  recent: {deps: [{asset: orders, partitions: {last: 3}}], partitions: month, python: "steps:recent"}
  shops: {deps: [by_shop], partitions: month, python: "steps:shops"}
  listing: {deps: [orders, recent], shell: 'for one in "$orders"/*; do basename "$one"; done > "$OUTPUT"'}
  label: {partitions: month, shell: 'echo "$PARTITION $MONTH $PARTITION_START $PARTITION_END" > "$OUTPUT"'}
tasks:
  send: {inputs: [shops], partitions: month, shell: 'test "$PARTITION" != "$BAD" && echo "sent $PARTITION"', env: [BAD]}
"""
STEPS = """
from bakehouse import Context, Table
def recent(orders: dict[str, Table], context: Context):
    start, end = context.window
    return {"key": context.partition, "start": start.isoformat(), "end": end.isoformat(),
            "rows": {key: len(table) for key, table in orders.items()}, "got": list(context.partitions["orders"])}
def shops(by_shop, context):
    return [[*key, type(table).__name__, context.partition] for key, table in by_shop.items()]
"""


@pytest.fixture
def sales(project: Path) -> Path:
    (project / "bakehouse.yaml").write_text(YAML)
    (project / "steps.py").write_text(STEPS)
    return project


def document(call: Call, *words: str, **more: str) -> Any:
    done = call(*words, "--json", **more)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def events(call: Call, *words: str, code: int = 0, **more: str) -> list[dict[str, Any]]:
    done = call("materialize", *words, "--json", **more)
    assert done.returncode == code, done.stderr + done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


def ran(told: list[dict[str, Any]]) -> set[tuple[str, str | None]]:
    return {(one["task"], one.get("partition")) for one in told if one["event"] == "step_started"}


def test_each_kind_of_step_is_given_its_partition_bound_and_its_inputs_by_key(
    sales: Path, call: Call
) -> None:
    told = events(call)
    assert told[-1]["counts"]["succeeded"] == 4 + 8 + 1 + 4 + 4 + 1 + 4 + 4
    assert not any("\x1f" in json.dumps(one, ensure_ascii=False) for one in told)

    orders = document(call, "show", "orders", "--partition", "2013-03")
    assert orders["rows"] == [
        ["2013-03", "2013-03-01T00:00:00-05:00", 1],
        ["2013-03", "2013-03-01T00:00:00-05:00", 2],
    ]
    part = document(call, "show", "by_shop", "--partition", "2013-03|south")["rows"][0]
    assert part[0] == "2013-03" and part[-2:] == ["south", "2013-03|south"]
    year = document(call, "show", "year")
    assert year["rows"] == [[f"2013-0{n}|{shop}", 2] for n in range(1, 5) for shop in ("north", "south")]
    recent = json.loads(document(call, "show", "recent", "--partition", "2013-04")["text"])
    assert recent == {
        "key": "2013-04", "start": "2013-04-01T00:00:00-04:00", "end": "2013-05-01T00:00:00-04:00",
        "rows": {"2013-02": 2, "2013-03": 2, "2013-04": 2}, "got": ["2013-02", "2013-03", "2013-04"],
    }  # fmt: skip
    assert json.loads(document(call, "show", "recent", "--partition", "2013-01")["text"])["got"] == [
        "2013-01"
    ]
    assert json.loads(document(call, "show", "shops", "--partition", "2013-02")["text"]) == [
        ["2013-02", "north", "Table", "2013-02"], ["2013-02", "south", "Table", "2013-02"],
    ]  # fmt: skip
    assert document(call, "show", "listing")["text"].split() == ["2013-01", "2013-02", "2013-03", "2013-04"]
    label = document(call, "show", "label", "--partition", "2013-02")["text"]
    assert label == "2013-02 2013-02 2013-02-01T00:00:00-05:00 2013-03-01T00:00:00-05:00\n"
    assert call("logs", "send", "--partition", "2013-02").stdout == "sent 2013-02\n"


def test_a_backfill_makes_what_is_missing_or_failed_and_names_what_failed(sales: Path, call: Call) -> None:
    first = events(call, "send", "--partition", "2013-02..2013-03", code=1, BAD="2013-03")
    assert {part for task, part in ran(first) if task == "orders"} == {"2013-02", "2013-03"}
    failed = [one for one in first if one["event"] == "step_failed"]
    assert [(one["task"], one["partition"]) for one in failed] == [("send", "2013-03")]

    counts = {one["key"]: one["partitions"] for one in document(call, "ls", "--view", "task")["nodes"]}
    assert counts["orders"] == {"total": 4, "fresh": 2, "failed": 0, "missing": 2, "stale": 0}
    assert counts["year"] is None
    status = document(call, "status", BAD="2013-03")["partitions"]
    assert status["send"] == {
        "total": 4, "fresh": 1, "failed": 1, "missing": 2, "stale": 0, "failed_partitions": ["2013-03"]
    }  # fmt: skip
    assert (
        "send: 1/4 fresh, 1 failed: 2013-03, 2 missing: 2013-01, 2013-04"
        in call("status", BAD="2013-03").stdout
    )
    assert "1 of 4 partitions failed last time: 2013-03" in call("ls", "--view", "task", BAD="2013-03").stdout

    done = call("materialize", "send", BAD="2013-03")
    assert done.returncode == 1 and "send: 2 made, 1 failed: 2013-03" in done.stdout
    assert "send[2013-02]" not in done.stdout, "what is fresh does not run again"
    last = events(call, "send", BAD="")
    assert ("orders", "2013-03") not in ran(last) and ("send", "2013-03") in ran(last)
    assert events(call, "send", BAD="")[-1]["counts"]["succeeded"] == 0


def test_what_was_never_made_is_not_called_out_of_date(sales: Path, call: Call) -> None:
    told = call("why", "by_shop").stdout
    assert "orders was never made" in told and "out of date" not in told
    call("materialize", "orders")
    text = (sales / "bakehouse.yaml").read_text()
    (sales / "bakehouse.yaml").write_text(text.replace("[1, 2]", "[1, 2, 3]"))
    assert "orders is out of date" in call("why", "by_shop").stdout


def test_one_partition_is_asked_about_and_one_that_is_not_there_is_told(sales: Path, call: Call) -> None:
    events(call, "send", "--partition", "2013-01", BAD="")
    why = document(call, "why", "orders", "--partition", "2013-02")
    assert (why["key"], why["partition"], why["state"]) == ("orders", "2013-02", "never")
    assert document(call, "why", "orders", "--partition", "2013-01")["state"] == "fresh"
    plan = document(call, "plan", "recent", "--partition", "2013-02")
    assert [(one["task"], one["partition"], one["action"]) for one in plan["steps"]] == [
        ("orders", "2013-01", "reuse"), ("orders", "2013-02", "run"), ("recent", "2013-02", "run"),
    ]  # fmt: skip
    for words in (("show", "orders"), ("why", "orders"), ("logs", "orders"), ("plan", "orders")):
        done = call(*words, "--partition", "2013-05")
        assert done.returncode == 2
        assert "there is no partition '2013-05'\ndid you mean 2013-0" in done.stderr
    last = document(call, "show", "orders")
    assert (last["asset"], last["task"], last["partition"]) == ("orders", "orders", "2013-01")
    assert "this is 2013-01, the partition made last, of 4 " in call("show", "orders").stderr
    assert "year is not divided into partitions" in call("show", "year", "--partition", "2013-01").stderr
    assert "means several partitions" in call("show", "by_shop", "--partition", "2013-01").stderr


def test_the_checks_of_what_is_divided_are_told_together_and_of_one(project: Path, call: Call) -> None:
    (project / "bakehouse.yaml").write_text("""
pipeline: sales
assets:
  orders:
    partitions: {monthly: {start: 2013-01, end: 2013-04}}
    sql: select month($partition_start::timestamptz) as n
    checks: [{row_count: 1}, {expression: n > 2, severity: warn}]
""")
    events(call, "orders", "--partition", "2013-01..2013-03")
    done = call("show", "orders", "--checks")
    assert done.returncode == 0, done.stderr
    told = "2 of 4 partitions: 2013-01: 1 of 1 row: n > 2 does not hold"
    assert done.stdout.splitlines()[:2] == [
        "∘ row_count  never: 1 of 4 partitions: 2013-04",
        f"~ n > 2  warned: {told}",
    ]
    assert "of all its partitions together (--partition KEY: of one" in done.stderr
    (node,) = document(call, "ls", "orders")["nodes"]
    assert node["checks"] == [
        {"check": "row_count", "outcome": "never"},
        {"check": "n > 2", "outcome": "warned"},
    ]
    status = call("status").stdout
    assert f"  ~ orders: n > 2  {told}\n" in status
    assert status.count("~ orders") == 1, "one line for all of them"
    one = document(call, "show", "orders", "--checks", "--partition", "2013-03")
    assert [check["outcome"] for check in one["checks"]] == ["passed", "passed"]


def test_what_a_change_of_one_input_makes_stale_is_told_by_partition(sales: Path, call: Call) -> None:
    events(call, BAD="")
    shorter = YAML.replace("end: 2013-04", "end: 2013-05")
    (sales / "bakehouse.yaml").write_text(shorter)
    told = events(call, "orders", "year", BAD="")
    assert ran(told) == {
        ("orders", "2013-05"),
        ("by_shop", "2013-05|north"),
        ("by_shop", "2013-05|south"),
        ("year", None),
    }


HOSTILE = [
    "'; drop table x; --",
    "$(touch pwned)",
    "../../etc",
    'a"b',
    "-rf",
    "ünïcode",
    "a|b",
    "a,b",
    "%41",
    "{x}",
]


def test_what_was_laid_out_for_queries_is_taken_away(sales: Path, call: Call) -> None:
    events(call)
    assert not [*(sales / ".bakehouse" / "tmp").rglob("*")]


def test_hostile_keys_are_bound_and_never_pasted(project: Path, call: Call) -> None:
    keys = json.dumps(HOSTILE, ensure_ascii=False)
    (project / "bakehouse.yaml").write_text(f"""
assets:
  a: {{partitions: {{static: {keys}}}, sql: 'select $partition as key, $key as same'}}
  b: {{deps: [a], partitions: {{static: {keys}}}, shell: 'printf %s "$PARTITION" > "$OUTPUT"'}}
  all: {{deps: [a], sql: 'select partition, "key", same from a'}}
  files: {{deps: [b], shell: 'for one in "$b"/*; do cat "$one"; echo; done > "$OUTPUT"'}}
""")
    told = events(call)
    assert {
        one["partition"] for one in told if one.get("task") == "b" and one["event"] == "step_started"
    } == {*HOSTILE}
    assert document(call, "show", "all")["rows"] == [[key, key, key] for key in HOSTILE]
    assert sorted(document(call, "show", "files")["text"].splitlines()) == sorted(HOSTILE)
    assert not list(project.rglob("pwned"))
    for key in HOSTILE:
        assert document(call, "show", "b", "--partition", key)["text"] == key


def test_undo_and_accept_are_of_partitions(sales: Path, call: Call) -> None:
    events(call, "label", "--partition", "2013-01,2013-02", BAD="")
    assert "say which: --partition KEY" in call("undo", "label").stderr
    (sales / "bakehouse.yaml").write_text(
        YAML.replace('echo "$PARTITION $MONTH', 'echo "new $PARTITION $MONTH')
    )
    assert document(call, "ls", "label")["nodes"][0]["partitions"]["stale"] == 2
    events(call, "label", "--partition", "2013-01", BAD="")
    undone = document(call, "undo", "label", "--partition", "2013-01")
    assert undone["task"] == "label[2013-01]"
    assert not document(call, "show", "label", "--partition", "2013-01")["text"].startswith("new")
