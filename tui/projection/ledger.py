"""What a change of the definitions costs, counted in assets."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...core.model import Node, State
from ...core.plan import kept_from_running

if TYPE_CHECKING:
    from ...core.plan import Survey
    from ...core.workbench import Marks
    from .live import Live


@dataclass(frozen=True, slots=True)
class Ledger:
    """What materializing everything would do now. `new` are new in the definitions, made or not; of the others
    `reused` keep the value that they have, `made` were made anew since the definitions changed and are kept too,
    `rebuild` have a value that would be made again, `never` have none. A source that is missing is in none of these."""

    new: int
    reused: int
    made: int
    rebuild: int
    never: int
    changed: int
    removed: int


def take_ledger(
    survey: Survey, marks: Marks, nodes: Iterable[Node], anew: Container[str] = ()
) -> Ledger | None:
    """Counts the assets among `nodes`, which the survey must know; None where nothing differs from the baseline.
    `anew` are the tasks that ran since the definitions changed."""
    if not (marks.new or marks.changed or marks.removed):
        return None
    graph = survey.facts.graph
    made = survey.facts.recorded.materializations
    tally = dict.fromkeys(("new", "reused", "made", "rebuild", "never"), 0)
    kept, changed = kept_from_running(survey), 0
    for node in nodes:
        task = graph.producer(node.name)
        changed += node in marks.changed
        if node in marks.new:
            what = "new"
        elif task is None:
            if survey.states[node] is State.MISSING:
                continue
            what = "reused"
        elif node.name not in made:
            what = "never"
        else:
            would_run = task in survey.reasons and task not in kept
            what = "rebuild" if would_run else "made" if task in anew else "reused"
        tally[what] += 1
    removed = sum(node.kind == "asset" for node in marks.removed)
    return Ledger(**tally, changed=changed, removed=removed)


class Remade:
    """The tasks that ran well since the definitions changed, as far as runs were seen here."""

    def __init__(self) -> None:
        self.tasks: set[str] = set()
        self._seen: Live | None = None

    def begin_again(self, live: Live | None) -> None:
        """The definitions changed; `live` is the run before, or one that goes on."""
        self.tasks.clear()
        self._seen = live if live is not None and live.is_over else None

    def take(self, live: Live | None) -> Live | None:
        """Takes in what a run made, if it is over; returns it then."""
        settled = live if live is not None and live.is_over else None
        if settled is not None and settled is not self._seen:
            self._seen = settled
            self.tasks.update(task for task, step in settled.steps.items() if step.state is State.FRESH)
        return settled
