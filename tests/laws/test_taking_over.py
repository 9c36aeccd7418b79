"""Who owns a project when its owner sleeps, and what many who write at once leave behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.bakery import BREAD, LIMIT, Bakery

from bakehouse.core.checkup import examine_store
from bakehouse.core.store.ledger import LEDGER
from bakehouse.core.store.store import Store


@pytest.mark.case("K3")
@pytest.mark.full
@pytest.mark.parametrize("what", ["the lock is removed", "the lock is replaced"])
def test_an_owner_that_slept_while_another_took_over_commits_nothing_more(bakery: Bakery, what: str) -> None:
    """The kernel keeps the lock for a process that is stopped: another gets in only where somebody removes it."""
    for turn in range(3):
        (bakery.root / "bakehouse.yaml").write_text(BREAD.replace("in the oven", f"in oven {turn}"))
        sleeper = bakery.run_until_baking()
        sleeper.send_signal(signal.SIGSTOP)
        assert bakery.call("materialize").returncode == 4
        (bakery.store / "lock").unlink()
        if what == "the lock is replaced":
            (bakery.store / "lock").touch(0o600)
        bakery.open_oven()
        done = bakery.call("materialize", "--force")
        assert done.returncode == 0, done.stderr
        with Store.open(bakery.store) as store:
            truth = store.max_seq(), store.recorded().steps
            assert [run.status for run in store.runs(2)] == ["succeeded", "interrupted"]
        sleeper.send_signal(signal.SIGCONT)
        out, _ = sleeper.communicate(timeout=LIMIT)
        assert sleeper.returncode == 1 and "another run has taken over" in out, out
        with Store.open(bakery.store) as store:
            assert (store.max_seq(), store.recorded().steps) == truth and store.problems() == []
            assert [run.status for run in store.runs(2)] == ["succeeded", "interrupted"]
        (bakery.root.parent / "ready").unlink()
        assert len(bakery.journal) == 2 * (turn + 1)


CROWD = """
import sys, time
from pathlib import Path
from bakehouse.core.events import Event, Kind
from bakehouse.core.problems import ProjectHeld
from bakehouse.core.store.lock import ProjectLock
from bakehouse.core.store.store import Store
folder, name, runs, count, more = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])
told = []
with Store.open(folder) as store:
    for number in range(runs):
        while True:
            try:
                lock = ProjectLock.acquire(folder, name, f"{name}-{number}")
                break
            except ProjectHeld:
                store.max_seq()
        with lock:
            run = f"{name}-{number}"
            writer = store.begin(run, lock=lock, notify=lambda tokens, error: told.append(error))
            seq = writer.last_seq
            def event(kind, **data):
                global seq
                seq += 1
                return Event(seq, time.time(), run, kind, "task" if kind is Kind.METADATA else None, None, data)
            writer.append((event(Kind.RUN_STARTED, jobs=1),))
            for one in range(count - 2):
                writer.append((event(Kind.METADATA, value=one, more="x" * more),))
                if one % 100 == 99:
                    writer.flush()
            writer.finish(event(Kind.RUN_FINISHED, ok=True, counts={}))
            writer.close()
assert told == []
print("over")
"""


@pytest.mark.case("K6")
@pytest.mark.full
def test_eight_who_write_ten_thousand_events_each_lose_none_and_hear_of_no_lock(tmp_path: Path) -> None:
    folder, runs, count = tmp_path / "store", 10, 1000
    Store.open(folder).close()
    pipe = subprocess.PIPE
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", CROWD, folder, f"writer{number}", str(runs), str(count), "0"],
            stdout=pipe,
            stderr=pipe,
            text=True,
        )
        for number in range(8)
    ]
    for process in crowd:
        out, err = process.communicate(timeout=200)
        assert out == "over\n", err
    with Store.open(folder) as store:
        assert store.problems() == [] and store.max_seq() == 8 * runs * count
        found = {run.run: [event.seq for event in store.events(run.run)] for run in store.runs(1000)}
    assert set(found) == {f"writer{number}-{run}" for number in range(8) for run in range(runs)}
    numbers = sorted(seq for each in found.values() for seq in each)
    assert numbers == list(range(1, 8 * runs * count + 1))


SITS = """
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute("begin")
print(c.execute("select count(*) from events").fetchone()[0], flush=True)
sys.stdin.read()
print(c.execute("select count(*) from events").fetchone()[0], flush=True)
"""


@pytest.mark.case("K7")
@pytest.mark.full
def test_while_a_reader_sits_in_its_transaction_the_writer_goes_on_and_doctor_names_it(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "project" / ".bakehouse"
    folder.parent.mkdir()

    def write(name: str, count: int, more: int) -> None:
        command = [sys.executable, "-c", CROWD, str(folder), name, "1", str(count), str(more)]
        subprocess.run(command, check=True, capture_output=True, timeout=LIMIT)

    write("first", 3, 0)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", SITS, folder / LEDGER], stdin=pipe, stdout=pipe, text=True
    ) as reader:
        assert reader.stdout is not None
        seen = reader.stdout.readline()
        log, generation = folder / f"{LEDGER}-wal", 1
        while log.stat().st_size <= 64 << 20:
            before = log.stat().st_size
            write(f"more{generation}", 500, 40_000)
            assert log.stat().st_size > before
            generation += 1
        (told,) = [finding for finding in examine_store(folder.parent, replay=False) if finding.name == "log"]
        assert not told.ok and f"(process {reader.pid})" in told.detail
        assert reader.communicate("")[0] == seen, "what it sees has not changed"
    write("last", 3, 0)
    assert log.stat().st_size <= 16 << 20
    with Store.open(folder) as store:
        assert len(store.runs(1000)) == generation + 1 and store.problems() == []
    assert not [finding for finding in examine_store(folder.parent, replay=False) if finding.name == "log"]


LOOKS = """
import sys
import time
from pathlib import Path
from bakehouse.core.store.store import Store
looks = 0
while not Path(sys.argv[2]).exists() or not looks:
    with Store.open(Path(sys.argv[1])) as store:
        store.recorded(), store.runs(5), store.max_seq()
    looks += 1
print("looked")
"""


@pytest.mark.case("K11")
@pytest.mark.soak
def test_however_many_write_and_read_only_the_holder_moves_the_log_into_the_ledger(tmp_path: Path) -> None:
    """What a checkpoint does to the ledger's file is traced: a SQLite that resets its log wrongly when two do it
    at once is never given two."""
    minutes = float(os.environ.get("BAKEHOUSE_SOAK_MINUTES", "30"))
    if shutil.which("strace") is None:
        pytest.skip("K11: no strace to see who writes")
    folder, over = tmp_path / "store", tmp_path / "over"
    Store.open(folder).close()
    trace = ["strace", "-f", "-qq", "-e", "trace=pwrite64,write,ftruncate", "-y", "-o"]
    pipe = subprocess.PIPE
    lookers = [
        subprocess.Popen(
            [*trace, tmp_path / f"trace{number}", sys.executable, "-c", LOOKS, folder, over],
            stdout=pipe, stderr=pipe, text=True,
        )
        for number in range(2)
    ]  # fmt: skip
    end, turn = time.monotonic() + 60 * minutes, 0
    while time.monotonic() < end or turn == 0:
        crowd = [
            subprocess.Popen(
                [sys.executable, "-c", CROWD, folder, f"writer{turn}.{number}", "5", "200", "20000"],
                stdout=pipe, stderr=pipe, text=True,
            )
            for number in range(4)
        ]  # fmt: skip
        for process in crowd:
            out, err = process.communicate(timeout=600)
            assert out == "over\n", err
        turn += 1
    over.touch()
    for number, process in enumerate(lookers):
        out, err = process.communicate(timeout=600)
        assert out == "looked\n", err
        written = (tmp_path / f"trace{number}").read_text().splitlines()
        assert not [
            line for line in written if f"{folder}/{LEDGER}>" in line or f"{folder}/{LEDGER}-wal>" in line
        ]
    with Store.open(folder) as store:
        assert store.problems() == [] and store.max_seq() == turn * 4 * 5 * 200
