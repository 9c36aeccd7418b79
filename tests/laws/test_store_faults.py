"""Bit rot, garbage, deletion, full disks, strange permissions, kills: the store says so and never lies."""

from __future__ import annotations

import os
import random
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bakehouse.core.model import Damage
from bakehouse.core.problems import StoreError
from bakehouse.core.store.lock import ProjectLock
from bakehouse.core.store.store import Store

PROGRAM = Path(__file__).with_name("committing.py")
SEED = int(os.environ.get("BAKEHOUSE_SEED", random.SystemRandom().randrange(10**6)))


def start(folder: Path, first: int, runs: int, steps: int, **more: Any) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), str(folder), str(first), str(runs), str(steps)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **more)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store after one run of eight steps."""
    done = start(tmp_path / "store", 0, 1, 8)
    assert done.communicate(timeout=60)[0].endswith("over\n")
    return tmp_path / "store"


@contextmanager
def a_run(store: Store, committing: ModuleType, told: list[Any] | None = None) -> Iterator[Any]:
    tell = [] if told is None else told
    with ProjectLock.acquire(store.folder) as lock:
        writer = store.begin("the-run", lock=lock, notify=lambda *what: tell.append(what))
        steps = committing.Steps(store, writer)
        steps.begin()
        try:
            yield steps
        finally:
            writer.close()


def test_every_flipped_bit_of_a_value_file_is_damage(folder: Path) -> None:
    random.seed(SEED)
    with Store.open(folder) as store:
        value = store.recorded().materializations["value of step_3"].value
        path = store.values.path(value)
        good = path.read_bytes()
        for _ in range(100):
            at = random.randrange(len(good))
            path.write_bytes(good[:at] + bytes([good[at] ^ (1 << random.randrange(8))]) + good[at + 1 :])
            assert store.recorded().damage == {"value of step_3": Damage.DAMAGED}, f"offset {at}, seed {SEED}"
        path.write_bytes(good)
        assert store.recorded().damage == {}


def spoil_text(path: Path) -> None:
    path.write_text("this is a shopping list, not a database\n" * 50)


def spoil_empty(path: Path) -> None:
    path.write_bytes(b"")


def spoil_pages(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data), 4096):
        data[at : at + 4096] = random.Random(at).randbytes(4096)
    path.write_bytes(data)


def spoil_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.spoils
@pytest.mark.parametrize("spoil", [spoil_text, spoil_empty, spoil_pages, spoil_half])
def test_a_garbage_ledger_is_refused_in_words_and_left_as_it_is(
    folder: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(folder / "ledger.db")
    before = {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "-shm" not in path.name
    }
    with pytest.raises(StoreError) as refused, Store.open(folder) as store:
        store.recorded()
    assert "damaged" in refused.value.message and "mv " in refused.value.hint
    after = {path: path.read_bytes() for path in before}
    assert after == before


@pytest.mark.spoils
def test_sixteen_flips_in_the_header_never_crash_and_never_change_the_answer(folder: Path) -> None:
    random.seed(SEED)
    good = (folder / "ledger.db").read_bytes()
    with Store.open(folder) as store:
        truth = {task: record.version for task, record in store.recorded().steps.items()}
    for _ in range(16):
        at = random.randrange(100)
        (folder / "ledger.db").write_bytes(
            good[:at] + bytes([good[at] ^ (1 << random.randrange(8))]) + good[at + 1 :]
        )
        for beside in ("-wal", "-shm"):
            (folder / f"ledger.db{beside}").unlink(missing_ok=True)
        try:
            with Store.open(folder) as store:
                found = {task: record.version for task, record in store.recorded().steps.items()}
        except StoreError:
            continue
        assert found == truth, f"byte {at}, seed {SEED}"


@pytest.mark.parametrize("recreated", [False, True])
def test_a_store_that_is_deleted_under_a_run_ends_it_and_nothing_more_is_acknowledged(
    tmp_path: Path, committing: ModuleType, recreated: bool
) -> None:
    told: list[Any] = []
    with Store.open(tmp_path / "store") as store, a_run(store, committing, told) as run:
        run.make("step_0")
        run.writer.flush()
        shutil.rmtree(store.folder)
        if recreated:
            Store.open(store.folder).close()
        for index in range(1, 4):
            run.succeed(f"step_{index}", [committing.leave(store, f"v{index}", b"small")])
        with pytest.raises(StoreError, match="deleted or replaced"):
            run.writer.flush()
        assert [tokens for tokens, _ in told if tokens] == [[1]]
        assert store.recorded().steps == {} or not store.recorded().steps


def test_a_deletion_is_noticed_while_nothing_is_written(tmp_path: Path, committing: ModuleType) -> None:
    import threading

    noticed = threading.Event()

    class Told(list[Any]):
        def append(self, what: Any) -> None:
            if what[1] is not None:
                noticed.set()

    with Store.open(tmp_path / "store") as store, a_run(store, committing, Told()):
        shutil.rmtree(store.folder)
        assert noticed.wait(30)


@pytest.mark.case("R4", "X21")
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_whatever_the_umask_only_the_owner_can_read_anything(tmp_path: Path, mask: int) -> None:
    process = start(tmp_path / "store", 0, 2, 4, umask=mask)
    assert process.communicate(timeout=60)[0].endswith("over\n")
    for path in [tmp_path / "store", *(tmp_path / "store").rglob("*")]:
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path} has {mode:o}"


def test_another_version_of_the_ledger_is_left_byte_for_byte(folder: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(folder / "ledger.db")
    connection.execute("pragma user_version = 99")
    connection.close()
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match="upgrade Bakehouse"):
        Store.open(folder)
    assert {path: path.read_bytes() for path in before} == before


@contextmanager
def mounted(*command: str, at: Path) -> Iterator[None]:
    if os.geteuid() != 0 or subprocess.run(["mount", *command, str(at)], capture_output=True).returncode:
        pytest.skip("needs root and mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


@pytest.mark.parametrize("hot", [False, True], ids=["closed", "with an open log"])
def test_a_store_on_a_read_only_disk_can_be_read_and_a_run_is_refused(folder: Path, hot: bool) -> None:
    process = None
    if hot:
        process = start(folder, 1, 1, 100_000)
        assert process.stdout is not None
        while not process.stdout.readline().startswith("ack step_20 "):
            pass
        process.kill()
        process.communicate()
    with mounted("--bind", str(folder), at=folder):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        (folder / "ledger.db-shm").exists()
        with Store.open(folder) as store:
            assert not store.writable and len(store.recorded().steps) >= (20 if hot else 8)
            assert store.runs()[0].status == ("interrupted" if hot else "succeeded")
            with pytest.raises(StoreError, match="cannot be written"):
                ProjectLock.acquire(store.folder)
            with pytest.raises(StoreError):
                store.set_baseline(sys.modules["bakehouse.core.store.baseline"].Baseline())


def test_a_full_disk_ends_the_run_in_words_and_its_end_is_still_noted(
    tmp_path: Path, committing: ModuleType
) -> None:
    place = tmp_path / "small"
    place.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=2m", "tmpfs", at=place), Store.open(place / "store") as store:
        with ProjectLock.acquire(store.folder) as lock:
            told: list[Any] = []
            writer = store.begin("the-run", lock=lock, notify=lambda *what: told.append(what))
            run = committing.Steps(store, writer)
            run.begin()
            index = 0
            while writer.error is None:
                index += 1
                run.succeed(f"step_{index}", [committing.leave(store, f"v{index}", os.urandom(8000))])
                if index % 5 == 0:
                    with pytest.MonkeyPatch.context():
                        try:
                            writer.flush()
                        except StoreError as error:
                            assert "the disk is full" in error.message
            with pytest.raises(StoreError, match="the disk is full"):
                run.end(ok=False)
            writer.close()
            durable = {token for tokens, _ in told for token in tokens}
        assert store.runs()[0].status == "failed"
        assert {f"step_{token}" for token in durable} == set(store.recorded().steps)
        assert store.problems() == []


def test_killed_again_and_again_nothing_acknowledged_is_lost(tmp_path: Path, committing: ModuleType) -> None:
    random.seed(SEED)
    acks: dict[str, int] = {}
    for round_ in range(20):
        process = start(tmp_path / "store", round_ * 1000, 1000, 12)
        assert process.stdout is not None
        for _ in range(random.randrange(1, 60)):
            line = process.stdout.readline()
            if line.startswith("ack "):
                acks[line.split()[1]] = int(line.split()[2])
        process.send_signal(signal.SIGKILL)
        for line in process.communicate(timeout=60)[0].splitlines():
            if line.startswith("ack ") and len(line.split()) == 3:
                acks[line.split()[1]] = int(line.split()[2])
        with Store.open(tmp_path / "store") as store:
            assert store.problems() == [], f"seed {SEED}"
            recorded = store.recorded()
            for task, generation in acks.items():
                found = int(recorded.steps[task].key.code["steps.generation"])
                assert found >= generation, f"{task}, seed {SEED}"
                value = recorded.materializations[f"value of {task}"].value
                assert store.values.read(value) == committing.value_of(task, found)
    assert acks
