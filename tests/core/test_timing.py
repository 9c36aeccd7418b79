"""How long it will take: laws that hold for every graph, every history and every number of jobs."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.plan.timing import Due, critical_path, forecast, slow_after, usual

SECONDS = st.floats(0, 1000, allow_nan=False).map(lambda value: round(value, 3))
CLOSE = 1e-6


@st.composite
def dues(draw: st.DrawFn, known: bool = True) -> list[Due]:
    """Steps that need only earlier ones; some run, some say how far they are, some are of a pool."""
    size = draw(st.integers(0, 12))
    found: list[Due] = []
    for n in range(size):
        needs = draw(st.sets(st.integers(0, n - 1))) if n else set()
        runs = not needs and draw(st.booleans())
        found.append(
            Due(
                f"step {n}",
                (*(f"step {need}" for need in sorted(needs)), "a step that is over"),
                draw(SECONDS if known else st.none() | SECONDS),
                draw(SECONDS) if runs else None,
                draw(st.none() | st.floats(0.01, 1)) if runs else None,
                draw(st.sampled_from([None, "oven", "no pool of that name"])),
            )
        )
    return found


def running(due: list[Due]) -> int:
    return sum(one.elapsed is not None for one in due)


@given(dues(), st.integers(1, 6), st.integers(1, 3))
def test_what_is_left_is_never_less_than_the_critical_path_nor_than_the_work_over_the_jobs(
    due: list[Due], more: int, room: int
) -> None:
    jobs = running(due) + more
    found = forecast(due, jobs, pools={"oven": room})
    assert found.seconds is not None
    assert found.seconds >= found.length
    assert found.seconds >= found.work / jobs - CLOSE
    assert found.seconds <= found.work + CLOSE
    assert found.unknown == 0 and found.steps == len(due)


@given(dues(), st.integers(0, 5))
def test_without_pools_it_is_never_more_than_a_list_schedule_can_be(due: list[Due], more: int) -> None:
    jobs = max(1, running(due) + more)
    found = forecast(due, jobs)
    assert found.seconds is not None
    assert found.seconds <= found.work / jobs + found.length * (1 - 1 / jobs) + CLOSE


@given(dues())
def test_one_job_does_one_after_the_other_and_many_jobs_need_the_critical_path_alone(due: list[Due]) -> None:
    waiting = [Due(one.task, one.needs, one.usual) for one in due]
    one_by_one, all_at_once = forecast(waiting, 1), forecast(waiting, len(due) + 1)
    assert math.isclose(one_by_one.seconds or 0, one_by_one.work, abs_tol=CLOSE)
    assert math.isclose(all_at_once.seconds or 0, all_at_once.length, abs_tol=CLOSE)


@given(dues())
def test_the_critical_path_is_a_chain_of_needs_and_as_long_as_is_said(due: list[Due]) -> None:
    found = forecast(due, 3)
    by_name = {one.task: one for one in due}
    assert all(before in by_name[after].needs for before, after in pairwise(found.critical))
    length = sum(by_name[task].rest(None) or 0 for task in found.critical)
    assert math.isclose(length, found.length, abs_tol=CLOSE)
    whole, longest = critical_path(
        {one.task: one.rest(None) or 0.0 for one in due}, lambda t: by_name[t].needs
    )
    assert whole == found.critical and longest == found.length


@given(dues(known=False), st.integers(1, 4), st.none() | SECONDS)
def test_what_nothing_is_known_of_is_counted_and_weighed_as_the_typical_step(
    due: list[Due], jobs: int, typical: float | None
) -> None:
    found = forecast(due, jobs, typical=typical)
    tells = [bool(one.elapsed and one.fraction) for one in due]
    assert found.unknown == sum(one.usual is None and not told for one, told in zip(due, tells, strict=True))
    known = [one.usual for one in due if one.usual is not None]
    weight = usual(known) if known else typical
    if weight is None and found.unknown:
        assert found.seconds is None and found.critical == ()
        return
    filled = [
        Due(o.task, o.needs, weight if o.usual is None else o.usual, o.elapsed, o.fraction, o.pool)
        for o in due
    ]
    assert forecast(filled, jobs, typical=0.0).seconds == found.seconds


def test_when_all_is_over_nothing_is_left() -> None:
    nothing = forecast([], 4)
    assert (nothing.seconds, nothing.work, nothing.unknown, nothing.critical) == (0.0, 0.0, 0, ())


def test_what_runs_counts_from_when_it_began_and_by_what_it_says_of_itself() -> None:
    assert forecast([Due("mix", usual=10.0, elapsed=4.0)], 1).seconds == 6.0
    assert forecast([Due("mix", usual=10.0, elapsed=40.0)], 1).seconds == 0.0
    assert forecast([Due("mix", usual=10.0, elapsed=4.0), Due("eat", usual=5.0)], 1).seconds == 11.0
    assert forecast([Due("mix", usual=10.0, elapsed=4.0, fraction=0.1)], 1).seconds == pytest.approx(36.0)


def test_who_is_ready_first_begins_first_as_in_a_run() -> None:
    """What `a` lets begin stands behind `c`, though it takes longest: beginning it at once would end at 7."""
    due = [Due("a", usual=1.0), Due("b", usual=4.0), Due("c", usual=1.0), Due("d", ("a",), 6.0)]
    assert forecast(due, 2).seconds == 8.0
    assert forecast([Due("a", usual=1.0), Due("b", usual=2.0), Due("c", usual=3.0)], 2).seconds == 4.0


def test_a_pool_holds_back_what_there_would_be_jobs_for() -> None:
    due = [Due(name, usual=2.0, pool="oven") for name in "abc"] + [Due("d", usual=5.0)]
    assert forecast(due, 4).seconds == 5.0
    assert forecast(due, 4, pools={"oven": 1}).seconds == 6.0


def test_a_step_is_slow_beyond_the_90th_percentile_of_five_runs_or_more() -> None:
    assert slow_after([1.0, 2.0, 3.0, 4.0]) is None
    assert slow_after([3.0, 1.0, 5.0, 2.0, 4.0]) == 5.0
    assert slow_after([float(n) for n in range(1, 11)]) == 9.0
    assert usual([]) is None and usual([1.0, 9.0, 2.0]) == 2.0


def test_a_hundred_thousand_steps_are_played_through() -> None:
    size = 100_000
    due = [Due(f"{n}", (f"{n // 2}",) if n else (), 1.0) for n in range(size)]
    found = forecast(due, 8)
    assert found.length == 18.0 and found.work == size
    assert size / 8 <= (found.seconds or 0) <= size / 8 + 18
