"""Brings the side pane what its tab needs, reading beside the loop; only the newest wish counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.load.discovery import nothing_defined
from ...core.model import Node
from ...core.problems import ProblemError
from ..paint.ink import Bit, Line
from ..panes.graph import Label, draw
from ..panes.overview import overview, text_lines
from ..panes.page import Page
from ..panes.past import OLDER, RUNS, Past, read_page
from ..panes.whole import nothing_lines, withheld_line, withheld_lines
from ..panes.why import why
from ..projection.keys import Situation
from ..projection.parts import whole
from ..projection.session import Session
from ..projection.states import LOOKS
from .checkwork import CheckWork
from .logwork import LogWork
from .replaywork import ReplayWork
from .timeline import TimelineWork
from .twin import TwinWork
from .valuework import ValueWork

if TYPE_CHECKING:
    from ..stage import Stage

AGED = 20.0
"""Seconds after which `… ago` is told anew; the words change once a minute."""
SETTLE = 0.05
"""Seconds the cursor rests before a value is read for it."""
_OUTPUTS = 20


class SideWork:
    """Shows the tab of the side pane for the thing under the cursor."""

    def __init__(self, app: Stage) -> None:
        self.app = app
        self.values = ValueWork(app)
        self.log = LogWork(app)
        self.checks = CheckWork(app)
        self._wish = 0
        self._next: Callable[[], Awaitable[None]] | None = None
        self.timeline = TimelineWork(app)
        self.twin = TwinWork(app)
        self.replay = ReplayWork(app)
        self.past = Past()
        self._past_of: Node | None = None
        self._left = ""

    def show(self, *, again: bool = False) -> None:
        """The cursor is elsewhere, another tab is shown, or (`again`) what it shows has changed."""
        session, node = self.app.session, self.app.tree_view.node
        side = self.app.side
        self._wish += 1
        if session is None:
            return
        if session.survey is None:
            side.say("looking at what is up to date …", None)
            return
        if side.tab.name == "twin":
            self.twin.show(session, again=again)
            return
        if side.tab.name == "timeline":
            side.gantt.point_at(session.task_of(whole(node)) if node is not None else None)
            self.timeline.show(again=again)
            return
        if node is None and not session.problems and session.bench.defined.is_empty:
            self._later(self._show_why_empty)
            return
        if node is None and not (session.problems and side.tab.name == "overview"):
            side.say("nothing is under the cursor", None)
            return
        if node is not None and not session.is_defined(node) and side.tab.name in ("why", "value", "checks"):
            side.say(f"{node.name} is not defined any more", node)
            return
        match side.tab.name:
            case "overview":
                self._show_page(self._overview(session, node), node)
            case "why" if node is not None:
                self._show_page(why(session, node, ascii_only=self.app.ascii_only), node)
            case "graph":
                self._later(self._show_graph)
            case "log" if node is not None:
                if again or side.log_view.about != self.log.wanted(session, node):
                    self._later(self._show_log)
            case "checks":
                self._later(self._show_checks)
            case _:
                self._later(self._show_value if side.tab.name == "value" else self._show_history)

    def _show_page(self, page: Page, node: Node | None) -> None:
        self.app.side.show(page.lines, node, targets=page.targets)
        self.app.foot.refresh()

    def _overview(self, session: Session, node: Node | None) -> Page:
        head = self._problems(session)
        if node is None:
            return Page(head, {})
        if session.bench.withheld:
            head += [withheld_line(session.bench.withheld), ()]
        lines, targets = overview(session, node, ascii_only=self.app.ascii_only)
        return Page([*head, *lines], {at + len(head): to for at, to in targets.items()})

    async def _show_why_empty(self) -> None:
        session, wish = self.app.session, self._wish
        if session is None:
            return
        bench = session.bench
        if bench.withheld:
            lines = withheld_lines(bench.withheld)
        else:
            try:
                why_empty: ProblemError = await self.app.aside.call(
                    nothing_defined, bench.project, tuple(bench.definitions.files)
                )
            except ProblemError as error:
                why_empty = error
            lines = nothing_lines(why_empty)
        if wish != self._wish:
            self.show()
        elif self.app.side.tab.shown_in == "page":
            self._show_page(Page(lines, {}), None)
        else:
            self.app.side.say("nothing is under the cursor", None)

    @staticmethod
    def _problems(session: Session) -> list[Line]:
        if not session.problems:
            return []
        lines: list[Line] = [
            (Bit("The definitions cannot be read, so the last good ones are shown.", "text bold"),)
        ]
        for problem in session.problems:
            lines += [*text_lines(str(problem), "failed"), ()]
        return lines

    def keep_ages(self) -> None:
        """Tells anew how long ago something was, for as long as the screen is there."""
        self.app.set_interval(AGED, self._age)

    def _age(self) -> None:
        if self.app.side.tab.name in ("overview", "history", "checks"):
            self.show(again=True)

    def _later(self, work: Callable[[], Awaitable[None]]) -> None:
        """Does `work` when the cursor rests; of several in that time the last."""
        is_due, self._next = self._next is not None, work
        if not is_due and self.app.is_running:
            self.app.set_timer(SETTLE, self._begin)

    def _begin(self) -> None:
        work, self._next = self._next, None
        if work is not None:
            self.app.run_worker(work(), group="side", exit_on_error=True)

    # ---- graph -----------------------------------------------------------------------------------

    async def _show_graph(self) -> None:
        session, node, chart = self.app.session, self.app.tree_view.node, self.app.side.chart
        node = None if node is None else whole(node)
        if session is None or node is None or node not in session.view().nodes:
            return
        view, plain = session.view(), self.app.ascii_only

        def label(one: Node) -> Label:
            look = LOOKS[session.state_of(one)]
            mark, style = "", "text"
            if one in session.new:
                mark, style = "+ ", "on-new ink-on-new bold"
            elif one in session.changed:
                mark, style = "± ", "changed"
            sign = look.plain if plain else look.glyph
            return Label(sign, look.style, mark + view.nodes[one].title, style)

        chart.show_drawing(draw(view, node, label, before=chart.drawing, ascii_only=plain), node)

    # ---- log -------------------------------------------------------------------------------------

    async def _show_log(self) -> None:
        session, node, wish = self.app.session, self.app.tree_view.node, self._wish
        if session is None or node is None or self.app.side.tab.name != "log":
            return
        if not await self.log.show(session, node, lambda: wish == self._wish):
            self.show()

    def came(self, tasks: set[str], nodes: set[Node], begun: set[str]) -> None:
        """These tasks of the run changed: the log grew, or the words about the thing under the cursor. Those in
        `begun` have a new attempt, whose log is another file."""
        session, node, side = self.app.session, self.app.tree_view.node, self.app.side
        if not self.log.is_whole and side.log_view.about in begun:
            side.log_view.show(None, None)
            self.show(again=True)
        if side.tab.name == "graph" and side.chart.shows(nodes):
            self.show(again=True)
        if session is None or node is None or (node not in nodes and not self.log.is_whole):
            return
        if side.tab.name != "log":
            if side.tab.shown_in == "page" and node in nodes:
                self.show(again=True)
        elif self.log.came(session, tasks):
            return
        elif (step := session.step_of(node)) is not None and step.lines:
            self.show(again=True)

    def run_ended(self) -> None:
        self.show(again=self.app.side.tab.name != "log")
        if self.app.side.log_view.count:
            self.log.feed()

    # ---- value and history -----------------------------------------------------------------------

    async def _show_value(self) -> None:
        session, node, wish = self.app.session, self.app.tree_view.node, self._wish
        if session is None or node is None or self.app.side.tab.name != "value":
            return
        if not await self.values.show(session, node, lambda: wish == self._wish):
            self.show()

    async def _show_checks(self) -> None:
        session, node, wish = self.app.session, self.app.tree_view.node, self._wish
        if session is None or node is None or self.app.side.tab.name != "checks":
            return
        if not await self.checks.show(session, node, lambda: wish == self._wish):
            self.show()

    # ---- the past --------------------------------------------------------------------------------

    async def _show_history(self) -> None:
        session, node, wish = self.app.session, self.app.tree_view.node, self._wish
        if session is None or node is None or self.app.side.tab.name != "history":
            return
        if node != self._past_of:
            self.past, self._past_of = Past(), node
        way, runs, assets = self.past.way, self.past.runs, [node.name]
        if node.kind == "task" and session.is_defined(node):
            assets = list(session.outputs_of(node.name)[:_OUTPUTS])
        plain = self.app.ascii_only
        try:
            page = await self.app.aside.call(
                read_page, session.bench, way, runs, assets, session.clock(), plain
            )
        except ProblemError as error:
            page = Page(text_lines(str(error), "failed"), {})
        if wish != self._wish:
            self.show()
            return
        head: list[Line] = [] if way else [(Bit(node.name, "text bold"),)]
        targets = {at + len(head): to for at, to in page.targets.items()}
        self.app.side.show([*head, *page.lines], (node, way), targets=targets)
        if self._left:
            self.app.side.roll.recall(self._left)
            self._left = ""
        self.app.foot.refresh()

    @property
    def run(self) -> str:
        """The run of the past that is open, or that the cursor is on."""
        target = self.past.way[0] if self.past.way else self.app.side.roll.target
        return target if target is not None and target != OLDER else ""

    def situated(self, now: Situation) -> Situation:
        """What of a situation is decided by what the pane shows."""
        side, replay = self.app.side, self.replay.shown
        is_log, is_value = side.tab.name == "log", side.tab.name == "value"
        return replace(
            now,
            value=is_value,
            table=is_value and side.table.grid is not None,
            opened=bool(self.past.way),
            replayable=side.tab.name == "history" and bool(self.run),
            replaying=replay.run if replay is not None else "",
            printed=is_log and side.log_view.count > 0,
            sought=is_log and side.log_view.search is not None,
        )

    def open_past(self) -> None:
        """Opens the run, or the step of it, that is under the cursor, or shows older runs."""
        roll = self.app.side.roll
        if (target := self.app.side.target) is not None:
            if target == OLDER:
                roll.move(-1)
                self.past.runs += RUNS
            else:
                self.past.open(target)
            self.show(again=True)

    def leave(self) -> bool:
        """One step back where the focus is: what is sought in a log, the step or the run that is open; False if there
        is nothing."""
        side = self.app.side
        if (side.log_view.has_focus and self.log.leave()) or self.replay.leave():
            return True
        if not self.app.in_history or not self.past.way:
            return False
        self._left = self.past.leave()
        self.show(again=True)
        return True
