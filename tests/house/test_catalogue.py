"""The catalogue of cases says the truth: each case has a proof or a reason, and each proof is there."""

from __future__ import annotations

import ast
import os
import re
from functools import cache
from pathlib import Path

from harness.catalogue import PENDING, TESTS, TIERS, Case, cases, marks, standing, told

from bakehouse.core.store.crash import CRASH_POINTS, GC_POINTS, MIGRATION_POINTS

ROOT = Path(__file__).resolve().parents[2]
SIZES = {
    "C": 16,
    "K": 12,
    "P": 12,
    "M": 14,
    "S": 9,
    "L": 8,
    "D": 12,
    "G": 3,
    "R": 12,
    "X": 22,
    "U": 9,
    "W": 5,
    "H": 5,
}
FEATURES = {"with Dask", "with the served screen"}


@cache
def named_in(file: str) -> dict[str, str]:
    """The tests of a file, each with the tier of its marks (that of its tests that come first)."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {
        node.name: _tier(node)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def _tier(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    marks = {ast.unparse(mark).removeprefix("pytest.mark.") for mark in node.decorator_list}
    return "soak" if "soak" in marks else "full" if "full" in marks else "0"


def test_every_case_is_there_once() -> None:
    assert list(cases()) == [
        f"{letter}{number}" for letter, size in SIZES.items() for number in range(1, size + 1)
    ]


def test_every_proof_is_a_test_in_the_tier_of_its_case() -> None:
    wrong = []
    for case in cases().values():
        tiers = []
        for proof in case.proofs:
            file, _, test = proof.partition("::")
            known = named_in(file) if (TESTS / file).is_file() else {}
            if (name := test.partition("[")[0]) in known:
                tiers.append(known[name])
            else:
                wrong.append(f"{case.id}: there is no {proof}")
        if tiers and not marks().keys() & {case.id} and min(tiers, key=TIERS.index) != case.tier:
            wrong.append(f"{case.id} is of tier {case.tier}, its tests of {', '.join(sorted(set(tiers)))}")
    assert not wrong


def test_every_mark_is_of_a_case() -> None:
    assert marks().keys() <= cases().keys()


def test_every_case_has_a_proof_or_a_reason() -> None:
    """With BAKEHOUSE_ALL_CASES set, `pending` is no reason any more."""
    reasons = FEATURES if os.environ.get("BAKEHOUSE_ALL_CASES") else {*FEATURES, PENDING}
    without = [case.id for case in cases().values() if not case.proofs and case.reason not in reasons]
    assert not without


def test_every_named_point_is_in_the_code_and_every_point_of_the_code_is_named() -> None:
    placed: list[str] = []
    for path in sorted((ROOT / "core").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "crash_point":
                (name,) = node.args
                assert isinstance(name, ast.Constant), f"{path}: the name of a point is a plain string"
                placed.append(str(name.value))
    assert sorted(placed) == sorted(CRASH_POINTS + GC_POINTS + MIGRATION_POINTS)


def test_what_a_run_proved_is_told_and_what_it_skipped_with_the_reason() -> None:
    table = {
        id_: Case(id_, "", "0", proofs, reason)
        for id_, proofs, reason in [
            ("C1", ("laws/test_a.py::test_one",), ""),
            ("C2", ("laws/test_a.py::test_two[syncs",), ""),
            ("C3", ("laws/test_a.py::test_three",), ""),
            ("C4", ("laws/test_a.py::test_four",), ""),
            ("W1", (), "with Dask"),
        ]
    }
    ends = {
        "tests/laws/test_a.py::test_one": ("passed", ""),
        "tests/laws/test_a.py::test_one_more": ("failed", ""),
        "tests/laws/test_a.py::test_two[syncs-1]": ("failed", ""),
        "tests/laws/test_a.py::test_two[writes-1]": ("passed", ""),
        "tests/laws/test_a.py::test_three": ("skipped", "no loop device"),
    }
    assert list(told(standing(table, ends))) == [
        "5 cases: 1 proved, 1 failed, 1 skipped, 1 not in this run, 1 with Dask",
        "failed: C2",
        "skipped: C3: no loop device",
    ]
    assert not list(told(standing(table, {})))


def test_the_tiers_are_what_make_runs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target, tier in {"test": None, "test-full": "not soak", "soak": "full or soak"}.items():
        (recipe,) = re.findall(rf"^{target}:.*\n\t(.*)$", makefile, re.MULTILINE)
        assert re.findall(r'-m "([^"]+)"', recipe) == ([tier] if tier else [])


def test_what_must_hold_before_anything_lands_are_the_gates_and_both_tiers() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("make")] == [
        "make check",
        "make test",
        "make test-full",
    ]
