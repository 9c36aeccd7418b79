"""Two real processes and the lock of a project."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bakehouse.core.problems import ProjectHeld, StoreError
from bakehouse.core.store.lock import ProjectLock, holder

HOLD = """
import subprocess, sys
from pathlib import Path
from bakehouse.core.store.lock import ProjectLock
lock = ProjectLock.acquire(Path(sys.argv[1]), "bakehouse materialize")
child = subprocess.Popen(["sleep", "60"], close_fds=False) if len(sys.argv) > 2 else None
print(child.pid if child else "held", flush=True)
sys.stdin.read()
"""


@contextmanager
def another(folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-c", HOLD, str(folder), *more]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def test_who_is_refused_is_told_who_holds_the_project(tmp_path: Path) -> None:
    with another(tmp_path) as (process, _):
        with pytest.raises(
            ProjectHeld, match=rf"bakehouse materialize \(process {process.pid}, since"
        ) as refused:
            ProjectLock.acquire(tmp_path)
        assert refused.value.exit_code == 4
        owner = holder(tmp_path)
        assert owner is not None and owner.pid == process.pid


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_dies_with_its_owner(tmp_path: Path, kill: signal.Signals) -> None:
    for _ in range(3):
        with another(tmp_path) as (process, _line):
            process.send_signal(kill)
            process.wait()
            ProjectLock.acquire(tmp_path).release()


def test_a_child_that_outlives_the_owner_does_not_keep_the_lock(tmp_path: Path) -> None:
    with another(tmp_path, "child") as (process, child):
        process.kill()
        process.wait()
        try:
            os.kill(int(child), 0)
            ProjectLock.acquire(tmp_path).release()
        finally:
            os.kill(int(child), signal.SIGKILL)


def test_a_lock_given_back_can_be_taken_and_says_nothing_of_the_last_holder(tmp_path: Path) -> None:
    lock = ProjectLock.acquire(tmp_path, "first")
    assert lock.is_held() and holder(tmp_path) is not None
    with pytest.raises(ProjectHeld):
        ProjectLock.acquire(tmp_path)
    lock.release()
    lock.release()
    assert not lock.is_held() and holder(tmp_path) is None
    assert (tmp_path / "lock").read_bytes() == b""
    with ProjectLock.acquire(tmp_path) as again:
        assert again.is_held()


def test_looking_who_holds_it_keeps_nobody_from_taking_it(tmp_path: Path) -> None:
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            holder(tmp_path)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(200):
            ProjectLock.acquire(tmp_path).release()
    finally:
        over.set()
        thread.join()


def test_a_lock_whose_file_was_deleted_holds_nothing(tmp_path: Path) -> None:
    with ProjectLock.acquire(tmp_path) as lock:
        (tmp_path / "lock").unlink()
        assert not lock.is_held()
        with ProjectLock.acquire(tmp_path) as other:
            assert other.is_held() and not lock.is_held()


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "lock").symlink_to(victim)
    with pytest.raises(StoreError):
        ProjectLock.acquire(tmp_path)
    assert victim.read_text() == "precious"
