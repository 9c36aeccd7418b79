"""Killed at random moments, again and again: what was said stays, only the rest repeats, the end is right."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from harness.seeds import seeds
from harness.witness import Witness

FEW, MANY = 15, 25
"""Kills in a loop of `make test`, and in one of the others."""
WHOLE = 1.2
"""Seconds that one run takes, about: so that kills fall before, into and behind it."""
LOOPS = [
    *(pytest.param(seed, FEW, id=f"loop{index}") for index, seed in enumerate(seeds(2))),
    *(
        pytest.param(seed, MANY, id=f"loop{index}", marks=(pytest.mark.full, pytest.mark.timeout(900)))
        for index, seed in enumerate(seeds(12)[2:], 2)
    ),
    *(
        pytest.param(seed, MANY, id=f"loop{index}", marks=(pytest.mark.soak, pytest.mark.timeout(900)))
        for index, seed in enumerate(seeds(42)[12:], 12)
    ),
]


@pytest.mark.parametrize(("seed", "most"), LOOPS)
def test_killed_at_random_moments_nothing_said_is_lost_wrong_or_done_again(
    seed: int, most: int, witness: Callable[..., Witness]
) -> None:
    chance = random.Random(seed)
    kills = rounds = 0
    while kills < most:
        rounds += 1
        watched = witness(f"round{rounds}", pause=0.002)
        while True:
            told = f"(seed {seed}, round {rounds}, kill {kills + 1})"
            ended = watched.program.run(kill_after=chance.uniform(0, 1.2 * WHOLE))
            watched.hear(ended, told)
            if not ended.killed:
                assert ended.code == 0, f"{ended.errors} {told}"
                break
            kills += 1
        watched.finish(told)
    print(f"seed {seed}: {kills} kills, {rounds} graphs")
