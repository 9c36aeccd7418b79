"""`bakehouse doctor` names what is wrong with a store and around it, and changes nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core import filesystems
from bakehouse.core.places import store_folder, why_outside
from bakehouse.core.problems import ProblemError

Findings = dict[str, tuple[bool, str, str]]
Examine = Callable[..., Findings]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "bread"
    folder.mkdir()
    step = 'head -c 9000 /dev/zero > "$OUTPUT"'
    (folder / "bakehouse.yaml").write_text(f"assets: {{bread: {{shell: {json.dumps(step)}}}}}\n")
    return folder


def call(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bakehouse", "-C", str(project), *arguments]
    environ = {**os.environ, "BAKEHOUSE_TRUST": "1"}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)


def examine(project: Path, *arguments: str, code: int = 0) -> Findings:
    done = call(project, "doctor", "--json", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    found = json.loads(done.stdout)["findings"]
    return {one["name"]: (one["ok"], one["detail"], one["hint"]) for one in found}


def materialized(project: Path) -> Path:
    assert call(project, "materialize").returncode == 0
    return project / ".bakehouse"


def test_all_is_well_after_a_run(project: Path) -> None:
    folder = materialized(project)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "ledger" not in path.name}
    found = examine(project)
    assert found["store"][1] == "sound" and found["lock"][1] == "free"
    assert "SQLite" not in found["sqlite"][1] and found["sqlite"][1][0].isdigit()
    assert "its event log gives its state" in examine(project, "--replay")["store"][1]
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "ledger" not in path.name}
    assert after == before


@pytest.mark.parametrize("name", [".", "ledger.db", "values"])
def test_what_others_may_read_or_write_is_named_and_left_as_it_is(project: Path, name: str) -> None:
    folder = materialized(project)
    (folder / name).chmod(0o777)
    ok, told, hint = examine(project, code=1)["modes"]
    assert not ok and "0777" in told and str(folder / name) in told and hint.startswith("chmod")
    assert (folder / name).stat().st_mode & 0o777 == 0o777


def test_a_store_that_is_a_link_is_not_used_and_is_named(project: Path, tmp_path: Path) -> None:
    elsewhere = materialized(project).rename(tmp_path / "elsewhere")
    (project / ".bakehouse").symlink_to(elsewhere)
    ok, told, _ = examine(project, code=1)["place"]
    assert not ok and "is a link" in told


def test_a_store_of_another_user_is_not_used_and_is_named(project: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a folder away")
    os.chown(materialized(project), 65534, 65534)
    ok, told, _ = examine(project, code=1)["place"]
    assert not ok and "belongs to another user" in told
    assert json.loads(call(project, "status", "--json").stdout)["counts"] == {"never": 1}


@pytest.mark.spoils
def test_a_state_that_the_log_does_not_give_is_found_by_a_replay_alone(project: Path) -> None:
    folder = materialized(project)
    connection = sqlite3.connect(folder / "ledger.db")
    connection.execute("update attempts set state = 'failed'")
    connection.commit()
    connection.close()
    assert examine(project)["store"][0]
    ok, told, hint = examine(project, "--replay", code=1)["store"]
    assert not ok and "attempts bread" in told and "--set-aside" in hint


def test_what_nobody_needs_is_counted(project: Path) -> None:
    folder = materialized(project)
    left = folder / "values" / "ab" / ("ab" * 32)
    left.parent.mkdir(mode=0o700)
    left.touch(mode=0o600)
    left.write_bytes(b"x" * 2**20)
    ok, told, _ = examine(project)["surplus"]
    assert ok and told.startswith("1.0 MiB") and "1 value" in told and "bakehouse gc" in told


def mounts(kind: str, place: Path) -> str:
    return f"22 1 8:1 / / rw - ext4 /dev/sda rw\n40 22 0:50 / {place} rw shared:1 - {kind} server:/x rw\n"


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path], None]:
    """Has the kernel say that a file system of some kind is mounted somewhere."""

    def mount(kind: str, place: Path) -> None:
        (tmp_path / "mountinfo").write_text(mounts(kind, place))
        monkeypatch.setattr(filesystems, "MOUNTS", tmp_path / "mountinfo")

    return mount


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_on_a_network_file_system_the_store_is_kept_in_the_users_own_folder(
    project: Path, kind: str, mounted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "own"))
    assert store_folder(project) == project / ".bakehouse" and why_outside(project) is None
    mounted(kind, project)
    assert store_folder(project).is_relative_to(tmp_path / "own")
    assert kind in (why_outside(project) or "")
    mounted(kind, tmp_path)
    with pytest.raises(ProblemError, match="network file system") as told:
        store_folder(project)
    assert "BAKEHOUSE_HOME" in told.value.hint


@pytest.mark.parametrize("kind", ["ext4", "tmpfs", "overlay", "fuse.mergerfs", "btrfs"])
def test_a_local_file_system_keeps_the_store_in_the_project(project: Path, kind: str, mounted: Any) -> None:
    mounted(kind, project)
    assert store_folder(project) == project / ".bakehouse"


def test_where_the_kernel_says_nothing_the_file_system_is_taken_for_local(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(filesystems, "MOUNTS", tmp_path / "none")
    assert store_folder(project) == project / ".bakehouse"
