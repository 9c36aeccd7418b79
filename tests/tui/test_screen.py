"""What the keys do, on the real cookies; runs are told step by step, or are real where that is the point."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.marks import Marks
from bakehouse.core.model import Node, ReasonKind, State
from bakehouse.core.problems import NotTrusted
from bakehouse.core.workbench import Workbench
from bakehouse.tui.projection.look import _WHY, why

ONE, TWO = "one_cookie.yaml", "two_cookies.yaml"


def add_peanuts(file: Path) -> None:
    """Takes the leading `# ` off the second cookie, as the file itself says."""
    head, mark, rest = file.read_text().partition("## A second cookie")
    first, _, lines = rest.partition("\n")
    lines = re.sub(r"(?m)^# ", "", lines)
    file.write_text(f"{head}{mark}{first}\n{lines}")


def asset(name: str) -> Node:
    return Node("asset", name)


async def test_it_opens_on_the_assets_with_the_cursor_on_the_first(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / ONE) as s:
        assert s.names[:2] == ["chocolate_chip_cookies", "chocolate_chip_cookie_dough"]
        assert s.node == asset("chocolate_chip_cookies")
        await s.sees("∘ 3 never", "⋄ 3 source", "bake in oven", "chocolate_chip_cookies  asset")


async def test_t_goes_to_the_tasks_and_back_on_the_same_thing(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / ONE) as s:
        await s.go("cookie_dough")
        await s.press("t")
        assert s.node == Node("task", "combine_ingredients")
        assert "Tasks" in s.text
        await s.press("t")
        assert s.node == asset("cookie_dough")


async def test_o_turns_the_tree_and_keeps_the_cursor(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / TWO) as s:
        await s.go("cookie_dough")
        await s.press("o")
        assert s.node == asset("cookie_dough")
        assert s.names[0] == "wet_ingredients"
        await s.press("o")
        assert s.names[0] == "chocolate_chip_cookies"


async def test_h_and_l_fold_and_walk(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / ONE) as s:
        await s.go("cookie_dough")
        await s.press("h")
        assert "wet_ingredients" not in s.names
        await s.press("h")
        assert s.node == asset("chocolate_chip_cookie_dough")
        await s.press("minus")
        assert s.names == ["chocolate_chip_cookies"]
        await s.press("l", "l")
        assert s.node == asset("chocolate_chip_cookie_dough")
        await s.press("equals_sign")
        assert len(s.rows) == 6


async def test_enter_on_an_alias_jumps_to_the_things_own_row(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / TWO) as s:
        alias = next(n for n, row in enumerate(s.rows) if row.kind == "alias")
        s.app.tree_view.go(alias)
        await s.press("enter")
        assert s.app.tree_view.row is not None and s.app.tree_view.row.kind == "node"
        assert s.node == asset("cookie_dough")


async def test_a_filter_keeps_what_matches_and_escape_brings_all_back(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / TWO) as s:
        await s.press("slash")
        await s.type("peanut")
        await s.press("enter")
        assert {row.label for row in s.rows if not row.faint} == {
            "peanut_cookies",
            "peanut_cookie_dough",
            "peanuts",
        }
        await s.go("peanut_cookies")
        await s.press("n")
        assert s.node == asset("peanut_cookie_dough")
        await s.press("escape")
        assert len(s.rows) == 10
        assert s.node == asset("peanut_cookie_dough")


async def test_the_cursor_holds_on_to_its_thing_whatever_comes_or_goes_above_it(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / TWO) as s:
        await s.go("peanuts")
        at = s.app.tree_view.cursor
        await s.press("slash")
        await s.type("peanut")
        await s.press("enter")
        assert s.node == asset("peanuts") and s.app.tree_view.cursor != at
        await s.press("escape")
        assert s.app.tree_view.cursor == at
        text = (cookies / TWO).read_text()
        (cookies / TWO).write_text(
            text.replace("assets:\n", "assets:\n  crumbs: {deps: [wet_ingredients], shell: x}\n", 1)
        )
        await s.press("R")
        await s.until(lambda: "crumbs" in s.names, "the new asset")
        assert s.node == asset("peanuts") and s.app.tree_view.cursor == at + 2
        await s.press("minus")
        assert s.node == asset("peanut_cookies")


async def test_the_filter_speaks_the_selection_language(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / TWO) as s:
        await s.press("slash")
        await s.type("+peanut_cookie_dough and sources()")
        await s.press("enter")
        found = {row.label for row in s.rows if not row.faint}
        assert found == {"wet_ingredients", "dry_ingredients", "peanuts"}


async def test_marks_are_what_m_works_on(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / TWO) as s:
        await s.go("cookie_dough")
        await s.press("space")
        assert s.app.session is not None and s.app.session.marked == {asset("cookie_dough")}
        await s.go("peanut_cookies")
        await s.press("v", "j", "v")
        assert len(s.app.session.marked) == 3
        await s.press("escape")
        assert not s.app.session.marked
        await s.go("cookie_dough")
        await s.press("space", "g", "m")
        await s.until(lambda: s.bench.told is not None, "the run")
        assert [step.task for step in s.run.plan.steps] == ["combine_ingredients"]


async def test_enter_previews_in_the_tree_and_enter_again_runs_it(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / ONE) as s:
        await s.press("enter")
        await s.sees("plan: 3 run, 0 reuse", "never made", "Run it")
        assert s.bench.told is None
        await s.press("escape")
        assert "plan:" not in s.text and s.bench.told is None
        await s.press("enter")
        await s.sees("plan: 3 run")
        await s.press("enter")
        await s.until(lambda: s.bench.told is not None, "the run")
        assert s.run.plan.counts["run"] == 3


async def test_a_run_is_shown_as_it_goes(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / ONE) as s:
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        await s.sees("queued")
        s.run.tell("step_started", "combine_ingredients")
        s.run.tell("progress", "combine_ingredients", fraction=0.4, note="whisking")
        await s.sees("40%", "whisking")
        s.run.tell("step_succeeded", "combine_ingredients", seconds=2.5)
        s.run.tell("step_started", "add_chocolate_chips")
        await s.sees("2.5s", "1/3")
        await s.go("cookie_dough")
        await s.press("t")
        assert s.node == Node("task", "combine_ingredients")
        s.run.tell("step_failed", "add_chocolate_chips", error="the bag is empty", seconds=1.0)
        s.run.tell("step_blocked", "bake_in_oven", by="add_chocolate_chips")
        await s.sees("the bag is empty", "by add_chocolate_chips", "✗ add_chocolate_chips")
        assert s.node == Node("task", "combine_ingredients")
        s.run.tell("run_finished", ok=False, counts={"succeeded": 1, "failed": 1, "blocked": 1})
        await s.sees("add_chocolate_chips failed")
        assert not s.app.feed._ticker


async def test_m_during_a_run_adds_to_it_and_x_cancels_the_step(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / TWO) as s:
        await s.go("cookie_dough")
        await s.press("m")
        await s.until(lambda: s.bench.told is not None, "the run")
        s.run.tell("step_started", "combine_ingredients")
        await s.press("x")
        assert s.run.cancelled == ["combine_ingredients"]
        await s.go("peanut_cookies")
        await s.press("m")
        await s.until(lambda: s.run.added, "the plan to be added")
        await s.press("X")
        await s.sees("Cancel the run")
        await s.press("escape")
        assert s.run.cancelled == ["combine_ingredients"]
        await s.press("X")
        await s.sees("Cancel the run")
        await s.press("y")
        await s.until(lambda: None in s.run.cancelled, "the run to be cancelled")


async def test_what_is_defined_while_a_run_goes_on_waits_for_its_end(
    tmp_path: Path, screen: Callable[..., Any]
) -> None:
    project = tmp_path / "bakehouse.yaml"
    project.write_text("assets:\n  slow: {shell: 'while [ ! -e end ]; do sleep 0.05; done'}\n")
    async with screen(tmp_path, bench=Workbench) as s:
        await s.press("m")
        await s.until(lambda: s.app.session.running, "the run")
        project.write_text(project.read_text() + "  late: {shell: 'true'}\n")
        await s.press("R")
        await s.sees("late")
        await s.go("late")
        await s.press("m")
        await s.sees("late was defined or changed after the run began")
        (tmp_path / "end").touch()
        await s.until(lambda: not s.app.session.running, "the end of the run")
        await s.press("m")
        await s.until(lambda: s.app.session.state_of(Node("asset", "late")) is State.FRESH, "late to be made")


async def test_a_key_that_does_nothing_says_why(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / ONE) as s:
        await s.press("r")
        await s.sees("nothing failed")
        await s.go("wet_ingredients")
        await s.press("m")
        await s.sees("a source is given, not made")
        assert s.bench.told is None


async def test_force_and_quitting_mid_run_ask_first(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / ONE) as s:
        await s.press("M")
        await s.sees("Materialize by force", "whether fresh or not")
        await s.press("enter")
        await s.sees("Enter is no answer")
        await s.press("escape")
        await s.until(lambda: "by force" not in s.text, "the question to close")
        assert s.bench.told is None
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        await s.press("q")
        await s.sees("A run is under way")
        await s.press("escape")
        assert s.app.is_running


@pytest.mark.case("X1")
async def test_an_untrusted_project_is_looked_at_only(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / ONE, trust=False) as s:
        await s.sees("Trust this project?", "look only", "3 python steps can be run")
        await s.press("escape")
        await s.until(lambda: "Trust this project?" not in s.text, "the question to close")
        assert "chocolate_chip_cookies" in s.names
        await s.press("m")
        await s.sees("not trusted")
        assert s.bench.told is None
        await s.press("exclamation_mark")
        await s.sees("Trust this project?")
        await s.press("y")
        await s.until(lambda: s.bench.trusted, "trust")
        await s.press("m")
        await s.until(lambda: s.bench.told is not None, "the run")


async def test_saving_the_second_cookie_lights_three_rows(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / ONE, watching=True) as s:
        await s.go("cookie_dough")
        await asyncio.to_thread(add_peanuts, cookies / ONE)
        await s.sees("3 new", "3 reused · 0 to rebuild · 3 never made")
        assert s.node == asset("cookie_dough")
        lit = [row.label for row in s.rows if row.kind == "node" and s.app._look(row).layer == "new"]
        assert lit == ["peanut_cookies", "peanut_cookie_dough", "peanuts"]
        await s.press("c")
        assert s.node == asset("peanut_cookies")
        await s.press("N")
        await s.until(lambda: "3 new" not in s.text, "the new to be accepted")
        assert not [row for row in s.rows if s.app._look(row).layer]


@pytest.mark.case("D5")
async def test_a_broken_file_keeps_the_old_definitions_and_shows_what_is_wrong(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / ONE, watching=True) as s:
        good = (cookies / ONE).read_text()
        (cookies / ONE).write_text(good + "  oops: {dep: [cookie_dough]}\n  oops2: {dep: [flour]}\n")
        await s.sees("the definitions have 2 errors", "the last good ones are shown", "one_cookie.yaml")
        assert s.text.count("one_cookie.yaml:52") == 1, s.text
        assert "chocolate_chip_cookies" in s.names and "oops" not in s.names
        (cookies / ONE).write_text(good)
        await s.sees("the definitions can be read again")
        assert "the definitions have" not in s.text


async def test_nothing_runs_of_definitions_that_are_not_what_the_files_say(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / ONE, watching=True) as s:
        good = (cookies / ONE).read_text()
        await s.press("enter")
        await s.sees("plan:")
        (cookies / ONE).write_text(good + "  oops: [\n")
        await s.sees("the definitions have 1 error")
        for key in ("enter", "escape", "m", "a", "M", "d", "r"):
            await s.press(key)
            if key != "escape":
                await s.sees("mend the definitions first (one_cookie.yaml:")
        assert s.bench.told is None
        (cookies / ONE).write_text(good)
        await s.sees("the definitions can be read again")
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")


async def test_faults_shows_only_what_asks_for_attention(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / TWO) as s:
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        s.run.tell("step_started", "combine_ingredients")
        s.run.tell("step_failed", "combine_ingredients", error="no butter")
        await s.sees("no butter")
        await s.press("f")
        assert {row.label for row in s.rows if not row.faint} == {"cookie_dough"}
        await s.press("escape")
        assert len(s.rows) == 10


async def test_a_filter_puts_the_cursor_on_the_first_match_unless_it_is_on_one(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / TWO) as s:
        assert s.node == asset("chocolate_chip_cookies")
        await s.press("slash")
        await s.type("dry")
        assert s.node == asset("dry_ingredients") and len(s.rows) > 1
        await s.press("enter", "k")
        assert s.node == asset("cookie_dough")
        s.app.show_rows()
        assert s.node == asset("cookie_dough"), "only typing moves the cursor"
        await s.press("slash", "ctrl+u")
        await s.type("kind:source")
        await s.until(lambda: s.node == asset("wet_ingredients"), "the first source")
        await s.press("escape")
        await s.go("peanuts")
        await s.press("slash")
        await s.type("nuts")
        assert s.node == asset("peanuts")


async def test_what_is_zoomed_is_what_was_asked_for_whatever_size_the_terminal_had_meanwhile(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async def resize(s: Any, width: int, height: int) -> None:
        await s.pilot.resize_terminal(width, height)
        await s.pilot.pause()

    async with screen(cookies / ONE, size=(40, 10)) as s:
        await s.press("z")
        await s.until(lambda: "Assets" not in s.text and "Overview" in s.text, "the details alone")
        await resize(s, 120, 40)
        await s.sees("Assets", "Overview")
        assert s.app.side.has_focus_within
        await resize(s, 40, 10)
        await s.until(lambda: "Assets" not in s.text and "Overview" in s.text, "the details alone")
        await s.press("tab")
        await s.until(lambda: "Assets" in s.text and "Overview" not in s.text, "the tree alone")
        await resize(s, 200, 60)
        await s.sees("Assets", "Overview")
        await s.press("tab", "z")
        await s.until(lambda: "Assets" not in s.text, "the details over the whole screen")
        await resize(s, 40, 10)
        await s.press("tab", "tab")
        await resize(s, 120, 40)
        await s.until(lambda: "Assets" not in s.text and "Overview" in s.text, "the zoom that was asked for")
        await s.press("escape")
        await s.sees("Assets", "Overview")


async def test_the_overview_of_a_file_says_what_it_is_and_not_what_it_is_called(
    tmp_path: Path, screen: Callable[..., Any]
) -> None:
    (tmp_path / "bakehouse.yaml").write_text("assets:\n  loaf.txt: {shell: 'echo crusty > \"$OUTPUT\"'}\n")
    async with screen(tmp_path, bench=Workbench) as s:
        await s.press("a")
        await s.sees("value       .txt file  7 B")
        await s.press("]", "]")
        await s.sees("crusty", "fresh · .txt file")


async def test_tabs_and_panes_and_zoom(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / ONE) as s:
        await s.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        await s.sees("never made", "where it began")
        await s.press("left_square_bracket", "left_square_bracket")
        await s.sees("bake_in_oven has printed nothing")
        await s.press("tab")
        assert s.app.side.has_focus_within
        await s.press("z")
        assert "Assets" not in s.text
        await s.press("escape")
        assert "Assets" in s.text
        await s.press("escape")
        assert s.app.tree_view.has_focus


async def test_the_log_follows_until_one_scrolls_and_counts_what_came(
    cookies: Path, screen: Callable[..., Any], tmp_path: Path
) -> None:
    log = tmp_path / "oven.log"
    log.write_bytes(b"".join(b"line %d\n" % n for n in range(1000)))
    async with screen(cookies / ONE) as s:
        s.bench.logs = {"bake_in_oven": log}
        await s.press("right_square_bracket")
        await s.sees("line 999", "following")
        await s.press("tab", "k")
        await s.sees("not following")
        with log.open("ab") as more:
            more.write(b"".join(b"more %d\n" % n for n in range(50)))
        s.app.side.log_view.feed()
        await s.sees("50 more lines came")
        await s.press("G")
        await s.sees("more 49", "following")
        await s.press("g")
        await s.sees("line 0")


async def test_the_log_shows_colour_and_the_last_state_of_a_bar(
    cookies: Path, screen: Callable[..., Any], tmp_path: Path
) -> None:
    log = tmp_path / "oven.log"
    log.write_bytes(b"\x1b[31mhot\x1b[0m oven\x1b[2J\n10%\r55%\r99%\nno end yet")
    async with screen(cookies / ONE) as s:
        s.bench.logs = {"bake_in_oven": log}
        await s.press("right_square_bracket")
        await s.sees("hot oven", "99%", "no end yet")
        assert "55%" not in s.text
        strip = s.app.side.log_view.render_line(0)
        assert next(seg for seg in strip if seg.text == "hot").style.color.name == "red"


async def test_y_copies_the_key_and_help_lists_the_keys(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / ONE) as s:
        await s.press("y")
        assert s.app.clipboard == "chocolate_chip_cookies"
        await s.press("question_mark")
        await s.sees("Help", "Materialize")
        await s.press("escape")
        await s.press("ctrl+p")
        await s.until(lambda: len(s.app.screen_stack) == 2, "the palette")
        await s.press("escape")


async def test_a_check_that_was_changed_is_a_reason_in_the_plan_and_on_the_why_tab(
    tmp_path: Path, screen: Callable[..., Any]
) -> None:
    recipe = tmp_path / "bakehouse.yaml"
    recipe.write_text("assets: {bread: {sql: select 1 as n, checks: [row_count: {min: 1}]}}\n")
    bench = Workbench.open(tmp_path, trust=True)
    await bench.start(bench.plan()).wait()
    await bench.aclose()
    recipe.write_text(recipe.read_text().replace("min: 1", "min: 2"))
    async with screen(tmp_path) as s:
        await s.press("enter")
        await s.sees("check changed")
        await s.press("escape")
        for _ in range(3):
            await s.press("right_square_bracket")
        await s.sees("check changed  ")


@pytest.mark.parametrize("kind", ReasonKind)
def test_every_reason_has_words(kind: ReasonKind) -> None:
    assert why(kind) and why(kind) in {why(one) for one in ReasonKind}
    assert kind in _WHY, "in words of ours, not of the code"


async def test_where_code_was_not_read_nothing_is_said_to_be_changed_or_removed(
    tmp_path: Path, screen: Callable[..., Any]
) -> None:
    (tmp_path / "bakehouse.yaml").write_text("pipeline: bread\nassets: {oat: {python: 'more:oat'}}\n")
    (tmp_path / "more.py").write_text(
        "from bakehouse import asset\n@asset\ndef rye(): return 1\ndef oat(): return 2\n"
    )
    bench = Workbench.open(tmp_path, trust=True)
    bench.accept()
    await bench.aclose()
    bench = Workbench.open(tmp_path)
    assert bench.marks() == Marks()
    with pytest.raises(NotTrusted):
        bench.accept()
    await bench.aclose()
    async with screen(tmp_path, trust=False) as s:
        await s.press("escape")
        await s.sees("oat")
        await s.press("N")
        await s.until(lambda: "±" not in s.text and "removed" not in s.text, "no marks")


async def test_a_pipeline_that_makes_nothing_opens_with_its_steps(
    tmp_path: Path, screen: Callable[..., Any]
) -> None:
    (tmp_path / "bakehouse.yaml").write_text("tasks: {greet: {shell: 'true'}, part: {shell: 'true'}}\n")
    async with screen(tmp_path) as s:
        await s.sees("Tasks · leads to", "greet", "part")
        await s.press("t")
        await s.sees("no step here makes an asset  t shows 2 steps")
        await s.press("t")
        assert s.names == ["greet", "part"]


@pytest.mark.parametrize("width", [80, 200])
async def test_the_palette_is_no_wider_than_one_reads(
    cookies: Path, screen: Callable[..., Any], width: int
) -> None:
    async with screen(cookies / ONE, size=(width, 24)) as s:
        await s.press("colon")
        await s.until(lambda: len(s.app.screen_stack) == 2, "the palette")
        region = s.app.screen.query_one("#--input").region
        assert region.width <= 100
        assert abs(region.x - (width - region.right)) <= 1, "it stands in the middle"
        assert s.app.screen.query_one("CommandList").region.width <= 100


async def test_the_other_theme_has_its_own_state_colours(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / ONE) as s:
        dark = s.app.ink().style("failed")
        await s.press("L")
        assert s.app.theme == "bakehouse-light"
        assert s.app.ink().style("failed") != dark
        assert s.app.ink().style("on-new").bgcolor.name.lower() == "#deddff"
        await s.sees("chocolate_chip_cookies")


async def test_the_editor_opens_at_the_definition(
    cookies: Path, screen: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bakehouse.tui.tty.editor import editor_command

    assert editor_command(Path("a.yaml"), 7, {"EDITOR": "vim -u x"}) == ["vim", "-u", "x", "+7", "a.yaml"]
    assert editor_command(Path("a.yaml"), 7, {"VISUAL": "code"}) == ["code", "--wait", "--goto", "a.yaml:7"]
    async with screen(cookies / ONE) as s:
        await s.press("e")
        await s.sees("no editor is named")


@pytest.mark.case("U8")
@pytest.mark.parametrize("size", [(80, 24), (40, 10), (20, 5), (200, 60), (1, 1)])
async def test_it_stands_in_any_size(
    cookies: Path, screen: Callable[..., Any], size: tuple[int, int]
) -> None:
    async with screen(cookies / TWO, size=size) as s:
        await s.press(
            "j", "t", "o", "right_square_bracket", "tab", "z", "question_mark", "escape", "slash", "a"
        )
        await s.press("escape", "enter")
        await s.pilot.resize_terminal(100, 30)
        await s.press("escape", "escape")
        await s.sees("Tasks")


async def test_a_real_run_ends_fresh_and_changes_nothing_the_second_time(
    cookies: Path, screen: Callable[..., Any]
) -> None:
    async with screen(cookies / ONE, bench=Workbench) as s:
        app = s.app
        await s.press("a")
        await s.sees("run finished", "✓ 3 fresh")
        assert app.session is not None
        assert app.session.state_of(asset("chocolate_chip_cookies")) is State.FRESH
        await s.press("a")
        await s.sees("everything is fresh")


async def test_a_filter_is_completed_while_it_is_typed(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / "one_cookie.yaml", size=(160, 30)) as s:
        await s.press("slash", *"state:so")
        await s.sees("tab state:source")
        await s.press("tab")
        assert s.app.filter_input.text == "state:source"
        await s.until(lambda: s.app.session.sieve.text == "state:source", "the filter")
        await s.press(*" or choc")
        await s.sees("chocolate_chips")
        await s.press("tab", "tab", "shift+tab")
        first = s.app.filter_input.text
        await s.press("shift+tab")
        assert first.startswith("state:source or chocolate_") and s.app.filter_input.text != first
        await s.press("enter")
        assert s.app.tree_view.has_focus


async def test_a_message_moves_no_row(cookies: Path, screen: Callable[..., Any]) -> None:
    async with screen(cookies / "one_cookie.yaml", size=(80, 24)) as s:
        before = s.app.tree_view.size, s.app.side.size
        await s.press("r")
        await s.sees("nothing failed", "q Quit")
        assert (s.app.tree_view.size, s.app.side.size) == before
