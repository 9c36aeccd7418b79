"""Every file of a store cut short: what is told is the truth, or the damage is. (The ledger and its log are cut in
test_damaged_ledgers.)"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness.program import bakehouse

from bakehouse.core.problems import ProblemError
from bakehouse.core.workbench import Workbench

pytestmark = [pytest.mark.full, pytest.mark.spoils, pytest.mark.case("C11")]
YAML = """
pipeline: cut
assets:
  flour: {file: flour.csv}
  dough: {deps: [flour], python: "steps:knead"}
  bread: {deps: [dough], python: "steps:bake"}
  burnt: {deps: [flour], shell: 'echo too hot; exit 1'}
"""
STEPS = """
from bakehouse import asset
from math import pi

def knead(flour): return flour.read_text() * 3000

def bake(dough): return {"loaves": [len(dough), pi]}

@asset
def crumbs(bread): return [bread] * 3
"""
EVERY = 600
"""Files of so many bytes are cut at each; longer ones at some, and around each end of a line."""
SEED = int(os.environ.get("BAKEHOUSE_SEED", random.SystemRandom().randrange(10**6)))
WHOLE = {"flour", "dough", "bread", "crumbs"}


@pytest.fixture
def project(tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BAKEHOUSE_HOME", environ["BAKEHOUSE_HOME"])
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(YAML)
    (folder / "steps.py").write_text(STEPS)
    (folder / "flour.csv").write_text("kind,kg\nrye,1\n")
    born = (folder / "flour.csv").stat().st_ctime
    while time.time() - born < 2.1:  # a younger file is not remembered
        time.sleep(0.05)
    assert bakehouse("materialize", at=folder, env=environ).returncode == 1
    return folder


def told(root: Path) -> dict[str, Any]:
    """What a screen would show of the project, opened anew."""
    bench = Workbench.open(root, trust=True)
    try:
        snapshot = bench.survey()
        recorded = bench.store.recorded()
        return {
            "states": {str(node): str(state) for node, state in snapshot.states.items()},
            "reasons": {str(node): [one.kind for one in why] for node, why in snapshot.reasons.items()},
            "values": {name: made.value.version for name, made in recorded.materializations.items()},
            "damage": {name: str(damage) for name, damage in recorded.damage.items()},
            "runs": [(run.run, run.status) for run in bench.store.runs()],
            "places": sorted(bench.definitions.assets),
        }
    finally:
        bench.store.close()


@contextmanager
def cut(path: Path, at: int) -> Iterator[None]:
    """The same file with less in it, so that its seal holds."""
    good = path.read_bytes()
    kept = path.stat()
    with path.open("r+b") as file:
        file.truncate(at)
    yield
    with path.open("wb") as file:
        file.write(good)
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))


def places(path: Path) -> list[int]:
    data = path.read_bytes()
    if len(data) <= EVERY:
        return list(range(len(data)))
    ends = [at for at, byte in enumerate(data) if byte == 10]
    edges = {0, 1, len(data) - 1, *(at + by for at in ends[:4] + ends[-4:] for by in (0, 1))}
    return sorted(at for at in {*edges, *random.Random(SEED).sample(range(len(data)), 20)} if at < len(data))


def files(store: Path, folder: str) -> list[Path]:
    return sorted(path for path in (store / folder).rglob("*") if path.is_file())


@pytest.mark.parametrize("folder", ["cache", "baselines", "code", "logs"])
def test_what_can_be_made_again_is_and_the_rest_is_as_it_was(project: Path, folder: str) -> None:
    truth = told(project)
    found = files(project / ".bakehouse", folder)
    assert found
    for path in found:
        for at in places(path):
            with cut(path, at):
                assert told(project) == truth, f"{path.name} cut at {at}, seed {SEED}"
    assert told(project) == truth


def test_a_value_cut_anywhere_is_damage_of_it_alone(project: Path) -> None:
    truth = told(project)
    (path,) = files(project / ".bakehouse", "values")
    for at in places(path):
        with cut(path, at):
            found = told(project)
            assert found["damage"] == {"dough": "damaged"}, f"cut at {at}, seed {SEED}"
            assert {**found, "damage": {}, "states": {}, "reasons": {}} == {
                **truth,
                "states": {},
                "reasons": {},
            }
    assert told(project) == truth


def test_the_files_beside_are_no_part_of_what_is_believed(project: Path) -> None:
    truth = told(project)
    beside = [
        path for path in (project / ".bakehouse").iterdir() if path.is_file() and "ledger" not in path.name
    ]
    assert {path.name.partition("-")[0] for path in beside} == {
        "lock",
        "seal",
        "ballast",
        "CACHEDIR.TAG",
        ".gitignore",
    }
    for path in beside:
        for at in places(path):
            with cut(path, at):
                try:
                    found = told(project)
                except ProblemError as refused:
                    assert path.name.startswith("seal-") and refused.hint, path
                else:
                    assert found == truth, f"{path.name} cut at {at}"


def test_a_run_after_any_cut_makes_what_it_made(project: Path, environ: dict[str, str]) -> None:
    truth = told(project)["values"]
    chance = random.Random(SEED)
    for folder in ("code", "cache", "baselines", "values"):
        for path in files(project / ".bakehouse", folder):
            at = chance.randrange(path.stat().st_size)
            with path.open("r+b") as file:
                file.truncate(at)
            done = bakehouse(
                "materialize", "--json", "--force", *sorted(WHOLE - {"flour"}), at=project, env=environ
            )
            assert done.returncode == 0, (path, at, SEED, done)
            events = [json.loads(line) for line in done.stdout.splitlines()]
            assert sum(event["event"] == "step_succeeded" for event in events) == 3
            assert told(project)["values"] == truth, (path, at, SEED)
