"""Looking back: the steps of a past run, the past values of an asset, what was printed then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]

PIPELINE = """
assets:
  flour: {file: flour.txt}
  dough: {deps: [flour], shell: 'cat "$flour" > "$OUTPUT"; echo kneaded with $(cat "$flour")'}
  burnt: {deps: [dough], shell: 'echo smoke; exit 7', retries: 1, backoff: 0.01}
  toast: {deps: [burnt], shell: 'true'}
tasks:
  slice: {inputs: [dough], outputs: [crust, crumb], shell: 'echo 1 > "$OUTPUT_crust"; echo 2 > "$OUTPUT_crumb"'}
  taste: {after: [slice], shell: 'true'}
"""


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after three runs: with rye, the same again by force, with wheat."""
    folder = tmp_path_factory.mktemp("baked")
    (folder / "bakehouse.yaml").write_text(PIPELINE)
    program = [sys.executable, "-m", "bakehouse", "-C", str(folder), "--trust", "materialize"]
    for flour, words in (("rye", ()), ("rye", ("--force", "dough")), ("wheat", ())):
        (folder / "flour.txt").write_text(f"{flour}\n")
        subprocess.run([*program, *words], capture_output=True)
    return folder


@pytest.fixture
def look(call: Call, baked: Path) -> Call:
    return partial(call, at=baked, BAKEHOUSE_HOME=os.environ["BAKEHOUSE_HOME"])


def document(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stderr
    found = json.loads(done.stdout)
    assert found["schema"] == 1
    return found


def names(call: Call) -> list[str]:
    return [run["run"] for run in document(call("runs", "--json"))["runs"]]


def test_one_can_look_into_a_past_run(look: Call) -> None:
    newest, forced, first = names(look)
    found = document(look("runs", first, "--json"))
    assert found["run"] == first and found["status"] == "failed"
    steps = {step["task"]: step for step in found["steps"]}
    assert {task: step["outcome"] for task, step in steps.items()} == {
        "dough": "succeeded", "burnt": "failed", "toast": "blocked", "slice": "succeeded", "taste": "succeeded",
    }  # fmt: skip
    assert steps["toast"]["by"] == "burnt" and steps["burnt"]["attempts"] == 2
    assert steps["burnt"]["error"] == "exit code 7" and steps["dough"]["seconds"] >= 0
    assert steps["dough"]["reasons"][0]["kind"] == "never_materialized"
    assert steps["slice"]["assets"] == ["crust", "crumb"]
    assert [Path(log).read_text() for log in steps["burnt"]["logs"]] == ["smoke\n", "smoke\n"]
    again = {step["task"]: step for step in document(look("runs", newest, "--json"))["steps"]}
    assert [r["kind"] for r in again["dough"]["reasons"]] == ["input_changed"]
    (only,) = document(look("runs", forced, "--json"))["steps"]
    assert only["task"] == "dough" and "forced" in [r["kind"] for r in only["reasons"]]
    told = look("runs", first)
    assert "exit code 7" in told.stdout and "by burnt" in told.stdout and "bakehouse logs" in told.stderr


def test_a_run_is_named_by_as_much_as_tells_it_from_the_others(look: Call) -> None:
    first = names(look)[-1]
    assert first in look("runs", first.partition("-")[2]).stdout
    many = look("runs", first[:4])
    assert many.returncode == 2 and "any of 3 runs" in many.stderr
    none = look("runs", "nonsense")
    assert none.returncode == 2 and "no run 'nonsense'" in none.stderr


def test_the_log_of_an_earlier_run_is_still_there(look: Call) -> None:
    first = names(look)[-1]
    assert look("logs", "dough").stdout == "kneaded with wheat\n"
    assert look("logs", "dough", "--run", first).stdout == "kneaded with rye\n"
    found = document(look("logs", "burnt", "--run", first, "--json"))
    assert (found["run"], found["attempt"], found["state"]) == (first, 2, "failed")
    other = look("logs", "burnt", "--run", names(look)[1])
    assert other.returncode == 2 and "was not run by" in other.stderr


def test_an_asset_has_a_history_of_its_own(look: Call) -> None:
    newest, forced, first = names(look)
    values = document(look("show", "dough", "--history", "--json"))["values"]
    assert [(one["run"], one["same"]) for one in values] == [(newest, False), (forced, True), (first, None)]
    assert [one["size"] for one in values] == [6, 4, 4] and values[1]["digest"] == values[2]["digest"]
    for one in values:
        assert {
            "codec",
            "type",
            "version",
            "digest",
            "size",
            "run",
            "task",
            "ts",
            "seconds",
            "metadata",
        } < set(one)
    told = look("show", "dough", "--history").stdout.splitlines()
    assert ["changed" in told[0], "same" in told[1]] == [True, True] and first in told[2]
    (latest,) = document(look("show", "dough", "--history", "--limit", "1", "--json"))["values"]
    assert latest["same"] is False, "it is compared with the one before, shown or not"
    never = look("show", "toast", "--history")
    assert never.returncode == 1 and "never made" in never.stderr


def test_a_task_that_makes_several_assets_names_them(look: Call) -> None:
    several = look("show", "slice")
    assert several.returncode == 2 and "crust, crumb" in several.stderr
    nothing = look("show", "taste")
    assert nothing.returncode == 2 and "makes nothing" in nothing.stderr


def test_where_there_is_nothing_to_show_the_exit_code_says_so(look: Call) -> None:
    found = document(look("show", "toast", "--json"), code=1)
    assert found["kind"] == "none" and "never" in found["note"]
    told = look("show", "toast", "--quiet")
    assert told.returncode == 1 and told.stdout == "" and "toast: never materialized" in told.stderr


def test_the_rows_of_a_table_are_typed_in_json(call: Call, project: Path) -> None:
    (project / "bakehouse.yaml").write_text(
        "assets:\n  table:\n    sql: |\n      select 1 as i, 2.5 as d, 0.1::float as f, 'x' as t, true as b,"
        " null::int as n, 'nan'::double as nan, date '2024-01-02' as day\n"
    )
    call("materialize")
    found = document(call("show", "table", "--json"))
    assert found["rows"] == [[1, 2.5, 0.1, "x", True, None, "nan", "2024-01-02"]]
    assert "true" in call("show", "table").stdout


def test_a_failed_steps_traceback_is_in_its_log_once(call: Call, project: Path) -> None:
    (project / "steps.py").write_text("def fail():\n    raise ValueError('no yeast')\n")
    (project / "bakehouse.yaml").write_text("assets:\n  bread: {python: 'steps:fail'}\n")
    assert call("materialize").returncode == 1
    done = call("logs", "bread")
    assert "Traceback" in done.stdout and "steps.py" in done.stdout and "ValueError: no yeast" in done.stdout
    assert "no yeast" not in done.stderr and "failed" in done.stderr
    (file,) = project.glob(".bakehouse/logs/*/bread.1.log")
    assert "ValueError: no yeast" in file.read_text()


def test_a_long_log_is_printed_line_by_line_without_its_control_characters(call: Call, project: Path) -> None:
    (project / "bakehouse.yaml").write_text("assets:\n  a: {shell: 'sh print.sh'}\n")
    newlines, others = "head -c 1500000 /dev/zero | tr '\\0' '\\n'", r"printf '1%%\r2%%\n\033[31mred\n'"
    (project / "print.sh").write_text(f"{newlines}\n{others}\n")
    call("-q", "materialize")
    done = call("logs", "a").stdout
    assert done.endswith("\n\n2%\n␛[31mred\n") and done.count("\n") == 1_500_002


def test_why_a_step_ran_is_not_taken_for_how_it_ended(call: Call, tmp_path: Path) -> None:
    (tmp_path / "bakehouse.yaml").write_text(
        "assets: {a: {shell: 'test -e go || exit 7; echo 1 > \"$OUTPUT\"'}}\n"
    )
    assert call("materialize", at=tmp_path).returncode == 1
    (tmp_path / "go").touch()
    assert call("materialize", at=tmp_path).returncode == 0
    (line,) = (
        one for one in call("runs", names(partial(call, at=tmp_path))[0], at=tmp_path).stdout.splitlines()[1:]
    )
    assert "succeeded" in line and line.endswith(
        "because a was never made; it failed last time: exit code 7"
    ), line
    (tmp_path / "bakehouse.yaml").write_text("assets: {apple: {shell: 'true'}}\n")
    assert call("show", "aple", at=tmp_path).stderr.endswith("did you mean apple?\n"), "an asset and its task"
