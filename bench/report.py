"""What was measured, as JSON for machines and a Markdown table for people."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from environments import PACKAGES
from guarantees import GUARANTEES
from measure import Cost, Figure, ratio

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PUBLISHED = HERE.parent / "docs" / "performance.md"
OURS = "bakehouse"


def line(figure: Figure) -> str:
    """One figure for the terminal."""
    if OURS not in figure.costs:
        return f"{figure.name}: no figure of ours; " + "; ".join(figure.notes)
    told = [f"{figure.name}: {figure.median(OURS):.3f} s, {figure.median(OURS, 'cpu'):.3f} s CPU"]
    told += [f"{other}: wall {wall}, CPU {cpu}" for other, wall, cpu in compared(figure)]
    if figure.busy:
        told.append(f"{figure.busy} rounds on a busy machine")
    return "; ".join([*told, *figure.notes])


def compared(figure: Figure) -> Iterator[tuple[str, str, str]]:
    """Ours over theirs for each other contestant: name, wall, CPU."""
    ours = figure.costs[OURS]
    for other, theirs in figure.costs.items():
        if other == OURS:
            continue
        wall = ratio([cost.wall for cost in ours], [cost.wall for cost in theirs])
        cpu = ratio([cost.cpu for cost in ours], [cost.cpu for cost in theirs])
        yield other, str(wall), str(cpu)


def machine() -> dict[str, str]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "bakehouse": version("bakehouse"),
        "make": _first_line("make", "--version"),
        "peers": ", ".join(package.replace("==", " ") for package, *_ in PACKAGES.values()),
    }


def _first_line(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "none"


def table(figures: Sequence[Figure]) -> str:
    """A row for each contestant of each figure, then what is derived from them, and what there is to say."""
    rows = [
        "| what | who | s | CPU s | ms CPU a node | MB | wall, ours / theirs | CPU, ours / theirs |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for figure in figures:
        if OURS not in figure.costs:
            rows.append(f"| {figure.title} | {OURS} | no figure | | | | | |")
            continue
        rows.append(f"| {_cells(figure, OURS, figure.title)} | | |")
        for other, wall_ratio, cpu_ratio in compared(figure):
            rows.append(f"| {_cells(figure, other)} | {wall_ratio} | {cpu_ratio} |")
    notes = [f"- {figure.title}: {note}" for figure in figures for note in figure.notes]
    busy = [f"- {figure.title}: {figure.busy} rounds on a busy machine" for figure in figures if figure.busy]
    return "\n".join([*rows, "", *derived({figure.name: figure for figure in figures}), *notes, *busy])


def _cells(figure: Figure, who: str, title: str = "") -> str:
    wall, cpu, rss = (figure.median(who, what) for what in ("wall", "cpu", "rss"))
    each = f"{cpu / figure.size * 1000:.3f}" if figure.size > 1 else ""
    rounds = f" ×{len(figure.costs[who])}" if title else ""
    return f"{title}{rounds} | {who} | {wall:.2f} | {cpu:.2f} | {each} | {rss:.0f}"


def guarantees() -> str:
    rows = ["| who | durable | isolated | memo |", "| --- | --- | --- | --- |"]
    return "\n".join([*rows, *(f"| {who} | {' | '.join(told)} |" for who, told in GUARANTEES.items())])


def derived(by_name: dict[str, Figure]) -> Iterator[str]:
    """What two figures say together: the cost of one more node, and whether it grows with the graph."""
    for first, second in (("w2:100", "w2:1000"), ("w2:20 slow", "w2:100 slow")):
        small, large = by_name.get(f"cold {first}"), by_name.get(f"cold {second}")
        if not small or not large:
            continue
        for name in sorted(small.costs.keys() & large.costs.keys()):
            more = large.size - small.size
            wall, cpu = (
                (large.median(name, what) - small.median(name, what)) / more * 1000
                for what in ("wall", "cpu")
            )
            yield f"- one more node of w2, {name}: {wall:.3f} ms, {cpu:.3f} ms CPU"
    middle, huge = by_name.get("cold w3:1000"), by_name.get("cold w4:10000")
    if middle and huge:
        for name in sorted(middle.costs.keys() & huge.costs.keys()):
            each = (huge.median(name, "cpu") / huge.size) / (middle.median(name, "cpu") / middle.size)
            yield f"- CPU a node, w4 over w3, {name}: {each:.2f}"


def write(figures: Sequence[Figure], *, publish: bool) -> None:
    """Writes `results/latest.json` and `.md`; with `publish` also the figures in the docs."""
    RESULTS.mkdir(exist_ok=True)

    def plain(cost: Cost) -> dict[str, float]:
        return {"wall": cost.wall, "cpu": cost.cpu, "rss": cost.rss}

    about = machine()
    document = {
        "schema": 1,
        "machine": about,
        "figures": {
            figure.name: {
                "title": figure.title,
                "size": figure.size,
                "costs": {who: [plain(cost) for cost in costs] for who, costs in figure.costs.items()},
                "notes": figure.notes,
                "busy": figure.busy,
            }
            for figure in figures
        },
    }
    (RESULTS / "latest.json").write_text(json.dumps(document, indent=1) + "\n")
    text = table(figures)
    (RESULTS / "latest.md").write_text(f"{text}\n\n{guarantees()}\n")
    if publish:
        PUBLISHED.write_text(page(text, about, figures))


def page(text: str, about: dict[str, str], figures: Sequence[Figure]) -> str:
    """The page of the docs with figures and guarantees between their markers, and all else as people wrote it."""
    pairs = max((len(costs) for figure in figures for costs in figure.costs.values()), default=0)
    versions = ", ".join(f"{name} {about[name]}" for name in ("bakehouse", "python", "sqlite"))
    measured = (
        f"Measured on {about['date']}, {about['system']}, {about['cores']} cores; {versions}, {about['make']}; "
        f"{about['peers']}. Up to {pairs} rounds a figure.\n\n{text}\n"
    )
    return _put(_put(PUBLISHED.read_text(), "figures", measured), "guarantees", f"{guarantees()}\n")


def _put(page: str, name: str, text: str) -> str:
    """The page with `text` between the two markers of that name."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{text}\n{end}{after}"
