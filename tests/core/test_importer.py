"""The project's modules: what was read is what runs, each folder for itself."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import linecache
import os
import pickle
import py_compile
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakehouse.core.fingerprint.importer import ProjectImporter, SnapshotDamaged


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def importer(tmp_path: Path) -> Iterator[ProjectImporter]:
    before, path = dict(sys.modules), list(sys.path)
    importer = ProjectImporter(tmp_path)
    importer.install()
    yield importer
    importer.uninstall()
    added = {name for name in sys.modules.keys() - before.keys() if not name.startswith("bakehouse")}
    assert not {n for n in added if str(tmp_path) in str(getattr(sys.modules[n], "__file__", ""))}
    assert sys.path == path


def test_two_folders_may_each_have_a_module_of_one_name(importer: ProjectImporter, tmp_path: Path) -> None:
    for folder in ("bread", "cake"):
        put(
            tmp_path / folder, {"recipes.py": f"import oven\nWHAT = {folder!r}\ndef heat(): return oven.HEAT"}
        )
        put(tmp_path / folder, {"oven.py": f"HEAT = {len(folder)}"})
    bread = importer.load("recipes", "bread")
    cake = importer.load("recipes", "cake")
    assert (bread.WHAT, cake.WHAT) == ("bread", "cake")
    assert (bread.heat(), cake.heat()) == (5, 4)
    assert importer.load("recipes", "bread") is bread
    assert "recipes" not in sys.modules


def test_an_import_while_a_step_runs_is_that_of_its_folder(importer: ProjectImporter, tmp_path: Path) -> None:
    for folder in ("bread", "cake"):
        put(tmp_path / folder, {"recipes.py": "def late():\n    import oven\n    return oven.NAME"})
        put(tmp_path / folder, {"oven.py": f"NAME = {folder!r}"})
    steps = {folder: importer.load("recipes", folder).late for folder in ("bread", "cake")}
    for folder in ("cake", "bread", "cake"):
        with importer.within(folder):
            assert steps[folder]() == folder


def test_objects_of_a_folder_are_unpickled_in_their_folder(importer: ProjectImporter, tmp_path: Path) -> None:
    for folder in ("bread", "cake"):
        put(tmp_path / folder, {"shapes.py": f"class Loaf:\n    home = {folder!r}"})
        importer.load("shapes", folder)
    with importer.within("cake"):
        data = pickle.dumps(importer.load("shapes", "cake").Loaf())
    importer.load("shapes", "bread")
    with importer.within("cake"):
        assert pickle.loads(data).home == "cake"  # noqa: S301


def test_the_root_is_searched_after_the_folder(importer: ProjectImporter, tmp_path: Path) -> None:
    put(
        tmp_path,
        {"shared.py": "WHERE = 'root'", "only.py": "WHERE = 'root'", "sub/shared.py": "WHERE = 'sub'"},
    )
    assert importer.load("shared", "sub").WHERE == "sub"
    assert importer.load("only", "sub").WHERE == "root"
    assert importer.load("shared", "").WHERE == "root"


def test_packages_of_every_kind(importer: ProjectImporter, tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "flights/__init__.py": "from .tools import KIND",
            "flights/tools.py": "from . import deep\nfrom .deep.er import VALUE\nKIND = 'regular'",
            "flights/deep/__init__.py": "",
            "flights/deep/er.py": "VALUE = 1",
            "plain/inner/leaf.py": "from ..sister import S\nX = S + 1",
            "plain/sister.py": "S = 1",
            "main.py": "import flights.deep.er\nimport plain.inner.leaf as leaf\nR = flights.deep.er.VALUE + leaf.X",
        },
    )
    assert importer.load("main").R == 3
    assert importer.load("flights").KIND == "regular"
    names = {source.path: source.is_package for source in importer.sources}
    assert names["flights/__init__.py"] and not names["flights/tools.py"]


def test_a_folder_of_data_hides_no_library(importer: ProjectImporter, tmp_path: Path) -> None:
    put(tmp_path, {"yaml/notes.txt": "no package", "main.py": "import yaml\nOK = yaml.safe_load('1')"})
    assert importer.load("main").OK == 1


def test_python_s_own_modules_are_never_replaced(importer: ProjectImporter, tmp_path: Path) -> None:
    put(tmp_path, {"wave.py": "raise SystemExit", "main.py": "import wave\nW = wave.Error"})
    assert issubclass(importer.load("main").W, Exception)
    with pytest.raises(ImportError, match="'wave' like one of Python's own: rename it"):
        importer.load("wave")


def test_environments_inside_the_project_are_not_the_project(
    importer: ProjectImporter, tmp_path: Path
) -> None:
    put(
        tmp_path,
        {"env/pyvenv.cfg": "", "env/lib/thing.py": "", ".venv/x.py": "", "lib/site-packages/y.py": ""},
    )
    for path in ("env/lib/thing.py", ".venv/x.py", "lib/site-packages/y.py", "../outside.py"):
        assert not importer.is_ours(str(tmp_path / path))
    assert importer.is_ours(str(tmp_path / "lib/mine.py"))


def test_an_edit_of_equal_size_in_the_same_second_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "recipes.py"
    for n in range(10, 30):
        path.write_text(f"VALUE = {n}\n")
        os.utime(path, (1_700_000_000, 1_700_000_000))
        if n == 10:
            py_compile.compile(str(path), doraise=True)
        importer = ProjectImporter(tmp_path)
        importer.install()
        try:
            assert n == importer.load("recipes").VALUE
        finally:
            importer.uninstall()


def test_no_bytecode_is_left_in_the_project(
    importer: ProjectImporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    put(tmp_path, {"recipes.py": "import helper", "helper.py": ""})
    importer.load("recipes")
    assert not list(tmp_path.rglob("*.pyc"))


def test_a_traceback_shows_the_lines_that_were_loaded(importer: ProjectImporter, tmp_path: Path) -> None:
    put(tmp_path, {"recipes.py": "def bake():\n    raise ValueError('burnt')  # loaded\n"})
    recipes = importer.load("recipes")
    put(tmp_path, {"recipes.py": "\n\n\nother = 'text'\n"})
    linecache.checkcache()
    try:
        recipes.bake()
    except ValueError as error:
        shown = "".join(traceback.format_exception(error))
    assert f'File "{tmp_path / "recipes.py"}", line 2, in bake' in shown
    assert "# loaded" in shown
    assert "# loaded" in inspect.getsource(recipes.bake)


def test_a_snapshot_runs_what_was_read_whatever_is_in_the_folder_now(tmp_path: Path) -> None:
    root, copies = tmp_path / "project", tmp_path / "code"
    copies.mkdir()
    put(root, {"a/recipes.py": "import helper\nV = helper.V", "a/helper.py": "V = 'planned'"})
    first = ProjectImporter(root)
    first.install()
    first.load("recipes", "a")
    for unit in first.units:
        (copies / unit.source.digest).write_bytes(unit.data)
    first.uninstall()
    put(root, {"a/helper.py": "V = 'edited'", "a/extra.py": "V = 'new'"})
    (root / "a/recipes.py").unlink()

    second = ProjectImporter(root, first.sources, copies)
    second.install()
    try:
        assert second.load("recipes", "a").V == "planned"
        assert second.live == []
        assert second.load("extra", "a").V == "new"
        assert second.live == ["a/extra.py"]
    finally:
        second.uninstall()


def test_a_damaged_copy_is_never_run(tmp_path: Path) -> None:
    root, copies = tmp_path / "project", tmp_path / "code"
    copies.mkdir()
    put(root, {"recipes.py": "V = 1"})
    first = ProjectImporter(root)
    first.install()
    first.load("recipes")
    first.uninstall()
    (source,) = first.sources
    assert source.digest == hashlib.sha256(b"V = 1").hexdigest()
    (copies / source.digest).write_bytes(b"V = 2")

    same_file = ProjectImporter(root, first.sources, copies)
    same_file.install()
    assert same_file.load("recipes").V == 1
    same_file.uninstall()

    put(root, {"recipes.py": "V = 3"})
    changed = ProjectImporter(root, first.sources, copies)
    changed.install()
    try:
        with pytest.raises(SnapshotDamaged, match=r"recipes\.py that this run was planned with"):
            changed.load("recipes")
    finally:
        changed.uninstall()


def test_a_pipe_in_place_of_a_module_never_blocks(importer: ProjectImporter, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "recipes.py")
    with pytest.raises(ModuleNotFoundError):
        importer.load("recipes")


def test_a_module_that_an_editable_install_knows_is_the_project_s(
    importer: ProjectImporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, {"src/mylib/__init__.py": "V = 1", "main.py": "import mylib\nV = mylib.V"})
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "src")])
    assert importer.load("main").V == 1
    assert "src/mylib/__init__.py" in {source.path for source in importer.sources}


def test_where_an_import_would_lead_is_known_without_running_it(
    importer: ProjectImporter, tmp_path: Path
) -> None:
    put(tmp_path, {"pack/__init__.py": "raise RuntimeError", "pack/leaf.py": "raise RuntimeError"})
    found = importer.locate("pack.leaf")
    assert [unit.source.path for unit in found] == ["pack/__init__.py", "pack/leaf.py"]
    assert importer.locate("json") == [] == importer.locate("nothing.here")


def test_importlib_by_name_works_inside_a_context(importer: ProjectImporter, tmp_path: Path) -> None:
    put(tmp_path, {"a/recipes.py": "V = 1"})
    with importer.within("a"):
        assert importlib.import_module("recipes").V == 1
