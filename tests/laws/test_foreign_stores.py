"""A store that came with a clone, from another machine or out of an old copy is not believed, and says so;
one's own is, wherever it is moved to."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bakehouse.core.problems import StoreError
from bakehouse.core.store.adopt import adopt, set_aside
from bakehouse.core.store.crash import VARIABLE
from bakehouse.core.store.store import Store

PROGRAM = Path(__file__).with_name("committing.py")
DEFINITIONS = """\
import pathlib
from bakehouse import asset

class Canary:
    def __init__(self, place): self.place = place
    def __reduce__(self): return (pathlib.Path.touch, (pathlib.Path(self.place),))

@asset
def trap(): return Canary({canary!r})

@asset
def table(trap): return 1
"""
LOOKING: tuple[list[str], ...] = (
    ["ls"], ["ls", "--json"], ["plan"], ["status"], ["status", "--check"], ["why", "trap"], ["show", "trap"],
    ["show", "trap", "--json"], ["logs", "trap"], ["logs", "trap", "--raw"], ["runs"], ["runs", "--json"],
    ["graph"], ["graph", "--format", "json"], ["gc"], ["gc", "--dry-run"], ["materialize", "--plan-only"], [],
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store after one run of eight steps, in a project of its own."""
    return fill(tmp_path / "project" / ".bakehouse")


def fill(folder: Path, first: int = 0, **more: str) -> Path:
    folder.parent.mkdir(exist_ok=True)
    command = [sys.executable, str(PROGRAM), str(folder), str(first), "1", "8"]
    subprocess.run(command, env={**os.environ, **more}, check=True, capture_output=True, timeout=120)
    return folder


def steps(folder: Path) -> set[str]:
    with Store.open(folder, create=False) as store:
        return set(store.recorded().steps)


def change(ledger: Path, statement: str) -> None:
    connection = sqlite3.connect(ledger)
    connection.execute(statement)
    connection.commit()
    connection.close()


def another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "another-home"))


def test_a_clone_with_a_filled_store_runs_and_unpickles_nothing_of_it(tmp_path: Path) -> None:
    canary, project = tmp_path / "canary", tmp_path / "project"
    project.mkdir()
    (project / "pipeline.py").write_text(DEFINITIONS.format(canary=str(canary)))
    (project / "bakehouse.yaml").write_text("pipeline: clone\n")

    def call(*arguments: str, home: str = "reader") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bakehouse", "-C", str(project), *arguments]
        environ = {**os.environ, "BAKEHOUSE_TRUST": "1", "BAKEHOUSE_HOME": str(tmp_path / home)}
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)

    made = call("materialize", "trap", home="author")
    assert made.returncode == 0 and not canary.exists(), made.stderr
    for arguments in LOOKING:
        done = call(*arguments)
        assert done.returncode == 1 and "was not made by you" in done.stderr, (arguments, done.stderr)
        assert "doctor --set-aside" in done.stderr and "Traceback" not in done.stderr
    assert call("materialize").returncode == 1
    assert call("doctor", "--replay").returncode == 1
    assert not canary.exists()
    assert call("doctor", "--set-aside").returncode == 0
    assert json.loads(call("status", "--json").stdout)["counts"]["never"] == 2
    assert [path.name for path in project.glob(".bakehouse.set-aside-*/ledger.db")] == ["ledger.db"]


@pytest.mark.case("M12")
def test_a_store_of_another_user_or_machine_is_refused_until_it_is_adopted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    another_user(tmp_path, monkeypatch)
    before = (folder / "ledger.db").read_bytes()
    with pytest.raises(StoreError, match="was not made by you"):
        Store.open(folder)
    assert (folder / "ledger.db").read_bytes() == before
    adopt(folder)
    assert len(steps(folder)) == 8
    assert len(list(folder.glob("seal-*"))) == 1
    fill(folder, 1)
    with Store.open(folder) as store:
        assert store.problems() == [] and len(store.runs()) == 2


@pytest.mark.case("M12")
def test_nothing_that_came_from_another_machine_is_used_in_pieces_or_whole_until_it_is_adopted(
    tmp_path: Path,
) -> None:
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pipeline.py").write_text(
            "from bakehouse import asset\n\n@asset\ndef dough(): return {1, 2}\n\n"
            "@asset\ndef bread(dough): return 'x' * 100_000\n"
        )
        (tmp_path / name / "bakehouse.yaml").write_text("pipeline: bread\n")

    def call(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bakehouse", "-C", str(tmp_path / name), *arguments]
        home = tmp_path / ("home of " + ("them" if name == "theirs" else "us"))
        environ = {**os.environ, "BAKEHOUSE_TRUST": "1", "BAKEHOUSE_HOME": str(home)}
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)

    def made(name: str) -> list[str]:
        done = call(name, "materialize", "--json")
        assert done.returncode == 0, done.stderr
        told = map(json.loads, done.stdout.splitlines())
        return [event["task"] for event in told if event["event"] == "step_succeeded"]

    theirs, ours = (tmp_path / name / ".bakehouse" for name in ("theirs", "ours"))
    assert made("theirs") == ["dough", "bread"]
    assert call("ours", "status").returncode == 0
    for part in theirs.iterdir():
        if part.is_dir() and part.name != "tmp":
            shutil.copytree(part, ours / part.name, dirs_exist_ok=True)
        elif part.name.startswith("seal-"):
            shutil.copy2(part, ours)
    assert made("ours") == ["dough", "bread"]
    shutil.rmtree(ours)
    shutil.copytree(theirs, ours)
    assert call("ours", "materialize").returncode == 1
    assert call("ours", "doctor", "--adopt").returncode == 0
    assert made("ours") == []


def test_a_store_can_be_set_aside(folder: Path) -> None:
    aside = set_aside(folder)
    assert not folder.exists() and (aside / "ledger.db").exists()
    assert steps(folder) == set()


def moved(folder: Path, target: Path) -> None:
    folder.parent.rename(target)


def copied(folder: Path, target: Path) -> None:
    shutil.copytree(folder.parent, target)


def unpacked(folder: Path, target: Path) -> None:
    with tarfile.open(target.with_suffix(".tar"), "w") as archive:
        archive.add(folder.parent, "project")
    shutil.rmtree(folder.parent)
    with tarfile.open(target.with_suffix(".tar")) as archive:
        archive.extraction_filter = getattr(tarfile, "tar_filter", None)  # none before 3.11.4
        archive.extractall(target.parent / "unpacked")
    (target.parent / "unpacked" / "project").rename(target)


@pytest.mark.parametrize("move", [moved, copied, unpacked])
def test_ones_own_store_is_believed_wherever_it_is_moved_to(
    folder: Path, tmp_path: Path, move: Callable[[Path, Path], None]
) -> None:
    move(folder, tmp_path / "elsewhere")
    there = tmp_path / "elsewhere" / ".bakehouse"
    assert len(steps(there)) == 8
    fill(there, 1)
    with Store.open(there) as store:
        assert store.problems() == [] and len(store.runs()) == 2 and not store.recorded().damage


@pytest.mark.spoils
@pytest.mark.parametrize(
    "statement",
    [
        "update steps set version = 'planted' where task = 'step_1'",
        "update materializations set inline = x'80', size = 1 where asset = 'value of step_2'",
        "update events set data = '{}' where seq = 3",
        "delete from events where seq = (select max(seq) from events)",
        "insert into events values (999, 'r', 1.0, 'metadata', 't', null, '{}', null)",
        "delete from seals where seq = (select max(seq) from seals)",
        "insert into seals values (1000, x'00')",
    ],
)
def test_a_seal_copied_from_ones_own_store_vouches_for_nothing_but_its_history(
    folder: Path, tmp_path: Path, statement: str
) -> None:
    """Who was once given a store holds a good seal: he can ship it with other rows."""
    copied(folder, tmp_path / "shipped")
    change(tmp_path / "shipped" / ".bakehouse" / "ledger.db", statement)
    with pytest.raises(StoreError, match=r"was not made by you|older than it was"):
        Store.open(tmp_path / "shipped" / ".bakehouse")


@pytest.mark.parametrize(
    "statement",
    [
        "create trigger t after insert on events begin delete from events; end",
        "create view v as select 1",
        "create table more (a)",
        "create index more on events (task)",
        "create table other as select 1 as a",
    ],
)
def test_a_ledger_with_anything_that_bakehouse_does_not_make_is_refused(folder: Path, statement: str) -> None:
    change(folder / "ledger.db", statement)
    with pytest.raises(StoreError, match="does not make"):
        Store.open(folder)


def killed_in_a_run(folder: Path, *, after: int) -> None:
    command = [sys.executable, str(PROGRAM), str(folder), "5", "1", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(after):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)


@pytest.mark.case("C13")
@pytest.mark.parametrize("gone", [["-wal"], ["-wal", "-shm"]])
def test_a_ledger_whose_log_was_removed_is_not_silently_older(folder: Path, gone: list[str]) -> None:
    killed_in_a_run(folder, after=40)
    assert (folder / "ledger.db-wal").stat().st_size > 0
    for beside in gone:
        (folder / f"ledger.db{beside}").unlink()
    with pytest.raises(StoreError, match="older than it was") as told:
        Store.open(folder)
    assert "doctor --adopt" in told.value.hint
    adopt(folder)
    assert len(steps(folder)) == 8


@pytest.mark.case("C13")
def test_a_ledger_put_back_from_an_old_copy_is_not_silently_older(folder: Path, tmp_path: Path) -> None:
    for beside in ("", "-wal"):
        if (folder / f"ledger.db{beside}").exists():
            shutil.copy2(folder / f"ledger.db{beside}", tmp_path / f"old{beside}")
    fill(folder, 1)
    for beside in ("", "-wal", "-shm"):
        (folder / f"ledger.db{beside}").unlink(missing_ok=True)
        if (tmp_path / f"old{beside}").exists():
            shutil.copy2(tmp_path / f"old{beside}", folder / f"ledger.db{beside}")
    with pytest.raises(StoreError, match="older than it was"):
        Store.open(folder)


@pytest.mark.case("C13")
def test_the_shared_memory_of_the_ledger_can_go(folder: Path) -> None:
    killed_in_a_run(folder, after=40)
    (folder / "ledger.db-shm").unlink()
    assert len(steps(folder)) > 8


def test_a_whole_store_put_back_from_a_backup_is_believed(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "backup")
    fill(folder, 1)
    shutil.rmtree(folder)
    (tmp_path / "backup").rename(folder)
    with Store.open(folder) as store:
        assert len(store.runs()) == 1


@pytest.mark.case("C13")
@pytest.mark.full
@pytest.mark.spoils
def test_whatever_beside_the_ledger_is_gone_or_old_it_is_never_silently_older(
    tmp_path: Path,
) -> None:
    """The ledger itself is the present one, or an old one as well."""
    names = ("ledger.db", "ledger.db-wal", "ledger.db-shm")

    def files() -> list[bytes]:
        return [(store / name).read_bytes() for name in names]

    def killed(run: int, at: str) -> None:
        command = [sys.executable, str(PROGRAM), str(store), str(run), "1", "100000"]
        done = subprocess.run(command, env={**os.environ, VARIABLE: at}, capture_output=True, timeout=120)
        assert done.returncode == -signal.SIGKILL

    store = tmp_path / "project" / ".bakehouse"
    store.parent.mkdir()
    killed(1, "group.notified:3")
    old = files()
    killed(2, "group.notified:30")
    now = files()
    truth: tuple[int, int, list[str]] | None = None
    found: tuple[int, int, list[str]] | None
    refused = 0
    for ledger, log, memory in itertools.product((0, 1), (0, 1, None), (0, 1, None)):
        for name, which, both in zip(names, (ledger, log, memory), zip(now, old, strict=True), strict=True):
            if which is None:
                (store / name).unlink()
            else:  # the same file, so that its seal holds
                (store / name).write_bytes(both[which])
        try:
            with Store.open(store) as opened:
                found = opened.max_seq(), len(opened.recorded().steps), [run.run for run in opened.runs()]
        except StoreError as refusal:
            assert refusal.hint and ("older than it was" in refusal.message or "damaged" in refusal.message)
            refused += 1
            found = truth
        truth = truth or found
        assert found == truth, f"ledger {ledger}, log {log}, memory {memory}"
        for name, data in zip(names, now, strict=True):
            (store / name).write_bytes(data)
    assert refused >= 10
