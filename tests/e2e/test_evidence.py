"""What is told of checks and of columns afterwards: by documents, on the command line, in reports, of partitions."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("duckdb")

Call = Callable[..., subprocess.CompletedProcess[str]]
YAML = """
pipeline: judged
assets:
  loaves:
    sql: select * from (values (1, 'rye', 4.5), (2, 'oat', -1.0), (3, null, -2.0)) t(id, kind, price)
    checks:
      - not_null: id
      - {not_null: kind, severity: warn}
      - {expression: price > 0, name: "it costs | *something*"}
  plain: {sql: select 1 as n}
"""


def at_with(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "bakehouse.yaml").write_text(text)
    return folder


def document(call: Call, at: Path, *words: str) -> Any:
    return json.loads(call(*words, "--json", at=at).stdout)


def counted(call: Call, at: Path, asset: str) -> list[str]:
    nodes = {node["key"]: node for node in document(call, at, "ls")["nodes"]}
    return [one["outcome"] for one in nodes[asset]["checks"]]


def test_what_checks_found_is_told_wherever_it_is_looked_for(call: Call, tmp_path: Path) -> None:
    at = at_with(tmp_path / "p", YAML)
    assert (counted(call, at, "loaves"), counted(call, at, "plain")) == (["never"] * 3, [])
    report = tmp_path / "report"
    done = call("materialize", "--report", f"{report}.xml", "--report", f"{report}.md", at=at)
    assert done.returncode == 1

    assert counted(call, at, "loaves") == ["passed", "warned", "failed"]
    assert document(call, at, "status")["checks"] == {"passed": 1, "warned": 1, "failed": 1, "never": 0}
    assert call("show", "loaves", "--checks", at=at).returncode == 1
    checks = {one["check"]: one for one in document(call, at, "show", "loaves", "--checks")["checks"]}
    failed = checks["it costs | *something*"]
    assert (failed["outcome"], failed["failing"], failed["total"]) == ("failed", 2, 3)
    assert failed["columns"] == ["id", "kind", "price"] and failed["rows"][0] == [2, "oat", "-1.0"]

    cases = {one.get("name"): one for one in ElementTree.parse(f"{report}.xml").iter("testcase")}
    failure = cases["loaves it costs | *something*"].find("failure")
    assert failure is not None and failure.get("message") == "2 of 3 rows: price > 0 does not hold"
    assert "id | kind | price\n2 | oat | -1.0" in (failure.text or "")
    assert cases["loaves not_null(kind)"].find("skipped") is not None
    assert cases["loaves not_null(id)"].find("failure") is None
    summary = Path(f"{report}.md").read_text()
    assert "loaves it costs \\| \\*something\\*" in summary and "2 | oat | -1.0" in summary

    call("materialize", "plain", at=at)  # another run tells nothing new of them
    assert counted(call, at, "loaves") == ["passed", "warned", "failed"]
    at_with(at, YAML.replace("-1.0", "1.0").replace("-2.0", "2.0"))
    done = call("materialize", at=at)
    assert done.returncode == 0, done.stdout
    told = document(call, at, "show", "loaves", "--checks")
    assert [one["outcome"] for one in told["checks"]] == ["passed", "warned", "passed"]
    past = [one["outcome"] for one in told["history"] if one["check"] == "it costs | *something*"]
    assert past == ["passed", "failed"]


def test_columns_that_come_go_and_change_are_news(call: Call, tmp_path: Path) -> None:
    at = at_with(tmp_path / "p", 'pipeline: p\nassets: {a: {sql: \'select 1 as id, 2 as "x""y", 3 as n\'}}\n')
    assert "columns of" not in call("materialize", at=at).stdout
    at_with(at, "pipeline: p\nassets: {a: {sql: \"select 3 as n, 'a' as id, 2.5::double as kg\"}}\n")
    done = call("materialize", "--json", at=at)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    (change,) = [one for one in told if one["event"] == "schema_changed"]
    assert (change["asset"], change["added"], change["removed"]) == (
        "a",
        [["kg", "DOUBLE"]],
        [['x"y', "INTEGER"]],
    )
    assert change["changed"] == [["id", "INTEGER", "VARCHAR"]]
    assert change["counts"] == {"added": 1, "removed": 1, "changed": 1}
    (kept,) = document(call, at, "show", "a")["schema_changes"]
    assert kept["run"] == change["run"] and kept["changed"] == change["changed"]
    assert 'columns changed: + kg DOUBLE, - x"y, id INTEGER → VARCHAR' in call("show", "a", at=at).stderr

    at_with(at, "pipeline: p\nassets: {a: {sql: \"select 'b' as id, 4.5::double as kg, 3 as n\"}}\n")
    done = call("materialize", at=at)  # other rows, and the columns in another order
    assert done.returncode == 0 and "columns of" not in done.stdout
    assert "columns changed" not in call("show", "a", at=at).stderr
    assert len(document(call, at, "show", "a")["schema_changes"]) == 1


PARTED = """
pipeline: p
assets:
  sales:
    partitions: {static: [north, south, west]}
    sql: select $partition as region, case $partition when 'south' then LOW else 3 end as n
    checks: [{expression: n > 0}, {accepted_values: {column: region, values: [north, south, west]}}]
  total:
    deps: [sales]
    sql: select sum(n) as n, partition from sales group by all
    checks: [{relationships: {column: partition, to: sales, field: region}}]
"""


def test_every_partition_is_checked_and_the_worst_is_told_of_the_whole(call: Call, tmp_path: Path) -> None:
    at = at_with(tmp_path / "p", PARTED.replace("LOW", "0"))
    done = call("materialize", at=at)
    assert done.returncode == 1 and "check n > 0 of sales[south] failed" in done.stdout
    south = document(call, at, "show", "sales", "--checks", "--partition", "south")["checks"]
    assert [one["outcome"] for one in south] == ["failed", "passed"]
    assert document(call, at, "status")["checks"] == {"passed": 5, "warned": 0, "failed": 1, "never": 1}
    at_with(at, PARTED.replace("LOW", "1"))
    assert call("materialize", at=at).returncode == 0
    assert document(call, at, "status")["checks"] == {"passed": 7, "warned": 0, "failed": 0, "never": 0}
    at_with(at, PARTED.replace("LOW", "1").replace("n > 0", "n > 2"))
    told = call("materialize", "--json", at=at)
    kinds = [json.loads(line)["event"] for line in told.stdout.splitlines()]
    assert told.returncode == 1 and "asset_materialized" not in kinds and kinds.count("check_failed") == 1
