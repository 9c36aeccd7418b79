"""What is shown of a run is a fold over its events."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.events import Event, Kind
from bakehouse.core.model import State
from bakehouse.core.plan import Plan, PlannedStep
from bakehouse.tui.projection.live import Live

TASKS = ("mix", "bake", "eat")


def told(*stories: tuple[Any, ...]) -> Live:
    live = Live()
    for seq, (kind, task, *rest) in enumerate(stories, 1):
        live.apply(Event(seq, 100.0 + seq, "r", Kind(kind), task, None, rest[0] if rest else {}))
    return live


def test_a_step_goes_from_queued_over_running_to_fresh_with_its_time() -> None:
    live = told(("run_started", None, {"jobs": 2}), ("step_queued", "mix"), ("step_started", "mix"))
    step = live.steps["mix"]
    assert (step.state, step.elapsed(107.0)) == (State.RUNNING, 4.0)
    live.apply(Event(9, 110.0, "r", Kind.STEP_SUCCEEDED, "mix", None, {"seconds": 6.5}))
    assert (step.state, step.elapsed(500.0)) == (State.FRESH, 6.5)


def test_progress_and_the_last_line_are_kept_while_it_runs() -> None:
    live = told(
        ("step_started", "mix"),
        ("progress", "mix", {"fraction": 0.25, "note": "eggs"}),
        ("log", "mix", {"line": "cracking"}),
        ("log", "mix", {"line": "whisking"}),
    )
    step = live.steps["mix"]
    assert (step.fraction, step.note, step.line, step.lines) == (0.25, "eggs", "whisking", 2)


def test_a_failure_names_itself_and_what_it_blocks_names_it() -> None:
    live = told(
        ("step_started", "mix"),
        ("step_failed", "mix", {"error": "no eggs", "seconds": 1.0}),
        ("step_blocked", "bake", {"by": "mix"}),
        ("run_finished", None, {"ok": False}),
    )
    assert live.last_failed == "mix"
    assert live.steps["mix"].error == "no eggs"
    assert (live.steps["bake"].state, live.steps["bake"].by) == (State.BLOCKED, "mix")
    assert live.is_over and live.ok is False


def test_a_failure_that_will_be_tried_again_is_queued() -> None:
    live = told(("step_started", "mix"), ("step_failed", "mix", {"error": "no eggs", "retry_in": 2.0}))
    assert live.steps["mix"].state is State.QUEUED
    assert live.last_failed == ""


def test_steps_of_the_plan_are_queued_before_anything_is_told_of_them() -> None:
    live = Live()
    live.expect(Plan((PlannedStep("mix", (), "run", (), 2.0), PlannedStep("eat", (), "reuse"))))
    assert live.counts[State.QUEUED] == 1 and live.total == 1


KINDS = st.sampled_from([k for k in Kind if k.value.startswith(("step", "log", "progress"))])
EVENTS = st.lists(
    st.tuples(
        KINDS, st.sampled_from(TASKS), st.sampled_from([{}, {"error": "x"}, {"fraction": 7}, {"by": None}])
    )
)


@given(EVENTS)
def test_counts_always_add_up_and_telling_twice_changes_nothing(
    stories: list[tuple[Kind, str, dict[str, Any]]],
) -> None:
    once, twice = Live(), Live()
    for seq, (kind, task, data) in enumerate(stories):
        event = Event(seq, float(seq), "r", kind, task, None, data)
        once.apply(event)
        twice.apply(event)
        twice.apply(event)
    assert once.steps == twice.steps
    assert sum(once.counts.values()) == once.total
    assert once.done + once.counts[State.QUEUED] + once.counts[State.RUNNING] == once.total
