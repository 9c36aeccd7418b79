"""What somebody put in our way: links in the store, pipes and devices among the files, other users."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness.program import bakehouse

YAML = """
pipeline: x
assets:
  pipe: {file: pipe}
  device: {file: device}
  folder: {file: folder}
  big: {shell: 'head -c 100000 /dev/zero > "$OUTPUT"; echo hi'}
  piped: {deps: [pipe], shell: 'echo "$pipe" > "$OUTPUT"'}
tasks:
  call: {outputs: [p], python: "steps:f"}
"""
OURS = ("tmp", "logs", "values", "cache", "code", "baselines")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".bakehouse").mkdir(parents=True)
    (folder / ".bakehouse").chmod(0o700)
    (folder / "bakehouse.yaml").write_text(YAML)
    (folder / "steps.py").write_text("def f(): return 'x' * 100_000\n")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "folder" / "pipe")
    (folder / "device").symlink_to("/dev/zero")
    return folder


def everything(folder: Path) -> dict[str, Any]:
    """All that can be seen to change in a folder."""
    return {
        str(path): (status.st_mode, status.st_mtime_ns, status.st_size)
        for path in [folder, *folder.rglob("*")]
        for status in [path.lstat()]
    }


OFTEN = ("tmp", "values", "cache", "ledger.db", "all prefixes")
SELDOM = ("logs", "code", "baselines", "values/00", "ledger.db-wal", "lock", ".gitignore")


@pytest.mark.spoils
@pytest.mark.case("X13", "X5")
@pytest.mark.parametrize("place", [*OFTEN, *(pytest.param(name, marks=pytest.mark.full) for name in SELDOM)])
def test_nothing_is_written_through_a_planted_link(
    project: Path, tmp_path: Path, environ: dict[str, str], place: str
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o755)
    (victim / "file").write_text("precious")
    store = project / ".bakehouse"
    (store / "values").mkdir() if "/" in place or place == "all prefixes" else None
    if place == "all prefixes":
        for number in range(256):
            (store / "values" / f"{number:02x}").symlink_to(victim)
    else:
        is_folder = place.partition("/")[0] in OURS
        (store / place).symlink_to(victim if is_folder else victim / "file")
    before = everything(victim)
    for words in (["ls"], ["materialize", "big", "p"], ["show", "big"]):
        done = bakehouse(*words, at=project, env=environ)
        assert everything(victim) == before, words
        assert "Traceback" not in done.stderr
    assert (victim / "file").read_text() == "precious"


@pytest.mark.case("D11", "X15")
def test_pipes_and_devices_hold_nobody_up(project: Path, environ: dict[str, str]) -> None:
    untrusted = {name: value for name, value in environ.items() if name != "BAKEHOUSE_TRUST"}
    os.mkfifo(project / "definitions.yaml")
    os.mkfifo(project / "definitions.py")
    (project / "endless.yaml").symlink_to("/dev/zero")
    for words in (["ls"], ["status"], ["plan"], ["why", "piped"], ["show", "folder"], ["doctor"]):
        done = bakehouse(*words, at=project, env=untrusted)
        assert done.returncode == 0, (words, done.stderr)
    for asset in ("pipe", "device"):
        assert "neither a file nor a folder" in bakehouse("show", asset, at=project, env=untrusted).stderr
    done = bakehouse("materialize", at=project, env=environ)
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr
    assert "big made" in done.stdout


@pytest.mark.case("X15")
def test_a_pipe_in_the_place_of_a_value_is_damage(project: Path, environ: dict[str, str]) -> None:
    assert bakehouse("materialize", "big", at=project, env=environ).returncode == 0
    (value,) = (project / ".bakehouse" / "values").glob("*/*")
    value.unlink()
    os.mkfifo(value)
    assert "value_damaged" in bakehouse("why", "big", at=project, env=environ).stdout
    assert "damaged" in bakehouse("show", "big", at=project, env=environ).stderr
    assert bakehouse("materialize", "big", at=project, env=environ).returncode == 0
    assert value.is_file()


READS = """
import os, sys
os.setgid(65534); os.setuid(65534)
for parent, folders, names in os.walk(sys.argv[1], onerror=lambda error: print(type(error).__name__)):
    print("saw", *folders, *names)
for path in sys.argv[2:]:
    try:
        open(path, "rb")
        print("read", path)
    except PermissionError as error:
        print(type(error).__name__)
"""


@pytest.mark.case("X21", "R4")
@pytest.mark.skipif(os.geteuid() != 0, reason="X21: only root can become somebody else")
def test_another_user_sees_nothing_of_the_store_and_of_our_own_state(
    project: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    for folder in (project, *project.parents):
        if str(folder).startswith(str(tmp_path.parents[1])):
            folder.chmod(folder.stat().st_mode | 0o755)
    done = bakehouse("materialize", "big", "p", at=project, env=environ, umask=0)
    assert done.returncode == 0 and bakehouse("trust", at=project, env=environ).returncode == 0
    for private in (project / ".bakehouse", tmp_path / "home"):
        files = [path for path in private.rglob("*") if path.is_file()]
        assert len(files) >= 2
        command = [sys.executable, "-c", READS, str(private), *map(str, files)]
        said = subprocess.run(command, capture_output=True, text=True, cwd="/").stdout
        assert set(said.split()) == {"PermissionError"}, said
