"""What the screen foretells: how long a run still takes, what a plan costs, which step is slow."""

from __future__ import annotations

from typing import Any

import pytest

from bakehouse.core.events import Event, Kind
from bakehouse.core.graph.graph import Graph
from bakehouse.core.model import Asset, Definitions, Input, ShellAction, State, Task
from bakehouse.core.plan import Plan, PlannedStep
from bakehouse.core.plan.timing import Forecast
from bakehouse.tui.projection.estimate import about, forecast_words
from bakehouse.tui.projection.foresight import AT_ONCE, Foresight, Outlook, foresee
from bakehouse.tui.projection.live import Live
from bakehouse.tui.projection.status import run_words

TASKS = ("mix", "bake", "eat")


def kitchen(*, pools: dict[str, int] | None = None) -> Graph:
    """mix makes dough, bake makes bread of it, eat needs neither."""
    run = ShellAction("true")
    tasks = {
        "mix": Task("mix", run, outputs=("dough",)),
        "bake": Task("bake", run, inputs=(Input("dough", "dough"),), outputs=("bread",)),
        "eat": Task("eat", run),
    }
    assets = {"dough": Asset("dough", task="mix"), "bread": Asset("bread", task="bake")}
    return Graph(Definitions("", assets=assets, tasks=tasks, pools=pools or {}))


def under_way(*estimates: float | None, jobs: int = 3) -> Live:
    live = Live()
    live.expect(Plan(tuple(PlannedStep(t, (), "run", (), e) for t, e in zip(TASKS, estimates, strict=True))))
    live.apply(Event(1, 100.0, "r", Kind.RUN_STARTED, None, None, {"jobs": jobs}))
    return live


def tell(live: Live, ts: float, kind: Kind, task: str, **data: Any) -> None:
    live.apply(Event(live.seq + 1, ts, "r", kind, task, None, data))


def eta(live: Live, now: float, durations: dict[str, tuple[float, ...]] | None = None) -> float | None:
    return foresee(live, kitchen(), durations or {}, now).seconds


def test_the_time_to_go_follows_the_needs_the_history_and_the_jobs() -> None:
    assert eta(under_way(10.0, 10.0, 10.0), 100.0) == 20.0
    assert eta(under_way(10.0, 10.0, 10.0, jobs=1), 100.0) == 30.0
    live = under_way(10.0, 10.0, 10.0)
    tell(live, 100.0, Kind.STEP_STARTED, "mix")
    assert eta(live, 104.0) == 16.0
    tell(live, 104.0, Kind.PROGRESS, "mix", fraction=0.1)
    assert eta(live, 104.0) == pytest.approx(46.0)
    tell(live, 105.0, Kind.STEP_SUCCEEDED, "mix", seconds=5.0)
    tell(live, 105.0, Kind.STEP_SUCCEEDED, "eat", seconds=1.0)
    assert eta(live, 105.0) == 10.0
    tell(live, 115.0, Kind.STEP_SUCCEEDED, "bake", seconds=10.0)
    assert eta(live, 115.0) == 0.0


def test_a_step_without_history_counts_as_the_others_of_the_run_then_as_those_of_the_project() -> None:
    live = under_way(None, None, None)
    assert eta(live, 100.0) is None
    assert eta(live, 100.0, {"sweep": (4.0, 6.0, 5.0)}) == 10.0
    tell(live, 103.0, Kind.STEP_SUCCEEDED, "eat", seconds=3.0)
    assert eta(live, 103.0, {"sweep": (4.0,)}) == 6.0


def test_what_is_told_changes_at_most_once_a_second_and_counts_down_between_two_looks() -> None:
    left = [40.0]
    small = Foresight(under_way(1.0, 1.0, 1.0), lambda now: Forecast(left[0], 0.0, 3))
    assert small.eta(100.0) == 40.0
    left[0] = 90.0
    assert [small.eta(at) for at in (100.2, 100.9)] == [40.0, 40.0]
    assert small.eta(101.0) == 90.0

    many = Live()
    many.expect(Plan(tuple(PlannedStep(f"{n}", (), "run") for n in range(AT_ONCE + 1))))
    clock = [0.0]
    large = Foresight(many, lambda now: Forecast(left[0], 0.0, 3), clock=lambda: clock[0])
    assert large.eta(100.0) is None and large.is_due()
    large.look(100.0)
    assert not large.is_due()
    assert [large.eta(at) for at in (100.0, 101.0, 130.0, 500.0)] == [90.0, 89.0, 60.0, 0.0]
    clock[0] = 1.0
    assert large.is_due()


def test_a_cost_is_told_of_the_very_plan_that_it_was_looked_up_for() -> None:
    outlook = Outlook(lambda live, now: Forecast())
    mine, other = Plan((PlannedStep("mix", (), "run"),)), Plan(())
    outlook.weighed(mine, Forecast(4.0, 4.0, 1))
    assert outlook.cost_of(mine) == Forecast(4.0, 4.0, 1)
    assert outlook.cost_of(other) is None and outlook.cost_of(None) is None


def test_at_the_end_it_says_what_was_spared_and_what_that_saved() -> None:
    live = under_way(5.0, 30.0, 8.0)
    tell(live, 101.0, Kind.STEP_SUCCEEDED, "mix", seconds=5.0)
    tell(live, 101.0, Kind.STEP_SPARED, "bake")
    tell(live, 101.0, Kind.STEP_SPARED, "eat")
    tell(live, 101.0, Kind.STEP_REUSED, "sweep")
    assert run_words(live) == "1 ran · 1 step reused · 2 spared · ~38 s saved"
    assert run_words(live, ascii_only=True).isascii()
    assert live.counts[State.SPARED] == 2
    nothing_known = under_way(None, None, None)
    tell(nothing_known, 101.0, Kind.STEP_SPARED, "bake")
    assert run_words(nothing_known) == "1 spared"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "~0 s"), (0.04, "~0 s"), (0.36, "~0.4 s"), (0.94, "~0.9 s"), (0.96, "~1 s"), (38.4, "~38 s"),
        (59.4, "~59 s"), (59.6, "~1 min"), (154.0, "~2 min 30 s"), (594.0, "~9 min 50 s"), (596.0, "~10 min"),
        (42 * 60.0, "~42 min"), (3599.0, "~1 h"), (12000.0, "~3 h 20 min"), (86_300.0, "~1 d"), (187_200.0, "~2 d 4 h"),
    ],
)  # fmt: skip
def test_a_duration_is_told_no_more_exactly_than_it_is_known(value: float, words: str) -> None:
    assert about(value) == words


def test_an_estimate_says_how_much_of_it_is_not_known() -> None:
    assert forecast_words(Forecast()) == ""
    assert forecast_words(Forecast(40.0, 80.0, 4)) == "~40 s"
    assert forecast_words(Forecast(40.0, 80.0, 4, unknown=1)) == "40 s and more: 1 step never ran"
    assert forecast_words(Forecast(None, 0.0, 2, unknown=2)) == "no estimate yet"
