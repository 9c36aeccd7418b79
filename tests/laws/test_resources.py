"""Full disks, limits, slow syncs: it works, or it says why and goes on when there is room again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from harness.disks import fill, small
from harness.faults import SYNCS, Faults, calls_of
from harness.witness import Witness

from bakehouse.core.store.store import Store

NewWitness = Callable[..., Witness]


def with_room(left: int, new: NewWitness, folder: Path, *, used: bool) -> None:
    """One run with so many KiB of room; the one after it has room again."""
    with small(folder / f"disk{left}", 8) as disk:
        watched = new(inside=disk, layers=2, pause=0, notes=folder)
        if used:
            watched.finish()
            watched = watched.renewed(left + 1)
        filler = fill(disk, left)
        ended = watched.program.run()
        told = f"({left} KiB left: {ended.error} {ended.errors})"
        assert "Traceback" not in told and ended.code in (0, 1, 3), told
        assert ended.code == 0 or (ended.error + ended.errors).strip(), told
        watched.hear(ended, told)
        runs = {one["run"] for one in ended.events}
        with Store.open(watched.project.folder / ".bakehouse", create=False) as store:
            noted = {run.run: run.status for run in store.runs(5)}
        assert all(noted.get(run, "failed") != "interrupted" for run in runs), f"{noted} {told}"
        filler.unlink()
        watched.finish(told)


@pytest.mark.parametrize(("left", "used"), [(0, True), (48, True), (400, False)])
def test_a_disk_that_fills_up_ends_the_run_in_words_and_the_next_one_goes_on(
    left: int, used: bool, witness: NewWitness, tmp_path: Path
) -> None:
    with_room(left, witness, tmp_path, used=used)


@pytest.mark.full
@pytest.mark.parametrize("used", [True, False], ids=["a used store", "a new store"])
@pytest.mark.parametrize("first", range(4))
def test_whatever_room_is_left_nothing_half_done_is_believed(
    first: int, used: bool, witness: NewWitness, tmp_path: Path
) -> None:
    for left in range(first * 8, 513, 32):
        with_room(left, witness, tmp_path, used=used)


LIMITS = ["-n 64", "-f 100", "-v 800000", "-s 256", "-c 0"]


@pytest.mark.parametrize("limit", LIMITS)
def test_under_a_limit_of_the_shell_it_works_or_says_why(limit: str, witness: NewWitness) -> None:
    watched = witness(layers=2, pause=0)
    limited = ["sh", "-c", f'ulimit {limit}; exec "$@"', "sh"]
    ended = watched.program.run(before=limited, environment={"PYTHONDONTWRITEBYTECODE": "1"})
    told = (ended.error + ended.errors).strip()
    assert ended.code >= 0, f"it died of signal {-ended.code}"
    assert ended.code == 0 or told
    assert "Traceback" not in told
    watched.hear(ended, limit)
    watched.finish(limit)


def test_no_sync_keeps_the_loop_from_serving(witness: NewWitness, faults: Faults, tmp_path: Path) -> None:
    """The loop is in the main thread: once the run has begun, that thread waits for no disk."""
    watched = witness(layers=2, pause=0)
    log = tmp_path / "calls"
    environment = faults.environment(watched.project.folder, SYNCS, log=log, delay=100)
    ended = watched.program.run(environment=environment)
    assert ended.code == 0, ended.errors
    watched.hear(ended)
    syncs = [call for call in calls_of(log) if call.name in SYNCS]
    begun = next(index for index, call in enumerate(syncs) if not call.in_main_thread)
    assert len(syncs) - begun > 5
    assert not [call for call in syncs[begun:] if call.in_main_thread]
