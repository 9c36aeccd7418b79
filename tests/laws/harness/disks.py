"""File systems of their own: small ones, and such that lose their power. Skips by name where none can be had."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_IMAGE = 96 << 20


def sh(*command: str) -> bool:
    """Whether the command ended well."""
    return subprocess.run(command, capture_output=True).returncode == 0


@contextlib.contextmanager
def mounted(at: Path, *options: str) -> Iterator[Path]:
    """Something mounted at the folder `at`, for a while."""
    if os.geteuid() != 0:
        pytest.skip("not root: nothing can be mounted")
    at.mkdir(exist_ok=True)
    if not sh("mount", *options, str(at)):
        pytest.skip(f"no mount here: mount {options[0]} {options[1]}")
    try:
        yield at
    finally:
        sh("umount", "-l", str(at))


def small(at: Path, megabytes: int) -> contextlib.AbstractContextManager[Path]:
    """A file system in memory with that much room."""
    return mounted(at, "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs")


def fill(folder: Path, leave: int) -> Path:
    """Takes all room but `leave` KiB; returns the file that takes it."""
    filler = folder / "filler"
    free = shutil.disk_usage(folder).free - (leave << 10)
    with filler.open("wb") as file, contextlib.suppress(OSError):
        os.posix_fallocate(file.fileno(), 0, max(free, 1))
    return filler


def blank_image(folder: Path) -> Path:
    """An image of an empty ext4, which can be mounted and copied."""
    image = folder / "blank.img"
    with image.open("wb") as file:
        file.truncate(_IMAGE)
    if os.geteuid() != 0:
        pytest.skip("not root: no disk can be mounted to lose its power")
    if shutil.which("mkfs.ext4") is None or not sh("mkfs.ext4", "-q", "-F", str(image)):
        pytest.skip("no mkfs.ext4 to make a disk with")
    (folder / "try").mkdir()
    if not sh("mount", "-o", "loop", str(image), str(folder / "try")):
        pytest.skip("no loop device to mount a disk on")
    sh("umount", str(folder / "try"))
    return image


def copy(image: Path, to: Path) -> Path:
    """What the image holds now: not what is only in the memory of the kernel."""
    assert sh("cp", "--sparse=always", str(image), str(to))
    return to


def disk(image: Path, at: Path) -> contextlib.AbstractContextManager[Path]:
    """The image, mounted."""
    return mounted(at, "-o", "loop", str(image))
