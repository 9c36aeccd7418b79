"""The remembered definitions: right whenever they are used, and not used when anything may have changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bakehouse.core.load.cache import DefinitionCache
from bakehouse.core.load.definitions import load_definitions
from bakehouse.core.load.discovery import find_project
from bakehouse.core.model import Definitions
from bakehouse.core.problems import DefinitionError

YAML = """\
pipeline: cookies
pools: {oven: 1}
schedules: {nightly: {cron: "0 2 * * *"}}
partitions: {month: {monthly: {start: 2026-01, timezone: Europe/Berlin}}}
assets:
  flour: {file: flour.csv, metadata: {a: [1, 2.5, null, {b: "ü"}]}}
  dough: {deps: [{asset: flour, as: meal}], python: "recipes:mix", params: {n: 1}, env: [HOME], timeout: 5m}
  slice: {deps: [{asset: crumb, partitions: {last: 3}}], partitions: month, sql: select 1}
  crumb: {sql: select 1, partitions: [month, {static: [a, b]}], checks: [{unique: [a, b]}]}
  bread: {deps: [dough], sql: select 1, pool: oven, max_age: 1d, after: [dust], checks: [row_count: 1]}
tasks:
  dust: {shell: "true", code_version: "1"}
"""
RECIPES = "from shelf import LIMIT\ndef mix(meal, n): return LIMIT\n"
OLD = 1_600_000_000


class Bakery:
    """A project with a store, whose files can be made old, so that their stamps are believed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = root / ".bakehouse"
        self.write("bakehouse.yaml", YAML)
        self.write("recipes.py", RECIPES)
        self.write("shelf.py", "LIMIT = 3\n")
        self.write(
            "defs.py",
            "from bakehouse import asset, check\n@asset\ndef cake(dough): ...\n"
            "@check(asset=cake)\ndef good(cake): ...\n",
        )
        self.write("plain.py", "x = 1\n")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def load(self, trusted: bool = True, interpreter: str = sys.executable) -> Definitions:
        project = find_project(self.root)
        return load_definitions(project, trusted=trusted, interpreter=interpreter, store=self.store)

    def recalled(self, trusted: bool = True) -> Definitions | None:
        memory = DefinitionCache.at(self.store, find_project(self.root), sys.executable, trusted)
        assert memory is not None
        return memory.recall()

    @property
    def record(self) -> Path:
        (path,) = (self.store / "cache").glob("definitions-*.json")
        return path


@pytest.fixture
def bakery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bakery:
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "home"))
    return Bakery(tmp_path / "project")


@pytest.mark.parametrize("trusted", [True, False])
def test_what_is_remembered_is_what_was_loaded(bakery: Bakery, trusted: bool) -> None:
    loaded = bakery.load(trusted)

    assert bakery.recalled(trusted) == loaded
    assert bakery.recalled(not trusted) is None


def test_nothing_is_remembered_of_broken_definitions(bakery: Bakery) -> None:
    bakery.load()
    bakery.write("bakehouse.yaml", YAML + "x: 1\n")
    with pytest.raises(DefinitionError):
        bakery.load()

    bakery.write("bakehouse.yaml", YAML)
    assert bakery.recalled() is not None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bakehouse.yaml", YAML.replace("n: 1", "n: 2")),
        ("recipes.py", RECIPES.replace("n)", "m)")),
        ("shelf.py", "LIMIT = 4\n"),
        ("defs.py", "from bakehouse import asset\n@asset\ndef cak2(dough): ...\n"),
        ("plain.py", "import bakehouse\n"),
        ("more.yaml", "assets: {}\n"),
        ("deep/down/json.py", "x = 1\n"),
    ],
)
def test_a_change_is_seen_even_within_one_tick_and_of_the_same_size(
    bakery: Bakery, name: str, text: str
) -> None:
    bakery.load()
    path = bakery.root / name
    before = path.stat() if path.exists() else None
    bakery.write(name, text)
    if before is not None:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert bakery.recalled() is None


def test_a_file_that_is_gone_is_seen(bakery: Bakery) -> None:
    bakery.load()
    (bakery.root / "plain.py").unlink()

    assert bakery.recalled() is None


def test_what_does_not_matter_changes_nothing(bakery: Bakery) -> None:
    loaded = bakery.load()
    bakery.write("plain.py", "x = 2\n")
    bakery.write("notes.txt", "x")
    bakery.write("bakehouse.yaml", YAML)

    assert bakery.recalled() == loaded


def test_old_files_are_known_by_their_stamps_alone(bakery: Bakery, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = bakery.load()
    monkeypatch.setattr("bakehouse.core.load.cache._RACY_NS", -(10**18))
    monkeypatch.setattr("bakehouse.core.load.files.read_file", None)

    assert bakery.recalled() == loaded


def test_a_copy_of_a_module_that_is_gone_is_made_again(bakery: Bakery) -> None:
    loaded = bakery.load()
    shutil.rmtree(bakery.store / "code")

    assert bakery.recalled() is None
    assert bakery.load() == loaded
    assert all((bakery.store / "code" / module.digest).is_file() for module in loaded.modules)


def test_new_libraries_are_seen(bakery: Bakery, tmp_path: Path) -> None:
    packages = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    project = find_project(bakery.root)
    memory = DefinitionCache.at(bakery.store, project, str(python), False)
    assert memory is not None
    load_definitions(project, trusted=False, interpreter=str(python), store=bakery.store)
    assert memory.recall() is not None

    (packages / "new").mkdir()

    assert memory.recall() is None


def test_a_broken_record_is_ignored(bakery: Bakery) -> None:
    loaded = bakery.load()
    whole = bakery.record.read_bytes()
    for broken in (
        b"",
        b"\n",
        whole[:-1],
        whole[:100],
        whole.replace(b"bread", b"brood"),
        b"\xff" + whole,
        b"x" * 99,
    ):
        bakery.record.write_bytes(broken)
        assert bakery.recalled() is None
    assert bakery.load() == loaded
    record = bakery.record
    record.unlink()
    record.mkdir()
    assert bakery.load() == loaded


@pytest.mark.case("X1")
def test_a_record_that_came_with_a_clone_is_not_believed(bakery: Bakery, tmp_path: Path) -> None:
    bakery.load()
    (tmp_path / "home" / "key").write_bytes(b"k" * 32)

    assert bakery.recalled() is None


def test_a_copied_project_has_no_memory(bakery: Bakery, tmp_path: Path) -> None:
    bakery.load()
    copy = Bakery.__new__(Bakery)
    copy.root, copy.store = tmp_path / "copy", tmp_path / "copy" / ".bakehouse"
    shutil.copytree(bakery.root, copy.root)

    assert copy.recalled() is None


def test_a_store_that_cannot_be_written_costs_only_time(bakery: Bakery) -> None:
    bakery.store.write_text("in the way")

    assert bakery.load(trusted=False).assets
    assert bakery.recalled(trusted=False) is None


def test_definitions_patterns_are_remembered_too(bakery: Bakery) -> None:
    bakery.write("parts/a.yaml", "assets: {a: {}}\n")
    bakery.write("bakehouse.yaml", "definitions: [parts/*.yaml]\n")
    assert set(bakery.load().assets) == {"a"}
    bakery.write("ignored.yaml", "assets: {b: {}}\n")
    assert bakery.recalled() is not None
    bakery.write("parts/b.yaml", "assets: {b: {}}\n")
    assert bakery.recalled() is None
    assert set(bakery.load().assets) == {"a", "b"}


PROBE = """
import sys
from pathlib import Path
from bakehouse.core.load.definitions import load_definitions
from bakehouse.core.load.discovery import find_project
root = Path(sys.argv[1])
load_definitions(find_project(root), trusted=True, interpreter=sys.executable, store=root / ".bakehouse")
print(*sorted({"pydantic", "yaml", "networkx", "psutil", "asyncio", "subprocess"} & set(sys.modules)))
"""


def test_remembered_definitions_need_no_heavy_import(bakery: Bakery) -> None:
    def loaded() -> list[str]:
        command = [sys.executable, "-c", PROBE, str(bakery.root)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert {"pydantic", "yaml"} <= set(loaded())
    assert loaded() == []


def test_what_the_definitions_read_while_they_are_imported_is_part_of_what_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, store = tmp_path / "project", tmp_path / "store"
    root.mkdir()
    store.mkdir(mode=0o700)
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOAVES", "1")
    (root / "limits.json").write_text('{"heat": 200}')
    (root / "defs.py").write_text(
        "import json, os\nfrom pathlib import Path\nfrom bakehouse import asset\n"
        "LOAVES = os.environ.get('LOAVES')\n"
        "LIMITS = json.loads(Path('limits.json').read_text())\n\n\n"
        "@asset\ndef bread():\n    return LOAVES, LIMITS\n"
    )

    def code() -> str:
        found = load_definitions(find_project(root), trusted=True, store=store).tasks["bread"].code
        assert found is not None
        return found.digest

    first = code()
    assert code() == first
    monkeypatch.setenv("LOAVES", "2")
    second = code()
    assert second != first
    (root / "limits.json").write_text('{"heat": 175}')
    assert code() not in (first, second)
