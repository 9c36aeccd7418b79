"""The power goes: what the disk holds at that moment is all there is, and nothing said to be done is missing.

A loop-mounted file system is copied, without the page cache, while the writer is stopped. Needs root.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from bakehouse.core.store.store import Store

PROGRAM = Path(__file__).with_name("committing.py")
CUTS = int(os.environ.get("BAKEHOUSE_POWER_CUTS", "20"))
SEED = int(os.environ.get("BAKEHOUSE_SEED", random.SystemRandom().randrange(10**6)))


def sh(*command: str) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An image of an empty file system; skipped by name where none can be made and mounted."""
    folder = tmp_path_factory.mktemp("power")
    image, mount = folder / "blank.img", folder / "try"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(96 << 20)
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None or not sh("mkfs.ext4", "-q", "-F", str(image)):
        pytest.skip("power cuts need root and mkfs.ext4")
    if not sh("mount", "-o", "loop", str(image), str(mount)):
        pytest.skip("power cuts need loop mounts")
    sh("umount", str(mount))
    yield image


def cut(blank: Path, folder: Path, number: int, after: int) -> tuple[Path, dict[str, int]]:
    """Runs the writer until it has acknowledged `after` steps, stops it there and takes what the disk holds."""
    image, mount, left = folder / f"w{number}.img", folder / f"m{number}", folder / f"left{number}.img"
    sh("cp", "--sparse=always", str(blank), str(image))
    mount.mkdir()
    assert sh("mount", "-o", "loop", str(image), str(mount))
    try:
        command = [sys.executable, str(PROGRAM), str(mount / "store"), "0", "100000", "12"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        acks: dict[str, int] = {}
        enough = threading.Event()

        def listen() -> None:
            assert process.stdout is not None
            heard = 0
            for line in process.stdout:
                if line.startswith(b"ack ") and line.endswith(b"\n"):
                    _, task, generation = line.split()
                    acks[task.decode()] = int(generation)
                    heard += 1
                    if heard >= after:
                        enough.set()
            enough.set()

        listener = threading.Thread(target=listen)
        listener.start()
        assert enough.wait(60)
        process.send_signal(signal.SIGSTOP)
        said = dict(acks)
        assert sh("cp", "--sparse=always", str(image), str(left))
        process.kill()
        process.wait()
        listener.join()
        assert process.stdout is not None
        process.stdout.close()
    finally:
        sh("umount", "-l", str(mount))
        image.unlink()
    return left, said


@pytest.mark.parametrize("number", range(CUTS))
def test_what_was_acknowledged_before_the_power_went_is_there(
    blank: Path, tmp_path: Path, committing: ModuleType, number: int
) -> None:
    after = random.Random(SEED + number).randrange(1, 400)
    left, said = cut(blank, tmp_path, number, after)
    mount = tmp_path / "after"
    mount.mkdir()
    assert sh("mount", "-o", "loop", str(left), str(mount)), "the file system itself did not survive"
    try:
        with Store.open(mount / "store") as store:
            assert store.problems() == [], f"seed {SEED}"
            recorded = store.recorded()
            for task, generation in said.items():
                found = int(recorded.steps[task].key.code["steps.generation"])
                assert found >= generation, f"{task}, seed {SEED}"
                value = recorded.materializations[f"value of {task}"].value
                assert store.values.read(value) == committing.value_of(task, found)
    finally:
        sh("umount", "-l", str(mount))
        left.unlink()
