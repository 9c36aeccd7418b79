"""The ledger file itself: its settings, its event log as the truth, and what it refuses to open."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bakehouse.core.problems import StoreError
from bakehouse.core.store import ledger
from bakehouse.core.store.ledger import LedgerReader, LedgerWriter
from bakehouse.core.store.lock import ProjectLock
from bakehouse.core.store.store import Store


@pytest.fixture
def full(tmp_path: Path, committing: ModuleType) -> Iterator[Store]:
    """A store after two runs of five steps, some of them failed."""
    with Store.open(tmp_path / "store") as store:
        for generation in range(2):
            with ProjectLock.acquire(store.folder) as lock:
                writer = store.begin(f"run-{generation}", lock=lock, notify=lambda *_: None)
                steps = committing.Steps(store, writer)
                steps.begin()
                for index in range(5):
                    steps.make(f"step_{index}", generation)
                steps.fail("step_2", "burnt")
                steps.end(ok=False)
                writer.close()
        yield store


def change(store: Store, statement: str) -> None:
    connection = sqlite3.connect(store.folder / "ledger.db")
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_the_state_is_what_the_event_log_alone_gives(full: Store) -> None:
    assert full.problems() == []


@pytest.mark.spoils
@pytest.mark.parametrize(
    "statement",
    [
        "update steps set digest = 'other' where task = 'step_1'",
        "update steps set duration3 = 9 where task = 'step_1'",
        "delete from attempts where task = 'step_2'",
        "update assets set seq = seq - 1 where asset = 'value of step_3'",
        "update materializations set version = 'other' where seq = (select min(seq) from materializations)",
        "update runs set status = 'succeeded' where run = 'run-1'",
        "delete from events where seq = (select max(seq) from events where kind = 'step_succeeded')",
    ],
)
def test_a_state_that_the_log_does_not_give_is_found(full: Store, statement: str) -> None:
    change(full, statement)
    assert full.problems() != []


def test_a_ledger_of_a_newer_version_is_refused_and_not_touched(full: Store) -> None:
    change(full, "pragma user_version = 99")
    before = (full.folder / "ledger.db").read_bytes()
    for create in (True, False):
        with pytest.raises(StoreError, match="newer Bakehouse"):
            Store.open(full.folder, create=create)
    assert (full.folder / "ledger.db").read_bytes() == before


def test_a_database_of_someone_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    connection = sqlite3.connect(tmp_path / "store" / "ledger.db")
    connection.execute("create table cookies (name)")
    connection.execute("pragma user_version = 7")
    connection.close()
    with pytest.raises(StoreError, match="some other database"):
        Store.open(tmp_path / "store")


def test_who_writes_syncs_every_commit_and_who_reads_cannot_write(full: Store) -> None:
    path = full.folder / "ledger.db"
    writer, reader = LedgerWriter(path), LedgerReader(path)

    def settings(connection: sqlite3.Connection) -> dict[str, Any]:
        names = "journal_mode", "synchronous", "wal_autocheckpoint", "mmap_size", "trusted_schema"
        return {name: connection.execute(f"pragma {name}").fetchone()[0] for name in names}

    written, read = settings(writer._connection), settings(reader._connection)
    assert (written["journal_mode"], written["synchronous"]) == ("wal", 2)
    for found in (written, read):
        assert (found["wal_autocheckpoint"], found["mmap_size"], found["trusted_schema"]) == (0, 0, 0)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._connection.execute("delete from events")
    writer.close()
    reader.close()


def test_every_write_takes_the_write_lock_at_its_beginning() -> None:
    source = Path(ledger.__file__).read_text()
    begins = set(re.findall(r'execute\("(begin[^"]*)"', source))
    assert begins == {"begin", "begin immediate"}
    assert source.count('execute("begin")') == 1, "only the reader begins without `immediate`"


def test_a_batch_is_written_in_few_statements(full: Store, committing: ModuleType) -> None:
    seen: list[str] = []
    with ProjectLock.acquire(full.folder) as lock:
        writer = full.begin("many", lock=lock, notify=lambda *_: None)
        steps = committing.Steps(full, writer)
        steps.begin()
        writer.flush()
        writer._ledger._connection.set_trace_callback(seen.append)
        for index in range(500):
            steps.make(f"fresh_{index * 2}")
        steps.end()
        writer.close()
    assert len(seen) < 400
    assert len(full.recorded().steps) == 505 and full.problems() == []


def test_a_long_run_keeps_the_log_of_the_ledger_short(full: Store, committing: ModuleType) -> None:
    with ProjectLock.acquire(full.folder) as lock:
        writer = full.begin("long", lock=lock, notify=lambda *_: None)
        steps = committing.Steps(full, writer)
        steps.begin()
        longest = 0
        for index in range(300):
            made = committing.leave(full, "bread", bytes([index % 256]) * 8000)
            steps.succeed(f"bake {index}", [made, committing.leave(full, "cake", b"c" * 8000)])
            if index % 10 == 0:
                writer.flush()
                longest = max(longest, (full.folder / "ledger.db-wal").stat().st_size)
        steps.end()
        assert longest < 12 << 20
        writer.close()
    assert not (full.folder / "ledger.db-wal").exists() or (full.folder / "ledger.db-wal").stat().st_size == 0
