"""The power goes between any two calls of a commit, and takes what was not synced: all of it, or some of it."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from types import ModuleType

import pytest
from harness.seeds import seeds
from harness.syscalls import Did, Disk, put, python, record

from bakehouse.core.store.store import Store

PROGRAM = Path(__file__).with_name("committing.py")
RUNS, STEPS = 2, 4


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Did]]:
    """What two runs did to the disk, from the making of the store on; and where."""
    folder = tmp_path_factory.mktemp("recorded")
    world = folder / "world"
    world.mkdir()
    return world, record(python(str(PROGRAM), str(world / "store"), "0", str(RUNS), str(STEPS)), folder)


def said_by(did: Did) -> dict[str, int]:
    """The steps that a call acknowledged."""
    if did.call != "write" or did.fd != 1:
        return {}
    lines = [line.split() for line in did.data.decode().splitlines() if line.startswith("ack ")]
    return {task: int(generation) for _, task, generation in lines}


def found_in(tree: dict[str, bytes | None], folder: Path, committing: ModuleType) -> dict[str, int]:
    """Opens the store that a reboot finds: which generation of each step is there. All of it must be whole."""
    shutil.rmtree(folder, ignore_errors=True)
    put(tree, folder)
    if not (folder / "store" / "ledger.db").exists():
        return {}
    with Store.open(folder / "store", create=False) as store:
        assert store.problems() == []
        recorded = store.recorded()
        assert not recorded.damage
        found = {}
        for task, step in recorded.steps.items():
            found[task] = int(step.key.code["steps.generation"])
            value = recorded.materializations[f"value of {task}"].value
            assert store.values.read(value) == committing.value_of(task, found[task])
    return found


def replay(
    calls: tuple[Path, list[Did]], folder: Path, committing: ModuleType, *, every: int, chances: int
) -> int:
    """Cuts the power behind every so many-th change. Returns how many cuts there were."""
    world, did = calls
    disk = Disk(world)
    said: dict[str, int] = {}
    known: dict[int, dict[str, int]] = {}
    cuts = 0
    for number, one in enumerate(did):
        said |= said_by(one)
        if not disk.does(one) and not said_by(one):
            continue
        cuts += 1
        if cuts % every:
            continue
        trees = [(disk.left(), "all lost")]
        for seed in seeds(chances):
            chance = random.Random(seed + number)
            trees.append((disk.left(chance), f"some lost, seed {seed}"))
        for tree, how in trees:
            which = hash(tuple(sorted(tree.items())))
            if which not in known:
                known[which] = found_in(tree, folder, committing)
            lost = {task for task, generation in said.items() if known[which].get(task, -1) < generation}
            assert not lost, (
                f"{sorted(lost)} are gone: cut behind call {number} ({one.call} {one.paths}), {how}"
            )
    assert disk.left(everything=True).keys() >= {"store/ledger.db", "store/lock"}
    assert said == {f"step_{index}": RUNS - 1 for index in range(STEPS)}
    return cuts


def test_a_cut_between_two_calls_of_a_commit_loses_nothing_that_was_said(
    calls: tuple[Path, list[Did]], tmp_path: Path, committing: ModuleType
) -> None:
    assert replay(calls, tmp_path / "after", committing, every=7, chances=1) >= 200


@pytest.mark.full
def test_a_cut_between_any_two_calls_whatever_was_lost_loses_nothing_that_was_said(
    calls: tuple[Path, list[Did]], tmp_path: Path, committing: ModuleType
) -> None:
    cuts = replay(calls, tmp_path / "after", committing, every=1, chances=5)
    assert cuts >= 200


@pytest.mark.full
def test_after_any_cut_the_next_run_ends_well(
    calls: tuple[Path, list[Did]], tmp_path: Path, committing: ModuleType
) -> None:
    world, did = calls
    disk = Disk(world)
    tried: set[int] = set()
    for one in did:
        if not disk.does(one):
            continue
        tree = disk.left()
        if (which := hash(tuple(sorted(tree.items())))) in tried:
            continue
        tried.add(which)
        shutil.rmtree(tmp_path / "after", ignore_errors=True)
        put(tree, tmp_path / "after")
        committing.one_run(tmp_path / "after" / "store", 10, 2)
        with Store.open(tmp_path / "after" / "store", create=False) as store:
            assert store.problems() == []
            assert {run.status for run in store.runs(10)} <= {"succeeded", "interrupted"}
    assert len(tried) > 20
