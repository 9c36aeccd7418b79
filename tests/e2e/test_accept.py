"""Accepting what was made as it is: a commit of its own, told in History; what has no good value is refused.

Every ledger that these tests leave is folded again from its events, and its chain followed (see conftest).
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.store.crash import CRASH_POINTS, VARIABLE
from bakehouse.core.store.lock import ProjectLock

Call = Callable[..., Any]
BREAD = """
pipeline: bread
assets:
  flour: {file: flour.txt}
  dough: {deps: [flour], task: knead, params: {minutes: 5}, shell: 'cat "$flour" > "$OUTPUT"'}
  bread: {deps: [dough], task: bake, shell: 'cat "$dough" > "$OUTPUT"'}
  crumbs: {deps: [bread], task: crumble, shell: 'cat "$bread" > "$OUTPUT"'}
"""
COMMIT_POINTS = [point for point in CRASH_POINTS if point.startswith(("ledger.", "seal."))]


@pytest.fixture
def bakery(project: Path, call: Call) -> Path:
    """Bread that is made, whose dough is to be kneaded for longer since."""
    (project / "flour.txt").write_text("rye\n")
    define(project)
    assert call("materialize", "-q").returncode == 0
    define(project, minutes=8)
    return project


def define(project: Path, minutes: int = 5, bake: str = "cat") -> None:
    text = BREAD.replace("minutes: 5", f"minutes: {minutes}").replace(
        'shell: \'cat "$dough"', f'shell: \'{bake} "$dough"'
    )
    (project / "bakehouse.yaml").write_text(text)


def stale(call: Call) -> set[str]:
    nodes = json.loads(call("ls", "--view", "task", "--json").stdout)["nodes"]
    return {
        node["key"] for node in nodes if node["kind"] == "task" and node["state"] not in ("fresh", "source")
    }


def test_what_is_accepted_is_fresh_and_nothing_ran_for_it(bakery: Path, call: Call) -> None:
    assert stale(call) == {"knead", "bake", "crumble"}
    before = json.loads(call("show", "dough", "--json").stdout)
    done = call("accept", "dough")
    assert done.returncode == 0 and done.stdout.startswith("knead  accepted as it is: params.minutes")
    assert stale(call) == set()
    assert call("materialize", "--json").stdout.count("step_started") == 0
    assert json.loads(call("show", "dough", "--json").stdout) == before
    (run,) = [
        one for one in json.loads(call("runs", "--json").stdout)["runs"] if one["counts"] == {"accepted": 1}
    ]
    assert (run["selection"], run["status"]) == ("accept knead", "succeeded")
    (step,) = json.loads(call("runs", run["run"], "--json").stdout)["steps"]
    assert (step["outcome"], step["reasons"][0]["kind"]) == ("accepted", "config_changed")


def test_the_next_change_makes_it_stale_again(bakery: Path, call: Call) -> None:
    assert call("accept", "dough").returncode == 0
    define(bakery, minutes=9)
    (reason,) = json.loads(call("why", "dough", "--json").stdout)["reasons"]
    assert (reason["old"], reason["new"]) == ("8", "9"), "it is measured against what was accepted"
    define(bakery, minutes=8)
    (bakery / "flour.txt").write_text("wheat\n")
    assert stale(call) == {"knead", "bake", "crumble"}


def test_what_was_accepted_with_an_older_input_is_stale_when_that_is_made_anew(
    bakery: Path, call: Call
) -> None:
    (bakery / "flour.txt").write_text("wheat\n")
    define(bakery, minutes=8, bake="cat -- ")
    assert call("accept", "bread").returncode == 0, "its own change"
    assert stale(call) == {"knead", "bake", "crumble"}, "what it is made of is stale all the same"
    assert call("materialize", "dough").returncode == 0
    assert stale(call) == {"bake", "crumble"}
    assert call("accept", "bread").returncode == 0
    assert stale(call) == set()
    assert call("show", "bread").stdout.strip() == "rye"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bread"], "it is stale because dough is: accept or materialize that"),
        (["dough", "crumbs"], "it is stale because bread is"),
    ],
)
def test_what_is_stale_only_by_something_else_is_not_accepted_alone(
    bakery: Path, call: Call, words: list[str], told: str
) -> None:
    before = stale(call)
    done = call("accept", *words)
    assert done.returncode == 1 and told in done.stderr
    assert stale(call) == before, "all or nothing"


def test_with_all_that_is_above_it_everything_is_accepted(bakery: Path, call: Call) -> None:
    done = json.loads(call("accept", "+crumbs", "--json").stdout)
    assert [one["task"] for one in done["accepted"]] == ["knead"] and done["run"]
    assert stale(call) == set()
    again = json.loads(call("accept", "+crumbs", "--json").stdout)
    assert (again["accepted"], again["run"]) == ([], None)
    assert "nothing to accept" in call("accept", "dough").stdout


def test_what_has_no_good_value_is_refused(bakery: Path, call: Call) -> None:
    (bakery / "bakehouse.yaml").write_text(BREAD + "  butter: {shell: 'echo > \"$OUTPUT\"'}\n")
    done = call("accept", "butter")
    assert done.returncode == 1 and "butter was never made (materialize it)" in done.stderr
    define(bakery, bake="false")
    assert call("materialize", "-q").returncode == 1
    done = call("accept", "bread")
    assert done.returncode == 1 and "bake cannot be accepted as it is" in done.stderr
    done = call("accept", "bred")
    assert done.returncode == 2 and "bred" in done.stderr
    with ProjectLock.acquire(bakery / ".bakehouse", "a run"):
        assert call("accept", "dough").returncode == 4


def test_a_damaged_value_is_not_accepted(bakery: Path, call: Call) -> None:
    (bakery / "flour.txt").write_text("rye " * 10_000)
    define(bakery)
    assert call("materialize", "-q").returncode == 0
    define(bakery, minutes=8)
    for file in (bakery / ".bakehouse" / "values").glob("??/*"):
        file.unlink()
    done = call("accept", "dough")
    assert done.returncode == 1 and "is not there" in done.stderr


def test_undo_goes_back_to_another_value_and_not_to_the_same_one_before_it_was_accepted(
    bakery: Path, call: Call
) -> None:
    (bakery / "flour.txt").write_text("wheat\n")
    assert call("materialize", "-q").returncode == 0
    define(bakery, minutes=20)
    assert call("accept", "dough").returncode == 0
    assert call("undo", "dough").returncode == 0
    assert call("show", "dough").stdout.strip() == "rye"
    assert call("undo", "dough", "--redo").returncode == 0
    assert call("show", "dough").stdout.strip() == "wheat"
    assert "knead" not in stale(call), "redoing brings what was accepted"


@pytest.mark.parametrize("point", COMMIT_POINTS)
def test_killed_at_any_point_it_is_accepted_or_it_is_not(
    bakery: Path, call: Call, environ: dict[str, str], point: str
) -> None:
    environ[VARIABLE] = point
    done = call("accept", "dough")
    del environ[VARIABLE]
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert stale(call) in (set(), {"knead", "bake", "crumble"})
    assert call("accept", "+crumbs").returncode == 0
    assert stale(call) == set()
    assert call("doctor", "--replay").returncode == 0
