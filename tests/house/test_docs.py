"""The docs tell the truth about the code, as far as a machine can see."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "bench" / "README.md"])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"```.*?```", re.DOTALL)


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def generator() -> Path:
    return ROOT / "docs" / "generate.py"


def test_what_comes_from_the_code_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, generator(), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_tells_every_key() -> None:
    from bakehouse.tui.projection.keys import KEYS

    told = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = {
        row.split(" | ")[0]
        for row in told.split("<!-- begin keys -->")[1].splitlines()
        if row.startswith("| `")
    }
    assert rows == {
        "| " + " ".join(f"`{cap}`" for cap in key.shown.split()).replace("|", "\\|") for key in KEYS
    }


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    dead = []
    for target in LINK.findall(text):
        file = target.partition("#")[0]
        if not re.match(r"[a-z]+:", target) and file and not (page.parent / file).exists():
            dead.append(target)
    assert not dead


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_command_exists(page: Path) -> None:
    from bakehouse.tui.cli.program import _COMMANDS

    options = r"(?:(?:-C|-p|--since|--profile|--env-file) \S++ ?|--?[a-z]+ )*+"
    named = set(re.findall(rf"\bbakehouse {options}([a-z]+)\b(?!\.)", _code(page)))
    assert named - {"import"} <= _COMMANDS.keys()


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_make_target_exists(page: Path) -> None:
    made = set(re.findall(r"^([a-z][a-z -]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets = {word for line in made for word in line.split()}
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", _code(page))) <= targets


def _code(page: Path) -> str:
    """What stands in backticks, in fences, or is indented as code."""
    text = page.read_text(encoding="utf-8")
    fenced = FENCE.findall(text)
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", FENCE.sub("", text))
    indented = [line for line in text.splitlines() if line.startswith("    ")]
    return "\n".join([*fenced, *spans, *(line.split("  #")[0] for line in indented)])


def examples(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def listed(folder: Path, home: Path) -> dict[str, str]:
    """What `bakehouse ls` says of the project: the kind of each node."""
    environment = {**os.environ, "BAKEHOUSE_TRUST": "1", "BAKEHOUSE_HOME": str(home)}
    command: list[str | Path] = [sys.executable, "-m", "bakehouse", "-C", folder, "ls", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {node["key"]: node["kind"] for node in json.loads(done.stdout)["nodes"]}


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A folder with the files that the README shows, under the names that it gives them."""
    readme = ROOT / "README.md"
    (csv,) = examples(readme, "csv")
    (tmp_path / "flights.csv").write_text(csv)
    for text in (*examples(readme, "yaml"), *examples(readme, "python")):
        (tmp_path / text.split("\n", 1)[0].removeprefix("# ")).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("project", "kinds", "shown"),
    [
        (".", {"flights": "source", "delays": "asset", "report": "asset"}, "report"),
        (
            "delays.py",
            {"flights": "source", "delays": "asset", "report": "asset", "chart": "asset"},
            "chart",
        ),
    ],
    ids=["YAML", "Python"],
)
def test_the_examples_of_the_readme_run(
    example: Path, project: str, kinds: dict[str, str], shown: str
) -> None:
    if project == ".":
        (example / "delays.py").unlink()
    assert listed(example / project, example / "home") == kinds
    environment = {**os.environ, "BAKEHOUSE_TRUST": "1", "BAKEHOUSE_HOME": str(example / "home")}
    told = {}
    for words in (["materialize"], ["show", shown]):
        command: list[str | Path] = [sys.executable, "-m", "bakehouse", "-C", example / project, *words]
        told[words[0]] = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert told[words[0]].returncode == 0, told[words[0]].stderr + told[words[0]].stdout
    assert "LGA" in told["show"].stdout and "JFK" in told["show"].stdout
    assert 'send | "LGA: 40 minutes' in told["materialize"].stdout or project != "."


def test_the_python_of_the_definitions_page_loads(tmp_path: Path) -> None:
    blocks = examples(ROOT / "docs" / "definitions.md", "python")
    given = 'from bakehouse import source\n\nsource("sales")'
    (tmp_path / "pipeline.py").write_text("\n".join([given, *blocks]))
    assert listed(tmp_path, tmp_path / "home") == {
        "sales": "source",
        "sales_at": "asset",
        "sales_be": "asset",
        "sales_ch": "asset",
        "orders": "asset",
    }


def house_files() -> list[Path]:
    folders = ("core", "tui", "pipelines", "tests", "bench", "docs", "src/bakehouse", ".ci")
    suffixes = {".py", ".md", ".yaml", ".toml", ".tcss", ".lock", ".sql", ".sh", ""}
    found = [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".coverage")]
    for folder in folders:
        found += [p for p in (ROOT / folder).rglob("*") if p.is_file()]
    hidden = {"__pycache__", ".bakehouse", "results", ".venv"}
    return sorted(p for p in found if p.suffix in suffixes and not hidden & set(p.relative_to(ROOT).parts))


BETRAYALS = {
    "something left to do": r"\b(?:TODO|FIXME|XXX|HACK)\b",
    "a path of one machine": r"(?<![\w.])/(?:home|Users|root|work)/[\w.-]+",
    "a package index": r"--(?:extra-)?index-url|--find-links|file:///",
    "a conflict": r"^(?:<<<<<<<|>>>>>>>) ",
}


@pytest.mark.parametrize("what", BETRAYALS)
def test_nothing_betrays_where_it_was_made(what: str) -> None:
    sign = re.compile(BETRAYALS[what], re.MULTILINE)
    found = []
    for path in house_files():
        if path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [
            f"{ids(path)}:{text[: hit.start()].count(chr(10)) + 1}: {hit[0]}" for hit in sign.finditer(text)
        ]
    assert not found


def test_the_version_is_one() -> None:
    import tomllib

    from bakehouse import __version__

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__


def test_the_generator_refuses_a_page_without_its_place() -> None:
    spec = importlib.util.spec_from_file_location("generate", generator())
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(ValueError, match="no place for keys"):
        module.filled("# Nothing here\n", {"keys": lambda: ""})
