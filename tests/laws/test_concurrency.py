"""Several processes and one project: runs that die, stop, meet and are asked to end; readers that sit."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from harness.bakery import BREAD, LIMIT, Bakery, until, working_in

from bakehouse.core import checkup
from bakehouse.core.problems import StoreError
from bakehouse.core.store.ledger import LEDGER, LedgerWriter
from bakehouse.core.store.lock import ProjectLock
from bakehouse.core.store.store import Store

PROGRAM = Path(__file__).with_name("committing.py")


def times(count: int, many: int) -> list[Any]:
    """`count` of something, and `many` in the full suite."""
    return [count, pytest.param(many, marks=pytest.mark.full)]


# ---- who holds the project dies -----------------------------------------------------------------------


@pytest.mark.parametrize("kills", times(2, 20))
def test_when_the_holder_is_killed_the_next_run_begins_without_a_word(bakery: Bakery, kills: int) -> None:
    for _ in range(kills):
        process = bakery.run_until_baking()
        process.kill()
        process.wait()
    assert not {"running", "queued"} & set(bakery.states().values()), "a dead run is shown as alive"
    until(lambda: not working_in(bakery.root))
    bakery.open_oven()
    done = bakery.call("materialize")
    assert done.returncode == 0, done.stderr
    assert bakery.statuses() == ["succeeded", *["interrupted"] * kills]
    assert bakery.journal == ["bread"] * (kills + 1)


POOL = """
pools: {oven: 1}
assets:
  itself: {pool: oven, shell: 'kill -9 $$'}
  supervisor: {pool: oven, shell: 'kill -9 $PPID; sleep 300'}
  worker: {pool: oven, python: "steps:burn"}
  good: {pool: oven, shell: 'echo 1 > "$OUTPUT"'}
"""


@pytest.mark.case("K12")
def test_whoever_dies_with_a_place_in_the_pool_gives_it_back(bakery: Bakery) -> None:
    (bakery.root / "bakehouse.yaml").write_text(POOL)
    (bakery.root / "steps.py").write_text("import os\ndef burn(): os.kill(os.getpid(), 9)\n")
    done = bakery.call("materialize", "--jobs", "4")
    assert done.returncode == 1 and "1 succeeded, 3 failed" in done.stdout, done.stdout


@pytest.mark.case("K12")
def test_a_run_that_dies_with_a_place_in_the_pool_keeps_none(bakery: Bakery) -> None:
    (bakery.root / "bakehouse.yaml").write_text(f"pools: {{all: 1}}\ndefaults: {{pool: all}}\n{BREAD}")
    holder = bakery.start("materialize", "bread")
    until(lambda: bakery.journal == ["bread"])
    holder.kill()
    holder.wait()
    bakery.open_oven()
    done = bakery.call("materialize")
    assert done.returncode == 0, done.stdout


# ---- two at once --------------------------------------------------------------------------------------


@pytest.mark.case("K4")
@pytest.mark.parametrize("count", times(1, 8))
def test_of_two_that_make_the_same_asset_one_runs_and_the_other_names_it(bakery: Bakery, count: int) -> None:
    for round_ in range(1, count + 1):
        both = [bakery.start("materialize", "bread", "--force") for _ in range(2)]
        until(lambda both=both: any(one.poll() is not None for one in both))  # type: ignore[misc]
        refused = next(one for one in both if one.poll() is not None)
        (holder,) = set(both) - {refused}
        _, err = refused.communicate(timeout=LIMIT)
        assert refused.returncode == 4 and f"process {holder.pid}" in err and "bakehouse cancel" in err
        bakery.open_oven()
        assert holder.wait(LIMIT) == 0
        (bakery.root.parent / "ready").unlink()
        assert bakery.journal == ["bread"] * round_


@pytest.mark.full  # the store alone is opened so in tests/core/test_store.py
def test_twenty_that_open_a_new_project_at_once_all_see_it(bakery: Bakery) -> None:
    opened = [bakery.start("status", "--json") for _ in range(20)]
    for process in opened:
        out, err = process.communicate(timeout=LIMIT)
        assert process.returncode == 0, err
        assert json.loads(out)["counts"] == {"never": 4}
    assert [path.name for path in (bakery.store / "tmp").iterdir()] == []


LOOK = """
import sys, time
from pathlib import Path
from bakehouse.core.store.baseline import Baseline
from bakehouse.core.store.lock import holder
from bakehouse.core.store.store import Store
folder, over = Path(sys.argv[1]), Path(sys.argv[2])
looks = 0
while not over.exists() or not looks:
    with Store.open(folder) as store:
        store.data_version()
        for run in store.runs(3):
            numbers = [event.seq for event in store.events(run.run)]
            assert numbers == sorted(set(numbers))
        assert not store.recorded().damage
        store.set_baseline(Baseline({"flour": str(looks)}, {}, 1.0), "a look")
        holder(folder)
    looks += 1
print("looked")
"""


@pytest.mark.parametrize(("runs", "steps"), [(3, 40), pytest.param(6, 300, marks=pytest.mark.full)])
def test_a_run_and_many_who_open_read_and_accept_never_get_in_each_others_way(
    tmp_path: Path, runs: int, steps: int
) -> None:
    folder, over = tmp_path / "store", tmp_path / "over"
    pipe = subprocess.PIPE
    lookers = [
        subprocess.Popen([sys.executable, "-c", LOOK, folder, over], stdout=pipe, stderr=pipe, text=True)
        for _ in range(4)
    ]
    command = [sys.executable, str(PROGRAM), str(folder), "0", str(runs), str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    over.touch()
    for process in lookers:
        out, err = process.communicate(timeout=LIMIT)
        assert out == "looked\n", err
    assert done.returncode == 0 and "error" not in done.stdout, done.stdout[-500:] + done.stderr
    with Store.open(folder) as store:
        assert store.problems() == []
        numbers = [event.seq for run in store.runs(100) for event in store.events(run.run)]
        assert len(numbers) == len(set(numbers)) == store.max_seq() == runs * (2 + 3 * steps)


# ---- who does not get in the way, and who does --------------------------------------------------------


def test_a_reader_that_sits_in_a_transaction_is_named_and_the_log_shrinks_when_it_goes(
    tmp_path: Path, committing: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkup, "_LONG_LOG", 1 << 18)
    folder = tmp_path / "store"
    committing.one_run(folder, 0, 2)
    sit = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('begin');"
        "c.execute('select * from runs').fetchone(); print('sits', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    reader = subprocess.Popen(
        [sys.executable, "-c", sit, folder / LEDGER], stdin=pipe, stdout=pipe, text=True
    )
    try:
        assert reader.stdout is not None and reader.stdout.readline() == "sits\n"
        committing.one_run(folder, 1, 60)
        (finding,) = checkup._log(folder)
        assert not finding.ok and f"(process {reader.pid})" in finding.detail
    finally:
        reader.communicate("")
    committing.one_run(folder, 2, 2)
    assert list(checkup._log(folder)) == []


def test_a_holder_that_is_stopped_keeps_the_project_and_goes_on_where_it_was(bakery: Bakery) -> None:
    holder = bakery.run_until_baking()
    holder.send_signal(signal.SIGSTOP)
    refused = bakery.call("materialize")
    assert refused.returncode == 4 and f"process {holder.pid}" in refused.stderr
    holder.send_signal(signal.SIGCONT)
    bakery.open_oven()
    assert holder.wait(LIMIT) == 0
    assert bakery.statuses() == ["succeeded"] and bakery.journal == ["bread"]


def test_a_holder_that_slept_while_its_store_was_replaced_keeps_nothing_and_says_so(bakery: Bakery) -> None:
    holder = bakery.run_until_baking()
    holder.send_signal(signal.SIGSTOP)
    shutil.rmtree(bakery.store)
    bakery.open_oven()
    assert bakery.call("materialize").returncode == 0
    with Store.open(bakery.store) as store:
        before = store.max_seq()
    holder.send_signal(signal.SIGCONT)
    out, _ = holder.communicate(timeout=LIMIT)
    assert holder.returncode == 1
    assert "the store was deleted or replaced in mid-run\n      run again" in out and "␊" not in out
    with Store.open(bakery.store) as store:
        assert store.max_seq() == before and store.problems() == []


def test_a_commit_that_comes_after_another_has_taken_over_is_refused(
    tmp_path: Path, committing: ModuleType
) -> None:
    folder, told = tmp_path / "store", []
    with Store.open(folder) as store, ProjectLock.acquire(folder, "first", "first") as lock:
        writer = store.begin("first", lock=lock, notify=lambda tokens, error: told.append((tokens, error)))
        run = committing.Steps(store, writer)
        run.begin()
        run.make("kept")
        writer.flush()
        usurper = LedgerWriter(folder / LEDGER)
        usurper.take_over({})
        usurper.close()
        run.make("late")
        with pytest.raises(StoreError, match="another run has taken over"):
            writer.flush()
        writer.close()
        assert set(store.recorded().steps) == {"kept"}
        assert [tokens for tokens, error in told if error is None] == [[1]]


# ---- cancelling the run of another process ------------------------------------------------------------


@pytest.mark.case("K9")
def test_a_run_that_is_alive_ends_when_another_process_cancels_it(bakery: Bakery) -> None:
    holder = bakery.run_until_baking()
    assert bakery.states() == {"dough": "fresh", "bread": "running", "crumbs": "queued", "jam": "fresh"}
    done = bakery.call("cancel")
    assert done.returncode == 0 and done.stderr.endswith("is cancelled\n"), done.stderr
    assert holder.wait(LIMIT) == 1
    assert bakery.statuses() == ["cancelled"]
    again = bakery.call("cancel")
    assert again.returncode == 1 and again.stderr == "nothing is running\n"


def test_one_step_of_another_process_is_cancelled_and_the_rest_goes_on(bakery: Bakery) -> None:
    holder = bakery.run_until_baking()
    strange = bakery.call("cancel", "braed")
    assert strange.returncode == 1 and "did you mean bread?" in strange.stderr
    over = bakery.call("cancel", "dough")
    assert over.returncode == 1 and "dough is over already: succeeded" in over.stderr
    found = json.loads(bakery.call("cancel", "bread", "--json").stdout)
    assert found["ok"] and found["outcome"] == "cancelled" and found["tasks"] == ["bread"]
    assert holder.wait(LIMIT) == 1
    assert bakery.statuses() == ["failed"]
    assert bakery.states() == {"dough": "fresh", "bread": "cancelled", "crumbs": "never", "jam": "fresh"}


@pytest.mark.case("K9")
def test_a_run_that_is_dead_is_closed_by_who_cancels_it(bakery: Bakery) -> None:
    holder = bakery.run_until_baking()
    holder.kill()
    holder.wait()
    done = bakery.call("cancel")
    assert done.returncode == 0 and "dead already" in done.stderr and "interrupted" in done.stderr
    with Store.open(bakery.store) as store:
        (run,) = store.runs()
        assert run.status == "interrupted" and run.finished is not None and store.problems() == []


@pytest.mark.case("K9")
def test_a_run_that_dies_while_it_is_asked_is_closed_too(bakery: Bakery) -> None:
    holder = bakery.run_until_baking()
    holder.send_signal(signal.SIGSTOP)
    asking = bakery.start("cancel")
    until(lambda: any((bakery.store / "asks").glob("*")))
    holder.kill()
    holder.wait()
    _, err = asking.communicate(timeout=LIMIT)
    assert asking.returncode == 0 and "dead already" in err
    assert bakery.statuses() == ["interrupted"]


@pytest.mark.case("K9")
def test_a_run_that_is_stopped_is_said_not_to_answer_and_is_not_cancelled_later(bakery: Bakery) -> None:
    holder = bakery.run_until_baking()
    holder.send_signal(signal.SIGSTOP)
    done = bakery.call("cancel")
    assert done.returncode == 1
    assert f"process {holder.pid} does not answer: it is stopped (kill -CONT {holder.pid}" in done.stderr
    assert list((bakery.store / "asks").iterdir()) == []
    holder.send_signal(signal.SIGCONT)
    bakery.open_oven()
    assert holder.wait(LIMIT) == 0 and bakery.statuses() == ["succeeded"]


def test_what_was_asked_of_a_run_that_is_over_ends_no_later_one(bakery: Bakery) -> None:
    bakery.open_oven()
    (bakery.store / "asks").mkdir(parents=True)
    for name, text in (
        ("old", '{"run": "20200101T000000-abcdef", "task": null}'),
        ("torn", '{"run": "2'),
        ("odd", "[]"),
    ):
        (bakery.store / "asks" / name).write_text(text)
    (bakery.store / "asks" / "pipe").symlink_to("/dev/zero")
    done = bakery.call("materialize")
    assert done.returncode == 0, done.stdout
    assert [path.name for path in (bakery.store / "asks").iterdir()] == ["pipe"]
