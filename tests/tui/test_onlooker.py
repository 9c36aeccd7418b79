"""Another process works on the project that is on the screen: the screen sees it, shows it, and can end it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.model import Node
from bakehouse.core.workbench import Workbench

BREAD = """
assets:
  dough: {shell: 'echo dough of $(cat ../wish 2>/dev/null) > "$OUTPUT"'}
  bread:
    deps: [dough]
    shell: |
      echo in the oven
      while [ ! -e ../turned ] && [ ! -e ../ready ]; do sleep 0.02; done
      echo turned round
      while [ ! -e ../ready ]; do sleep 0.02; done
      cat "$dough" > "$OUTPUT"
  crumbs: {deps: [bread], shell: 'cat "$bread" > "$OUTPUT"'}
"""
BREAD_NODE = Node("asset", "bread")

Other = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def bakery(tmp_path: Path) -> Path:
    folder = tmp_path / "bakery"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(BREAD)
    return folder


@pytest.fixture
def other(bakery: Path) -> Iterator[Other]:
    """Starts the command line beside the screen."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "bakehouse", "-C", str(bakery), "--trust", *words]
        process = subprocess.Popen(
            command, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def watched(screen: Callable[..., Any], bakery: Path) -> Any:
    return screen(bakery, bench=Workbench, watching=True)


def open_oven(bakery: Path) -> None:
    (bakery.parent / "ready").touch()


async def until_shown(s: Any, **states: str) -> None:
    def is_so() -> bool:
        seen = {name: s.app.session.state_of(Node("asset", name)).value for name in states}
        return seen == states

    await s.until(is_so, str(states))


async def test_what_another_process_makes_is_seen_without_a_key_and_the_cursor_stays(
    bakery: Path, screen: Callable[..., Any], other: Other
) -> None:
    async with watched(screen, bakery) as s:
        await s.go("dough")
        await s.press("]", "]")
        await s.sees("never materialized")
        other("materialize")
        await until_shown(s, bread="running")
        open_oven(bakery)
        await until_shown(s, dough="fresh", bread="fresh", crumbs="fresh")
        await s.sees("dough of", "✓ 3 fresh", "the run of another process finished: 3 ran")
        assert s.node == Node("asset", "dough")
        (bakery.parent / "wish").write_text("rye")
        other("materialize", "dough", "--force")
        await s.sees("dough of rye", "~ 2 stale")
        assert s.node == Node("asset", "dough")


async def test_a_run_of_another_process_is_shown_live_with_its_log_and_x_ends_a_step_of_it(
    bakery: Path, screen: Callable[..., Any], other: Other
) -> None:
    async with watched(screen, bakery) as s:
        await s.go("bread")
        await s.press("]")
        process = other("materialize")
        await until_shown(s, dough="fresh", bread="running", crumbs="queued")
        await s.sees(f"run by process {process.pid}", "in the oven", "1/3")
        (bakery.parent / "turned").touch()
        await s.sees("turned round")
        await s.press("m")
        await s.sees("another process runs this project")
        await s.press("x")
        await until_shown(s, dough="fresh", bread="cancelled", crumbs="never")
        await s.sees("blocked by bread")
        await s.until(lambda: process.poll() == 1, "the other process to end")
        await s.until(lambda: s.app.session.elsewhere is None, "the screen to see that")
        assert s.node == BREAD_NODE and "run by" not in s.text


async def test_a_screen_that_opens_in_mid_run_shows_it_and_capital_x_ends_it_after_a_question(
    bakery: Path, screen: Callable[..., Any], other: Other
) -> None:
    process = other("materialize")
    async with watched(screen, bakery) as s:
        await until_shown(s, dough="fresh", bread="running", crumbs="queued")
        await s.press("X")
        await s.sees("It is the run of another process", f"process {process.pid}")
        await s.press("y")
        await s.until(lambda: process.poll() == 1, "the other process to end")
        await until_shown(s, dough="fresh", bread="cancelled", crumbs="cancelled")
        await s.sees("cancelled before it began")
        await s.press("X")
        await s.sees("nothing is running")


async def test_a_run_whose_process_is_killed_is_running_no_more(
    bakery: Path, screen: Callable[..., Any], other: Other
) -> None:
    async with watched(screen, bakery) as s:
        process = other("materialize")
        await until_shown(s, bread="running")
        process.send_signal(signal.SIGKILL)
        await until_shown(s, dough="fresh", bread="never", crumbs="never")
        await s.sees(f"run of process {process.pid} interrupted: 1 fresh, 1 interrupted, 1 not begun")


async def test_what_a_killed_process_left_undone_is_shown_and_not_the_run_before_it(
    bakery: Path, screen: Callable[..., Any], other: Other
) -> None:
    (bakery / "bakehouse.yaml").write_text(
        BREAD.replace("echo in the oven", "echo in the oven $(cat ../wish)")
    )
    (bakery.parent / "wish").write_text("the first time")
    open_oven(bakery)
    async with watched(screen, bakery) as s:
        await s.press("a")
        await until_shown(s, dough="fresh", bread="fresh", crumbs="fresh")
        (bakery.parent / "ready").unlink()
        (bakery.parent / "wish").write_text("the second time")
        process = other("materialize", "--force")
        await until_shown(s, bread="running")
        await s.go("bread")
        await s.press("]")
        await s.sees("the second time")
        process.send_signal(signal.SIGKILL)
        await s.sees(f"run of process {process.pid} interrupted", "the second time")
        await s.press("[")
        await s.sees("last run    interrupted")
        await s.go("crumbs")
        await s.sees("last run    not begun")


ACCEPT = """
import sys, pathlib
from bakehouse.core.workbench import Workbench
Workbench.open(pathlib.Path(sys.argv[1]), trust=True).accept()
"""


@pytest.mark.parametrize("running", [False, True], ids=["at rest", "while a run goes on"])
async def test_what_another_process_accepts_is_new_no_more(
    bakery: Path, screen: Callable[..., Any], running: bool
) -> None:
    async with watched(screen, bakery) as s:
        if running:
            await s.press("a")
            await until_shown(s, bread="running")
        (bakery / "bakehouse.yaml").write_text(BREAD + "  toast: {deps: [bread], shell: 'true'}\n")
        await s.sees("1 new", "toast")
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", ACCEPT, str(bakery))
        assert await process.wait() == 0
        await s.until(lambda: "1 new" not in s.text, "the new to be accepted")
        assert "toast" in s.text
        open_oven(bakery)


async def test_the_store_deleted_in_mid_run_is_told_in_one_sentence_and_the_run_ends(
    bakery: Path, screen: Callable[..., Any]
) -> None:
    async with watched(screen, bakery) as s:
        await s.press("a")
        await until_shown(s, bread="running")
        shutil.rmtree(bakery / ".bakehouse")
        await s.sees("the store was deleted or replaced in mid-run: run again; nothing made since is kept")
        await s.until(lambda: not s.app.session.running, "the run to end")
        assert not (bakery / ".bakehouse" / "ledger.db").exists(), "made again while it was being deleted"
        open_oven(bakery)
        await s.press("a")
        await until_shown(s, dough="fresh", bread="fresh", crumbs="fresh")


async def test_the_words_of_a_run_and_the_marks_of_changes_go_with_the_store_they_were_kept_in(
    bakery: Path, screen: Callable[..., Any]
) -> None:
    (bakery / "bakehouse.yaml").write_text(BREAD.replace("echo in the oven", "exit 1"))
    async with watched(screen, bakery) as s:
        await s.press("a")
        await s.until(lambda: "blocked by bread" in s.text, "the end of the run")
        (bakery / "bakehouse.yaml").write_text(BREAD.replace("echo in the oven", "exit 2"))
        await s.until(lambda: s.app.session.changed, "the mark of the change")
        shutil.rmtree(bakery / ".bakehouse")
        await until_shown(s, dough="never", bread="never", crumbs="never")
        await s.until(lambda: not s.app.session.changed, "the mark to go")
        assert "blocked by" not in s.text and "to rebuild" not in s.text
        assert not (bakery / ".bakehouse").exists()


async def test_a_watch_costs_no_survey_while_nothing_happens(
    bakery: Path, screen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bakehouse.tui.background.onlooker.IDLE", 0.001)
    looks: list[str] = []
    async with watched(screen, bakery) as s:
        bench = s.app.bench

        def noted(what: str, look: Callable[[], Any]) -> Any:
            looks.append(what)
            return look()

        for owner, name in ((bench.store, "data_version"), (bench, "survey")):
            monkeypatch.setattr(owner, name, partial(noted, name, getattr(owner, name)))
        await s.until(lambda: looks.count("data_version") > 20, "some looks")
        assert "survey" not in looks
