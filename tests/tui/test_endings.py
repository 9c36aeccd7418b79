"""A run comes to its end, or is brought to it: what the screen says then, and what it asks no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.events import Event, Kind
from bakehouse.core.model import Node, State
from bakehouse.core.workbench import Workbench
from bakehouse.tui.projection.endings import end_words
from bakehouse.tui.projection.live import Live

BREAD = """
assets:
  dough: {shell: 'echo dough > "$OUTPUT"'}
  bread:
    deps: [dough]
    shell: |
      while [ ! -e ../ready ]; do sleep 0.02; done
      cat "$dough" > "$OUTPUT"
  crumbs: {deps: [bread], shell: 'cat "$bread" > "$OUTPUT"'}
"""


@pytest.fixture
def bakery(tmp_path: Path) -> Path:
    folder = tmp_path / "bakery"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(BREAD)
    return folder


async def begin(s: Any) -> None:
    """A run whose bread stays in the oven."""
    await s.press("a")
    await s.until(lambda: s.app.session.state_of(Node("asset", "bread")) is State.RUNNING, "the bread")


@pytest.mark.parametrize(("key", "question"), [("q", "A run is under way with"), ("X", "running or queued")])
async def test_a_question_about_a_run_goes_when_the_run_ends_meanwhile(
    bakery: Path, screen: Callable[..., Any], key: str, question: str
) -> None:
    async with screen(bakery, bench=Workbench) as s:
        await begin(s)
        await s.press(key)
        await s.sees(question, "2 steps")
        (bakery.parent / "ready").touch()
        await s.until(lambda: question not in s.text, "the question to close")
        await s.sees("the run finished: 3 ran")
        await s.press("y")
        assert s.app.is_running and s.app.return_code is None
        await s.press("q")
        await s.until(lambda: s.app.return_code == 0, "the screen to close without a question")


async def test_a_question_about_a_run_counts_what_is_left_of_it_now(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / "one_cookie.yaml") as s:
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        await s.press("q")
        await s.sees("with 3 steps to go")
        s.run.tell("step_succeeded", "combine_ingredients", seconds=1)
        await s.sees("with 2 steps to go")


async def test_who_cancels_a_run_is_told_what_was_cancelled_and_how_to_go_on(
    bakery: Path, screen: Callable[..., Any]
) -> None:
    async with screen(bakery, bench=Workbench) as s:
        await begin(s)
        await s.press("X")
        await s.sees("Cancel the run")
        await s.press("y")
        await s.sees(
            "the run was cancelled in mid-step: bread (1 succeeded, 2 cancelled) · a makes what is left"
        )
        assert "not all is well" not in s.text
        (bakery.parent / "ready").touch()
        await s.press("a")
        await s.sees("the run finished: 2 ran")


async def test_what_was_cancelled_is_retried_with_what_it_kept_from_running(
    bakery: Path, screen: Callable[..., Any]
) -> None:
    (bakery / "more.yaml").write_text("assets:\n  jam: {shell: 'echo jam > \"$OUTPUT\"'}\n")
    async with screen(bakery, bench=Workbench) as s:
        await s.go("crumbs")
        await s.press("m")
        await s.until(lambda: s.app.session.state_of(Node("asset", "bread")) is State.RUNNING, "the bread")
        await s.press("X")
        await s.sees("Cancel the run")
        await s.press("y")
        await s.sees("the run was cancelled in mid-step: bread")
        await s.sees("r Retry")
        (bakery.parent / "ready").touch()
        await s.press("r")
        await s.sees("the run finished: 2 ran")
        assert s.app.session.state_of(Node("asset", "jam")) is State.NEVER
        assert s.app.echo.said[-1].command.endswith("materialize state:cancelled+")
        await s.press("r")
        await s.sees("nothing failed or was cancelled (a makes all that is out of date)")


async def test_who_cancels_one_step_is_told_which(bakery: Path, screen: Callable[..., Any]) -> None:
    async with screen(bakery, bench=Workbench) as s:
        await begin(s)
        await s.go("bread")
        await s.press("x")
        await s.sees("the run finished without bread:", "a makes what is left")
        assert "not all is well" not in s.text


def test_a_failure_before_the_end_was_asked_for_is_not_passed_over() -> None:
    live = Live()
    told: tuple[tuple[Kind, str | None, dict[str, Any]], ...] = (
        (Kind.STEP_FAILED, "dough", {"error": "no flour"}),
        (Kind.STEP_CANCELLED, "bread", {"attempt": 1}),
        (Kind.RUN_FINISHED, None, {"ok": False, "status": "cancelled"}),
    )
    for seq, (kind, task, data) in enumerate(told, 1):
        live.apply(Event(seq, 1.0, "run", kind, task, None, data))
    words, style = end_words(live, False, "1 failed, 1 cancelled")
    assert "dough failed before" in words and style == "failed"
