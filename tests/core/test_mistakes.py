"""What is wrong with definitions is told at the very place, in words that say what is to be done."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bakehouse.core.load.definitions import load_definitions
from bakehouse.core.load.discovery import find_project
from bakehouse.core.problems import DefinitionError, Problem

Wrong = Callable[..., list[Problem]]


@pytest.fixture
def wrong(tmp_path: Path) -> Wrong:
    """Writes the files of a project (by path), loads it, and gives all that is wrong with it."""

    def load(files: dict[str, str]) -> list[Problem]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(DefinitionError) as caught:
            load_definitions(find_project(tmp_path), trusted=True, interpreter=sys.executable, time_limit=600)
        return list(caught.value.problems)

    return load


# ---- Python that is no Python ------------------------------------------------------------------


PYTHON = "from bakehouse import asset\n"


def test_broken_python_is_told_at_the_column_where_it_breaks(wrong: Wrong) -> None:
    texts = {
        "a_missing_colon": "def f()\n    pass\n",
        "b_bracket": "x = (1,\n",
        "c_after_tabs": "if 1:\n\tx = = 1\n",
        "d_after_wide": "x = '面粉' y\n",
        "e_no_block": "def f():\n",
        "f_no_place": "x = 1\0\n",
        "g_mixed": "if 1:\n\tx = 1\n        y = 2\n",
        "h_far_right": f"x = [{'1, ' * 100}\n",
        "i_bom": "",
        "j_not_the_parser": "x = '面粉'; return 1\n",
    }
    files = {f"{name}.py": PYTHON + text for name, text in texts.items()}
    files["i_bom.py"] = "\ufeffimport bakehouse; x = = 1\n"
    found = {str(one).split(": ")[0]: str(one).split("\n", 1)[1:] for one in wrong(files)}
    assert list(found) == [
        "a_missing_colon.py:2:8",
        "b_bracket.py:2:5",
        "c_after_tabs.py:3:6",
        "d_after_wide.py:2:10",
        "e_no_block.py:2:9",
        "f_no_place.py:1:1",
        "g_mixed.py:4:1",
        "h_far_right.py:2:5",
        "i_bom.py:1:23",
        "j_not_the_parser.py:2:11",
    ]
    assert found["a_missing_colon.py:2:8"] == ["    2 | def f()\n               ^"]
    assert found["c_after_tabs.py:3:6"] == ["    3 |  x = = 1\n             ^"]
    assert found["d_after_wide.py:2:10"] == ["    2 | x = '面粉' y\n                   ^"]
    assert found["i_bom.py:1:23"] == ["    1 | import bakehouse; x = = 1\n" + " " * 30 + "^"]


def test_an_error_that_lies_about_its_place_is_told_all_the_same(wrong: Wrong) -> None:
    lies = "None, None, None", "'x', 'y', 'z'", "0, -1, ''", "1, 10**9, 'raise'"
    files = {
        f"lie{n}.py": f"import bakehouse\nraise SyntaxError('no flour', (__file__, {lie}))\n"
        for n, lie in enumerate(lies)
    }
    assert [str(one).split(": ")[0] for one in wrong(files)] == [
        "lie0.py:1:1",
        "lie1.py:1:1",
        "lie2.py:1:1",
        "lie3.py:1:6",
    ]


# ---- YAML that is no YAML ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("pools: {}\nassets:\n  oops: [\n", "3:9", "this [ is never closed (close it with ])"),
        ("assets:\n  a: {file: x\n  b: {file: y}\n", "2:6", "this { is never closed"),
        ("assets:\n  a: {deps: [b, c}\n", "2:13", "this [ is never closed"),
        ("assets:\n  b: {deps: [c]}\n  a: {deps: [[b], [{\n\n\n", "3:20", "this { is never closed"),
        ('assets:\n  a: {shell: "x}\n  b: {}\n', "2:14", 'this " is never closed (close it with ")'),
        ("assets:\n  面: {shell: 'x}\n", "2:14", "this ' is never closed"),
        ("assets: [\n---\nb: 1\n", "1:9", "this [ is never closed"),
        ("\ufeffassets: {\n", "1:9", "this { is never closed"),
        # what is closed, and wrong all the same
        ("assets:\n  a: {\n    file: x\n    group: y\n  }\n", "4:10", "did not find expected ',' or '}'"),
        ("assets:\n  a: {tags: [b,,c]}\n", "2:16", "did not find expected node content"),
        ('assets:\n  a: "\\q"\n', "2:7", "unknown escape"),
    ],
)
def test_what_is_never_closed_is_told_where_it_was_opened(
    wrong: Wrong, text: str, place: str, said: str
) -> None:
    first, *_ = wrong({"bakehouse.yaml": text})
    assert str(first).startswith(f"bakehouse.yaml:{place}: this is not YAML: ") and said in str(first)
    assert first.line == text.lstrip("\ufeff").split("\n")[first.place.line - 1]


# ---- names that are not there ------------------------------------------------------------------


def test_modules_and_functions_that_are_not_there_are_told_with_the_nearest_name(wrong: Wrong) -> None:
    files = {
        "bakehouse.yaml": """assets:
  a: {python: 'stpes:top'}
  b: {python: 'steps:tpo'}
  c: {python: 'kitchen.ovne:top'}
  d: {python: 'quite_another:top'}
  e: {python: 'needs:top'}
""",
        "steps.py": "def top(): ...\n",
        "kitchen/oven.py": "def top(): ...\n",
        "needs.py": "import stpes\n",
    }
    assert [str(one).split("\n")[0] for one in wrong(files)] == [
        "bakehouse.yaml:2:15: asset 'a': No module named 'stpes' (did you mean 'steps'?)",
        "bakehouse.yaml:3:15: asset 'b': steps has no function 'tpo' (did you mean 'top'?)",
        "bakehouse.yaml:4:15: asset 'c': No module named 'kitchen.ovne' (did you mean 'kitchen.oven'?)",
        "bakehouse.yaml:5:15: asset 'd': No module named 'quite_another'",
        "needs.py:1:1: ModuleNotFoundError: No module named 'stpes'",
    ]


def test_a_parameter_of_another_type_is_told_in_words(wrong: Wrong) -> None:
    text = "params: {l: [1, 2]}\nprofiles: {p: {params: {l: 5}}}\nassets: {a: {}}\n"
    (problem,) = wrong({"bakehouse.yaml": text})
    assert "the parameter 'l' must be a list, not 5 (its default is a list of 2 items)" in str(problem)
