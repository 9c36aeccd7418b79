"""The power goes: what the disk holds at that moment is all there is, and nothing said to be done is missing.

A loop-mounted file system is copied, without the page cache, while the writer is stopped. Needs root.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from harness.disks import blank_image, copy, disk
from harness.layered import Layered
from harness.program import Program
from harness.seeds import seeds

from bakehouse.core.store.store import Store

PROGRAM = Path(__file__).with_name("committing.py")


def cuts(every: int, full: int, soak: int) -> list[object]:
    """So many cuts in each tier, each with its seed."""
    marks = [()] * every + [(pytest.mark.full,)] * (full - every) + [(pytest.mark.soak,)] * (soak - full)
    return [
        pytest.param(seed, id=f"cut{number}", marks=mark)
        for number, (seed, mark) in enumerate(zip(seeds(soak), marks, strict=True))
    ]


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An image of an empty file system; skipped by name where none can be made and mounted."""
    yield blank_image(tmp_path_factory.mktemp("power"))


def stopped_after(process: subprocess.Popen[str], count: int, counts: Callable[[str], bool]) -> list[str]:
    """Stops the process once it has said so many lines that count, or has ended; what it had said by then."""
    lines: list[str] = []
    enough = threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        left = count
        for line in process.stdout:
            lines.append(line)
            left -= counts(line)
            if left <= 0:
                enough.set()
        enough.set()

    threading.Thread(target=listen, name=f"listens to {process.pid}", daemon=True).start()
    assert enough.wait(60)
    process.send_signal(signal.SIGSTOP)
    return [line for line in lines if line.endswith("\n")]


def ended(process: subprocess.Popen[str]) -> None:
    """Kills it. Its lines are still read to their end by who listens."""
    process.kill()
    process.wait()
    for thread in threading.enumerate():
        if thread.name == f"listens to {process.pid}":
            thread.join()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


@pytest.mark.parametrize("seed", cuts(5, 40, 150))
def test_what_was_acknowledged_before_the_power_went_is_there(
    blank: Path, tmp_path: Path, committing: ModuleType, seed: int
) -> None:
    after = random.Random(seed).randrange(1, 400)
    image = copy(blank, tmp_path / f"disk{seed}.img")
    with disk(image, tmp_path / f"before{seed}") as mount:
        command = [sys.executable, str(PROGRAM), str(mount / "store"), "0", "100000", "12"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        said = [line.split() for line in stopped_after(process, after, lambda line: line.startswith("ack "))]
        left = copy(image, tmp_path / f"left{seed}.img")
        ended(process)
    image.unlink()
    with disk(left, tmp_path / f"after{seed}") as mount, Store.open(mount / "store") as store:
        assert store.problems() == [], f"seed {seed}"
        recorded = store.recorded()
        for task, generation in (words[1:] for words in said if words[0] == "ack"):
            found = int(recorded.steps[task].key.code["steps.generation"])
            assert found >= int(generation), f"{task}, seed {seed}"
            value = recorded.materializations[f"value of {task}"].value
            assert store.values.read(value) == committing.value_of(task, found)
    left.unlink()


@pytest.mark.parametrize("seed", cuts(1, 20, 50))
def test_what_the_program_said_before_the_power_went_is_there(blank: Path, tmp_path: Path, seed: int) -> None:
    after = random.Random(seed).randrange(1, 40)
    image = copy(blank, tmp_path / f"disk{seed}.img")
    with disk(image, tmp_path / f"before{seed}") as mount:
        project = Layered(mount / "project", pause=0.002, notes=tmp_path).write()
        subprocess.run(["sync", "-f", str(mount)], check=True)
        program = Program(project.folder, Path(os.environ["BAKEHOUSE_HOME"]))
        process = program.start()
        events = [
            json.loads(line) for line in stopped_after(process, after, lambda line: "step_succeeded" in line)
        ]
        left = copy(image, tmp_path / f"left{seed}.img")
        ended(process)
        program.until_nothing_is_left()
    image.unlink()
    said = {one["asset"]: one["version"] for one in events if one["event"] == "asset_materialized"}
    with disk(left, tmp_path / f"after{seed}") as mount:
        there = replace(project, folder=mount / "project")
        assert there.wrong() == [], f"seed {seed}"
        with Store.open(there.folder / ".bakehouse") as store:
            made = store.recorded().materializations
            lost = {name for name, version in said.items() if made[name].value.version != version}
            assert not lost, f"seed {seed}"
        again = Program(there.folder, Path(os.environ["BAKEHOUSE_HOME"])).run()
        assert again.code == 0, f"{again.errors} {again.error} seed {seed}"
        assert there.missing() == [] and there.wrong() == [], f"seed {seed}"
    left.unlink()
