"""The Log tab: finding a text, wrapping, times, the whole run, lines taken elsewhere."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bakehouse.core.store.logs import LogStore
from bakehouse.core.store.times import line_times
from bakehouse.tui.background.logwork import _scan
from bakehouse.tui.paint.sanitize import strip_sequences
from bakehouse.tui.projection.finding import Needle, Search
from bakehouse.tui.widgets import logfiles
from bakehouse.tui.widgets.logfiles import FileLog, RunLog

ONE = "one_cookie.yaml"
PIECES = st.sampled_from(
    ["oven", "OV", "en", "\x1b[31m", "\x1b[0m", "\n", "\r", " ", "é", "İ", "\x1b]0;t\x07", "x" * 40]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=60).map("".join), st.sampled_from(["oven", "Oven", "n", "é", "OV"]))
@example("oven\r x\nOV\x1b[31men\n", "oven")
def test_a_search_finds_the_lines_that_show_the_text_whatever_the_chunks(
    tmp_path: Path, text: str, sought: str
) -> None:
    path = tmp_path / "log"
    path.write_text(text, newline="")
    log, search = FileLog(path), Search(Needle(sought))
    log.read_on()
    _scan(log, search)
    lines = text.split("\n")
    shown = [strip_sequences(line) for line in lines]
    folded = shown if search.needle.is_exact else [line.lower() for line in shown]
    assert list(search.hits) == [n for n, line in enumerate(folded) if sought in line]
    log.close()


def test_a_search_goes_on_where_the_log_grew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfiles, "_CHUNK", 256)
    path = tmp_path / "log"
    path.touch()
    written = ""
    log, search = FileLog(path), Search(Needle("hit"))
    for n in range(400):
        written += f"line {n} {'hit' if n % 7 == 0 else ''}" + "\n" * (n % 3 != 1) + "." * (n % 50)
        path.write_text(written)
        if n % 40 == 0:
            log.read_on()
            _scan(log, search)
    log.read_on()
    _scan(log, search)
    expected = [n for n, line in enumerate(written.split("\n")) if "hit" in line]
    assert list(search.hits) == expected
    log.close()


async def test_slash_in_a_log_finds_and_n_and_P_walk_the_hits(
    cookies: Path, screen: Callable[..., Any], tmp_path: Path
) -> None:
    log = tmp_path / "oven.log"
    log.write_bytes(
        b"".join(b"line %d%s\n" % (n, b" \x1b[31mHo\x1b[0mt" * (n % 1000 == 7)) for n in range(50_000))
    )
    async with screen(cookies / ONE) as s:
        s.bench.logs = {"bake_in_oven": log}
        view = s.app.side.log_view
        await s.press("right_square_bracket")
        await s.sees("line 49999")
        await s.press("tab", "g", "slash")
        await s.type("hot")
        await s.sees("1/50 lines", "line 7 Hot", "Enter Keep the search")
        assert view.hit == 7
        await s.press("enter", "n", "n")
        await s.sees("3/50 lines", "line 2007 Hot")
        strip = next(view.render_line(y) for y in range(40) if "line 2007" in view.render_line(y).text)
        assert "".join(seg.text for seg in strip if seg.style is not None and seg.style.reverse) == "Hot"
        await s.press("P", "P", "P")
        await s.sees("50/50 lines", "line 49007")
        await s.press("N")
        await s.sees("P goes to the hit before")
        await s.press("slash", "backspace", "backspace", "backspace")
        await s.type("Hot")
        await s.sees("/Hot", "50 lines")
        await s.press("s", "enter")
        await s.sees("not in this log")
        await s.press("n")
        await s.sees("no line of this log has it")
        await s.press("escape")
        await s.until(lambda: view.search is None, "the search is taken off")
        assert s.app.session.sieve.text == "" and view.has_focus
        with log.open("ab") as more:
            more.write(b"more of it\n")
        await s.press("slash")
        await s.type("of it")
        s.app.side_work.log.feed()
        await s.sees("1 line")
        await s.press("enter", "n")
        await s.sees("1/1 line", "more of it")


async def test_w_wraps_every_line_of_a_long_log_with_its_colours(
    cookies: Path, screen: Callable[..., Any], tmp_path: Path
) -> None:
    log = tmp_path / "oven.log"
    log.write_bytes(b"".join(b"<%d \x1b[31m%s\x1b[0m %d>\n" % (n, b"x" * (n % 300), n) for n in range(9_000)))
    async with screen(cookies / ONE, size=(100, 30)) as s:
        s.bench.logs = {"bake_in_oven": log}
        view = s.app.side.log_view
        await s.press("right_square_bracket")
        await s.sees("<8999")
        await s.press("tab", "w")
        await s.sees("8999>", "following")
        await s.press("g")
        await s.sees("<0  0>", "<5 xxxxx 5>")
        seen: list[str] = []
        await s.press("ctrl+d", "ctrl+u")
        assert view._top == (0, 0)
        for _ in range(400):
            seen.append(view.render_line(0).text.strip())
            view.move(1)
        told = "".join(seen).replace(" ", "")
        for n in range(60, 140):
            assert f"<{n}{'x' * n}{n}>" in told, "no part is skipped or told twice"
        strip = next(strip for y in range(20) if "xxxx" in (strip := view.render_line(y)).text)
        assert any(
            seg.style is not None and seg.style.color and seg.style.color.name == "red" for seg in strip
        )
        for _ in range(400):
            view.move(-1)
        assert view._top == (0, 0)
        await s.press("G")
        await s.sees("8999>", "following")
        view.go_to_line(4_500)
        await s.sees("<4500", "4500>", "not following")


async def test_y_copies_the_lines_in_view_or_those_that_v_marked_without_sequences(
    cookies: Path, screen: Callable[..., Any], tmp_path: Path
) -> None:
    log = tmp_path / "oven.log"
    log.write_bytes(b"".join(b"\x1b[31mline\x1b[0m %d\x1b]52;c;QUJD\x07\n" % n for n in range(1000)))
    async with screen(cookies / ONE) as s:
        s.bench.logs = {"bake_in_oven": log}
        await s.press("right_square_bracket")
        await s.sees("line 999")
        await s.press("tab", "y")
        lines = s.app.clipboard.split("\n")
        assert lines[-1] == "line 999" and lines[0] == f"line {1000 - len(lines)}" and len(lines) > 20
        await s.press("g", "v", "ctrl+d", "y")
        lines = s.app.clipboard.split("\n")
        assert lines[0] == "line 0" and lines == [f"line {n}" for n in range(len(lines))] and len(lines) > 40
        assert s.app.side.log_view.marked_from is None


def test_times_are_kept_of_lines_also_where_the_middle_of_a_log_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("bakehouse.core.store.logs.time.time", lambda: now[0])
    store = LogStore(tmp_path)
    log = store.attempt("run", "task", 1, head=500, tail=700)
    for n in range(400):
        now[0] = 1000.0 + n
        log.write(b"line %d\n" % n)
    assert log.close() is not None
    path = store.path("run", "task", 1)
    lines, times = line_times(path)
    shown = FileLog(path)
    count = shown.read_on()
    told = {n: shown.line(n) for n in range(count)}
    assert (
        any("left out" in line for line in told.values())
        and lines == sorted(lines)
        and len(times) == len(lines)
    )
    whole = [(n, line) for n, line in told.items() if line.removeprefix("line ").isdigit()]
    assert len(whole) > 100
    complete = [(n, line) for n, line in whole if "left out" not in told.get(n + 1, "") and n > 0]
    assert [shown.time(n) for n, _ in complete[:-1]] == [1000.0 + int(line[5:]) for _, line in complete[:-1]]
    shown.close()


def test_the_times_of_an_attempt_that_prints_for_a_month_are_few(tmp_path: Path) -> None:
    from bakehouse.core.store.times import LineTimes, times_path

    times = LineTimes(tmp_path / "a.log")
    for n in range(300_000):
        times.note(b"x\n", 1000.0 + n * 9)
    assert times_path(tmp_path / "a.log").stat().st_size < 200_000


TWO = """
assets:
  left:
    shell: 'echo left one; touch a; while [ ! -e b ]; do sleep 0.01; done; sleep 0.1; echo left two; echo x > "$OUTPUT"'
  right: {shell: 'while [ ! -e a ]; do sleep 0.01; done; sleep 0.1; echo right one; touch b; echo x > "$OUTPUT"'}
"""


async def test_W_shows_the_lines_of_all_steps_as_they_came_and_C_when(
    tmp_path: Path, screen: Callable[..., Any]
) -> None:
    folder = tmp_path / "two"
    folder.mkdir()
    two = (
        TWO.replace(" a;", f" {tmp_path}/a;")
        .replace("-e b", f"-e {tmp_path}/b")
        .replace("-e a", f"-e {tmp_path}/a")
    )
    (folder / "bakehouse.yaml").write_text(two.replace("touch b", f"touch {tmp_path}/b"))
    program = [
        sys.executable,
        "-m",
        "bakehouse",
        "-C",
        str(folder),
        "--trust",
        "-q",
        "materialize",
        "-j",
        "2",
    ]
    await asyncio.to_thread(subprocess.run, program, check=True, capture_output=True)
    async with screen(folder) as s:
        await s.press("W")
        await s.sees("whole run", "left one", "right one", "left two")
        view = s.app.side.log_view
        assert view.text(0, 9).split("\n")[:3] == ["left: left one", "right: right one", "left: left two"]
        await s.press("C")
        times = [view.render_line(y).text.split()[0] for y in range(3)]
        assert all(len(one) == 8 and one[2] == ":" for one in times) and times == sorted(times)
        await s.press("tab", "slash")
        await s.type("right")
        await s.sees("1/1 line")
        assert view.hit == 1
        await s.press("enter", "tab", "W")
        await s.until(lambda: view.about in ("left", "right"), "one step")


def test_the_whole_run_is_merged_by_the_times_of_the_lines(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    from bakehouse.core.store.times import LineTimes

    said: dict[str, list[tuple[float, str]]] = {"a": [], "b": []}
    for n in range(300):
        said["ab"[n * n % 7 % 2]].append((1000.0 + n, f"line {n}"))
    logs = []
    for name, lines in said.items():
        path = store.path("run", name, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        times = LineTimes(path)
        for ts, line in lines:
            times.note(f"{line}\n".encode(), ts)
        path.write_text("".join(f"{line}\n" for _, line in lines))
        logs.append((name, path, 0.0))
    run = RunLog(logs)
    assert run.read_on() == 300
    assert [run.line(n) for n in range(300)] == [f"line {n}" for n in range(300)]
    assert [run.time(n) for n in (0, 299)] == [1000.0, 1299.0]
    search = Search(Needle("9"))
    _scan(run, search)
    assert list(search.hits) == [n for n in range(300) if "9" in str(n)]
    run.close()


async def test_bars_of_rich_and_tqdm_are_one_line_that_tells_their_last_state(
    cookies: Path, screen: Callable[..., Any], tmp_path: Path
) -> None:
    from rich.console import Console
    from rich.progress import Progress

    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=60, legacy_windows=False)
    with Progress(console=console, auto_refresh=False) as progress:
        task = progress.add_task("baking", total=100)
        for _ in range(100):
            progress.update(task, advance=1, refresh=True)
    bar = "".join(f"\rmixing: {n:3d}%|{'█' * (n // 10):10}| {n}/100 [00:00<00:00]" for n in range(101))
    log = tmp_path / "oven.log"
    log.write_text(out.getvalue() + bar + "\nover\n" + bar * 3000, newline="")
    async with screen(cookies / ONE) as s:
        s.bench.logs = {"bake_in_oven": log}
        await s.press("right_square_bracket")
        await s.sees("baking", "100%", "mixing: 100%", "over")
        view = s.app.side.log_view
        text = view.text(0, view.count - 1)
        assert text.count("mixing") == 2 and "\x1b" not in text and " 99%" not in text
        assert text.split("\n")[-1].startswith("mixing: 100%|██████████| 100/100")


async def test_a_log_is_handed_to_another_program_without_sequences_in_a_private_file(
    cookies: Path, screen: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import nullcontext

    log, got = tmp_path / "oven.log", tmp_path / "got"
    log.write_bytes(b"\x1b[31mhot\x1b[0m \x1b]52;c;QUJD\x07oven\xc2\x9b2J\n10%\r99%\nend")
    pager = tmp_path / "pager"
    pager.write_text(f'#!/bin/sh\nstat -c %a "$1" > {got}; printf "%s\\n" "$1" >> {got}; cat "$1" >> {got}\n')
    pager.chmod(0o700)
    monkeypatch.setenv("PAGER", str(pager))
    async with screen(cookies / ONE) as s:
        monkeypatch.setattr(s.app, "suspend", nullcontext)  # a pilot has no terminal to leave
        s.bench.logs = {"bake_in_oven": log}
        await s.press("right_square_bracket")
        await s.sees("hot oven")
        await s.press("vertical_line")
        await s.until(got.exists, "the pager")
        mode, name, *lines = got.read_text().splitlines()
        assert mode == "600" and lines == ["hot oven", "99%", "end"]
        await s.until(lambda: not Path(name).exists(), "the file is taken away")
        monkeypatch.delenv("PAGER")
        await s.press("E")
        await s.sees("no editor is named")
