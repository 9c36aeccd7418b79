"""Bakehouse against peers and floors, side by side: `run.py [--pairs N] [--publish] [FIGURE…]`.

In every round each contestant runs once, one after the other; what is compared is the ratio within a round.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import report
from contestants import (
    HERE,
    Bakehouse,
    Contestant,
    Make,
    check,
    doit,
    in_memory,
    isolated,
    python_of,
)
from graphs import changes, graph
from measure import Cost, Figure, Unfit, adopt_orphans, run, settle

Turn = tuple[str, Callable[[], Cost]]


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on a real disk where there is one: a durable write costs nothing in memory."""
    base = HERE / "results" / "scratch"
    base.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def rounds(figure: Figure, pairs: int, each: Sequence[Turn]) -> Figure:
    """The first round only warms caches and is not counted. Who fails is left out, with a note."""
    out: set[str] = set()
    for number in range(pairs + 1):
        is_quiet = settle()
        figure.busy += bool(number) and not is_quiet
        for name, once in each:
            if name in out:
                continue
            try:
                cost = once()
            except Unfit as fault:
                out.add(name)
                figure.costs.pop(name, None)
                figure.notes.append(f"{name}: {str(fault).strip().splitlines()[-1]}")
                continue
            if number:
                figure.add(name, cost)
    return figure


def cold(name: str, contestants: Sequence[Contestant], pairs: int) -> Figure:
    size = len(graph(name))

    def once(contestant: Contestant) -> Cost:
        with scratch() as folder:
            contestant.prepare(folder, name, -1)
            cost = contestant.cost(folder, name, -1)
            check(contestant.told(folder, name, cost), name, -1, size)
            return cost

    figure = Figure(f"cold {name}", f"{name} from nothing", size)
    return rounds(figure, pairs, [(one.name, partial(once, one)) for one in contestants])


def again(name: str, contestants: Sequence[Contestant], pairs: int, change: str = "") -> Figure:
    """A second run: with nothing changed, or with one node's code changed (`leaf`, `middle`)."""
    changed, reached = changes(graph(name))[change] if change else (-1, 0)
    with scratch() as base:
        made: dict[str, Path] = {}

        def once(contestant: Contestant) -> Cost:
            home = base / "".join(filter(str.isalnum, contestant.name))
            if contestant.name not in made:
                home.mkdir()
                contestant.prepare(home, name, -1)
                check(contestant.told(home, name, contestant.cost(home, name, -1)), name, -1, None)
                made[contestant.name] = home.with_suffix(".kept")
                shutil.copytree(home, made[contestant.name], symlinks=True)
            shutil.rmtree(home)
            shutil.copytree(made[contestant.name], home, symlinks=True)
            contestant.prepare(home, name, changed)
            cost = contestant.cost(home, name, changed)
            check(contestant.told(home, name, cost), name, changed, reached)
            return cost

        title = (
            f"{name} again, {f'{change} node changed ({reached} to run)' if change else 'nothing changed'}"
        )
        figure = Figure(f"{change or 'null'} {name}", title, len(graph(name)))
        return rounds(figure, pairs, [(one.name, partial(once, one)) for one in contestants])


def help_text(pairs: int) -> Figure:
    with scratch() as folder:
        ours, theirs = Bakehouse(), python_of("doit", ["doit==0.37.0"]).parent / "doit"
        each: list[Turn] = [
            ("bakehouse", lambda: ours.command(folder, "--help")),
            ("doit", lambda: run([theirs, "help"], folder)),
        ]
        return rounds(Figure("help", "`--help`"), pairs, each)


def listing(pairs: int) -> Figure:
    name = "w3:1000"
    with scratch() as base:
        ours, mine, theirs = Bakehouse(), base / "ours", base / "theirs"
        mine.mkdir()
        theirs.mkdir()
        ours.prepare(mine, name, -1)
        ours.cost(mine, name, -1)
        peer = doit()
        peer.cost(theirs, name, -1)
        python: Path = python_of("doit", ["doit==0.37.0"])
        script: list[str | Path] = [python, HERE / "peers" / "doit_nodes.py", "list", name, "-1"]
        each: list[Turn] = [
            ("bakehouse", lambda: ours.command(mine, "ls")),
            ("doit", lambda: run(script, theirs)),
        ]
        return rounds(Figure("ls", "`ls` of 1,000 materialized nodes"), pairs, each)


def shell_steps(pairs: int, size: int = 200) -> Figure:
    """`true`, two at a time."""
    figure = Figure("shell", f"{size} shell steps that do nothing", size)
    with scratch() as base:
        ours = Bakehouse()
        project, makefile = base / "ours", base / "make"
        project.mkdir()
        makefile.mkdir()
        steps = "".join(f"  t{number}: {{shell: 'true'}}\n" for number in range(size))
        (project / "bakehouse.yaml").write_text(f"tasks:\n{steps}")
        names = " ".join(f"t{number}" for number in range(size))
        # the semicolon makes `make` use a shell, as Bakehouse does
        (makefile / "Makefile").write_text(f".PHONY: all {names}\nall: {names}\n{names}:\n\t@true;\n")

        def bakehouse() -> Cost:
            shutil.rmtree(project / ".bakehouse", ignore_errors=True)
            return ours.command(project, "--quiet", "materialize", "--jobs", "2")

        return rounds(
            figure,
            pairs,
            [("bakehouse", bakehouse), ("make", lambda: run(["make", "-s", "-j", "2"], makefile))],
        )


TABLES = '''"""A chain of large tables, as a Bakehouse project."""

from bakehouse import asset

from tables import first, following


@asset(name="n0")
def start():
    return first()


def hop(number):
    @asset(name=f"n{number}", deps={f"n{number - 1}": "table"})
    def after(table):
        return following(table)


for number in range(1, HOPS):
    hop(number)
'''


def large_values(pairs: int, hops: int = 20) -> Figure:
    """Every hop is written, hashed, and read by the next."""
    figure = Figure("tables", f"{hops} hops of a 50 MB table", hops)
    python = python_of("tables", ["pandas", "pyarrow", "duckdb"])
    with scratch() as base:
        ours, project, raw = Bakehouse(), base / "ours", base / "raw"
        project.mkdir()
        raw.mkdir()
        (project / "bakehouse.yaml").write_text("pipeline: tables\n")
        (project / "pipeline.py").write_text(TABLES.replace("HOPS", str(hops)))
        shutil.copyfile(HERE / "tables.py", project / "tables.py")
        floor: list[str | Path] = [python, HERE / "peers" / "raw_tables.py", str(hops)]

        def bakehouse() -> Cost:
            shutil.rmtree(project / ".bakehouse", ignore_errors=True)
            return ours.command(project, "--python", str(python), "--quiet", "materialize", "--jobs", "2")

        return rounds(figure, pairs, [("bakehouse", bakehouse), ("floor: pickle", lambda: run(floor, raw))])


def figures(pairs: int) -> dict[str, Callable[[], Figure]]:
    """Every figure by name. Larger graphs and slow peers get fewer rounds."""
    ours = Bakehouse()
    few = max(1, pairs // 2)
    fast: list[Contestant] = [ours, doit(), isolated(), in_memory()]
    kept: list[Contestant] = [ours, doit(), isolated()]
    return {
        "w1": lambda: cold("w1:200", fast, pairs),
        "w2:100": lambda: cold("w2:100", fast, pairs),
        "w2": lambda: cold("w2:1000", fast, pairs),
        "w3": lambda: cold("w3:1000", [*fast, Make()], pairs),
        "w3-null": lambda: again("w3:1000", [*kept, Make()], pairs),
        "w3-leaf": lambda: again("w3:1000", [*kept, Make()], pairs, "leaf"),
        "w3-middle": lambda: again("w3:1000", [*kept, Make()], pairs, "middle"),
        "w4": lambda: cold("w4:10000", fast, few),
        "w4-null": lambda: again("w4:10000", kept, few),
        "help": lambda: help_text(pairs),
        "ls": lambda: listing(pairs),
        "w5": lambda: shell_steps(pairs),
        "w6": lambda: large_values(few),
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7, help="rounds that count (default: 7)")
    parser.add_argument("--publish", action="store_true", help="write docs/performance.md too")
    parser.add_argument("figures", nargs="*", metavar="FIGURE")
    chosen = parser.parse_args(arguments)
    adopt_orphans()
    known = figures(chosen.pairs)
    if unknown := set(chosen.figures) - known.keys():
        parser.error(f"no figure {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    done: list[Figure] = []
    for name in chosen.figures or known:
        figure = known[name]()
        done.append(figure)
        print(report.line(figure), flush=True)
        report.write(done, publish=chosen.publish)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
