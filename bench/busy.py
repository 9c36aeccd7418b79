"""The screen under load: every key on a large graph, 20,000 events a second, a step that prints without end."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

from contestants import JOBS, Bakehouse
from measure import Cost, Figure, Unfit
from rounds import scratch
from screen import Terminal, opened

HERE = Path(__file__).resolve().parent
RATE = 20_000
"""Events a second."""
LINES = 500_000
"""As many as a log keeps whole."""
KEYS = (
    ("j", "j"), ("k", "k"), ("ctrl+d", "\x04"), ("G", "G"), ("g", "g"), ("l", "l"), ("h", "h"), ("E", "E"), ("o", "o"),
    ("o again", "o"), ("t", "t"), ("t again", "t"), ("i", "i"), ("i again", "i"), ("f", "f"), ("f again", "f"),
    ("T", "T"), ("T again", "T"), ("=", "="), ("-", "-"), ("/", "/"), ("a letter", "n"), ("a second", "7"),
    ("a third", "7"), ("Enter in the filter", "\r"), ("n", "n"), ("Esc from the filter", "\x1b"),
    ("Enter: the plan", "\r"), ("Esc from the plan", "\x1b"), ("z", "z"), ("z again", "z"), ("?", "?"),
    ("Esc from the help", "\x1b"),
)  # fmt: skip
_AT_REST = 0.4
"""Seconds without output after which a key counts as answered for good."""


def every_key(times: int, name: str) -> Figure:
    """Of each key the CPU that it causes in all (also what goes on beside the loop), and when its first answer came."""
    figure = Figure(
        f"every key {name}", f"each key of the screen on {name}, {times} times", len(KEYS) * times
    )
    with scratch() as base:
        ours, project = Bakehouse(), base / "project"
        project.mkdir()
        ours.prepare(project, name, -1)
        ours.command(project, "ls")
        command, more = ours.screen(project)
        cpu: dict[str, list[float]] = {}
        first: dict[str, list[float]] = {}
        with opened(command, project, more) as terminal:
            terminal.quieten(3.0)
            began, spent, most = time.perf_counter(), terminal.seconds(), 0.0
            for _ in range(times):
                for label, keys in KEYS:
                    before = terminal.seconds()
                    first.setdefault(label, []).append(terminal.press(keys.encode()) * 1000)
                    terminal.quieten(_AT_REST)
                    cpu.setdefault(label, []).append((terminal.seconds() - before) * 1000)
                    most = max(most, terminal.megabytes())
            cost = Cost(time.perf_counter() - began, terminal.seconds() - spent, most)
            figure.add("bakehouse", cost)
    for label, each in cpu.items():
        median, worst = statistics.median(each), max(each)
        figure.notes.append(
            f"{label}: {median:.0f} ms CPU, worst {worst:.0f}; answers in {max(first[label]):.0f} ms at worst"
        )
    return figure


def many_events(seconds: int, name: str) -> Figure:
    """The events of a real run, told again to the screen's own feed so and so many times a second."""
    figure = Figure(f"events {name}", f"{RATE:,} events a second into the screen on {name}", RATE * seconds)
    with scratch() as base:
        ours, project = Bakehouse(), base / "project"
        project.mkdir()
        ours.prepare(project, name, -1)
        ours.command(project, "--quiet", "materialize", "--jobs", JOBS)
        _, more = ours.screen(project)
        result = base / "told.json"
        command: list[str | Path] = [
            sys.executable, HERE / "busy_screen.py", project, result, str(RATE), str(seconds),
        ]  # fmt: skip
        with opened(command, project, more) as terminal:
            began, most = time.perf_counter(), 0.0
            while not result.exists():
                if time.perf_counter() - began > 60 + 4 * seconds:
                    raise Unfit("the events were never all told")
                terminal.type(b"j" if int(time.perf_counter() * 10) % 2 else b"k")
                terminal.quieten_for(0.1)
                most = max(most, terminal.megabytes())
            told = json.loads(result.read_text())
            figure.add("bakehouse", Cost(told["wall"], told["cpu"], most))
    if told["known"] != told["told"]:
        raise Unfit(f"of {told['told']} events the screen knows {told['known']}")
    keys = sorted(told["keys"])
    p95 = keys[int(len(keys) * 0.95)] if keys else float("nan")
    figure.notes += [
        f"{told['told'] / told['wall']:,.0f} events a second, none lost",
        f"{100 * told['cpu'] / told['wall']:.0f} % of a processor",
        f"{told['frames'] / told['wall']:.0f} pictures a second",
        f"{len(keys)} keys meanwhile: median {statistics.median(keys):.0f} ms, p95 {p95:.0f}, worst {keys[-1]:.0f}",
    ]
    return figure


def many_lines(size: int) -> Figure:
    """A step that prints as fast as it is read, with its log open on the screen."""
    figure = Figure("lines", f"a step that prints {size:,} lines while its log is open", size)
    with scratch() as base:
        ours, project = Bakehouse(), base / "project"
        project.mkdir()
        program = f"seq -f 'line %.0f of the log' {size}"
        (project / "bakehouse.yaml").write_text(f'tasks:\n  n0: {{shell: "{program}"}}\n')
        command, more = ours.screen(project)
        with opened(command, project, more) as terminal:
            terminal.quieten(2.0)
            terminal.press(b"]")
            terminal.quieten(1.0)
            before, spent, began = terminal.megabytes(), terminal.seconds(), time.perf_counter()
            terminal.type(b"m")
            keys, most, kept = _meanwhile(terminal, project, size)
            wall = time.perf_counter() - began
            figure.add("bakehouse", Cost(wall, terminal.seconds() - spent, most))
    if kept != size:
        raise Unfit(f"of {size} lines {kept} are in the log")
    figure.notes += [
        f"{size / wall:,.0f} lines a second, all of them in the file",
        f"{most - before:.0f} MB more at the peak, workers included",
        f"{len(keys)} keys meanwhile: the screen answers in {statistics.median(keys):.0f} ms, at worst {max(keys):.0f}",
    ]
    return figure


def _meanwhile(terminal: Terminal, project: Path, size: int) -> tuple[list[float], float, int]:
    keys, most, kept, began = [], 0.0, 0, time.perf_counter()
    while kept < size and time.perf_counter() - began < 120:
        keys.append(terminal.press(b"?") * 1000)
        terminal.quieten_for(0.1)
        terminal.type(b"\x1b")
        terminal.quieten_for(0.1)
        most = max(most, terminal.megabytes())
        kept = sum(file.read_bytes().count(b"\n") for file in _logs(project))
    return keys, most, kept


def _logs(project: Path) -> list[Path]:
    folder = project / ".bakehouse" / "logs"
    return [file for file in folder.rglob("*.log") if file.is_file()] if folder.exists() else []
