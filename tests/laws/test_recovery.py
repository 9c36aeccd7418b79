"""What follows a death: the next run takes over by itself, however often it is killed while it does."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.program import read
from harness.seeds import seeds
from harness.witness import Witness

from bakehouse.core.store.crash import CRASH_POINTS, VARIABLE
from bakehouse.core.store.lock import holder
from bakehouse.core.store.store import Store

NewWitness = Callable[..., Witness]

POINTS = [
    point for point in CRASH_POINTS if point == "lock.taken" or point.startswith(("begin.", "recover."))
]


def statuses(watched: Witness) -> set[str]:
    with Store.open(watched.project.folder / ".bakehouse", create=False) as store:
        return {run.status for run in store.runs(100)}


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(seed, id=f"kills{index}", marks=[pytest.mark.full] * (index > 0))
        for index, seed in enumerate(seeds(5))
    ],
)
def test_killed_ten_times_while_it_recovers_it_ends_as_after_one_recovery(
    seed: int, witness: NewWitness
) -> None:
    chance = random.Random(seed)
    watched = witness(layers=3, pause=0)
    watched.hear(watched.program.run(environment={VARIABLE: "group.notified:3"}))
    known = dict(watched.said)
    for number in range(10):
        told = f"(seed {seed}, kill {number + 1})"
        if chance.random() < 0.5:
            ended = watched.program.run(environment={VARIABLE: chance.choice(POINTS)})
        else:
            ended = watched.program.run(kill_after=chance.uniform(0.1, 0.5))
        watched.hear(ended, told)
    watched.finish(f"(seed {seed})")
    assert known.items() <= watched.said.items()
    assert statuses(watched) <= {"succeeded", "interrupted"}


def test_after_a_reboot_the_next_run_begins_at_once(witness: NewWitness, tmp_path: Path) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id")
    anew = tmp_path / "boot_id"
    anew.write_text("00000000-1111-4222-8333-444444444444\n")
    pretend = ["unshare", "-m", "sh", "-c", f'mount --bind "$0" {boot} && exec "$@"', str(anew)]
    if os.geteuid() != 0 or subprocess.run([*pretend, "true"], capture_output=True).returncode:
        pytest.skip("no mount namespace to pretend a reboot in")
    watched = witness(layers=3, pause=0.05)
    process = watched.program.start()
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "step_succeeded" in line:
            break
    for one in watched.program.processes():
        os.kill(one, signal.SIGKILL)
    lines += process.communicate()[0].splitlines()
    said = {one["task"] for one in read(lines)[0] if one["event"] == "step_succeeded"}
    store = watched.project.folder / ".bakehouse"
    shutil.copyfile(store / "ballast", store / "ledger.db-shm")
    assert holder(store) is None

    watched.program.until_nothing_is_left()
    before = watched.project.ran()
    after = watched.program.run(before=pretend)
    assert after.code == 0, after.errors
    ran = watched.project.ran()
    assert not {name for name in said if ran[name] > before[name]}
    watched.finish()
    assert statuses(watched) == {"succeeded", "interrupted"}
