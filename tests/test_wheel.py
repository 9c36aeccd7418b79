"""What a user installs: every module and data file of the three folders, and no generic name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("core", "tui", "pipelines")
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", ".bakehouse", "*.egg-info", "*.pyc")


def run(*command: str | Path, cwd: Path | None = None) -> str:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a fresh copy: nothing is left in the checkout, and no old build or run leaks in."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "README.md", "LICENSE", *shipped_files()):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    shutil.copytree(ROOT / "src", copy / "src", symlinks=True, ignore=LEFT_BEHIND)
    target = tmp_path_factory.mktemp("wheel")
    flags = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    run(sys.executable, "-m", "pip", "wheel", *flags, "-w", target, copy)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel: Path) -> frozenset[str]:
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


def shipped_files() -> set[str]:
    """The files of the three folders that git knows or would know; all of them where there is no git."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listed = run(
            "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *FOLDERS, cwd=ROOT
        )
        return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    return {
        str(path.relative_to(ROOT))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not {"__pycache__", ".bakehouse"} & set(path.parts)
    }


def test_the_wheel_holds_the_whole_house(contents: frozenset[str]) -> None:
    missing = {f"bakehouse/{name}" for name in shipped_files()} - contents
    assert not missing


def test_the_wheel_holds_nothing_else(contents: frozenset[str]) -> None:
    tops = {name.split("/")[0] for name in contents}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"bakehouse"}
    allowed = {f"bakehouse/{name}" for name in shipped_files()}
    allowed |= {f"bakehouse/{name}" for name in ("__init__.py", "__main__.py", "py.typed")}
    assert {name for name in contents if name.startswith("bakehouse/")} == allowed


def test_data_travels_with_the_code(contents: frozenset[str]) -> None:
    suffixes = {Path(name).suffix for name in contents if name.startswith("bakehouse/")}
    assert {".py", ".yaml", ".csv", ".parquet", ".typed"} <= suffixes
    assert "bakehouse/pipelines/cookies/recipes.py" in contents
    styles = {f"bakehouse/{path.relative_to(ROOT)}" for path in (ROOT / "tui").rglob("*.*css")}
    styles |= {f"bakehouse/{path.relative_to(ROOT)}" for path in (ROOT / "tui").rglob("*.js")}
    assert styles <= contents


def test_an_installed_bakehouse_bears_a_project_with_folders_of_the_same_names(
    wheel: Path, tmp_path: Path
) -> None:
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    flags = ("--quiet", "--no-deps", "--no-index")
    run(sys.executable, "-m", "pip", "--python", str(python), "install", *flags, wheel)
    project = tmp_path / "project"
    (project / "core").mkdir(parents=True)
    (project / "core" / "__init__.py").write_text("WHOSE = 'mine'\n")
    (project / "pipelines.py").write_text("WHOSE = 'mine'\n")
    told = run(
        python,
        "-c",
        "import bakehouse, core, pipelines, sys; from bakehouse import asset, task, source, Context, Table;"
        "print(core.WHOSE, pipelines.WHOSE, bakehouse.__version__, bakehouse.__file__)",
        cwd=project,
    )
    assert told.split()[:2] == ["mine", "mine"]
    assert str(tmp_path / "venv") in told
    site = next((tmp_path / "venv" / "lib").glob("python3*/site-packages"))
    for name in ("core", "tui", "pipelines", "tests", "bench"):
        assert not (site / name).exists()
