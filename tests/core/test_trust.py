"""Trust: kept in the user's own folder, for this very folder of a project and no other."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from bakehouse.core.marks import Marks
from bakehouse.core.model import Node
from bakehouse.core.places import make_store_folder, store_folder, user_key, user_state
from bakehouse.core.problems import ProblemError
from bakehouse.core.trust import is_trusted, trust, untrust
from bakehouse.core.workbench import Workbench


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder."""
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("BAKEHOUSE_TRUST", raising=False)
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def records(home: Path) -> list[Path]:
    return sorted((home / "trust").glob("*"))


def test_a_project_is_trusted_only_once_the_user_says_so(project: Path) -> None:
    assert not is_trusted(project)
    trust(project)
    assert is_trusted(project)
    assert is_trusted(project / ".." / "project")
    untrust(project)
    untrust(project)
    assert not is_trusted(project)


def test_the_first_baseline_after_trusting_marks_nothing_as_new_or_changed(project: Path) -> None:
    (project / "bakehouse.yaml").write_text(
        "assets:\n  dough: {python: 'steps:knead'}\n  salt: {shell: 'true'}\n"
    )
    (project / "steps.py").write_text("def knead():\n    return 1\n")
    (project / "more.py").write_text(
        "from bakehouse import asset\n\n@asset\ndef bread(dough):\n    return dough\n"
    )
    with closing(Workbench.open(project).store):
        pass
    trust(project)
    for _ in range(2):
        bench = Workbench.open(project)
        with closing(bench.store):
            assert set(bench.definitions.assets) == {"dough", "salt", "bread"}
            assert bench.marks() == Marks()
    (project / "steps.py").write_text("def knead():\n    return 2\n")
    bench = Workbench.open(project)
    with closing(bench.store):
        assert not bench.marks().new and Node("asset", "dough") in bench.marks().changed


def test_the_record_is_for_the_user_alone_and_not_in_the_project(project: Path, home: Path) -> None:
    trust(project)

    (record,) = records(home)
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert stat.S_IMODE(record.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert list(project.iterdir()) == []


@pytest.mark.case("X3")
def test_trust_does_not_follow_a_folder_that_is_moved_copied_or_replaced(
    project: Path, tmp_path: Path
) -> None:
    trust(project)
    shutil.copytree(project, tmp_path / "copy")
    assert not is_trusted(tmp_path / "copy")

    project.rename(tmp_path / "moved")
    assert not is_trusted(tmp_path / "moved")
    assert not is_trusted(project)

    project.mkdir()
    assert not is_trusted(project)


@pytest.mark.case("X3")
def test_a_link_is_as_good_as_what_it_leads_to(project: Path, tmp_path: Path) -> None:
    trust(project)
    link = tmp_path / "link"
    link.symlink_to(project)
    assert is_trusted(link)

    other = tmp_path / "other"
    other.mkdir()
    link.unlink()
    link.symlink_to(other)
    assert not is_trusted(link)
    project.rename(tmp_path / "aside")
    project.symlink_to(other)
    assert not is_trusted(project)


@pytest.mark.case("X7")
def test_a_forged_record_is_not_believed(project: Path, home: Path, tmp_path: Path) -> None:
    trust(project)
    (record,) = records(home)
    genuine = record.read_bytes()
    for inside in (project / ".bakehouse", project / "trust"):
        inside.mkdir()
        shutil.copy(record, inside / record.name)
    untrust(project)
    assert not is_trusted(project)

    record.write_bytes(genuine)
    record.chmod(0o622)
    assert not is_trusted(project)
    record.unlink()
    (tmp_path / "elsewhere.json").write_bytes(genuine)
    (tmp_path / "elsewhere.json").chmod(0o600)
    record.symlink_to(tmp_path / "elsewhere.json")
    assert not is_trusted(project)
    record.unlink()
    for nonsense in (b"", b"[]", b"{", b'"x"', b"null", b"{}", json.dumps({"folder": {}}).encode()):
        record.write_bytes(nonsense)
        record.chmod(0o600)
        assert not is_trusted(project)


@pytest.mark.case("X6")
def test_a_folder_that_everyone_can_write_to_is_refused(project: Path) -> None:
    trust(project)
    project.chmod(0o777)

    assert not is_trusted(project)
    with pytest.raises(ProblemError, match="every user can write"):
        trust(project)


AS_ANOTHER = """
import os, sys
from pathlib import Path
from bakehouse.core.problems import ProblemError
from bakehouse.core.trust import trust
os.seteuid(65534)
try:
    trust(Path(sys.argv[1]))
except ProblemError as problem:
    print(problem)
"""


@pytest.mark.case("X6")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(project: Path) -> None:
    trust(project)
    os.chown(project, 65534, 65534)
    assert not is_trusted(project), "the owner is part of the record"

    with tempfile.TemporaryDirectory() as theirs:
        Path(theirs).chmod(0o755)
        said = subprocess.run(
            [sys.executable, "-c", AS_ANOTHER, theirs], capture_output=True, text=True, check=True
        )
    assert said.stdout == (
        f"{theirs} belongs to another user (uid 0, you are 65534), who can change what runs\n"
        "copy it to a folder of yours, or set BAKEHOUSE_TRUST=1 for one call\n"
    )


@pytest.mark.case("X7")
def test_the_caller_can_say_yes_by_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for word, yes in [("1", True), ("true", True), ("0", False), ("", False), ("no", False)]:
        monkeypatch.setenv("BAKEHOUSE_TRUST", word)
        assert is_trusted(project) is yes
    (project / ".env").write_text("BAKEHOUSE_TRUST=1\n")
    assert not is_trusted(project)


@pytest.mark.case("X7", "R8")
def test_without_a_home_nothing_is_trusted_and_it_says_why(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BAKEHOUSE_HOME", "HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)

    assert not is_trusted(project)
    with pytest.raises(ProblemError, match="HOME is not set") as caught:
        trust(project)
    assert caught.value.hint == "set HOME or BAKEHOUSE_HOME"


def test_a_home_that_cannot_be_written_is_named(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "file" / "home"))

    with pytest.raises(ProblemError, match="cannot make the folder"):
        trust(project)
    assert not is_trusted(project)


def test_user_state_follows_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BAKEHOUSE_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    assert user_state() == tmp_path / "state" / "bakehouse"


def test_the_users_key_is_made_once(home: Path) -> None:
    assert user_key() == user_key()
    assert len(user_key()) == 32
    assert stat.S_IMODE((home / "key").stat().st_mode) == 0o600


def test_the_store_lies_in_the_project_and_hides_itself(project: Path) -> None:
    assert store_folder(project) == project / ".bakehouse"
    assert not (project / ".bakehouse").exists()

    folder = make_store_folder(project)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"
    assert make_store_folder(project) == folder


@pytest.mark.case("X13")
def test_a_planted_link_is_not_taken_for_a_store(project: Path, home: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (project / ".bakehouse").symlink_to(victim)

    folder = make_store_folder(project)

    assert folder.parent == home / "projects"
    assert list(victim.iterdir()) == []


def test_a_file_in_the_way_of_the_store_sends_it_home(project: Path, home: Path) -> None:
    (project / ".bakehouse").write_text("")

    assert store_folder(project).parent == home / "projects"


def test_twenty_processes_that_need_a_key_at_once_have_the_same(tmp_path: Path) -> None:
    code = "from bakehouse.core.places import user_key; print(user_key().hex())"
    environ = {**os.environ, "BAKEHOUSE_HOME": str(tmp_path / "fresh")}
    command = [sys.executable, "-c", code]
    started = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(20)]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1
    assert sorted(path.name for path in (tmp_path / "fresh").iterdir()) == ["key"]
