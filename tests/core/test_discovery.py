"""Which folder is the project, and which of its files are read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bakehouse.core.load import discovery
from bakehouse.core.load.discovery import Project, find_project, read_definition_files, walk
from bakehouse.core.problems import ProblemError

YAML = "assets: {flour: {}}\n"
PYTHON = "from bakehouse import asset\n"


def plant(root: Path, *files: str) -> Path:
    """Makes files: definitions, if nothing else is said behind a `=`."""
    for file in files:
        name, _, content = file.partition("=")
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content or (PYTHON if name.endswith(".py") else YAML))
    return root


def found(project: Project) -> set[str]:
    files = read_definition_files(project, walk(project))
    return {*files.yaml, *files.python}


def test_the_nearest_folder_upward_is_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, "bakehouse.yaml", "pipelines/a.yaml", "pipelines/deep/down/note.txt=x")
    monkeypatch.chdir(tmp_path / "pipelines" / "deep" / "down")

    project = find_project()

    assert (project.root, project.files, project.name) == (tmp_path, None, tmp_path.name)
    assert find_project(project.path) == project


def test_a_folder_called_pipelines_makes_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, "shop/pipelines/a.yaml", "shop/src/x.txt=x")
    monkeypatch.chdir(tmp_path / "shop" / "src")

    assert find_project().root == tmp_path / "shop"


def test_where_there_is_no_project_it_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path, "work/one/bakehouse.yaml", "work/two/bakehouse.yaml")
    monkeypatch.chdir(tmp_path / "work")

    with pytest.raises(ProblemError) as caught:
        find_project()

    assert (
        caught.value.message
        == f"no bakehouse.yaml and no pipelines/ folder in {tmp_path / 'work'} or above it"
    )
    assert caught.value.hint == "projects below: one, two: use -C one"


def test_definitions_are_told_from_other_files_by_what_is_in_them(tmp_path: Path) -> None:
    plant(
        tmp_path,
        "bakehouse.yaml=pipeline: x\n",
        "pipelines/a.yaml",
        "pipelines/b.yml=# tasks\n'tasks':\n  x: {}\n",
        'pipelines/c.yaml={"assets": {}}\n',
        "pipelines/helper.py=import os\n",
        "pipelines/steps.py",
        "later.py=import os, bakehouse as b\n",
        "inside.py=def f():\n    import bakehouse\n",
        "near.py=import bakehouse_tools\n",
        "told.py=EXAMPLE = '''\nfrom bakehouse import asset\n'''\n",
        "tool.py=from bakehouse.core.model import State\nimport bakehouse.core\n",
        "broken.py=from bakehouse import asset\nasset(\n",
        "tests/a.yaml",
        "pipelines/tests/laws/b.py",
        "values.yaml=replicas: 3\nspec:\n  tasks: []\n",
        "Taskfile.yml=tasks: {}\n",
        "weekly.yaml=pipeline: x\nschedules:\n  a: {}\n",
        "azure-pipelines.yml=trigger: main\nschedules:\n- cron: '0 0 * * *'\n",
        "test_steps.py",
        "steps_test.py",
        "conftest.py",
        ".hidden/a.yaml",
        ".venv/lib/x.py",
        "venv/x.py",
        "env/pyvenv.cfg=home=/usr",
        "env/lib/x.py",
        "node_modules/x/a.yaml",
        "lib/site-packages/x.py",
        "pkg/__pycache__/x.py",
        "other/bakehouse.yaml",
        "other/below/a.yaml",
    )

    assert found(find_project(tmp_path)) == {
        "bakehouse.yaml",
        "pipelines/a.yaml",
        "pipelines/b.yml",
        "pipelines/c.yaml",
        "pipelines/steps.py",
        "later.py",
        "inside.py",
        "broken.py",
        "weekly.yaml",
    }


def test_one_file_is_read_alone(tmp_path: Path) -> None:
    plant(tmp_path, "bakehouse.yaml", "a.yaml=pools: {}\n", "b.yaml", "steps.py", "plain.py=x = 1\n")

    assert found(find_project(tmp_path / "a.yaml")) == {"a.yaml"}
    assert found(find_project(tmp_path / "steps.py")) == {"steps.py"}
    project = find_project(tmp_path / "a.yaml")
    assert (project.root, project.name, project.path) == (tmp_path, "a", tmp_path / "a.yaml")


@pytest.mark.parametrize("name", ["absent", "notes.txt", "absent.yaml", "nul\0"])
def test_what_is_no_project_is_refused_by_name(tmp_path: Path, name: str) -> None:
    plant(tmp_path, "notes.txt=x")

    with pytest.raises(ProblemError) as caught:
        find_project(tmp_path / name)
    assert caught.value.hint == "-C takes a folder, a .yaml or a .py file"


def test_a_root_with_nothing_but_nested_projects_names_them(tmp_path: Path) -> None:
    plant(tmp_path, "pipelines/cookies/bakehouse.yaml", "pipelines/flights/bakehouse.yaml")
    with pytest.raises(ProblemError) as caught:
        found(find_project(tmp_path))
    assert (
        caught.value.hint == "projects below: pipelines/cookies, pipelines/flights: use -C pipelines/cookies"
    )

    plant(tmp_path, "bakehouse.yaml=pipeline: all\n")
    with pytest.raises(ProblemError, match="projects below"):
        found(find_project(tmp_path))


def test_where_nothing_is_defined_it_says_what_it_saw(tmp_path: Path) -> None:
    plant(tmp_path, "pipelines/a.yaml=asets: {}\n")

    with pytest.raises(ProblemError) as caught:
        found(find_project(tmp_path))
    assert caught.value.message == f"nothing is defined in {tmp_path}"
    assert caught.value.hint == "no assets: or tasks: at the top of pipelines/a.yaml"


@pytest.mark.case("D11")
def test_links_to_folders_are_not_followed_but_links_to_files_are(tmp_path: Path) -> None:
    plant(tmp_path, "real/a.yaml", "bakehouse.yaml")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "real" / "again").symlink_to(tmp_path / "real")
    (tmp_path / "linked.yaml").symlink_to(tmp_path / "real" / "a.yaml")
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.yaml")

    assert found(find_project(tmp_path)) == {"bakehouse.yaml", "real/a.yaml", "linked.yaml"}


def test_patterns_restrict_what_is_walked_and_read(tmp_path: Path) -> None:
    plant(tmp_path, "bakehouse.yaml=pools: {}\n", "a.yaml", "p/b.yaml", "p/q/c.yaml", "p/q/d.py", "x/e.yaml")
    project = find_project(tmp_path)

    def kept(*patterns: str) -> set[str]:
        return set(walk(project, patterns).stamps)

    assert kept("p/*.yaml") == {"bakehouse.yaml", "p/b.yaml"}
    assert kept("p/**/*.yaml") == {"bakehouse.yaml", "p/b.yaml", "p/q/c.yaml"}
    assert kept("p/**", "x/?.yaml") == {"bakehouse.yaml", "p/b.yaml", "p/q/c.yaml", "p/q/d.py", "x/e.yaml"}
    assert kept("**/*.py") == {"bakehouse.yaml", "p/q/d.py"}
    assert kept("nowhere/*") == {"bakehouse.yaml"}


@pytest.mark.case("D11")
def test_a_folder_without_end_is_refused_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "MOST_ENTRIES", 20)
    plant(tmp_path, "bakehouse.yaml", *(f"many/{number}.py" for number in range(30)), "few/a.yaml")

    with pytest.raises(ProblemError, match="too many files") as caught:
        walk(find_project(tmp_path))
    assert "definitions: [" in caught.value.hint
    assert set(walk(find_project(tmp_path), ["few/*"]).stamps) == {"bakehouse.yaml", "few/a.yaml"}
