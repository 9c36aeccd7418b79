"""The catalogue of cases (`catalogue.md`), and what a run of the tests has proved of it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
PAGE = TESTS / "laws" / "catalogue.md"
TIERS = ("0", "full", "soak")
PENDING = "pending"
_MARK = re.compile(r"mark\.case\(([^)]*)\)")
_ID = re.compile(r"[A-Z]\d+")
_PROOF = re.compile(r"`([^`]+)`")
_ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+) \| (\S+) \| (.+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """One fault. Without `proofs`, `reason` says why there are none: `pending`, or the feature it waits for."""

    id: str
    line: str
    tier: str
    proofs: tuple[str, ...]
    """How the tests that prove it begin: `laws/test_power_cut.py::test_…`. The page names them, or they have
    the mark `case("C3")`."""
    reason: str


def cases(page: Path = PAGE) -> dict[str, Case]:
    """The cases by their ids, in the order of the page."""
    found: dict[str, Case] = {}
    marked = marks()
    for id_, line, tier, proof in _ROW.findall(page.read_text(encoding="utf-8")):
        assert id_ not in found, f"{id_} stands twice in {page.name}"
        proofs = (*_PROOF.findall(proof), *marked.get(id_, ()))
        found[id_] = Case(id_, line, tier, proofs, "" if proofs else proof)
    return found


@cache
def marks(folder: Path = TESTS) -> dict[str, list[str]]:
    """The tests that have a mark of a case, by its id."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        if "mark.case(" not in source:
            continue
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                said = "".join(map(ast.unparse, node.decorator_list))
                for ids in _MARK.findall(said):
                    for id_ in _ID.findall(ids):
                        found.setdefault(id_, []).append(
                            f"{path.relative_to(folder).as_posix()}::{node.name}"
                        )
    return found


@dataclass(frozen=True)
class Standing:
    """How the cases stand after a run of tests."""

    proved: tuple[str, ...]
    failed: tuple[str, ...]
    skipped: Mapping[str, str]
    """The reason of each case none of whose tests could run."""
    not_run: tuple[str, ...]
    reasons: Mapping[str, str]


def standing(table: Mapping[str, Case], ends: Mapping[str, tuple[str, str]]) -> Standing:
    """`ends` has, for each test that was run, `passed`, `failed` or `skipped`, and why."""
    proved, failed, not_run = [], [], []
    skipped: dict[str, str] = {}
    for case in table.values():
        mine = [end for test, end in ends.items() if any(_is_of(test, proof) for proof in case.proofs)]
        outcomes = {outcome for outcome, _ in mine}
        if "failed" in outcomes:
            failed.append(case.id)
        elif "passed" in outcomes:
            proved.append(case.id)
        elif mine:
            skipped[case.id] = mine[0][1]
        elif case.proofs:
            not_run.append(case.id)
    reasons = {case.id: case.reason for case in table.values() if case.reason}
    return Standing(tuple(proved), tuple(failed), skipped, tuple(not_run), reasons)


def _is_of(test: str, proof: str) -> bool:
    name = test.removeprefix("tests/")
    return name == proof or name.startswith((f"{proof}[", proof if "[" in proof else f"{proof}["))


def told(now: Standing) -> Iterable[str]:
    """What to say at the end of a run; nothing if it was about no case."""
    if not (now.proved or now.failed or now.skipped):
        return
    waits = Counter(now.reasons.values())
    parts = [f"{len(now.proved)} proved"]
    parts += [f"{len(now.failed)} failed"] if now.failed else []
    parts += [f"{len(now.skipped)} skipped"] if now.skipped else []
    parts += [f"{len(now.not_run)} not in this run"] if now.not_run else []
    parts += [f"{count} {reason}" for reason, count in waits.items()]
    yield f"{_total(now)} cases: {', '.join(parts)}"
    if now.failed:
        yield f"failed: {' '.join(now.failed)}"
    for reason in dict.fromkeys(now.skipped.values()):
        ids = [id_ for id_, why in now.skipped.items() if why == reason]
        yield f"skipped: {' '.join(ids)}: {reason}"


def _total(now: Standing) -> int:
    return sum(map(len, (now.proved, now.failed, now.skipped, now.not_run, now.reasons)))
