"""A plan in the tree, and what is taken out of it before it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.graph.graph import Graph
from bakehouse.core.model import Definitions, Node, ShellAction, Task
from bakehouse.core.plan import Plan, PlannedStep
from bakehouse.core.workbench import Workbench
from bakehouse.tui.projection.draft import Draft


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Up to a dozen steps, each after some of those before it; some have nothing to run."""
    tasks, steps = {}, []
    for n in range(draw(st.integers(1, 12))):
        after = tuple(f"t{m}" for m in draw(st.sets(st.integers(0, n - 1), max_size=3))) if n else ()
        tasks[f"t{n}"] = Task(f"t{n}", ShellAction("true"), after=after)
        action = draw(st.sampled_from(["run", "run", "reuse", "skip"]))
        steps.append(PlannedStep(f"t{n}", (), action, (), None))  # type: ignore[arg-type]
    graph = Graph(Definitions("/", {}, tasks))
    return Draft(Plan(tuple(steps), frozenset(tasks)), graph)


@given(drafts(), st.lists(st.integers(0, 11), max_size=8))
def test_what_is_left_needs_nothing_that_was_taken_out(draft: Draft, taken: list[int]) -> None:
    graph = draft._graph
    for n in taken:
        was = draft.out
        told = draft.toggle(f"t{n}")
        assert bool(told) == (draft.out == was)
        left = [step.task for step in draft.plan.steps]
        assert left == [step.task for step in draft.whole.steps if step.task not in draft.out]
        for step in draft.plan.steps:
            needs = {node.name for node in graph.upstream([Node("task", step.task)])}
            assert step.action != "run" or not needs & draft.out
        assert draft.plan.forced <= set(left)


@given(drafts(), st.integers(0, 11))
def test_what_is_taken_in_again_brings_what_it_needs(draft: Draft, n: int) -> None:
    if draft.toggle(f"t{n}"):
        return
    for task in sorted(draft.out):
        if task in draft.out:
            draft.toggle(task)
    assert not draft.out and draft.plan == draft.whole


async def test_space_leaves_a_step_out_of_the_plan_with_what_follows_from_it(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / "two_cookies.yaml") as s:
        await s.press("equals_sign", "v", "G", "v", "g", "enter")
        await s.sees("plan: 5 run")
        await s.go("chocolate_chip_cookie_dough")
        await s.press("space")
        await s.sees("plan: 3 run", "2 left out", "left out")
        await s.go("chocolate_chip_cookies")
        await s.press("space")
        await s.sees("plan: 5 run")
        await s.press("space")
        await s.go("chocolate_chip_cookies")
        await s.press("enter")
        await s.until(lambda: s.bench.told is not None, "the run")
        run = {step.task for step in s.run.plan.steps if step.action == "run"}
    assert len(run) == len(s.app.echo.said[-1].command.split("materialize ")[1].split())


async def test_what_was_left_out_is_not_made_and_the_rest_is(
    tmp_path: Path, screen: Callable[..., Any]
) -> None:
    (tmp_path / "bakehouse.yaml").write_text(
        "assets:\n"
        "  first: {shell: 'printf 1 > \"$OUTPUT\"'}\n"
        "  second: {deps: [first], shell: 'printf 2 > \"$OUTPUT\"'}\n"
        "  third: {deps: [second], shell: 'printf 3 > \"$OUTPUT\"'}\n"
        "  other: {deps: [first], shell: 'printf 4 > \"$OUTPUT\"'}\n"
    )
    async with screen(tmp_path, bench=Workbench) as s:
        await s.press("equals_sign", "v", "G", "v", "g", "enter")
        await s.sees("plan: 4 run")
        await s.go("second")
        await s.press("space", "enter")
        await s.sees("the run finished")
        await s.until(lambda: s.app.session.is_settled, "the new survey")
        states = {
            name: s.app.session.state_of(Node("asset", name)).value
            for name in ("first", "second", "third", "other")
        }
    assert states == {"first": "fresh", "second": "never", "third": "never", "other": "fresh"}


async def test_a_plan_of_which_everything_is_left_out_stays_and_says_so(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / "one_cookie.yaml") as s:
        await s.go("cookie_dough")
        await s.press("enter")
        await s.sees("plan: 1 run")
        await s.press("space", "enter")
        await s.sees("every step is left out: space takes one in again")
        assert s.app.session.preview is not None
        await s.press("k", "space", "enter")
        await s.until(lambda: s.bench.told is not None, "the run")
