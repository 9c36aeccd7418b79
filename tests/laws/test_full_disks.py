"""A disk with little or no room: each stage works or says so, and all goes on when there is room again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakehouse.core.problems import StoreError
from bakehouse.core.store.adopt import adopt
from bakehouse.core.store.collect import collect
from bakehouse.core.store.store import Store

PROGRAM = Path(__file__).with_name("committing.py")
SIZE_KIB = 4096


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 4 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_KIB}k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs root and mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path, leave_kib: int) -> Path:
    """Leaves so much room and no more."""
    ballast = disk / "fill"
    room = shutil.disk_usage(disk).free - (leave_kib << 10)
    with ballast.open("wb") as file:
        while room > 0:
            room -= file.write(b"x" * min(room, 1 << 16))
    return ballast


def commit(folder: Path, first: int, steps: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAM), str(folder), str(first), "1", str(steps)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def acknowledged(told: str) -> dict[str, int]:
    acks = [line.split()[1:] for line in told.splitlines() if line.startswith("ack ")]
    return {task: int(generation) for task, generation in acks}


def is_sound(folder: Path, acks: dict[str, int]) -> None:
    with Store.open(folder) as store:
        assert store.problems() == [] and not store.recorded().damage
        for task, generation in acks.items():
            assert int(store.recorded().steps[task].key.code["steps.generation"]) == generation


@pytest.mark.parametrize("room", [0, 8, 40, 100, 200, 400])
def test_a_run_with_little_room_loses_nothing_it_said_and_the_next_one_goes_on(disk: Path, room: int) -> None:
    folder = disk / "store"
    assert commit(folder, 0, 4).returncode == 0
    ballast = fill(disk, room)
    pressed = commit(folder, 1, 60)
    if pressed.returncode:
        assert "the disk is full" in pressed.stdout + pressed.stderr or "No space left" in pressed.stderr
    ballast.unlink()
    is_sound(folder, {**dict.fromkeys(map("step_{}".format, range(4)), 0), **acknowledged(pressed.stdout)})
    assert commit(folder, 2, 8).returncode == 0
    is_sound(folder, dict.fromkeys(map("step_{}".format, range(8)), 2))


@pytest.mark.parametrize("room", range(0, 140, 20))
def test_a_store_that_has_no_room_to_be_made_is_made_when_there_is(disk: Path, room: int) -> None:
    ballast = fill(disk, room)
    try:
        Store.open(disk / "store").close()
    except StoreError as refused:
        assert "the disk is full" in refused.message
    ballast.unlink()
    assert commit(disk / "store", 0, 4).returncode == 0
    is_sound(disk / "store", dict.fromkeys(map("step_{}".format, range(4)), 0))


def test_room_can_be_made_where_there_is_none(disk: Path) -> None:
    folder = disk / "store"
    for generation in range(3):
        assert commit(folder, generation, 6).returncode == 0
    fill(disk, 0)
    assert collect(folder, keep=0).counts["value"] == 2 * 3
    is_sound(folder, dict.fromkeys(map("step_{}".format, range(6)), 2))


def test_adopting_without_room_is_refused_and_changes_nothing(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = disk / "store"
    assert commit(folder, 0, 4).returncode == 0
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "another"))
    ballast = fill(disk, 0)
    with pytest.raises(StoreError, match="the disk is full"):
        adopt(folder)
    with pytest.raises(StoreError, match="was not made by you"):
        Store.open(folder)
    ballast.unlink()
    adopt(folder)
    is_sound(folder, dict.fromkeys(map("step_{}".format, range(4)), 0))


def test_another_user_can_read_nothing_of_a_store(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to be another user")
    folder = tmp_path / "store"
    assert commit(folder, 0, 4).returncode == 0
    for above in [tmp_path, *tmp_path.parents][:-1]:
        if above.is_relative_to("/tmp") and above != Path("/tmp"):
            above.chmod(above.stat().st_mode | 0o011)
    every = [str(path) for path in (folder, *folder.rglob("*"))]
    command = ["/bin/sh", "-c", 'for path; do test -r "$path" && exit 1; done; test -r /bin/sh', "sh", *every]
    done = subprocess.run(command, user=65534, group=65534, extra_groups=[], capture_output=True, cwd="/")
    assert done.returncode == 0, done.stderr
