"""What is left of a program that crashed says where it crashed, and nothing of the data that it held."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness.bakery import until

SECRET = "hunter2-is-no-secret-any-more"
YAML = """
secrets: [API_TOKEN]
assets:
  known: {shell: 'echo $API_TOKEN; echo known > "$OUTPUT"'}
  warm: {python: "steps:warm"}
"""
STEPS = """
import time
from pathlib import Path
def warm():
    Path("../warm").touch()
    while not Path("../over").exists():
        time.sleep(0.02)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(YAML)
    (folder / "steps.py").write_text(STEPS)
    return folder


def unlimited() -> None:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def processes(mark: str) -> list[int]:
    """The processes that have the mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.case("X20", "H5")
@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV], ids=lambda number: number.name)
def test_no_process_of_ours_leaves_a_dump_of_its_memory(
    project: Path, tmp_path: Path, environ: dict[str, str], number: signal.Signals
) -> None:
    mark = f"DUMPED_BY={tmp_path}"
    env = environ | {"API_TOKEN": SECRET, "DUMPED_BY": str(tmp_path)}
    command = [sys.executable, "-m", "bakehouse", "-C", str(project), "materialize"]
    program = subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=-1, stderr=-1, text=True, preexec_fn=unlimited
    )
    until(lambda: (tmp_path / "warm").exists() or program.poll() is not None)
    ours = processes(mark)
    assert len(ours) >= 3, "the program, its supervisor and a worker"
    limits = {one: Path(f"/proc/{one}/limits").read_text() for one in ours}
    assert {text.partition("Max core file size")[2].split()[0] for text in limits.values()} == {"0"}
    for one in reversed(ours):
        os.kill(one, number)
    out, err = program.communicate(timeout=60)
    until(lambda: not processes(mark))
    assert program.returncode == -number and SECRET not in out + err
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert kept == [] and not [*tmp_path.rglob("core*")]
