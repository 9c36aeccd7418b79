"""`--since`: what is new, changed and gone against a commit or another definitions file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.problems import ProblemError
from bakehouse.core.since import source_of
from bakehouse.core.workbench import Workbench

RECIPES = """
from bakehouse import asset

OVEN = 180

class Timer:
    def wait(self):
        return 12

def heat(temperature):
    return temperature + Timer().wait()

@asset
def dough():
    return 1

@asset
def bread(dough):
    return dough + heat(OVEN)
"""
YAML = "assets:\n  flour: {file: flour.csv}\n  cake: {deps: [flour], shell: 'true'}\n"


class Repository:
    """A project in a folder of a git repository, with one commit, tagged `first`."""

    def __init__(self, folder: Path) -> None:
        self.top = folder
        self.root = folder / "kitchen"
        self.root.mkdir(parents=True)
        self.write(recipes__py=RECIPES, bakehouse__yaml=YAML, flour__csv="grams\n")
        self.git("init", "-q", "-b", "main")
        self.commit("first")

    def git(self, *words: str) -> str:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", "-C", str(self.top), *identity, *words],
            env=clean,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def commit(self, tag: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", tag)
        self.git("tag", tag)

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.root / name.replace("__", ".")).write_text(text)


@pytest.fixture
def repository(tmp_path: Path, environ: dict[str, str]) -> Repository:
    return Repository(tmp_path / "house")


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BAKEHOUSE_TRUST", "1")
    return {**os.environ}


def bakehouse(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bakehouse", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def listed(root: Path, what: str) -> dict[str, str]:
    done = bakehouse(root, "ls", "--json", "--since", what)
    assert done.returncode == 0, done.stderr
    return {
        node["key"]: "new" if node["new"] else "changed" if node["changed"] else ""
        for node in json.loads(done.stdout)["nodes"]
    }


def test_what_is_new_and_changed_is_measured_against_a_commit(repository: Repository) -> None:
    assert set(listed(repository.root, "HEAD").values()) == {""}
    repository.write(
        recipes__py=RECIPES.replace("return 12", "return 15"),
        bakehouse__yaml=YAML + "  icing: {deps: [cake], shell: 'true'}\n",
    )
    before = repository.git("status", "--porcelain")
    found = listed(repository.root, "first")
    assert found == {"flour": "", "cake": "", "icing": "new", "dough": "", "bread": "changed"}
    assert repository.git("status", "--porcelain") == before
    repository.commit("second")
    assert set(listed(repository.root, "second").values()) == {""}
    assert listed(repository.root, "main~1")["icing"] == "new"


def test_why_shows_what_changed_in_the_definition_down_to_the_line(repository: Repository) -> None:
    repository.write(
        recipes__py=RECIPES.replace("return 12", "return 15").replace("OVEN = 180", "OVEN = 200")
    )
    told = bakehouse(repository.root, "why", "bread", "--since", "first").stdout
    for line in ("since first:", "-     return 12", "+     return 15", "(OVEN = 180 → OVEN = 200)"):
        assert any(line.replace(" ", "") in one.replace(" ", "") for one in told.splitlines()), (line, told)
    changes = json.loads(bakehouse(repository.root, "why", "bread", "--since", "first", "--json").stdout)[
        "changes"
    ]
    assert {change["kind"] for change in changes} == {"code_changed"}


def test_a_need_that_came_or_went_is_told(repository: Repository) -> None:
    repository.write(bakehouse__yaml=YAML.replace("deps: [flour]", "deps: [dough], params: {size: 2}"))
    told = bakehouse(repository.root, "why", "cake", "--since", "first").stdout
    assert "dough is new" in told and "flour is gone" in told and "params.size is new" in told


def test_another_file_can_be_compared_with(repository: Repository) -> None:
    repository.write(
        plan__yaml="assets:\n  flour: {file: flour.csv}\n  pie: {deps: [flour], shell: 'true'}\n"
    )
    done = bakehouse(
        repository.root / "bakehouse.yaml", "ls", "--json", "--since", str(repository.root / "plan.yaml")
    )
    assert {node["key"] for node in json.loads(done.stdout)["nodes"] if node["new"]} == {"cake"}


def test_before_there_was_a_project_everything_is_new(repository: Repository) -> None:
    repository.git("mv", "kitchen", "bakery")
    repository.commit("moved")
    assert set(listed(repository.top / "bakery", "first").values()) == {"new"}


def test_nothing_of_a_commit_runs_in_a_project_that_is_not_trusted(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    repository.write(recipes__py=f"open({str(ran)!r}, 'w').close()\n{RECIPES}")
    repository.commit("evil")
    repository.write(recipes__py=RECIPES)
    for name in ("filter.x.smudge", "core.fsmonitor"):
        repository.git("config", name, f"touch {ran}")
    (repository.top / ".git" / "info" / "attributes").write_text("* filter=x\n")
    monkeypatch.delenv("BAKEHOUSE_TRUST")
    assert set(listed(repository.root, "evil").values()) == {""}
    assert not ran.exists()
    monkeypatch.setenv("BAKEHOUSE_TRUST", "1")
    listed(repository.root, "evil")
    assert ran.exists()


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("nowhere", "neither a file nor a commit"),
        ("--output=x", "neither a file nor a commit"),
        ("", "neither"),
    ],
)
def test_what_is_not_there_is_said(repository: Repository, what: str, words: str) -> None:
    done = bakehouse(repository.root, "ls", "--since", what)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
    assert not list(repository.root.glob("x"))


def test_broken_definitions_of_a_commit_are_named_as_such(repository: Repository) -> None:
    repository.write(bakehouse__yaml="assets:\n  flour: {fil: x}\n")
    repository.commit("broken")
    repository.write(bakehouse__yaml=YAML)
    done = bakehouse(repository.root, "ls", "--since", "broken")
    assert (
        done.returncode == 2 and "what broken defines cannot be read" in done.stderr and "fil" in done.stderr
    )


def test_outside_of_a_repository_only_files_can_be_compared_with(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "alone"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(YAML)
    done = bakehouse(folder, "ls", "--since", "HEAD")
    assert done.returncode == 2 and "git" in done.stderr and "Traceback" not in done.stderr


def test_nothing_can_be_accepted_while_it_is_compared(repository: Repository) -> None:
    with_more = YAML + "  icing: {deps: [cake], shell: 'true'}\n"
    bench = Workbench.open(repository.root)
    repository.write(bakehouse__yaml=with_more)
    bench.reload()
    bench.compare_with("first")
    with pytest.raises(ProblemError, match="measured against first"):
        bench.accept()
    assert {node.name for node in bench.marks().new} == {"icing"}
    bench.store.close()


@pytest.mark.parametrize(
    ("part", "lines"),
    [
        ("recipes.OVEN", "OVEN = 180"),
        ("recipes.Timer.wait", "    def wait(self):\n        return 12"),
        ("recipes.dough", "@asset\ndef dough():\n    return 1"),
        ("recipes.nothing", None),
        ("elsewhere.dough", None),
    ],
)
def test_the_lines_of_a_part_are_found(part: str, lines: str | None) -> None:
    assert source_of(part, {"recipes.py": RECIPES}) == lines


async def test_the_screen_says_what_it_compares_with(repository: Repository) -> None:
    from bakehouse.tui.app import BakehouseApp

    repository.write(recipes__py=RECIPES.replace("return 12", "return 15"))

    def opened() -> Any:
        bench = Workbench.open(repository.root)
        bench.compare_with("first")
        return bench

    app = BakehouseApp(opened, watching=False)
    async with app.run_test(size=(180, 40)) as pilot:
        while app.session is None:
            await pilot.pause(0.01)
        await pilot.press("c")
        await pilot.pause()
        text = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "1 changed" in text and "since first" in text and "return 15" in text and "Accept" not in text
        await pilot.press("N")
        await pilot.pause()
        assert "new is what first has not" in "\n".join(
            strip.text for strip in app.screen._compositor.render_strips()
        )
