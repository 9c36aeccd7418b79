"""The keys that do something: planning, running, cancelling, trusting, reloading, leaving the screen."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from textual.screen import Screen

from ...core.model import Node
from ...core.plan import Plan
from ...core.problems import DefinitionError, NotTrusted, Problem, ProblemError
from ..background.watch import watch
from ..panes.page import node_at
from ..projection.caps import named
from ..projection.draft import Draft
from ..projection.live import OPEN
from ..projection.session import facts
from ..projection.status import nothing_runs
from ..projection.unfinished import retried

if TYPE_CHECKING:
    from ...core.defined import Defined
    from ...core.workbench import Marks, Snapshot
    from ..background.feed import Feed
    from ..background.onlooker import Onlooker
    from ..background.runs import Runs
    from ..stage import Stage
    from ..widgets.confirm import Asked, Question
    from .moves import Moves

_UNREAD = f"the definitions cannot be read: {named('next_pane')} shows what is wrong"
_UNWATCHED = f"the files cannot be watched, {named('reload')} reads them again"


class Deeds:
    """One method for each key's id. Only called where the key's reason does not forbid it."""

    def __init__(self, app: Stage, moves: Moves, feed: Feed, onlooker: Onlooker, runs: Runs) -> None:
        self.app = app
        self._onlooker = onlooker
        self._moves = moves
        self._feed = feed
        self._runs = runs
        self._previewed: tuple[Node, ...] = ()

    # ---- planning and running --------------------------------------------------------------------

    async def plan(self) -> None:
        """Enter: open a past run, jump from an alias, fold a group, show the preview, run what is previewed."""
        session, tree = self.app.session, self.app.tree_view
        row = tree.row
        if session is None:
            return
        if self.app.in_history:
            self.app.side_work.open_past()
        elif self.app.side.has_focus_within and self.app.side.target is not None:
            self.app.go_to(node_at(self.app.side.target))
        elif (draft := session.preview) is not None and draft.is_empty:
            self.app.tell(
                f"every step is left out: {named('mark')} takes one in again, {named('back')} closes the plan"
            )
        elif draft is not None:
            session.preview = None
            self.app.show_rows()
            if await self._begin(draft.plan):
                left = [Node("task", step.task) for step in draft.plan.steps if step.action == "run"]
                self.app.did("materialize", left if draft.out else self._previewed)
        elif row is not None and row.kind == "alias":
            self._moves.jump()
        elif row is not None and row.kind == "group":
            self._moves.toggle(tree, tree.cursor)
        elif (made := await self._make_plan(chosen := self._chosen())) is not None:
            self.app.did("plan", chosen)
            if made.counts["run"]:
                self._previewed = chosen
                await self.app.weigh_plan(made)
                session.preview = Draft(made, session.runs)
                self.app.show_rows(tree.node)
            else:
                self.app.tell(nothing_runs(made, "would run"))

    async def _make_plan(
        self,
        nodes: Iterable[Node] | None,
        *,
        force: bool = False,
        downstream: bool = False,
        retry: bool = False,
    ) -> Plan | None:
        bench = self.app.bench
        try:
            return await self.app.aside.call(
                bench.plan, nodes, force=force, downstream=downstream, retry=retry
            )
        except ProblemError as error:
            self.app.tell(str(error), "failed")
            return None

    async def materialize(self) -> None:
        nodes = self._chosen()
        if await self._run(nodes):
            self.app.did("materialize", nodes)

    async def downstream(self) -> None:
        nodes = self._chosen()
        if await self._run(nodes, downstream=True):
            self.app.did("materialize", nodes, below=True)

    async def all(self) -> None:
        if await self._run(None):
            self.app.did("materialize")

    async def retry(self) -> None:
        look = self.app.session.survey if self.app.session is not None else None
        if await self._run(None, retry=True):
            self.app.did("materialize", None, *retried(look))

    async def force(self) -> None:
        from ..widgets.confirm import about_force

        nodes = self._chosen()
        plan = await self._make_plan(nodes, force=True)
        if plan is not None and await self._ask(partial(about_force, plan)) and await self._begin(plan):
            self.app.did("materialize", nodes, "--force")

    def _chosen(self) -> tuple[Node, ...]:
        session = self.app.session
        return session.chosen(self.app.tree_view.node) if session is not None else ()

    async def _run(
        self, nodes: Iterable[Node] | None, *, downstream: bool = False, retry: bool = False
    ) -> bool:
        plan = await self._make_plan(nodes, downstream=downstream, retry=retry)
        return plan is not None and await self._begin(plan)

    async def _begin(self, plan: Plan) -> bool:
        """Runs the plan, or adds it to the run; False if it told why not."""
        session = self.app.session
        if session is None:
            return False
        if not plan.counts["run"]:
            self.app.tell(nothing_runs(plan, "to run"))
            return False
        if session.run is not None and session.run.active and session.live is not None:
            try:
                session.run.check(plan)
            except ProblemError as error:
                self.app.tell(str(error).replace("\n", ": "), "failed")
                return False
            session.live.expect(plan)
            session.run.add(plan)
            self._feed.came()
            return True
        try:
            self._runs.begin(plan)
        except NotTrusted:
            await self.trust()
            return False
        except ProblemError as error:
            self.app.tell(str(error).replace("\n", ": "), "failed")
            return False
        session.marked.clear()
        return True

    async def cancel_step(self) -> None:
        session, node = self.app.session, self.app.tree_view.node
        if session is None or node is None:
            return
        task, live = session.task_of(node), session.live
        parts = live.parts.get(task or "", {}) if live is not None else {}
        for name in [one for one, step in parts.items() if step.state in OPEN] or [task or ""]:
            if session.elsewhere is not None:
                await self._onlooker.cancel(name)
            elif session.run is not None:
                session.run.cancel(name)

    async def cancel_run(self) -> None:
        from ..widgets.confirm import about_cancelling

        session = self.app.session
        if session is None:
            return
        live = session.live

        def asked() -> Question | None:
            is_on = session.under_way and session.live is live
            return about_cancelling(self.open_steps(), session.elsewhere) if is_on else None

        if not await self._ask(asked):
            return
        self.app.did("cancel")
        if session.elsewhere is not None:
            await self._onlooker.cancel()
        elif session.run is not None:
            session.run.cancel()

    def open_steps(self) -> int:
        live = self.app.session.live if self.app.session is not None else None
        return sum(live.counts[state] for state in OPEN) if live is not None else 0

    async def _ask(self, asked: Asked) -> bool:
        """Puts a question; the answer to one that is moot, or becomes so, is no."""
        from ..widgets.confirm import Ask

        question = asked()
        if question is None:
            return False
        ask: Screen[bool] = Ask(self.app.ink(), question, asked)
        return await self.app.push_screen_wait(ask)

    # ---- the project -----------------------------------------------------------------------------

    async def reload(self) -> None:
        """Reads the definitions again, and says what came of it."""
        session = self.app.session
        before = session.graph if session is not None else None
        await self._take_definitions()
        if session is not None and session.problems:
            self.app.tell("read again: the definitions are still broken (see Overview)", "stale")
        elif session is not None and session.graph is before:
            self.app.tell("read again: the definitions are what they were")
        elif session is not None:
            self.app.tell("read again: the definitions have changed", "fresh")

    async def _take_definitions(self) -> None:
        """Reads the definitions again; what is broken is shown, and the old ones stand."""
        session, bench = self.app.session, self.app.bench
        if session is None:
            return

        def work() -> tuple[bool, Snapshot, Marks]:
            changed = bench.reload()
            return changed, *facts(bench)

        problems: tuple[Problem, ...] = ()
        try:
            changed, survey, marks = await self.app.aside.call(work)
        except DefinitionError as error:
            problems = error.problems
        except ProblemError as error:
            problems = (Problem(error.message, hint=error.hint),)
        if session.problems and not problems:
            self.app.tell("the definitions can be read again", "fresh")
        session.problems = problems
        if problems:
            self.app.side.go_to_tab("overview")
            if not self.app.side.display:
                self.app.tell(_UNREAD, "failed")
        elif changed:
            self.app.side_work.replay.leave("the definitions changed: the replay is left")
            session.reloaded(survey, marks)
            self.app.show_rows()
        else:
            session.surveyed(survey, marks)
            self.app.show_rows()
        self.app.weigh()
        self.app.select_again()
        self.app.show_side(again=True)
        self.app.refresh_bars()

    async def keep_watch(self) -> None:
        """Reloads when files change, for as long as the screen is there."""
        bench = self.app.bench
        try:
            await watch(
                bench.root,
                bench.watch_paths(),
                bench.definitions.files,
                self._take_definitions,
                lambda words: self.app.tell(words, "stale"),
            )
        except (OSError, RuntimeError) as error:
            self.app.tell(f"{_UNWATCHED}: {error}", "stale")

    async def trust(self) -> None:
        from ..widgets.trusting import about_trust

        bench = self.app.bench

        @lru_cache(maxsize=1)
        def about(defined: Defined) -> Question:
            return about_trust(defined.definitions, bench.withheld, bench.interpreter)

        if await self._ask(lambda: None if bench.trusted else about(bench.defined)):
            self.app.tell("trusted, reading…")
            try:
                await self.app.aside.call(bench.trust)
            except ProblemError as error:
                self.app.tell(str(error).replace("\n", ": "), "failed")
                return
            self.app.did("trust")
            await self.reload()

    async def accept(self) -> None:
        try:
            await self.app.aside.call(self.app.bench.accept)
        except ProblemError as error:
            self.app.tell(f"{error.message}: {error.hint}", "failed")
            return
        await self.app.look_again()
        self.app.tell("accepted: nothing is new any more")

    # ---- leaving the screen ----------------------------------------------------------------------

    async def quit(self) -> None:
        from ..widgets.confirm import about_quitting

        session = self.app.session

        def asked() -> Question | None:
            is_on = session is not None and session.running
            return about_quitting(self.open_steps()) if is_on else None

        if session is None or not session.running or await self._ask(asked):
            self.app.exit(0)
