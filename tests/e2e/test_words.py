"""The command line's words about what is, was and was not: one word for one thing, and counts that add up."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.model import State
from bakehouse.core.workbench import Workbench
from bakehouse.tui.cli.output import mark
from bakehouse.tui.projection.states import LOOKS

from .conftest import Call

SLOW = """
assets:
  first: {shell: 'sleep 60; echo 1 > "$OUTPUT"'}
  second: {shell: 'echo 2 > "$OUTPUT"'}
  behind: {deps: [first], shell: 'echo 3 > "$OUTPUT"'}
  last: {deps: [behind, second], shell: 'echo 4 > "$OUTPUT"'}
"""


def cancelled_run(project: Path, environ: dict[str, str]) -> str:
    """A run of one step at a time that is interrupted while its first step is under way; what it said."""
    command = [sys.executable, "-m", "bakehouse", "-C", str(project), "--trust", "materialize", "--jobs", "1"]
    said = ""
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "first started" not in said:
            line = process.stdout.readline()
            assert line, f"it ended too early: {said}"
            said += line
        process.send_signal(signal.SIGINT)
        said += process.stdout.read()
    assert process.returncode == 130
    return said


def document(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


@pytest.fixture
def slow(project: Path) -> Path:
    (project / "bakehouse.yaml").write_text(SLOW)
    return project


def test_what_a_cancelled_run_did_not_begin_is_cancelled_and_took_no_time(
    slow: Path, environ: dict[str, str], call: Call
) -> None:
    said = cancelled_run(slow, environ)
    assert said.count("cancelled before it began") == 3 and "4 cancelled" in said.splitlines()[-1]
    assert document(call("status", "--json"))["steps"] == {"cancelled": 4}
    (run,) = document(call("runs", "--json"))["runs"]
    steps = {step["task"]: step for step in document(call("runs", run["run"], "--json"))["steps"]}
    assert {step["outcome"] for step in steps.values()} == {"cancelled"}
    assert [name for name, step in steps.items() if step["seconds"] is not None] == ["first"]
    assert [name for name, step in steps.items() if step["attempts"]] == ["first"]
    assert "0.00 s" not in call("runs", run["run"]).stdout
    assert "behind was cancelled before it began" in call("logs", "behind").stderr
    assert "second was cancelled before it began" in call("logs", "second", "--run", run["run"]).stderr


def test_what_failed_stays_failed_when_its_next_attempt_is_cancelled_before_it_began(
    slow: Path, environ: dict[str, str], call: Call
) -> None:
    fails = SLOW.replace("echo 2", "echo no butter; false; echo 2").replace("sleep 60", "true")
    (slow / "bakehouse.yaml").write_text(fails.replace("; echo 2", ""))
    assert call("materialize", "second").returncode == 1
    (slow / "bakehouse.yaml").write_text(fails.replace("true;", "sleep 60;"))
    cancelled_run(slow, environ)
    assert document(call("status", "--json"))["steps"] == {"cancelled": 3, "failed": 1}
    assert "failed_last_time" in call("why", "second").stdout
    assert call("logs", "second").stdout == "no butter\n"


def test_what_is_not_there_to_be_told_is_said_with_the_next_step(call: Call) -> None:
    history = call("show", "flour", "--history")
    assert (history.returncode, history.stderr) == (
        1,
        "flour: a source is not kept, so it has no past values\n",
    )
    assert "'abc' is not a valid whole number" in call("materialize", "-j", "abc").stderr
    unknown = call("ls", "group:pantri")
    assert unknown.returncode == 2 and "did you mean pantry?" in unknown.stderr
    for words, told in (
        (["state:failed"], "state:failed selects nothing"),
        (["key:zz*", "tag:zz*"], "key:zz* tag:zz* selects nothing"),
        (["eat"], "eat selects only what the asset view does not show"),
    ):
        done = call("ls", *words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", told + "\n")
    assert call("ls", "state:failed", "--quiet").stderr == ""


def test_what_was_interrupted_is_retried(
    slow: Path,
    environ: dict[str, str],
    call: Call,
    eventually: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BAKEHOUSE_HOME", environ["BAKEHOUSE_HOME"])
    command = [
        sys.executable,
        "-m",
        "bakehouse",
        "-C",
        str(slow),
        "--trust",
        "materialize",
        "-j",
        "1",
        "first",
    ]

    def is_recorded() -> bool:
        runs = document(call("runs", "--json"))["runs"]
        steps = document(call("runs", runs[0]["run"], "--json"))["steps"] if runs else []
        return any((step["task"], step["outcome"]) == ("first", "running") for step in steps)

    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) as process:
        eventually(is_recorded)
        process.kill()
    assert call("cancel").returncode == 0
    assert " interrupted  at least " in call("runs").stdout, "how long it went on is not known"
    retried = Workbench.open(slow, trust=True).plan(retry=True)
    assert {step.task for step in retried.steps if step.action == "run"} >= {"first", "behind"}


def test_a_source_that_is_missing_is_a_trouble_of_its_own(project: Path, call: Call) -> None:
    (project / "flour.txt").unlink()
    row = next(line for line in call("ls").stdout.splitlines() if "flour" in line)
    assert (
        row.split()[:3] == [LOOKS[State.MISSING].glyph, "flour", "missing"]
        and "flour.txt is not there" in row
    )
    assert "1 missing" in call("status").stdout.splitlines()[0]
    told = document(call("status", "--json"))
    assert (told["missing"], told["assets"]["source"], told["ok"]) == (1, 2, False)
    assert call("status", "--check").returncode == 3
    flour = next(node for node in document(call("ls", "--json"))["nodes"] if node["key"] == "flour")
    assert flour["state"] == "source" and [reason["kind"] for reason in flour["reasons"]] == ["value_missing"]
    assert "flour" in call("ls", "state:missing").stdout and "water" not in call("ls", "state:missing").stdout
    assert {"flour", "water"} <= set(call("ls", "state:source").stdout.split())


def test_a_step_whose_source_is_missing_says_which_file_where_it_is_named_and_what_to_do(
    project: Path, call: Call
) -> None:
    (project / "flour.txt").unlink()
    for words in (("materialize",), ("-q", "materialize")):
        done = call(*words)
        assert done.returncode == 1
        (line,) = [line for line in done.stdout.splitlines() if "knead_dough" in line and "by flour" in line]
        assert "flour.txt is not there; put it there, or correct the file at bakehouse.yaml:4:3" in line
    planned, counts = call("plan"), document(call("plan", "--json"))["counts"]
    told = f"{counts['run']} to run, {counts['reuse']} to reuse, {counts['skip']} cannot run"
    assert told in call("materialize").stdout.splitlines()[0] and planned.stderr.startswith(told)
    assert "flour.txt is not there" in next(line for line in planned.stdout.splitlines() if " bake " in line)
    past = document(call("runs", "--json"))["runs"][0]
    assert past["counts"]["blocked"] == counts["skip"] > 1, "what is blocked was said not to run"
    run = past["run"]
    assert "by flour: flour.txt is not there" in call("runs", run).stdout


def test_a_missing_source_is_told_once_and_what_was_never_made_is_not_called_out_of_date(
    project: Path, call: Call
) -> None:
    assert "dough was never made" in call("why", "bread").stdout
    assert "out of date" not in call("why", "bread").stdout and "bake has never run" not in call("ls").stdout
    assert "eat has never run" in call("why", "sweep").stdout
    assert call("materialize").returncode == 0
    (project / "flour.txt").unlink()
    assert call("why", "dough").stdout.count("flour.txt is not there") == 1
    assert "dough is out of date" in call("why", "bread").stdout
    assert len(document(call("why", "dough", "--json"))["reasons"]) == 1


def test_the_log_of_a_silent_step_and_one_that_was_collected_are_told_apart(
    project: Path, call: Call
) -> None:
    assert call("materialize").returncode == 0
    first = document(call("runs", "--json"))["runs"][0]["run"]
    silent = call("logs", "bread")
    assert (silent.returncode, silent.stdout) == (0, "")
    assert "bake wrote nothing; succeeded: attempt 1 in run " in silent.stderr
    (project / "flour.txt").write_text("wheat\n")
    assert call("materialize").returncode == 0
    assert call("gc", "--keep", "1").returncode == 0
    collected = call("logs", "dough", "--run", first)
    assert collected.stdout == "" and "what knead_dough wrote was collected since" in collected.stderr
    assert "bake wrote nothing" in call("logs", "bread", "--run", first).stderr
    assert document(call("logs", "dough", "--run", first, "--json"))["collected"] is True
    assert call("logs", "dough").stdout == "kneaded\n" and call("logs", "dough").stderr == ""


def test_bytes_that_are_no_text_are_not_shown_as_a_line(project: Path, call: Call) -> None:
    (project / "bakehouse.yaml").write_bytes(b"assets:\n  a: \xff\xfe\0\1\2\3 b\n")
    done = call("ls")
    assert (done.returncode, done.stderr) == (2, "bakehouse: bakehouse.yaml:2:6: this is not UTF-8\n")


def test_the_tree_says_a_name_and_the_same_verb_once(project: Path, call: Call) -> None:
    (project / "bakehouse.yaml").write_text(
        "assets: {bake: {deps: [in_oven], shell: x}, in_oven: {shell: y}}"
    )
    assert [line.split() for line in call("graph").stdout.splitlines()] == [
        [LOOKS[State.NEVER].glyph, "bake"],
        ["└─", LOOKS[State.NEVER].glyph, "in_oven"],
    ]


def test_the_command_line_and_the_screen_have_one_table_of_glyphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert {mark(state) for state in State} <= {sign for look in LOOKS.values() for sign in look[:2]}
    assert set(LOOKS) == set(State) and all(look.word == state for state, look in LOOKS.items())


def test_the_states_that_are_told_add_up(project: Path, call: Call) -> None:
    (project / "flour.txt").unlink()
    call("materialize")
    told = document(call("status", "--json"))
    listed = Counter(node["state"] for node in document(call("ls", "--json"))["nodes"])
    assert told["assets"] == dict(listed)
    total, *each = re.findall(r"(\d+) \w+", call("status").stdout.splitlines()[0])
    assert int(total) == sum(map(int, each))


def test_runs_with_nothing_to_do_are_one_line_among_those_that_did_something(
    call: Call, project: Path
) -> None:
    (project / "bakehouse.yaml").write_text("assets:\n  bread: {shell: 'echo 1 > \"$OUTPUT\"'}\n")
    for _ in range(4):
        call("materialize")
    call("materialize", "bread", "--force")
    call("materialize")
    lines = call("runs").stdout.splitlines()
    assert len(lines) == 4, lines
    assert lines[0].endswith("1 reused") and "1 succeeded" in lines[1]
    assert re.search(r"^ +[0-9-]+ [0-9:+]+ +3 runs with nothing to do, since [0-9-]+ [0-9:+]+$", lines[2]), (
        lines[2]
    )
    assert "1 succeeded" in lines[3]
    assert len(call("runs", "--all").stdout.splitlines()) == 6
    assert len(document(call("runs", "--json"))["runs"]) == 6
    assert len(call("runs", "--limit", "2").stdout.splitlines()) == 2


def test_a_run_says_what_an_undo_was_of(call: Call, project: Path) -> None:
    recipe = project / "bakehouse.yaml"
    for water in (1, 2):
        recipe.write_text(f"assets:\n  bread: {{shell: 'echo {water} > \"$OUTPUT\"'}}\n")
        call("materialize")
    assert call("undo", "bread").returncode == 0
    last = call("runs").stdout.splitlines()[0]
    run = document(call("runs", "--json"))["runs"][0]["run"]
    assert "1 restored, undo bread" in last
    assert "1 restored, undo bread" in call("runs", run).stdout.splitlines()[0]
