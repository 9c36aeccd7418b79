"""An open project: the one face of the core that the screen and the command line work with."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from .defined import Defined, Snapshot, tasks_of
from .events import Event
from .graph.graph import Graph
from .graph.views import View
from .load.collector import collector_paused
from .load.definitions import NO_CHOICE, Choice, read_at_rest
from .load.discovery import Project, find_project
from .load.interpreter import find_interpreter
from .marks import Accepted, Marks, as_baseline, as_far_as_read, read_whole
from .model import Attempt, Definitions, Materialization, Node, State
from .places import store_folder
from .plan import Cause, Facts, Plan, Survey, root_causes, still_holds, take_survey
from .problems import NotTrusted, ProblemError
from .sources import SourceVersions
from .store.baseline import Baseline
from .store.store import RunSummary, Store
from .trust import is_trusted, trust

if TYPE_CHECKING:
    from .engine.engine import RunResult
    from .plan.timing import Forecast
    from .preview import Preview
    from .running import How, Running
    from .since import Since

Tell = Callable[[Event], None]


def _kept(store: Store) -> Path | None:
    return store.folder if store.writable else None


def _project_at(path: Path | None) -> Project:
    try:
        return find_project(path)
    except ProblemError:
        from .whereabouts import project_at

        return project_at(path)  # says what could be opened instead


class Workbench:
    """Definitions, graph and store of one project. Blocking methods say so: call them in a thread."""

    def __init__(
        self, project: Project, definitions: Definitions, store: Store, interpreter: str, trusted: bool
    ):
        self.project = project
        self.root = Path(project.root)
        self.store = store
        self.trusted = trusted
        self.interpreter = interpreter
        self.choice = NO_CHOICE
        self._running: Running | None = None
        self._surveyed: Survey | None = None
        self._folded: tuple[Survey, Survey] | None = None
        self._sources = SourceVersions(
            self.root, store.folder / "cache" / "sources.json" if store.writable else None
        )
        self._accepted = Accepted(store, project.name)
        self._since: Since | None = None
        self._take(definitions)

    @classmethod
    def open(
        cls,
        path: Path | None = None,
        *,
        trust: bool = False,
        interpreter: str | None = None,
        choice: Choice = NO_CHOICE,
    ) -> Workbench:
        """Opens the project at `path` (see `project_at`). Blocking. Runs nothing of it unless trusted.

        Raises `DefinitionError` with all that is wrong, and `ProblemError` where there is no project.
        """
        project = _project_at(path)
        trusted = trust or is_trusted(project.root)
        store = Store.open(store_folder(project.root))
        python = interpreter or find_interpreter(Path(project.root))
        definitions = read_at_rest(project, trusted, python, _kept(store), choice)
        bench = cls(project, definitions, store, python, trusted)
        bench.choice = choice
        return bench

    @collector_paused(keeps=True)
    def _take(self, definitions: Definitions) -> None:
        self.defined = Defined(definitions)
        self._accepted.read_again()
        if self._accepted.baseline is None and self.defined.is_known:
            self.accept()

    @property
    def definitions(self) -> Definitions:
        """What is defined now. Whoever needs the graph as well takes `defined`, once."""
        return self.defined.definitions

    @property
    def graph(self) -> Graph:
        return self.defined.graph

    @property
    def withheld(self) -> tuple[str, ...]:
        """Python files that were not loaded because the project is not trusted."""
        return self.definitions.withheld

    def trust(self) -> None:
        """Trusts the project from now on. `reload` then loads what was withheld."""
        trust(self.root)
        self.trusted = True
        if self._since is not None:
            self.compare_with(self._since.named)

    def demand_trust(self) -> None:
        """Raises `NotTrusted` unless the project's code may run."""
        if not self.trusted:
            told = f"{self.root} is not trusted, so nothing of it runs"
            raise NotTrusted(told, "look at it, then: bakehouse trust")

    def reload(self) -> bool:
        """Reads the definitions again, all or nothing; True if something changed. Blocking.

        Raises `DefinitionError`, and `ProblemError` where the files never hold still; then everything stays as it
        was.
        """
        project = find_project(self.project.path)
        definitions = read_at_rest(project, self.trusted, self.interpreter, _kept(self.store), self.choice)
        if replace(definitions, output="") == replace(self.definitions, output=""):
            return False
        self.project = project
        self._take(definitions)
        return True

    def watch_paths(self) -> tuple[Path, ...]:
        """Where a change may change the definitions or a source."""
        return (self.root,)

    # ---- looking -------------------------------------------------------------------------------

    def view(self, kind: Literal["asset", "task"]) -> View:
        """One of the two views, derived once for each set of definitions."""
        return self.defined.view(kind)

    @collector_paused()
    def survey(self) -> Snapshot:
        """What is out of date now, and why. Blocking: reads the ledger and the stamps of files."""
        defined = self.defined
        if (divided := defined.divided(time.time())) is None:
            return Snapshot(defined, self._survey_of(defined))
        whole = self._survey_of(divided.runs)
        if self._folded is None or self._folded[0] is not whole:
            self._folded = whole, divided.fold(whole, defined.graph)
        return Snapshot(defined, self._folded[1], divided, whole)

    def _survey_of(self, defined: Defined) -> Survey:
        recorded = self.store.recorded()
        sources = self._sources.versions(defined.definitions.assets.values())
        if self.store.writable:
            self._sources.save()
        facts = Facts(defined.graph, recorded, sources, defined.keys, time.time())
        if self._surveyed is None or not still_holds(self._surveyed, facts):
            self._surveyed = take_survey(facts)
        return self._surveyed

    def select(self, text: str, live: Mapping[Node, State] | None = None) -> frozenset[Node]:
        """The nodes that a selection means now. Blocking. `live` are states of a run under way, which count before
        those of the survey. Raises `ProblemError` with the place of the mistake."""
        from .selection import parse

        selection = parse(text)
        if "state" not in text:
            return selection.nodes(self.graph, {})
        look = self.survey()
        return selection.nodes(look.defined.graph, {**look.states, **(live or {})})

    def tasks_of(self, nodes: Iterable[Node]) -> set[str]:
        """The tasks that are, or make, `nodes`."""
        return tasks_of(self.graph, nodes)

    def plan(
        self,
        nodes: Iterable[Node] | None = None,
        *,
        force: bool = False,
        downstream: bool = False,
        retry: bool = False,
        partitions: Sequence[str] = (),
    ) -> Plan:
        """What would run to bring `nodes` (None: everything) up to date. Blocking. Of what is divided, all partitions
        or those that `partitions` mean; a node may be a partition itself.

        `downstream` takes all that stands below with it; `retry` only what failed, was cancelled or interrupted last
        time, and what that blocked.
        """
        look = self.survey()
        return look.plan(nodes, force=force, downstream=downstream, retry=retry, partitions=partitions)

    def forecast(self, plan: Plan, jobs: int | None = None) -> Forecast:
        """What a run of `plan` would take, by the steps' own history. Blocking. As in `start`, without `jobs` as
        many steps run at once as there are processors."""
        from .plan.timing import plan_forecast

        graph = self.defined.as_it_runs(time.time()).graph
        return plan_forecast(plan, graph, self.store.recorded().durations, jobs or os.cpu_count() or 2)

    def causes(self, node: Node) -> tuple[Cause, ...]:
        """The root causes of why `node` is out of date. Blocking."""
        look = self.survey()
        return root_causes(look.survey if node in look.states else look.whole, node)

    def untracked(self, node: Node) -> tuple[str, ...]:
        """What the key of the node's step cannot see. Blocking: looks whether files are there."""
        from .plan.unseen import unseen_by

        return unseen_by(self.definitions, self.tasks_of([node]))

    def preview(self, asset: str, limit: int = 200, offset: int = 0) -> Preview:
        """The value of an asset as text or rows, without secrets. Blocking; runs nothing of the project."""
        from .preview import without_secrets

        return without_secrets(self._preview(asset, limit, offset), self.defined.secrets())

    def _preview(self, asset: str, limit: int, offset: int) -> Preview:
        from .preview import Preview, preview, preview_file

        if (file := self.source_file(asset)) is not None:
            return preview_file(file, limit, offset)
        made = self.materialization(asset)
        if made is None:
            is_source = self.defined.asset(asset).is_source
            said = "a source that is only a name" if is_source else "never materialized"
            return Preview("none", note=said)
        return preview(self.store, made, limit, offset)

    def source_file(self, asset: str) -> Path | None:
        """Where the file or folder of a source is; None for what is no source, or only a name."""
        definition = self.defined.asset(asset)
        return self._sources.path(definition) if definition.is_source and definition.file else None

    def materialization(self, asset: str) -> Materialization | None:
        """The current value of an asset, as recorded. Blocking."""
        return next(iter(self.materializations(asset, 1)), None)

    def materializations(self, asset: str, limit: int = 50) -> list[Materialization]:
        """The past values of an asset, newest first; of a divided one, of the partition made last. Blocking."""
        if self.defined.is_divided:
            asset = self.survey().made_last(asset)
        return self.store.materializations(asset, limit)

    def history(self, limit: int = 50) -> list[RunSummary]:
        """Past runs, newest first. Blocking."""
        return self.store.runs(limit)

    def knows_run(self, run: str) -> bool:
        """Whether the store has that run: one that was deleted has none. Blocking."""
        return self.store.identity() is not None and bool(self.store.events(run, limit=1))

    def attempt(self, task: str) -> Attempt | None:
        """How the last attempt at a task ended. Blocking."""
        if self.defined.is_divided:
            task = self.survey().tried_last(task)
        return self.store.attempt(task)

    def log_file(self, task: str) -> Path | None:
        """The log of the attempt under way, else of the last one; None if it printed nothing."""
        if self._running is not None and (live := self._running.log_file(task)) is not None:
            return live
        attempt = self.attempt(task)
        return None if attempt is None or attempt.log is None else self.store.logs.find(attempt.log)

    # ---- what is new ---------------------------------------------------------------------------

    def _defined_now(self) -> Baseline:
        return as_baseline(self.definitions, self.defined.keys, time.time())

    def compare_with(self, named: str) -> None:
        """From now on what is new is measured against what a commit, or another file or folder, defines. Blocking.

        Raises `ProblemError` where there is no such thing.
        """
        from .since import since

        self._since = since(self.project, named, trusted=self.trusted, interpreter=self.interpreter)

    @collector_paused()
    def marks(self) -> Marks:
        """What is new, changed and removed against the baseline, whoever made that. Blocking: looks at its file."""
        since = self._since
        found = self._accepted.marks(self._defined_now()) if since is None else since.marks(self.defined)
        return as_far_as_read(found, self.definitions, trusted=self.trusted)

    def accept(self) -> None:
        """Makes what is defined now the baseline. Raises `StoreError` where it cannot be kept, and `ProblemError`
        where it is compared with something else or code was not read."""
        if self._since is not None:
            told = f"what is new is measured against {self._since.named}"
            raise ProblemError(told, "open the project without --since to accept")
        self._accepted.accept(read_whole(self._defined_now(), self.definitions, trusted=self.trusted))

    # ---- running -------------------------------------------------------------------------------

    def start(
        self, plan: Plan, *, jobs: int | None = None, listeners: Iterable[Tell] = (), **how: Unpack[How]
    ) -> Running:
        """Begins to run `plan` in the loop that is running, with the definitions that it was made of.
        Listeners hear events in that loop. `how` is as `Running.begin` takes it.

        Raises `NotTrusted`, `ProjectHeld`, `StoreError`, and `ProblemError` for a secret that cannot be kept.
        """
        from .running import Ground, Running
        from .workers.limits import affordable

        self.demand_trust()
        if not self.root.is_dir():
            raise ProblemError(
                f"the folder {self.root} is not there any more", "open the project where it is now"
            )
        defined = self.defined.as_it_runs(time.time())
        if plan.definitions is not None and plan.definitions is not defined.definitions:
            defined = Defined(plan.definitions)
        secrets = defined.secrets()
        secrets.check()
        survey = partial(self._survey_of, defined)
        ground = Ground(self.root, defined, survey, self.store, self._sources, secrets, self.interpreter)
        run = time.strftime("%Y%m%dT%H%M%S-") + os.urandom(3).hex()
        jobs, note = affordable(jobs or os.cpu_count() or 2)
        self._running = Running.begin(run, plan, ground, jobs=jobs, note=note, listeners=listeners, **how)
        return self._running

    @property
    def running(self) -> Running | None:
        """The run under way."""
        return self._running if self._running is not None and self._running.active else None

    async def aclose(self) -> None:
        """Ends the run under way, waits for it, and closes the store."""
        if (running := self.running) is not None:
            running.cancel()
            await running.ended()
        self.store.close()


__all__ = ["Marks", "Node", "RunResult", "Snapshot", "Workbench"]
