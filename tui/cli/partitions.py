"""Partitions on the command line: which one is asked for, how many there are in which state, how a backfill went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...core.events import Event, Kind
from ...core.folding import Parts
from ...core.model import Json, Node, State
from ...core.naming import readable_json, shown_part, split
from ...core.partitions.choice import named
from ...core.problems import ProblemError
from ...core.workbench import Snapshot, Workbench
from ..paint.sanitize import clean

_NAMED = 10


def partition_node(bench: Workbench, node: Node, text: str) -> Node:
    """The partition of `node` that `text` means. Raises `ProblemError` where that is none, or several."""
    task = node.name if node.kind == "task" else bench.graph.producer(node.name)
    look = bench.survey()
    if task is None or look.parts(task) is None:
        raise ProblemError(f"{node.name} is not divided into partitions", "leave --partition out")
    found = sorted(look.partitions_of([task], [text]))
    if len(found) > 1:
        some = named([split(one)[1] for one in found])
        raise ProblemError(f"{text!r} means several partitions: {some}", "name one of them")
    return Node(node.kind, node.name + found[0].removeprefix(task))


def is_partition(node: Node) -> bool:
    return split(node.name)[1] != ""


def named_apart(said: dict[str, Json], name: str = "task") -> dict[str, Json]:
    """A document that names a node: as it was written, and its partition beside it."""
    plain, part = split(said[name])
    return said if not part else {**readable_json(said), name: plain, "partition": shown_part(part)}


def counts_of(look: Snapshot, task: str | None) -> dict[str, int] | None:
    """How many partitions are in which state; None for what is not divided."""
    parts = look.parts(task)
    return None if parts is None else parts.as_counts()


def as_json(parts: Parts) -> dict[str, Json]:
    """How many partitions are in which state, and those that failed by name."""
    failed = [clean(shown_part(part)) for part in parts.having(State.FAILED)]
    return {**parts.as_counts(), "failed_partitions": failed}


def in_words(parts: Parts) -> str:
    """`11/12 fresh, 1 failed: 2013-05`."""
    counts = parts.as_counts()
    told = [f"{counts['fresh']:,}/{counts['total']:,} fresh"]
    groups = {"failed": (State.FAILED,), "missing": (State.NEVER,), "stale": (State.STALE,)}
    for word, states in groups.items():
        if those := parts.having(*states):
            told.append(f"{len(those):,} {word}: {clean(named(those, _NAMED))}")
    return ", ".join(told)


def divided_assets(bench: Workbench, look: Snapshot) -> Iterable[tuple[str, Parts]]:
    """The divided tasks, each by the first asset that it makes or by its own name."""
    for name, task in bench.graph.tasks.items():
        if (parts := look.parts(name)) is not None:
            yield (task.outputs or (name,))[0], parts


_ENDS: Mapping[Kind, str] = {
    Kind.STEP_SUCCEEDED: "made",
    Kind.STEP_FAILED: "failed",
    Kind.STEP_BLOCKED: "blocked",
    Kind.STEP_CANCELLED: "cancelled",
}


class Backfill:
    """Hears a run; tells at its end how the partitions of each task came out, and names those that did not."""

    def __init__(self) -> None:
        self._ends: dict[str, dict[str, str]] = {}

    def hear(self, event: Event) -> None:
        """Takes one event in."""
        if event.task is None or event.kind not in _ENDS:
            return
        task, part = split(event.task)
        if part:
            self._ends.setdefault(task, {})[part] = _ENDS[event.kind]

    def lines(self) -> Iterable[str]:
        """One line for each task of which a partition was not made, its partitions in the order of their keys."""
        for task, ends in self._ends.items():
            if set(ends.values()) <= {"made"}:
                continue
            told = []
            for word in _ENDS.values():
                if those := sorted(part for part, end in ends.items() if end == word):
                    names = "" if word == "made" else f": {clean(named(those, _NAMED))}"
                    told.append(f"{len(those):,} {word}{names}")
            yield f"{clean(task)}: {', '.join(told)}"
