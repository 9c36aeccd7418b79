"""What the screen says is so: counts, ledger, ages, what became of steps, and where each word stands."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.events import Kind
from bakehouse.core.model import Node, State
from bakehouse.core.workbench import Snapshot, Workbench
from bakehouse.tui.background import sidework
from bakehouse.tui.projection.keys import KEYS
from bakehouse.tui.projection.ledger import take_ledger
from bakehouse.tui.widgets import saying

from .conftest import ToldBench
from .test_screen import ONE, TWO, add_peanuts, asset

Opener = Callable[..., Any]
FAILING = """\
assets:
  good: {shell: 'echo 1 > "$OUTPUT"'}
  bad: {deps: [good], shell: 'echo no butter >&2; exit 3'}
  below: {deps: [bad], shell: 'echo 2 > "$OUTPUT"'}
  passed_on: {deps: [good], internal: true, shell: 'echo 3 > "$OUTPUT"'}
tasks:
  mail: {inputs: [passed_on], shell: 'true'}
"""


def footer_of(s: Any) -> str:
    return str(s.text.rstrip("\n").split("\n")[-1])


def plan_says(bench: Workbench, nodes: list[Node]) -> dict[str, int]:
    """What the ledger should say of assets that are not new, by the plan for everything."""
    actions = {step.task: step.action for step in bench.plan(None).steps}
    made = bench.survey().recorded.materializations
    old = [node for node in nodes if bench.graph.producer(node.name) and node not in bench.marks().new]
    runs = [node for node in old if actions[bench.graph.producer(node.name) or ""] == "run"]
    return {
        "rebuild": sum(node.name in made for node in runs),
        "never": sum(node.name not in made for node in runs),
        "reused": len(old) - len(runs),
    }


async def test_the_ledger_is_what_materializing_everything_would_do(cookies: Path, screen: Opener) -> None:
    async with screen(cookies / ONE, bench=Workbench, watching=True) as s:
        await asyncio.to_thread(add_peanuts, cookies / ONE)
        await s.sees("3 new", "3 reused · 0 to rebuild · 3 never made")
        await s.go("chocolate_chip_cookies")
        await s.press("m")
        await s.sees("run finished", "3 new", "3 reused · 3 made · 0 to rebuild")
        assert "never made" not in s.text.split("\n")[0]
        await s.go("peanut_cookies")
        await s.press("m")
        await s.sees("2 ran")
        await s.until(lambda: "✓ 5 fresh" in s.text, "the counts after the run")
        await s.sees("3 new", "3 reused · 3 made · 0 to rebuild")
        await s.press("N")
        await s.until(lambda: "to rebuild" not in s.text, "nothing to be new any more")


async def test_the_ledger_and_the_plan_agree_whatever_was_changed(cookies: Path, screen: Opener) -> None:
    async with screen(cookies / ONE, bench=Workbench) as s:
        await s.press("a")
        await s.sees("run finished")
        add_peanuts(cookies / ONE)
        text = (cookies / ONE).read_text()
        (cookies / ONE).write_text(text.replace("minutes: 12", "minutes: 13"))
        await s.press("R")
        await s.sees("3 new", "1 changed · 5 reused · 1 to rebuild")
        bench = s.app.bench
        nodes = list(bench.view("asset").nodes)
        ledger = take_ledger(bench.survey().survey, bench.marks(), nodes)
        assert ledger is not None
        told = {"rebuild": ledger.rebuild, "never": ledger.never, "reused": ledger.reused - 3}
        assert told == plan_says(bench, nodes)


async def test_the_header_counts_what_status_counts_in_either_view(tmp_path: Path, screen: Opener) -> None:
    (tmp_path / "bakehouse.yaml").write_text(FAILING)
    async with screen(tmp_path, bench=Workbench) as s:
        await s.press("a")
        await s.sees("bad failed")
        await s.sees("3 assets", "✗ 1 failed", "∘ 1 never", "✓ 1 fresh")
        await s.go("below")
        assert "blocked by bad" in s.text
        shown = {kind: dict(+s.app.session.counts(kind)) for kind in ("asset", "task")}
        await s.press("t")
        await s.sees("5 steps", "✓ 3 fresh")
    command = [sys.executable, "-m", "bakehouse", "-C", str(tmp_path), "status"]
    environment = {**os.environ, "BAKEHOUSE_TRUST": "1"}
    done = await asyncio.to_thread(
        subprocess.run, [*command, "--json"], env=environment, capture_output=True, text=True
    )
    told = json.loads(done.stdout)
    assert {State(name): size for name, size in told["assets"].items()} == shown["asset"]
    assert {State(name): size for name, size in told["steps"].items()} == shown["task"]
    done = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True)
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["3 assets", "5 steps"]


async def test_reused_and_spared_are_said_while_the_run_goes_on_and_fresh_after_it(
    cookies: Path, screen: Opener
) -> None:
    async with screen(cookies / ONE, bench=Workbench) as s:
        await s.press("a")
        await s.sees("run finished", "✓ 3 fresh")
        recipes = (cookies / "recipes.py").read_text()
        (cookies / "recipes.py").write_text(
            recipes.replace("def make_dough", "import math\n\n\ndef make_dough")
        )
        await s.press("R", "M")
        await s.sees("Materialize by force")
        await s.press("y")
        await s.until(
            lambda: s.text.count("run finished") and not s.app.session.running, "the end of the run"
        )
        await s.until(lambda: "✓ 3 fresh" in s.text.split("\n")[0], "the counts after the run")
        words = {s.app._look(row).word for row in s.rows if row.kind == "node"}
        assert words == {"fresh", "source"}


async def test_how_long_ago_something_was_is_told_anew(
    cookies: Path, screen: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setattr(sidework, "AGED", 0.05)
    passed = [0.0]
    async with screen(cookies / ONE, bench=Workbench, clock=lambda: time.time() + passed[0]) as s:
        await s.press("a")
        await s.sees("run finished", "less than 1 min ago")
        passed[0] = 125.0
        await s.sees("2 min ago")


async def test_an_error_is_told_once(tmp_path: Path, screen: Opener) -> None:
    (tmp_path / "bakehouse.yaml").write_text(FAILING)
    async with screen(tmp_path, bench=Workbench) as s:
        await s.press("a")
        await s.sees("bad failed")
        await s.go("bad")
        await s.until(lambda: s.app.session.is_settled, "the survey after the run")
        assert s.app.side.page.text.count("exit code 3") == 1


async def test_a_step_whose_definition_went_away_in_mid_run_has_a_row_a_log_and_can_be_cancelled(
    tmp_path: Path, screen: Opener
) -> None:
    project = tmp_path / "bakehouse.yaml"
    project.write_text("assets:\n  slow: {shell: 'echo stirring; sleep 600'}\n  other: {shell: 'true'}\n")
    async with screen(tmp_path, bench=Workbench) as s:
        await s.go("slow")
        await s.press("m")
        await s.sees("stirring")
        project.write_text(project.read_text().replace("slow:", "renamed:"))
        await s.press("R")
        await s.sees("renamed", "of the run, no longer defined")
        await s.until(lambda: s.names[-1] == "slow" and s.rows[-1].kind == "ghost", "the step's row")
        s.app.tree_view.go(len(s.rows) - 1)
        await s.sees("not any more: the run")
        for tab in ("why", "value", "history", "log"):
            s.app.side.go_to_tab(tab)
            await s.pilot.pause()
        await s.until(lambda: s.app.side.log_view.count, "its log")
        await s.press("m")
        await s.sees("not defined any more: it can be cancelled")
        await s.press("t")
        assert s.names[-1] == "slow"
        await s.press("x")
        await s.until(lambda: not s.app.session.running, "the step to be cancelled")


async def test_what_is_wrong_with_a_filter_stands_beside_it_until_it_is_repaired(
    cookies: Path, screen: Opener
) -> None:
    async with screen(cookies / TWO) as s:
        await s.go("cookie_dough")
        await s.press("slash")
        await s.sees("Enter Keep the filter", "Esc Take it off")
        await s.type("stat:")
        await s.until(lambda: s.app.filter_input.note, "what is wrong")
        line = s.app.filter_input.render_line(0).text
        assert line.startswith("/stat: ") and "^" not in line and len(line.strip()) > 12
        await s.press("backspace")
        assert s.app.filter_input.note == "nothing matches"
        await s.type("e:never")
        await s.until(lambda: len(s.rows) == 5, "what was never made")
        assert not s.app.filter_input.note
        await s.press("ctrl+u")
        await s.type("zzz")
        await s.sees("nothing matches /zzz", "Esc shows everything")
        await s.press("ctrl+u")
        await s.type("tag:dai")
        await s.sees("nothing matches /tag:dai: no tag is called `dai`")
        await s.press("escape")
        assert len(s.rows) == 10 and s.node == asset("cookie_dough")


async def test_a_filter_by_state_knows_the_run_and_reads_nothing_in_the_screens_thread(
    cookies: Path, screen: Opener
) -> None:
    threads = set()

    class Noting(ToldBench):
        def survey(self) -> Snapshot:
            threads.add(threading.current_thread())
            return super().survey()

    async with screen(cookies / TWO, bench=Noting) as s:
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        s.run.tell("step_started", "combine_ingredients")
        await s.press("slash")
        await s.type("state:running")
        await s.press("enter")
        await s.until(lambda: [r.label for r in s.rows if not r.faint] == ["cookie_dough"], "what runs")
        s.run.tell("step_succeeded", "combine_ingredients", seconds=1)
        s.run.tell("step_started", "add_peanuts")
        await s.until(
            lambda: [r.label for r in s.rows if not r.faint] == ["peanut_cookie_dough"], "what runs now"
        )
    assert threads and threading.main_thread() not in threads


async def test_faults_says_when_there_are_none(cookies: Path, screen: Opener) -> None:
    async with screen(cookies / ONE) as s:
        await s.press("f")
        await s.sees("nothing failed, is stale, runs or is new", "Esc shows everything")
        await s.press("j", "escape")
        assert len(s.rows) == 6


async def test_a_message_leaves_the_keys_where_they_are_and_goes_by_itself(
    cookies: Path, screen: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saying, "SAID_FOR", 4.0)
    async with screen(cookies / ONE) as s:
        before = footer_of(s)
        assert "q Quit" in before
        await s.press("r")
        await s.sees("nothing failed")
        assert footer_of(s) == before
        await s.until(lambda: "nothing failed" not in s.text, "the message to go")


async def test_an_error_stays_until_escape(cookies: Path, screen: Opener) -> None:
    async with screen(cookies / ONE) as s:
        s.app.tell("the oven is broken", "failed")
        await s.sees("the oven is broken")
        await s.press("j", "k", "t", "t")
        assert "the oven is broken" in s.text
        await s.press("escape")
        assert "the oven is broken" not in s.text


async def test_the_palette_says_when_no_command_matches(cookies: Path, screen: Opener) -> None:
    async with screen(cookies / ONE) as s:
        await s.press("ctrl+p")
        await s.until(lambda: len(s.app.screen_stack) == 2, "the palette")
        await s.type("qqqq")
        await s.sees("no command matches")
        await s.press("enter")
        await s.until(lambda: len(s.app.screen_stack) == 1, "the palette to close")
        assert s.app.is_running


async def test_the_help_scrolls_to_both_ends(cookies: Path, screen: Opener) -> None:
    async with screen(cookies / ONE, size=(80, 24)) as s:
        await s.press("question_mark")
        await s.sees("Here: the tree")
        await s.press("G")
        await s.sees("The mouse works too")
        await s.press("g")
        await s.sees("Here: the tree")


async def test_ctrl_c_says_how_to_quit(cookies: Path, screen: Opener) -> None:
    async with screen(cookies / ONE) as s:
        await s.press("ctrl+c")
        await s.sees("q quits")
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        await s.press("ctrl+c")
        await s.sees("3 steps are under way")
        assert s.app.is_running
        await s.press("X")
        await s.sees("Cancel the run")


LEAVES = {"suspend", "quit"}


@pytest.mark.parametrize("key", [key for key in KEYS if key.id not in LEAVES], ids=lambda key: key.id)
async def test_every_key_does_what_can_be_seen(cookies: Path, screen: Opener, key: Any) -> None:
    async with screen(cookies / TWO, size=(100, 12)) as s:
        await s.go("cookie_dough")
        s.app.side.go_to_tab("log" if key.id in ("wrap", "follow") else "overview")
        first = {"back": "f", "unfold_all": "minus", "unfold": "h", "follow": "F"}.get(key.id)
        if first is not None:
            await s.press(first)

        def state() -> tuple[object, ...]:
            log = s.app.side.log_view
            return s.text, s.app.theme, log.follow, log.wrap, s.app.clipboard, s.app.focused, s.app.screen

        await s.pilot.pause()
        for name in key.keys:
            before = state()
            await s.press(name)
            await s.until(lambda before=before: state() != before, f"{name} to do something")
            while len(s.app.screen_stack) > 1:
                await s.press("escape")
                await s.pilot.pause()
            s.app.says.say_no_more()
            s.app.tree_view.focus()
            s.app.go_to(asset("cookie_dough"))
            if key.id == "faults":
                await s.press("escape")
            if first is not None:
                await s.press(first)
            await s.pilot.pause()


async def test_at_40_by_10_everything_is_within_reach(cookies: Path, screen: Opener) -> None:
    async with screen(cookies / TWO, size=(40, 10)) as s:
        foot = footer_of(s)
        assert "q Quit" in foot and "tab Details" in foot and "? Help" in foot and len(foot) <= 40
        assert "⋯" not in s.text
        assert "chocolate_chip_cookies" in s.text and "chocolate_chip_cookie_dough" in s.text
        await s.go("cookie_dough")
        await s.press("tab")
        await s.sees("Overview", "cookie_dough  asset", "tab Tree")
        assert "Assets" not in s.text
        await s.press("tab")
        await s.sees("Assets", "tab Details")
        await s.press("z")
        await s.sees("cookie_dough  asset")
        await s.press("escape")
        await s.sees("Assets")
        assert s.app.tree_view.has_focus and s.node == asset("cookie_dough")


async def test_what_a_value_is_stays_in_sight_when_it_is_scrolled(tmp_path: Path, screen: Opener) -> None:
    columns = ",".join(f"column_{n}" for n in range(20))
    rows = "\n".join(",".join(f"{row}.{n}" for n in range(20)) for row in range(150))
    (tmp_path / "wide.csv").write_text(f"{columns}\n{rows}\n")
    (tmp_path / "bakehouse.yaml").write_text("assets:\n  wide: {file: wide.csv}\n")
    async with screen(tmp_path, size=(80, 24)) as s:
        s.app.side.go_to_tab("value")
        await s.sees("wide", "150 rows × 20 columns", "column_0", "0.0")
        await s.press("tab", "G")
        await s.sees("149.0")
        assert "150 rows × 20 columns" in s.text and "column_0" in s.text
        await s.press(*["l"] * 7)
        await s.until(lambda: "column_7" in s.text and "column_0 " not in s.text, "other columns")
        assert "150 rows × 20 columns" in s.text and "149.7" in s.text


MISSING = """\
assets:
  flour: {file: flour.txt}
  bake: {deps: [flour], shell: 'cat "$flour" > "$OUTPUT"'}
"""


async def test_a_source_without_its_file_looks_like_trouble_and_says_what_is_not_there(
    tmp_path: Path, screen: Opener
) -> None:
    (tmp_path / "bakehouse.yaml").write_text(MISSING)
    async with screen(tmp_path, bench=Workbench) as s:
        await s.sees("1 missing", "1 never")
        await s.press("a")
        await s.sees("nothing to run: flour.txt is not there")
        await s.press("f")
        await s.go("flour")
        await s.sees("flour.txt is not there")
        row = next(line for line in s.text.split("\n") if "flour" in line and "missing" in line)
        assert "source" not in row.split("││")[0]
        row = next(line for line in s.text.split("\n") if "bake" in line and "never" in line)
        assert row.split("│")[1].count("bake") == 1, "the verb is its name"


async def test_a_step_that_was_cancelled_before_it_began_says_so_and_has_no_time(
    tmp_path: Path, screen: Opener
) -> None:
    (tmp_path / "bakehouse.yaml").write_text(FAILING.replace("exit 3", "sleep 60"))
    async with screen(tmp_path, bench=Workbench) as s:
        await s.press("a")
        await s.until(lambda: "running" in s.text, "a step to run")
        await s.press("X", "y")
        await s.sees("the run was cancelled in mid-step: bad")
        bad, below = (asset(name) for name in ("bad", "below"))
        await s.until(lambda: s.app.session.state_of(below) is State.CANCELLED, "the end to be known")
        rows = {name: next(x for x in s.text.split("\n") if f" {name} " in x) for name in ("bad", "below")}
        assert s.app.session.state_of(bad) is State.CANCELLED
        assert "cancelled before it began" in rows["below"].split("││")[0]
        assert not rows["below"].split("││")[0].rstrip().endswith("s")


async def test_what_is_queued_says_what_it_waits_for(tmp_path: Path, screen: Opener) -> None:
    (tmp_path / "bakehouse.yaml").write_text(
        "pools: {oven: 1}\nassets:\n"
        "  dough: {shell: 'true'}\n  bread: {deps: [dough], pool: oven, shell: 'true'}\n"
        "  cake: {deps: [dough], pool: oven, shell: 'true'}\n  jam: {shell: 'true'}\n  tea: {shell: 'true'}\n"
    )
    async with screen(tmp_path, size=(140, 30)) as s:
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        s.run.tell(Kind.RUN_STARTED, jobs=2, queued=["dough", "bread", "cake", "jam", "tea"])
        s.run.tell(Kind.STEP_STARTED, "dough")
        await s.sees("bread  waits for dough", "cake  waits for dough")
        s.run.tell(Kind.STEP_STARTED, "jam")
        await s.sees("tea  all jobs are busy")
        s.run.tell(Kind.STEP_SUCCEEDED, "dough", seconds=1.0)
        s.run.tell(Kind.STEP_STARTED, "bread")
        await s.sees("cake  oven is full: bread")
        s.run.tell(Kind.STEP_SUCCEEDED, "bread", seconds=1.0)
        await s.until(lambda: "oven is full" not in s.text, "the oven to be free")
