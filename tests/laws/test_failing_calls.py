"""The Nth sync, write, rename or unlink fails, once or from then on: told, never half believed, and over with."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.faults import NAMES, SHORT, SYNCS, WRITES, Call, Faults, calls_of
from harness.layered import Layered
from harness.program import Ended
from harness.witness import Witness

NewWitness = Callable[..., Witness]

KINDS = {
    "syncs": (SYNCS, (errno.EIO, errno.ENOSPC, errno.EDQUOT), 60),
    "writes": (WRITES, (errno.ENOSPC, errno.EIO, SHORT, errno.EDQUOT), 100),
    "names": (NAMES, (errno.EIO, errno.ENOSPC, errno.EROFS), 30),
}
"""Which calls, what they fail with in turn, and how far to count."""

STEP = 5
"""Each test takes every so many-th call, so that several can go on at once."""


def essential(call: Call) -> bool:
    """Whether what failed stands between a value and its being said."""
    inside = call.path.split("/.bakehouse/", 1)[-1]
    return inside.startswith(("ledger.db", "values/")) and "-shm" not in inside and call.name != "unlink"


def in_words(ended: Ended) -> str:
    """The sentence that a run ended with."""
    told = (ended.error + "\n" + ended.errors).strip()
    assert told, f"it ended with {ended.code} and said nothing"
    assert "Traceback" not in told and "fault of Bakehouse" not in told, told
    return told


def suffer(watched: Witness, faults: Faults, kind: str, at: int, log: Path) -> bool:
    """One run in which that call fails, and one after it that nothing disturbs. False: no call failed."""
    calls, errors, _ = KINDS[kind]
    error = errors[(abs(at) // STEP) % len(errors)]
    told = f"({kind}, at {at}, {errno.errorcode.get(error, 'short')})"
    environment = faults.environment(watched.project.folder, calls, at=at, error=error, log=log)
    ended = watched.program.run(environment=environment)
    made = calls_of(log)
    failed = [index for index, call in enumerate(made) if call.outcome == "failed"]
    if ended.code != 0:
        told = f"{told} {in_words(ended)}"
    elif error != SHORT:
        over = next(index for index, call in enumerate(made) if call.outcome == "said")
        unheeded = [made[index] for index in failed if index < over and essential(made[index])]
        assert not unheeded, f"{unheeded} and the run ended well {told}"
    if not failed:
        assert ended.code == 0, told
    for one in ended.events:
        if one["event"] == "run_finished":
            assert one["counts"]["succeeded"] == len(ended.steps), told
    watched.hear(ended, told)
    watched.finish(told)
    left = list((watched.project.folder / ".bakehouse" / "tmp").iterdir())
    assert not left, f"{left} {told}"
    return bool(failed)


def suffer_each(
    new: NewWitness, faults: Faults, kind: str, sign: int, numbers: range, folder: Path, *, used: bool
) -> int:
    """Takes these calls in turn until there are no more; returns how many failed."""
    count = 0
    before = new(layers=1, pause=0, seed=1)
    kept = folder / "kept"
    if used:
        before.finish()
        shutil.copytree(before.project.folder, kept, symlinks=True)
    for at in numbers:
        shutil.rmtree(before.project.folder)
        if used:
            shutil.copytree(kept, before.project.folder, symlinks=True)
        watched = before.renewed(2)
        if not suffer(watched, faults, kind, sign * at, folder / f"{kind}{at}.log"):
            break
        count += 1
    return count


@pytest.mark.parametrize(
    ("kind", "at"),
    [("syncs", 14), ("syncs", -24), ("writes", 115), ("writes", -130), ("names", 8), ("names", -11)],
)
def test_a_call_that_fails_is_told_and_nothing_half_done_is_believed(
    kind: str, at: int, witness: NewWitness, faults: Faults, tmp_path: Path
) -> None:
    assert suffer(witness(layers=1, pause=0), faults, kind, at, tmp_path / "calls")


@pytest.mark.parametrize("at", [1, -1])
@pytest.mark.parametrize("place", ["values", "ledger.db"])
def test_a_run_that_could_not_sync_what_it_made_never_ends_well(
    place: str, at: int, witness: NewWitness, faults: Faults, tmp_path: Path
) -> None:
    watched = witness(layers=1, pause=0)
    watched.finish()
    watched = watched.renewed(2)
    under, log = watched.project.folder / ".bakehouse" / place, tmp_path / "calls"
    ended = watched.program.run(environment=faults.environment(under, SYNCS, at=at, error=errno.EIO, log=log))
    assert [call for call in calls_of(log) if call.outcome == "failed"]
    assert ended.code == 1
    in_words(ended)
    assert ended.steps < set(watched.project.names)
    watched.hear(ended)
    watched.finish()


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("used", [False, True], ids=["a new store", "a used store"])
@pytest.mark.parametrize("sign", [1, -1], ids=["once", "from then on"])
@pytest.mark.parametrize("first", range(1, STEP + 1))
@pytest.mark.parametrize("kind", KINDS)
def test_whichever_call_fails_it_is_told_and_nothing_half_done_is_believed(
    kind: str, first: int, sign: int, used: bool, witness: NewWitness, faults: Faults, tmp_path: Path
) -> None:
    numbers = range(first, KINDS[kind][2] + 1, STEP)
    assert suffer_each(witness, faults, kind, sign, numbers, tmp_path, used=used)


@pytest.mark.parametrize("at", [1, -1])
def test_a_value_that_a_worker_could_not_sync_fails_its_step(
    at: int, witness: NewWitness, faults: Faults, tmp_path: Path
) -> None:
    watched = witness(layers=1, pause=0)
    scratch = watched.project.folder / ".bakehouse" / "tmp"
    watched.finish()
    watched = watched.renewed(2)
    environment = faults.environment(
        scratch, SYNCS, at=at, error=errno.EIO, log=tmp_path / "calls", inherit=True
    )
    ended = watched.program.run(environment=environment)
    assert any(call.outcome == "failed" for call in calls_of(tmp_path / "calls"))
    assert ended.code == 1
    assert "step_failed" in {one["event"] for one in ended.events}
    watched.hear(ended)
    watched.finish()


def test_how_a_project_of_another_seed_differs(tmp_path: Path) -> None:
    one, other = Layered(tmp_path / "one", seed=1), Layered(tmp_path / "one", seed=2)
    assert all(one.digest_of(name) != other.digest_of(name) for name in one.names)
