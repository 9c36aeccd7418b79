"""Undo: an earlier value is current again, as a commit of its own; what is refused is told in words.

Every ledger that these tests leave is folded again from its events, and its chain followed (see conftest).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.store.crash import CRASH_POINTS, VARIABLE
from bakehouse.core.store.ledger import LEDGER, LedgerReader
from bakehouse.core.store.lock import ProjectLock
from bakehouse.core.store.seal import read_seal
from bakehouse.core.workbench import Workbench

Call = Callable[..., Any]
BREAD = """
pipeline: bread
assets:
  flour: {file: flour.txt, group: pantry}
  water: {group: pantry}
  dough: {deps: [flour, water], verb: knead, task: knead_dough, shell: 'cat "$flour" > "$OUTPUT"; echo kneaded'}
  bread: {deps: [dough], task: bake, shell: 'cat "$dough" > "$OUTPUT"'}
"""
PAIR = """
assets:
  grain: {file: grain.txt}
tasks:
  mill:
    inputs: [grain]
    outputs: [flour, bran]
    shell: 'cat "$grain" > "$OUTPUT_flour"; head -c 3 "$grain" > "$OUTPUT_bran"'
  bake: {inputs: [flour], outputs: [loaf], shell: 'cat "$flour" > "$OUTPUT"'}
"""
COMMIT_POINTS = [point for point in CRASH_POINTS if point.startswith(("ledger.", "seal."))]


@pytest.fixture(autouse=True)
def own_key(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test looks up by itself, it looks up as the user who ran the program."""
    monkeypatch.setenv("BAKEHOUSE_HOME", environ["BAKEHOUSE_HOME"])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dough of rye, of wheat and of oats, one after the other, and bread of each; beside it its user's folder."""
    folder = tmp_path_factory.mktemp("template")
    shop = folder / "bread"
    shop.mkdir()
    (shop / "bakehouse.yaml").write_text(BREAD)
    environ = {**os.environ, "BAKEHOUSE_HOME": str(folder / "home"), "BAKEHOUSE_TRUST": "1"}
    command = [sys.executable, "-m", "bakehouse", "-C", str(shop), "materialize", "-q"]
    for grain in ("rye", "wheat", "oats"):
        (shop / "flour.txt").write_text(f"{grain}\n")
        subprocess.run(command, env=environ, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture
def bakery(template: Path, project: Path, environ: dict[str, str]) -> Path:
    shutil.copytree(template / "home", environ["BAKEHOUSE_HOME"], dirs_exist_ok=True)
    shutil.copytree(template / "bread", project, dirs_exist_ok=True)
    return project


def _make(call: Call, project: Path, grain: str) -> None:
    (project / "flour.txt").write_text(f"{grain}\n")
    done = call("materialize", "-q")
    assert done.returncode == 0, done.stderr


def shown(call: Call, asset: str = "dough") -> str:
    return str(call("show", asset, "-q").stdout.strip())


def states(call: Call) -> dict[str, str]:
    return {node["key"]: node["state"] for node in json.loads(call("ls", "--json").stdout)["nodes"]}


def test_the_earlier_value_is_current_again_and_what_is_made_of_it_is_stale(bakery: Path, call: Call) -> None:
    (bakery / "flour.txt").write_text("wheat\n")
    done = call("undo", "dough")
    assert done.returncode == 0 and done.stdout.startswith("undone: dough ")
    assert shown(call) == "wheat" and shown(call, "bread") == "oats"
    assert states(call) == {"flour": "source", "water": "source", "dough": "fresh", "bread": "stale"}
    why = json.loads(call("why", "bread", "--json").stdout)
    assert [reason["kind"] for reason in why["reasons"]] == ["input_changed"]


def test_a_step_that_was_undone_says_what_has_changed_since_that_success(bakery: Path, call: Call) -> None:
    definitions = bakery / "bakehouse.yaml"
    definitions.write_text(definitions.read_text().replace("echo kneaded", "echo kneaded well"))
    assert call("materialize", "-q").returncode == 0
    assert call("undo", "dough").returncode == 0 and shown(call) == "wheat"
    why = json.loads(call("why", "dough", "--json").stdout)
    assert [reason["kind"] for reason in why["reasons"]] == ["config_changed", "input_changed"]


def test_undone_again_it_goes_further_back_and_redone_forward(bakery: Path, call: Call) -> None:
    seen = []
    for words in (["undo"], ["undo"], ["undo"], ["undo", "--redo"], ["undo", "--redo"], ["undo", "--redo"]):
        seen.append((call(*words, "dough").returncode, shown(call)))
    assert seen == [(0, "wheat"), (0, "rye"), (1, "rye"), (0, "wheat"), (0, "oats"), (1, "oats")]


def test_made_anew_after_an_undo_the_way_back_leads_past_what_was_undone(bakery: Path, call: Call) -> None:
    assert call("undo", "dough").returncode == 0
    _make(call, bakery, "spelt")
    assert call("undo", "dough", "--redo").returncode == 1
    assert (call("undo", "dough").returncode, shown(call)) == (0, "wheat")
    assert (call("undo", "dough").returncode, shown(call)) == (0, "rye")


def test_a_value_made_twice_the_same_is_passed_over(bakery: Path, call: Call) -> None:
    assert call("materialize", "dough", "--force").returncode == 0
    assert (call("undo", "dough").returncode, shown(call)) == (0, "wheat")


def test_a_step_with_several_outputs_is_undone_whole(bakery: Path, call: Call) -> None:
    (bakery / "bakehouse.yaml").write_text(PAIR)
    for grain in ("barley", "millet"):
        (bakery / "grain.txt").write_text(grain)
        assert call("materialize", "-q").returncode == 0
    told = json.loads(call("undo", "bran", "--json").stdout)
    assert {one["asset"] for one in told["assets"]} == {"flour", "bran"} and told["task"] == "mill"
    assert (shown(call, "flour"), shown(call, "bran")) == ("barley", "bar")
    assert states(call)["loaf"] == "stale"


def test_history_and_runs_tell_of_it(bakery: Path, call: Call) -> None:
    call("undo", "dough")
    values = json.loads(call("show", "dough", "--history", "--json").stdout)["values"]
    assert [one["restored"] for one in values] == [True, False, False, False]
    assert values[0]["restored_at"] > values[1]["ts"] > values[0]["ts"]
    assert (values[0]["ts"], values[0]["run"]) == (values[2]["ts"], values[2]["run"])
    newest = json.loads(call("runs", "--json").stdout)["runs"][0]
    assert (newest["selection"], newest["status"], newest["counts"]) == (
        "undo knead_dough",
        "succeeded",
        {"restored": 1},
    )
    steps = json.loads(call("runs", newest["run"], "--json").stdout)["steps"]
    assert [(step["task"], step["outcome"], step["assets"]) for step in steps] == [
        ("knead_dough", "restored", ["dough"])
    ]


def test_a_restored_value_is_as_old_as_it_is(bakery: Path, call: Call) -> None:
    with Workbench.open(bakery, trust=True).store as store:
        before = {one.value.version: one.ts for one in store.materializations("dough")}
        call("undo", "dough")
        now = store.materializations("dough", 1)[0]
        assert before[now.value.version] == now.ts
        took = store.recorded().durations["knead_dough"]
    assert len(took) == 3, "nothing ran, so nothing took any time"


def test_what_was_collected_is_refused_in_words(bakery: Path, call: Call) -> None:
    large = "x" * 20_000
    for grain in (large, large.upper()):
        _make(call, bakery, grain)
    assert call("gc", "--keep", "0").returncode == 0
    before = call("ls", "--json").stdout
    done = call("undo", "dough")
    assert done.returncode == 1 and "was collected" in done.stderr and "nothing was changed" in done.stderr
    assert call("ls", "--json").stdout == before


@pytest.mark.spoils
def test_what_is_damaged_is_not_made_current(bakery: Path, call: Call) -> None:
    for grain in ("x" * 20_000, "X" * 20_000):
        _make(call, bakery, grain)
    with Workbench.open(bakery).store as store:
        store.values.path(store.materializations("dough")[1].value).write_text("y")
    done = call("undo", "dough")
    assert done.returncode == 1 and "is damaged" in done.stderr


def test_while_a_run_holds_the_project_nothing_is_undone(bakery: Path, call: Call) -> None:
    with ProjectLock.acquire(bakery / ".bakehouse", "bakehouse, run x", "x"):
        done = call("undo", "dough")
    assert done.returncode == 4 and "held by" in done.stderr and shown(call) == "oats"


@pytest.mark.parametrize(
    ("key", "code", "words"),
    [
        ("flour", 2, "is a source"),
        ("eat", 1, "leaves no value"),
        ("bread", 1, "there is no earlier value"),
        ("nothing", 2, "there is no asset or task"),
    ],
)
def test_what_cannot_be_undone_says_why(project: Path, call: Call, key: str, code: int, words: str) -> None:
    assert call("materialize", "-q").returncode == 0
    done = call("undo", key)
    assert done.returncode == code and words in done.stderr and not done.stdout


def test_a_step_that_never_ran_has_nothing_to_undo(project: Path, call: Call) -> None:
    done = call("undo", "bread")
    assert done.returncode == 1 and "has made nothing" in done.stderr


def test_killed_in_an_undo_the_value_is_the_old_one_or_the_new_one(bakery: Path, call: Call) -> None:
    outcomes = {}
    for point in COMMIT_POINTS:
        died = call("undo", "dough", **{VARIABLE: point})
        assert died.returncode == -signal.SIGKILL
        with Workbench.open(bakery, trust=True).store as store:
            assert store.problems() == [], "the state is that of the event log"
            now, run = store.materializations("dough", 1)[0], store.runs(1)[0]
        outcomes[point] = now.value.inline
        is_done = now.value.inline == b"wheat\n"
        assert is_done or now.value.inline == b"oats\n"
        assert is_done == (run.selection == "undo knead_dough")
        if is_done:
            assert call("undo", "dough", "--redo").returncode == 0
    assert set(outcomes.values()) == {b"wheat\n", b"oats\n"}


@pytest.mark.spoils
def test_a_replay_notices_a_value_that_no_event_restored(bakery: Path, call: Call) -> None:
    call("undo", "dough")
    with sqlite3.connect(bakery / ".bakehouse" / LEDGER) as ledger:
        ledger.execute(
            "update assets set seq = (select min(seq) from materializations) where asset = 'dough'"
        )
    done = call("doctor", "--replay", "--json")
    told = next(one for one in json.loads(done.stdout)["findings"] if one["name"] == "store")
    assert done.returncode == 1 and not told["ok"]


def test_the_seal_names_the_undo(bakery: Path, call: Call, environ: dict[str, str]) -> None:
    call("undo", "dough")
    folder = bakery / ".bakehouse"
    reader = LedgerReader(folder / LEDGER)
    seal = read_seal(folder, reader.name(), Path(environ["BAKEHOUSE_HOME"], "key").read_bytes())
    assert seal is not None and seal.seq == reader.max_seq()
    reader.close()
