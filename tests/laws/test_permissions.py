"""A store that cannot be written, or is partly another's: said in words, with its place, and nothing is changed for
the user behind his back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

YAML = """
assets:
  dough: {shell: 'head -c 100000 /dev/zero > "$OUTPUT"; echo kneaded'}
  bread: {deps: [dough], shell: 'cat "$dough" "$dough" > "$OUTPUT"; echo baked'}
"""
# Root may write where the modes say that nobody may. Without its capabilities it is as everybody else.
AS_EVERYBODY = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
STRANGER = 54321
Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(YAML)
    return folder


@pytest.fixture
def call(project: Path, environ: dict[str, str]) -> Call:
    if AS_EVERYBODY and subprocess.run([*AS_EVERYBODY, "true"], capture_output=True).returncode:
        pytest.skip("R3: root cannot give its capabilities away here")

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [*AS_EVERYBODY, sys.executable, "-m", "bakehouse", "-C", str(project), *words]
        return subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
        )

    return call


def rights(folder: Path) -> dict[str, tuple[int, int]]:
    found = {".": folder.lstat()} | {
        name: (folder / name).lstat() for name in ("ledger.db", "lock", "values", "logs", "cache")
    }
    return {name: (status.st_mode, status.st_uid) for name, status in found.items()}


@pytest.mark.case("R3")
@pytest.mark.parametrize(
    ("what", "mode", "told"),
    [
        (".", 0o500, "cannot be written"),
        ("ledger.db", 0o400, "readonly"),
        pytest.param("ledger.db", 0o000, "see to its disk and its permissions", marks=pytest.mark.full),
        pytest.param("lock", 0o400, "cannot be written", marks=pytest.mark.full),
        ("values", 0o500, "Permission denied"),
        pytest.param("tmp", 0o500, "", marks=pytest.mark.full),
        pytest.param("logs", 0o500, "", marks=pytest.mark.full),
        pytest.param("cache", 0o500, "", marks=pytest.mark.full),
        (".", 0o777, ""),
    ],
)
def test_where_the_store_cannot_be_written_a_run_says_so_and_changes_no_rights(
    project: Path, call: Call, what: str, mode: int, told: str
) -> None:
    store = project / ".bakehouse"
    assert call("materialize", "dough").returncode == 0
    (store / what).chmod(mode)
    before = rights(store)
    done = call("materialize")
    assert "Traceback" not in done.stdout + done.stderr
    if told:
        assert done.returncode == 1 and told in done.stdout + done.stderr, done
        assert str(store) in done.stdout + done.stderr, done
    else:
        assert done.returncode == 0, done
        assert call("ls", "--json").stdout.count('"state": "fresh"') >= 2
    looked = call("ls")
    assert (
        looked.returncode == (1 if (what, mode) == ("ledger.db", 0) else 0)
        and "Traceback" not in looked.stderr
    )
    found = call("doctor").stdout
    assert (f"others may read or write {store} (0777)" in found) == bool(mode & 0o077)
    assert rights(store) == before
    (store / what).chmod(0o700 if (store / what).is_dir() else 0o600)
    assert call("materialize").returncode == 0


@pytest.mark.case("R3")
@pytest.mark.skipif(os.geteuid() != 0, reason="R3: only root can give files to somebody else")
@pytest.mark.parametrize("what", [".", "ledger.db"])
def test_a_store_that_is_anothers_is_left_to_him(project: Path, call: Call, what: str) -> None:
    store = project / ".bakehouse"
    assert call("materialize").returncode == 0
    os.chown(store / what, STRANGER, STRANGER)
    before = rights(store)
    ledger = (store / "ledger.db").read_bytes()
    done = call("materialize")
    assert "Traceback" not in done.stderr
    found = call("doctor")
    assert rights(store) == before and (store / "ledger.db").read_bytes() == ledger
    if what == ".":
        assert done.returncode == 0 and "belongs to another user" in found.stdout
        assert call("ls", "--json").stdout.count('"state": "fresh"') >= 2, "one's own store is elsewhere"
    else:
        assert done.returncode == 1 and str(store) in done.stderr
        assert f"not yours: {store / what} (user {STRANGER})" in found.stdout and found.returncode == 1
    os.chown(store / what, 0, 0)
    shutil.rmtree(store)
