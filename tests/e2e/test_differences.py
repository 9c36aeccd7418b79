"""`show --diff`: what a step made, beside what it had made before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
DEFINITIONS = """
assets:
  orders: {{metadata: {{key: id}}, sql: "{orders}"}}
  lines: {{sql: "{lines}"}}
  report: {{python: steps:report}}
  settings: {{python: steps:settings}}
  answer: {{python: steps:answer}}
  pages: {{shell: 'mkdir "$OUTPUT"; {pages}'}}
  secret: {{shell: 'printf "%s\\\\n{word}\\\\n" "$TOKEN" > "$OUTPUT"', env: {{TOKEN: null}}}}
secrets: [TOKEN]
"""
FIRST = {
    "orders": "select i as id, i * 2 as grams, 'n' || i as name from range(1, 1001) r(i)",
    "lines": "select i // 2 as i from range(10) r(i)",
    "pages": 'echo a > "$OUTPUT/a"; echo b > "$OUTPUT/b"',
    "word": "rye",
}
SECOND = {
    "orders": "select i as id, case when i = 500 then 7 else i * 2 end as grams, true as paid"
    " from range(11, 1023) r(i)",
    "lines": "select i // 2 as i from range(1, 11) r(i)",
    "pages": 'echo A > "$OUTPUT/a"; echo c > "$OUTPUT/c"',
    "word": "oats",
}
STEPS = """
def report():
    return "\\n".join(f"line {{n}}" for n in range(2000)) + "\\n{word}\\nend"
def settings():
    return {{"oven": {{"heat": {heat}, "fan": True}}, "racks": [1, 2, {heat}]}}
def answer():
    return {heat}
"""


def write(project: Path, words: dict[str, str], heat: int) -> None:
    (project / "bakehouse.yaml").write_text(DEFINITIONS.format(**words))
    (project / "steps.py").write_text(STEPS.format(heat=heat, word=words["word"]))


@pytest.fixture
def made_twice(project: Path, call: Call) -> Callable[..., dict[str, Any]]:
    """A project whose values were all made twice; call it with an asset for the document."""
    pytest.importorskip("duckdb")
    for words, heat in ((FIRST, 180), (SECOND, 200)):
        write(project, words, heat)
        done = call("materialize", "-q", TOKEN="hunter2-and-more")
        assert done.returncode == 0, done.stdout + done.stderr

    def document(asset: str) -> dict[str, Any]:
        done = call("show", asset, "--diff", "--json", TOKEN="hunter2-and-more")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return document


def test_each_kind_of_value_is_compared_as_what_it_is(
    made_twice: Callable[..., dict[str, Any]], call: Call, project: Path
) -> None:
    orders = made_twice("orders")["table"]
    assert orders["columns"] == [
        {"name": "paid", "old": None, "new": "boolean"}, {"name": "name", "old": "varchar", "new": None},
    ]  # fmt: skip
    assert orders["rows"] == {"old": 1000, "new": 1012} and orders["key"] == ["id"]
    assert (orders["added"], orders["removed"], orders["changed"]) == (22, 10, 1)
    assert orders["changed_rows"] == [{"key": [500], "cells": [{"column": "grams", "old": 1000, "new": 7}]}]
    assert orders["removed_rows"][0] == [1, 2] and len(orders["added_rows"]) == 20
    text = call("show", "orders", "--diff").stdout
    assert (
        "@ 1,012 rows, +12" in text and "+ column paid: boolean" in text and "- column name: varchar" in text
    )
    assert "~ id=500: grams 1000 → 7" in text and "22 added, 10 removed, 1 changed (by id)" in text

    lines = made_twice("lines")["table"]
    assert (lines["added_rows"], lines["removed_rows"], lines["changed"]) == ([[5]], [[0]], None)
    report = made_twice("report")
    assert [line for line in report["lines"] if line["sign"] in "+-"] == [
        {"sign": "-", "text": "rye"}, {"sign": "+", "text": "oats"},
    ]  # fmt: skip
    assert [(one["path"], one["old"], one["new"]) for one in made_twice("settings")["paths"]] == [
        ("oven.heat", "180", "200"), ("racks[2]", "180", "200"),
    ]  # fmt: skip
    assert made_twice("answer")["paths"] == [{"path": "", "sign": "~", "old": "180", "new": "200"}]
    pages = made_twice("pages")["table"]
    assert (pages["added"], pages["removed"], pages["changed"]) == (1, 1, 1)
    secret = made_twice("secret")
    assert "hunter2" not in json.dumps(secret) and {"sign": "+", "text": "oats"} in secret["lines"]


def test_what_was_collected_is_said(
    made_twice: Callable[..., dict[str, Any]], call: Call, project: Path
) -> None:
    assert call("gc", "--keep", "0").returncode == 0
    done = call("show", "report", "--diff")
    assert done.returncode == 1 and done.stdout == "" and "was collected" in done.stderr


def test_without_an_earlier_value_there_is_nothing_to_compare(project: Path, call: Call) -> None:
    assert call("materialize", "-q").returncode == 0
    for key, words in (("bread", "no earlier value"), ("flour", "a source is not kept")):
        done = call("show", key, "--diff")
        assert done.returncode == 1 and words in done.stderr
    assert json.loads(call("show", "bread", "--diff", "--json").stdout)["old"] is None
    assert call("show", "bread", "--diff", "--history").returncode == 2


def test_after_an_undo_it_is_compared_with_what_was_undone(
    made_twice: Callable[..., dict[str, Any]], call: Call
) -> None:
    assert call("undo", "answer").returncode == 0
    assert made_twice("answer")["paths"] == [{"path": "", "sign": "~", "old": "200", "new": "180"}]
