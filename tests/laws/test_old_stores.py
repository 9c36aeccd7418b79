"""Stores of other versions: an old one is brought up to date with a backup, a newer one is left as it is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.places import user_key
from bakehouse.core.problems import StoreError
from bakehouse.core.store.crash import MIGRATION_POINTS, VARIABLE
from bakehouse.core.store.database import LEDGER, check
from bakehouse.core.store.migrate import upgrade
from bakehouse.core.store.store import Store
from bakehouse.core.store.tables import FORMAT

ReadOnly = Callable[[Path], AbstractContextManager[None]]
GOLDEN = sorted(Path(__file__).with_name("golden").glob("format-*.tar.gz"))
TABLES = ("runs", "assets", "steps", "attempts", "stamps", "events", "materializations")


@pytest.fixture(params=GOLDEN, ids=[path.name.partition(".")[0] for path in GOLDEN])
def golden(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project of a golden store, unpacked, with its user's key at hand."""
    with tarfile.open(request.param) as archive:
        archive.extraction_filter = getattr(tarfile, "tar_filter", None)  # none before 3.11.4
        archive.extractall(tmp_path)
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "home"))
    return tmp_path / "project"


def tables(ledger: Path) -> dict[str, list[list[Any]]]:
    connection = sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)
    try:
        found = {name: connection.execute(f"select * from {name}").fetchall() for name in TABLES}
    finally:
        connection.close()
    return {
        name: sorted(([c.hex() if isinstance(c, bytes) else c for c in row] for row in rows), key=repr)
        for name, rows in found.items()
    }


def version(ledger: Path) -> int:
    connection = sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)
    try:
        return int(connection.execute("pragma user_version").fetchone()[0])
    finally:
        connection.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def call(project: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bakehouse", "-C", str(project), *arguments]
    environ = {**os.environ, "BAKEHOUSE_TRUST": "1", **more}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)


def test_the_newest_format_but_one_has_a_golden_store() -> None:
    assert [path.name for path in GOLDEN] == [f"format-{number}.tar.gz" for number in range(1, FORMAT)]


@pytest.mark.case("H1")
def test_an_old_store_says_after_its_migration_what_it_said_before(golden: Path) -> None:
    truth = json.loads((golden.parent / "tables.json").read_text())
    folder = golden / ".bakehouse"
    before = version(folder / LEDGER)
    with Store.open(folder) as store:
        assert store.problems() == []
        assert [run.status for run in store.runs()] == ["failed", "succeeded"]
    assert version(folder / LEDGER) == FORMAT and tables(folder / LEDGER) == truth
    backup = folder / "backups" / f"ledger-format-{before}.db"
    assert tables(backup) == truth and version(backup) == before
    assert backup.stat().st_mode & 0o077 == 0


@pytest.mark.case("H1")
def test_a_run_goes_on_from_an_old_store(golden: Path) -> None:
    (golden / "burn").unlink()
    done = call(golden, "materialize", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["ok"] is True
    assert len(json.loads(call(golden, "runs", "--json").stdout)["runs"]) == 3


def test_an_old_store_where_nothing_can_be_written_is_read_as_it_is(
    golden: Path, read_only: ReadOnly
) -> None:
    folder = golden / ".bakehouse"
    before = contents(folder)
    with read_only(folder), Store.open(folder) as store:
        assert len(store.runs()) == 2 and not store.writable
    assert contents(folder) == before


def test_examining_an_old_store_does_not_touch_it(golden: Path) -> None:
    before = contents(golden / ".bakehouse")
    done = call(golden, "doctor", "--replay")
    assert done.returncode == 0, done.stdout
    assert contents(golden / ".bakehouse") == before


@pytest.mark.case("C6")
@pytest.mark.parametrize("point", MIGRATION_POINTS)
def test_killed_in_a_migration_the_store_is_the_old_one_or_the_new_one(golden: Path, point: str) -> None:
    truth = json.loads((golden.parent / "tables.json").read_text())
    folder = golden / ".bakehouse"
    before = version(folder / LEDGER)
    killed = call(golden, "runs", **{VARIABLE: point})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert version(folder / LEDGER) == (FORMAT if point == "migrate.committed" else before)
    assert tables(folder / LEDGER) == truth
    again = call(golden, "runs", "--json")
    assert again.returncode == 0 and len(json.loads(again.stdout)["runs"]) == 2
    assert version(folder / LEDGER) == FORMAT and tables(folder / LEDGER) == truth
    with Store.open(folder) as store:
        assert store.problems() == [] and not store.recorded().damage
    assert [path.name for path in (folder / "backups").iterdir()] == [f"ledger-format-{before}.db"] or (
        call(golden, "gc").returncode == 0
        and [path.name for path in (folder / "backups").iterdir()] == [f"ledger-format-{before}.db"]
    )


def test_ten_processes_open_an_old_store_at_once(golden: Path) -> None:
    command = [sys.executable, "-m", "bakehouse", "-C", str(golden), "runs", "--json"]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(10)]
    told = [process.communicate(timeout=120)[0] for process in started]
    assert {len(json.loads(text)["runs"]) for text in told} == {2}


def test_a_store_that_is_brought_up_to_date_while_it_is_looked_at_is_not_taken_for_damaged(
    golden: Path,
) -> None:
    folder = golden / ".bakehouse"
    before = version(folder / LEDGER)

    class Overtaken(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if "sqlite_master" in sql:
                upgrade(folder, user_key())
            return super().execute(sql, *parameters)

    connection = sqlite3.connect(folder / LEDGER, factory=Overtaken, isolation_level=None)
    try:
        assert check(connection, folder / LEDGER) == before
        assert version(folder / LEDGER) == FORMAT
        assert check(connection, folder / LEDGER) == FORMAT
    finally:
        connection.close()


def test_an_old_store_that_came_with_a_clone_is_not_believed(golden: Path) -> None:
    shutil.rmtree(golden / ".bakehouse" / "cache")
    before = contents(golden / ".bakehouse")
    with pytest.raises(StoreError, match="was not made by you"):
        Store.open(golden / ".bakehouse")
    assert contents(golden / ".bakehouse") == before
    assert call(golden, "doctor", "--adopt").returncode == 0
    with Store.open(golden / ".bakehouse") as store:
        assert len(store.runs()) == 2


def test_every_command_refuses_a_newer_store_and_leaves_it_byte_for_byte(golden: Path) -> None:
    connection = sqlite3.connect(golden / ".bakehouse" / LEDGER)
    connection.execute(f"pragma user_version = {FORMAT + 1}")
    connection.close()
    before = contents(golden / ".bakehouse")
    for arguments in (["ls"], ["runs"], ["materialize"], ["gc"], ["doctor"], ["doctor", "--adopt"]):
        done = call(golden, *arguments)
        assert done.returncode == 1, arguments
        assert "newer Bakehouse" in done.stdout + done.stderr and "Traceback" not in done.stderr
    changed = {name for name, data in contents(golden / ".bakehouse").items() if before.get(name) != data}
    assert changed <= {"lock"}
