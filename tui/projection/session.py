"""What the screen shows and where the user stands in it: view, direction, folds, filter, marks, preview, run.

Holds no widget and calls nothing that blocks; the screen asks it, the keys change it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.graph.views import View, ViewKind, counterpart
from ...core.model import Node, Reason, Recorded, State
from ...core.naming import split
from ...core.plan import PlannedStep
from ...core.problems import Problem
from ...core.store.findings import Findings
from .draft import Draft
from .drawing import Derived, Drawing
from .foresight import Outlook, foresee
from .ghosts import ghosts_of
from .ledger import Ledger, Remade, take_ledger
from .live import Live, Step, shown
from .parts import Partitions, is_part, label, together, whole
from .rows import Direction, Folds, Part, Rows, Shape, build, default_folds, way_to
from .sieve import Sieve
from .tally import Tally

if TYPE_CHECKING:
    from ...core.graph.graph import Graph
    from ...core.running import Running
    from ...core.store.lock import Holder
    from ...core.workbench import Marks, Snapshot, Workbench

DIRECTIONS: Mapping[ViewKind, Direction] = {"asset": "up", "task": "down"}
FAULTS = frozenset({State.FAILED, State.MISSING, State.STALE, State.RUNNING})
_WELL = frozenset({State.FRESH, State.REUSED, State.SPARED})
_OUTDATED = (State.STALE, State.NEVER, State.FAILED, State.CANCELLED, State.BLOCKED)


def facts(bench: Workbench) -> tuple[Snapshot, Marks]:
    """What a session shows of the project: states with their reasons, verdicts, columns that changed, and what is new.
    Blocking."""
    drifts = {str(event.asset): event for event in Findings(bench.store.reader).last_schema_changes()}
    look = replace(bench.survey(), drifts=drifts)
    if any(asset.checks for asset in look.defined.definitions.assets.values()):
        from ...core.verdicts import latest

        look = replace(look, verdicts=latest(bench.store, look))
    return look, bench.marks()


class Session:
    """One open project on one screen."""

    def __init__(self, bench: Workbench, *, clock: Callable[[], float] = time.time) -> None:
        self.bench = bench
        self.graph = bench.defined.graph
        self.definitions = self.graph.definitions
        self.clock = clock
        self.which: ViewKind = "asset" if self.definitions.assets or not self.definitions.tasks else "task"
        self.directions: dict[ViewKind, Direction] = dict(DIRECTIONS)
        self.sieve = Sieve()
        self.matches: frozenset[Node] | None = None
        self.faults_only = False
        self.marked: set[Node] = set()
        self.preview: Draft | None = None
        self.live: Live | None = None
        self.run: Running | None = None
        self.elsewhere: Holder | None = None
        """The other process whose run `live` tells."""
        self.problems: tuple[Problem, ...] = ()
        self.new: frozenset[Node] = frozenset()
        self.changed: frozenset[Node] = frozenset()
        self.removed: tuple[Node, ...] = ()
        self.marks: Marks | None = None
        self.isolated: Node | None = None
        self.survey: Snapshot | None = None
        self.ledger: Ledger | None = None
        self.durations: Mapping[str, tuple[float, ...]] = {}
        self.parts = Partitions()
        self.outlook = Outlook(lambda live, now: foresee(live, self.runs, self.durations, now))
        self._settled: Live | None = None
        self._remade = Remade()
        self.derived = Derived(self.graph)
        self._folds: dict[tuple[object, ...], Folds] = {}
        self._first: dict[tuple[object, ...], Folds] = {}
        self._tally = Tally(self.graph, self.state_of, self.outputs_of, {})

    # ---- what there is ---------------------------------------------------------------------------

    def reloaded(self, survey: Snapshot, marks: Marks) -> None:
        """New definitions or new facts: everything derived is derived again, what the user chose stays."""
        self.graph, self.definitions = survey.defined.graph, survey.defined.definitions
        self.derived = Derived(self.graph)
        self.isolate(self.isolated if self.isolated is not None and self.is_defined(self.isolated) else None)
        self._remade.begin_again(self.live)
        self.surveyed(survey, marks)
        self.marked = {node for node in self.marked if self.is_defined(node)}
        self.preview = None

    def surveyed(self, survey: Snapshot, marks: Marks) -> None:
        """New facts about the same definitions."""
        if (
            self.survey is None
        ):  # what is new or failed was not known: folds that nobody touched are chosen again
            self._folds = {at: folds for at, folds in self._folds.items() if folds is not self._first.get(at)}
        self.survey, self.durations = survey, survey.recorded.durations
        self.parts.take(survey)
        if survey.divided is not None:
            self.durations = {**self.parts.recorded(survey.recorded).durations, **self.durations}
        self._settled = self._remade.take(self.live)
        self.marks = marks
        self.new, self.changed, self.removed = marks.new, marks.changed, marks.removed
        self.ledger = take_ledger(survey.survey, marks, self.whole_view("asset").nodes, self._remade.tasks)
        self.recount()
        self._match()

    @property
    def runs(self) -> Graph:
        return self.parts.graph(self.graph)

    @property
    def is_settled(self) -> bool:
        """Whether the survey knows how the last run ended."""
        return self._settled is self.live

    def whole_view(self, kind: ViewKind) -> View:
        return self.derived.view(kind)

    def view(self, kind: ViewKind | None = None) -> View:
        """The view, or of it what is up- and downstream of the thing that is isolated."""
        return self.derived.view(kind or self.which, self.isolated)

    def isolate(self, node: Node | None) -> None:
        """Shows only the lineage of `node`, or everything again."""
        if node is None:
            self.derived.forget_parts()
        self.isolated = None if node is None else whole(node)

    @property
    def direction(self) -> Direction:
        return self.directions[self.which]

    @property
    def title(self) -> str:
        names = self.definitions.pipelines
        profile = f" ({self.definitions.profile})" if self.definitions.profile else ""
        return (", ".join(names[:3]) or self.bench.root.name) + profile

    @property
    def other(self) -> ViewKind:
        """The view that is not the one shown in the tree."""
        return "task" if self.which == "asset" else "asset"

    def shape(self, kind: ViewKind | None = None) -> Shape:
        kind = kind or self.which
        return self.derived.shape(self.view(kind), self.directions[kind])

    def _fold_key(self, kind: ViewKind | None) -> tuple[object, ...]:
        kind = kind or self.which
        return kind, self.directions[kind], self.isolated if self.derived.is_large else None

    def folds(self, kind: ViewKind | None = None) -> Folds:
        at = self._fold_key(kind)
        if at not in self._folds:
            urgent = self.new | in_state(self, frozenset({State.FAILED}))
            faults = [node for node in self.view(kind).nodes if node in urgent] if urgent else []
            self._folds[at] = self._first[at] = default_folds(self.shape(kind), faults)
        return self._folds[at]

    def set_folds(self, folds: Folds, kind: ViewKind | None = None) -> None:
        self._folds[self._fold_key(kind)] = folds

    def rows_beside(self) -> Rows:
        """The rows of the other view, in full."""
        shape, folds = self.shape(self.other), self.folds(self.other)
        return self.derived.whole(shape).rows() if folds == Folds() else build(shape, folds)

    def rows(self) -> Rows:
        """The rows to show now."""
        return self.drawing().rows()

    def drawing(self) -> Drawing:
        """What decides them."""
        keep, shape = self._kept(), self.shape()
        ghosts = self._ghosts() if keep is None or self.matches is None else {}
        return Drawing(shape, self.folds(), self.derived.whole(shape), keep, self._parts_shown(), ghosts)

    def _parts_shown(self) -> Mapping[Node, Sequence[Part]]:
        tasks = [task for task in self.parts.shown if task in self.graph.tasks]
        made = [Node("asset", one) for task in tasks for one in self.graph.tasks[task].outputs]
        things = (*(Node("task", task) for task in tasks), *made)
        return {one: [Part(part, label(part)) for part in self.parts_of(one)] for one in things}

    def parts_of(self, node: Node) -> list[Node]:
        """The partitions of a thing; none if it is not divided."""
        return self.parts.nodes(node, self.task_of(node))

    def _ghosts(self) -> Mapping[str, Sequence[Node]]:
        return ghosts_of(self.live, self.graph.tasks, self.marks, self.which)

    def _kept(self) -> Collection[Node] | None:
        if self.preview is not None or (self.matches is None and not self.faults_only):
            return None
        if not self.faults_only:
            return self.matches
        faults = self.faults()
        return faults if self.matches is None else faults & self.matches

    def reveal(self, node: Node, kind: ViewKind | None = None) -> None:
        """Unfolds what hides `node`."""
        if is_part(node):
            node = whole(node)
            self.parts.shown.add(self.task_of(node) or "")
        self.set_folds(self.folds(kind).open(*way_to(self.shape(kind), node)), kind)

    # ---- states ----------------------------------------------------------------------------------

    def task_of(self, node: Node) -> str | None:
        if node.kind == "task":
            return node.name
        return self.parts.producer(node.name) if is_part(node) else self.graph.producer(node.name)

    def step_of(self, node: Node) -> Step | None:
        """The node's step in the run that goes on or went before, if it has a part in it."""
        task = self.task_of(node)
        if self.live is None or task is None:
            return None
        return together(parts) if (parts := self.live.parts.get(task)) else self.live.steps.get(task)

    def outputs_of(self, task: str) -> tuple[str, ...]:
        """What a task, or one partition of it, makes."""
        known = self.graph.tasks.get(task) or self.runs.tasks.get(task)
        return known.outputs if known is not None else ()

    def recorded_of(self, node: Node) -> Recorded:
        """What the store knows, of partitions where `node` is one."""
        known = self.survey.recorded if self.survey is not None else Recorded()
        return self.parts.recorded(known) if is_part(node) else known

    def state_of(self, node: Node) -> State:
        """What is shown of a node."""
        base = self.survey.states.get(node) if self.survey is not None else None
        base = self.parts.state(node) if is_part(node) else base
        state = shown(base, self.step_of(node), self.is_settled)
        if state is not None:
            return state
        return State.SOURCE if self.task_of(node) is None else State.NEVER

    def reasons_of(self, node: Node) -> tuple[Reason, ...]:
        step = self.step_of(node)
        if self.survey is None or (step is not None and not self.is_settled and step.state in _WELL):
            return ()
        told = self.parts.reasons if is_part(node) else self.survey.survey.of
        return told(node) if self.is_defined(node) else ()

    def is_defined(self, node: Node) -> bool:
        known = self.graph.tasks if node.kind == "task" else self.graph.assets
        return node.name in known or (is_part(node) and self.parts.has(node))

    def counts(self, what: ViewKind | frozenset[Node] | None = None) -> Counter[State]:
        """The things of a view (its tasks, its assets), or these, by state; kept up to date by `touched`."""
        if self.survey is None:
            return Counter()
        return self._tally.of(what or self.which)

    def recount(self) -> None:
        known = self.survey.states if self.survey is not None else {}
        self._tally = Tally(self.graph, self.state_of, self.outputs_of, known, live_states(self))

    def touched(self, tasks: Iterable[str]) -> set[Node]:
        """The nodes that these tasks of the run make look different."""
        return self._tally.touched(tasks)

    def has_outdated(self) -> bool:
        return any(self.counts(kind)[state] > 0 for kind in (self.which, "task") for state in _OUTDATED)

    def faults(self) -> frozenset[Node]:
        """What is new, or is in a state that asks for something."""
        return self.new | in_state(self, FAULTS)

    @property
    def filtered(self) -> bool:
        return self.matches is not None or self.faults_only

    @property
    def running(self) -> bool:
        return self.run is not None and self.run.active

    @property
    def under_way(self) -> bool:
        """Whether a run goes on, here or in another process."""
        return self.running or self.elsewhere is not None

    # ---- what the user does ----------------------------------------------------------------------

    def flip(self, node: Node | None) -> Node | None:
        """Shows the other view; returns the node there that is the same thing as `node`."""
        self.which = self.other
        self._match()
        is_there = node is not None and self.is_defined(node)
        return counterpart(self.graph, whole(node), self.view()) if node is not None and is_there else None

    def is_in_other_view(self, node: Node) -> bool:
        return node not in self.view().nodes and node in self.view(self.other).nodes

    def turn(self) -> None:
        self.directions[self.which] = "down" if self.direction == "up" else "up"

    def filter_by(self, text: str) -> None:
        """Keeps what matches `text`. What a selection means is told by `select` or `cannot_select`; until then
        what is shown stays."""
        self.sieve.type(text)
        if not self.sieve.is_selection:
            self._match()

    def select(self, text: str, nodes: Iterable[Node]) -> None:
        self.sieve.pick(text, nodes)
        self._match()

    def cannot_select(self, text: str, note: str) -> None:
        self.sieve.refuse(text, note)
        self._match()

    def _match(self) -> None:
        view = self.view()
        self.matches = self.sieve.matches(
            view, lambda node: counterpart(self.graph, node, view), lambda: self.derived.names(view)
        )

    def clear_filter(self) -> None:
        self.faults_only = False
        self.filter_by("")

    def planned(self, node: Node) -> PlannedStep | None:
        return self.preview.step(self.task_of(node)) if self.preview is not None else None

    def is_left_out(self, node: Node) -> bool:
        """Whether the step was taken out of the plan that is previewed."""
        return self.preview is not None and self.preview.is_out(self.task_of(node))

    def chosen(self, node: Node | None) -> tuple[Node, ...]:
        """What a key works on: what is marked, else what is under the cursor."""
        if self.marked:
            parts = sorted(node for node in self.marked if is_part(node))
            return (*(node for node in self.graph.order if node in self.marked), *parts)
        return () if node is None else (node,)


def live_states(session: Session) -> dict[Node, State]:
    """The states that the run knows better than any survey."""
    if session.live is None or session.is_settled:
        return {}
    known = session.graph.tasks
    names = dict.fromkeys(split(task)[0] for task in session.live.steps)
    steps = ((task, known[task].outputs) for task in names if task in known)
    nodes = (n for task, outputs in steps for n in (Node("task", task), *(Node("asset", o) for o in outputs)))
    return {node: session.state_of(node) for node in nodes}


def in_state(session: Session, wanted: frozenset[State]) -> frozenset[Node]:
    """What is shown in one of these states."""
    states = session.survey.states if session.survey is not None else {}
    found = {node for node, state in states.items() if state in wanted}
    for node, state in live_states(session).items():
        (found.add if state in wanted else found.discard)(node)
    return frozenset(found)
