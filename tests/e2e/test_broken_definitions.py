"""While the definitions cannot be read, what the ledger alone can answer is answered, and nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]

BROKEN = "def totals(:\n"
DIVIDED = """
secrets: [OVEN_TOKEN]
assets:
  rolls:
    partitions: {static: [rye, wheat]}
    shell: 'echo rolls of $PARTITION; echo "$PARTITION" > "$OUTPUT"'
  pass: {shell: 'echo "$OVEN_TOKEN" > "$OUTPUT"'}
"""


@pytest.fixture
def shop(call: Call, tmp_path: Path) -> Path:
    """The project of `init`, made once, with a step that cannot be read since."""
    folder = tmp_path / "shop"
    assert call("init", str(folder)).returncode == 0
    assert call("materialize", at=folder).returncode == 0
    (folder / "steps.py").write_text(BROKEN)
    return folder


def document(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_a_slip_in_the_definitions_does_not_lock_one_out_of_what_was_made(call: Call, shop: Path) -> None:
    see = partial(call, at=shop)
    run = document(see("runs", "--json"))["runs"][0]["run"]
    assert {step["task"] for step in document(see("runs", run, "--json"))["steps"]} >= {"totals", "report"}
    assert document(see("show", "totals", "--json"))["text"].count("Ada") == 1
    assert [one["run"] for one in document(see("show", "report", "--history", "--json"))["values"]] == [run]
    assert document(see("logs", "totals", "--json"))["state"] == "succeeded"
    for words in (["runs"], ["runs", run], ["show", "totals"], ["logs", "totals"], ["show", "orders"]):
        done = see(*words)
        told = done.stderr.splitlines()
        assert done.returncode == 0, done.stderr
        assert told[0].startswith("the definitions cannot be read: steps.py:1:"), told
        assert "as recorded" in told[1] and "Traceback" not in done.stderr
    assert see("-q", "runs").stderr == ""
    missing = see("show", "totls")
    assert missing.returncode == 2 and missing.stderr.endswith("did you mean totals?\n")


def test_what_is_up_to_date_and_what_would_run_is_not_told_from_definitions_that_cannot_be_read(
    call: Call, shop: Path
) -> None:
    ways = (["ls"], ["status"], ["plan"], ["why", "totals"], ["materialize"], ["undo", "totals"])
    for words in ways:
        done = call(*words, at=shop)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert "steps.py:1:" in done.stderr and "as recorded" not in done.stderr
    (shop / "steps.py").unlink()
    assert call("runs", at=shop).returncode == 0 and call("plan", at=shop).returncode == 2


def test_the_doctor_names_what_is_wrong_with_the_definitions(call: Call, shop: Path) -> None:
    findings = {one["name"]: one for one in document(call("doctor", "--json", at=shop), 1)["findings"]}
    assert not findings["definitions"]["ok"] and findings["store"]["ok"]
    assert findings["definitions"]["detail"].startswith("steps.py:1:")
    before = sorted(str(path) for path in (shop / ".bakehouse").rglob("*"))
    assert "!!  definitions" in call("doctor", at=shop).stdout
    (shop / "steps.py").write_text("def totals(orders, least): ...\ndef report(totals): ...\n")
    well = {one["name"]: one for one in document(call("doctor", "--json", at=shop))["findings"]}
    assert well["definitions"]["ok"] and "4 assets" in well["definitions"]["detail"]
    assert sorted(str(path) for path in (shop / ".bakehouse").rglob("*")) == before, "nothing is written"


def test_names_that_the_ledger_knows_are_found_where_nothing_is_remembered_of_the_definitions(
    call: Call, tmp_path: Path
) -> None:
    folder = tmp_path / "rolls"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(DIVIDED)
    see = partial(call, at=folder, OVEN_TOKEN="hot-0ven-t0ken")
    done = see("materialize")
    assert done.returncode == 0, done.stdout + done.stderr
    for file in (folder / ".bakehouse" / "cache").glob("definitions-*"):
        file.unlink()
    (folder / "bakehouse.yaml").write_text("assets: {rolls: [}\n")
    assert "as recorded" in see("runs").stderr
    found = document(see("show", "rolls", "--json"))
    assert (found["asset"], found["partition"]) == ("rolls", found["text"].strip())
    other = document(see("show", "rolls", "--partition", "rye", "--json"))
    assert (other["partition"], other["text"].strip()) == ("rye", "rye")
    assert see("logs", "rolls", "--partition", "wheat").stdout == "rolls of wheat\n"
    assert "hot-0ven" not in see("show", "pass").stdout + see("show", "pass", "--json").stdout


def test_where_nothing_was_run_yet_there_is_only_the_mistake_to_tell(call: Call, tmp_path: Path) -> None:
    (tmp_path / "bakehouse.yaml").write_text("assets: [}\n")
    done = call("runs", at=tmp_path)
    assert done.returncode == 2 and "bakehouse.yaml:1" in done.stderr and "as recorded" not in done.stderr
    assert os.sep + "store" not in done.stderr
