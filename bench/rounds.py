"""The rounds: every contestant once, one after the other, on a graph from nothing or run again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from contestants import HERE, Contestant, check, named
from graphs import changes, graph
from measure import Cost, Figure, Unfit, settle

Turn = tuple[str, Callable[[], Cost]]
Without = Mapping[str, str] | None


in_a_hurry = False
"""One round without a wait, to see that everything works: its figures mean nothing."""


def last_line(fault: Unfit) -> str:
    return str(fault).strip().splitlines()[-1]


def left_out(without: Without) -> list[str]:
    return [f"{name}: left out: {reason}" for name, reason in (without or {}).items()]


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
    for number in range(1 if in_a_hurry else 0, pairs + 1):
        is_quiet = in_a_hurry or settle()
        figure.busy += bool(number) and not is_quiet
        for name, once in each:
            if name in out:
                continue
            try:
                cost = once()
            except Unfit as fault:
                out.add(name)
                figure.costs.pop(name, None)
                figure.notes.append(f"{name}: {last_line(fault)}")
                continue
            if number:
                figure.add(name, cost)
    return figure


def cold(name: str, who: Sequence[str], pairs: int, *, group: str = "", without: Without = None) -> Figure:
    """A run from nothing. `group` tells figures of one graph apart; `without` says who is left out, and why."""
    size = len(graph(name))
    contestants = [named(one) for one in who]

    def once(contestant: Contestant) -> Cost:
        with scratch() as folder:
            contestant.prepare(folder, name, -1)
            cost = contestant.cost(folder, name, -1)
            check(contestant.told(folder, name, cost), name, -1, size)
            return cost

    figure = Figure(f"cold {name}{group}", f"{name} from nothing", size, notes=left_out(without))
    return rounds(figure, pairs, [(one.name, partial(once, one)) for one in contestants])


def again(
    name: str, who: Sequence[str], pairs: int, change: str = "", *, group: str = "", without: Without = None
) -> Figure:
    """A second run: with nothing changed, or with one node's code changed (`leaf`, `middle`)."""
    contestants = [named(one) for one in who]
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
        key = f"{change or 'null'} {name}{group}"
        figure = Figure(key, title, len(graph(name)), notes=left_out(without))
        return rounds(figure, pairs, [(one.name, partial(once, one)) for one in contestants])
