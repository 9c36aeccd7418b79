"""The program killed at every named point, from the opening of a new project to the end of a run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from harness.layered import Layered
from harness.witness import Witness

from bakehouse.core.store.crash import CRASH_POINTS, VARIABLE
from bakehouse.core.store.logs import HEAD

NewWitness = Callable[..., Witness]

ONLY_ONCE = {
    "create.ledger_linked",
    "copy.renamed",
    "baseline.renamed",
    "sources.renamed",
    "private.renamed",
    "recover.written",
    "folder.moved_aside",
}
"""What is done there is done for good, so that the next run does not come by."""

MANY = [
    point
    for point in CRASH_POINTS
    if point.startswith(("whole.", "group.", "value.", "values.", "ledger.")) or point == "folder.moved_aside"
]
"""Passed more than once in one run."""


def prepare(point: str, new: NewWitness) -> Witness:
    """A project in which the next run comes by the point."""
    watched = new(layers=3, pause=0, loud=HEAD + 100_000 if point.startswith("log.") else 0)
    if point.startswith("sources."):
        until_it_can_be_remembered(watched.project)
    if point.startswith("recover."):
        killed = watched.program.run(environment={VARIABLE: "group.notified:2"})
        assert killed.killed
        watched.hear(killed)
    if point == "folder.moved_aside":
        watched.finish()
        watched.spoil(watched.project.damage_folders())
    return watched


def until_it_can_be_remembered(project: Layered) -> None:
    """A file that is too young may still change within one tick of its clock."""
    changed = project.source.stat().st_ctime
    while time.time() - changed < 2.1:
        time.sleep(0.05)


def killed_at(watched: Witness, point: str, count: int = 1) -> None:
    ended = watched.program.run(environment={VARIABLE: f"{point}:{count}"})
    assert ended.killed, f"{point} was not passed {count} times: {ended.errors}"
    watched.hear(ended, f"({point}:{count})")


OWN = ("private.", "copy.", "sources.", "recover.", "folder.", "run.", "lock.", "log.closed")
"""The other points are passed in test_commit_protocol too, by a program that only commits and takes less time."""


@pytest.mark.parametrize(
    "point",
    [
        point if point.startswith(OWN) else pytest.param(point, marks=pytest.mark.full)
        for point in CRASH_POINTS
    ],
)
def test_killed_at_any_point_nothing_said_is_lost_and_the_next_run_needs_no_help(
    point: str, witness: NewWitness
) -> None:
    watched = prepare(point, witness)
    killed_at(watched, point)
    watched.finish(point)


@pytest.mark.full
@pytest.mark.parametrize("point", [point for point in CRASH_POINTS if point not in ONLY_ONCE])
def test_killed_at_the_same_point_three_times_in_a_row(point: str, witness: NewWitness) -> None:
    watched = prepare(point, witness)
    for _ in range(3):
        killed_at(watched, point)
    watched.finish(point)


@pytest.mark.full
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("point", MANY)
def test_killed_when_a_point_is_passed_again_in_one_run(point: str, count: int, witness: NewWitness) -> None:
    watched = prepare(point, witness)
    killed_at(watched, point, count)
    watched.finish(point)


def test_a_point_that_nobody_asked_for_does_nothing(witness: NewWitness) -> None:
    assert VARIABLE not in os.environ
    watched = witness(layers=1, pause=0)
    assert watched.finish().steps == set(watched.project.names)
