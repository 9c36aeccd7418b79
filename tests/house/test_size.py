"""Files that one can read in a sitting, functions that fit a screen."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINES_A_FILE = 400
LINES_A_CLASS = 300
LINES_A_FUNCTION = 60

# What may be longer, and how long. The list only ever shrinks: an entry that is no longer needed fails the test.
LONGER: dict[str, int] = {}


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not {".bakehouse", "__pycache__", "results"} & set(path.parts):
                yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def measured() -> Iterator[tuple[str, int, int]]:
    """What there is, its lines, and how many it may have."""
    for path, text in sources("core", "tui", "src"):
        yield path, text.count("\n"), LINES_A_FILE
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                most = LINES_A_CLASS if isinstance(node, ast.ClassDef) else LINES_A_FUNCTION
                yield f"{path}::{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1, most


def test_nothing_is_too_long() -> None:
    too_long = {what: f"{lines} lines" for what, lines, most in measured() if lines > LONGER.get(what, most)}
    assert not too_long


def test_the_list_of_exceptions_shrinks() -> None:
    longer = {what: lines for what, lines, most in measured() if lines > most}
    assert longer.keys() >= LONGER.keys(), f"no longer needed: {LONGER.keys() - longer.keys()}"


def test_no_room_for_odds_and_ends() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc", "base"}
    assert not [path for path, _ in sources("core", "tui", "src") if Path(path).stem in vague]


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        path
        for path, text in sources("core", "tui", "src")
        if text.strip() and ast.get_docstring(ast.parse(text)) is None and not path.endswith("__main__.py")
    ]
    assert not silent
