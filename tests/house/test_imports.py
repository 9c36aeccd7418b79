"""What a command costs before it does anything: which modules are read for it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "textual",
    "rich",
    "networkx",
    "pydantic",
    "yaml",
    "duckdb",
    "asyncio",
    "watchfiles",
    "sqlite3",
    "cronsim",
)

REPORT = """
import atexit, json, sys
before = set(sys.modules)
atexit.register(lambda: print("MODULES " + json.dumps(sorted(set(sys.modules) - before))))
"""


def modules_after(code: str, cwd: Path) -> set[str]:
    """The modules that `code` makes a fresh interpreter import, beyond what its start did.

    Ending with an exit code is fine; ending with a traceback is not.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV_", "_BAKEHOUSE"))}
    environment["BAKEHOUSE_HOME"] = str(cwd / "home")
    done = subprocess.run(
        [sys.executable, "-c", REPORT + code], cwd=cwd, env=environment, capture_output=True, text=True
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("MODULES ")]
    assert told and "Traceback" not in done.stderr, done.stdout + done.stderr
    return set(json.loads(told[-1].removeprefix("MODULES ")))


def command(*arguments: str) -> str:
    return f"import sys; sys.argv = ['bakehouse', *{arguments!r}]; from bakehouse.tui.cli import main; main()"


def tops(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("-h",), ("no-such-command",)])
def test_help_and_version_import_nothing_heavy(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert not tops(modules_after(command(*arguments), tmp_path)) & set(HEAVY)


def test_completing_a_word_imports_nothing_heavy(tmp_path: Path) -> None:
    asked = {"_BAKEHOUSE_COMPLETE": "bash_complete", "COMP_WORDS": "bakehouse mat", "COMP_CWORD": "1"}
    code = f"import os; os.environ.update({asked!r})\n" + command()
    assert not tops(modules_after(code, tmp_path)) & set(HEAVY)


def test_the_public_face_needs_the_standard_library_alone(tmp_path: Path) -> None:
    names = tops(modules_after("import bakehouse", tmp_path))
    assert not {name for name in names if name not in sys.stdlib_module_names} - {"bakehouse"}
    assert not names & {"asyncio", "sqlite3", "logging"}


@pytest.mark.parametrize(
    "module", ["bakehouse.core.fingerprint", "bakehouse.core.model", "bakehouse.core.boot"]
)
def test_what_runs_in_the_projects_interpreter_needs_the_standard_library_alone(
    module: str, tmp_path: Path
) -> None:
    names = tops(modules_after(f"import {module}", tmp_path))
    assert not {name for name in names if name not in sys.stdlib_module_names} - {"bakehouse"}


@pytest.mark.parametrize(
    "module", ["workbench", "engine.engine", "plan.plan", "graph.views", "selection", "workers", "store"]
)
def test_the_engine_imports_no_screen_and_no_networkx(module: str, tmp_path: Path) -> None:
    assert not tops(modules_after(f"import bakehouse.core.{module}", tmp_path)) & {
        "textual",
        "rich",
        "networkx",
    }


def test_listing_opens_no_screen(tmp_path: Path) -> None:
    (tmp_path / "bakehouse.yaml").write_text(
        "assets:\n  flour: {}\n  bread: {deps: [flour], shell: 'true'}\n"
    )
    names = tops(modules_after(command("ls"), tmp_path))
    assert not names & {"textual", "networkx", "duckdb", "watchfiles"}


def test_the_parts_of_the_screen_know_each_other_in_one_direction_only() -> None:
    """Also where an import is for the type checker alone, or inside a function."""
    paths = [path for path in (ROOT / "tui").rglob("*.py") if "cli" not in path.parts]
    names = {path.relative_to(ROOT).with_suffix("").parts for path in paths}
    known = {}
    for path in paths:
        me = path.relative_to(ROOT).with_suffix("").parts
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
        bases = [(*me[: -node.level], *(node.module.split(".") if node.module else ())) for node in imports]
        several = [
            (*base, each.name) for base, node in zip(bases, imports, strict=True) for each in node.names
        ]
        known[me] = {name for name in (*bases, *several) if name in names}
    assert sum(map(len, known.values())) > 100
    tuple(TopologicalSorter(known).static_order())


OURS = {"--help": 9, "ls": 75, "materialize": 89}
"""How many modules of ours a command needs that finds its definitions read before and nothing to do."""


@pytest.mark.parametrize("word", OURS)
def test_a_command_reads_no_more_of_our_modules_than_it_did(word: str, tmp_path: Path) -> None:
    (tmp_path / "bakehouse.yaml").write_text("pipeline: p\ntasks:\n  eat: {shell: 'true'}\n")
    trusted = command("--quiet", "--trust", "materialize")
    modules_after(trusted, tmp_path)
    modules_after(trusted, tmp_path)
    found = modules_after(command(word) if word == "--help" else command("--trust", word), tmp_path)
    ours = {name for name in found if name.partition(".")[0] == "bakehouse"}
    others = tops(found - ours) - set(sys.stdlib_module_names)
    assert len(ours) <= OURS[word], sorted(ours)
    assert not others & (set(HEAVY) - set(sys.stdlib_module_names) - {"rich"})
