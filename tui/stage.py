"""What the parts of the screen share: the session, the widgets, and the ways to show something anew.

The parts (moves, deeds, feed, side work, palette) know the stage; the app puts the parts on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol

from textual.app import App
from textual.await_complete import AwaitComplete
from textual.content import Content

from ..core.model import Node
from ..core.plan import Plan
from ..core.problems import ProblemError
from .aside import Aside
from .paint.ink import Ink, Line, spelled
from .paint.themes import PREFIX, THEMES, VARIABLES
from .panes.whole import unloaded_words
from .projection.echo import Echo
from .projection.keymap import Keymap
from .projection.keys import Situation
from .projection.look import RowLook, look_at
from .projection.preferences import Preferences
from .projection.rows import Row, Rows
from .projection.session import Session, facts, live_states
from .projection.situation import situation_of
from .projection.status import (
    filter_footer,
    footer_line,
    nothing_words,
    plan_words,
    replay_line,
    status_line,
    tree_title,
)
from .projection.trail import Trail
from .projection.unfinished import Unfinished
from .tty.attention import call_for, is_terminal
from .widgets.bar import Bar
from .widgets.easel import Easel
from .widgets.filtering import FilterInput
from .widgets.saying import Says
from .widgets.side import SidePane
from .widgets.tree import TreeView

if TYPE_CHECKING:
    from ..core.workbench import Workbench
    from .panes.past import Past
    from .projection.replay import Replay

PaneName = Literal["tree", "side"]

WIDE, TALL = 100, 14
"""Cells from which there is room for both panes side by side, and lines from which there is one above the other."""
FINDS = "a text in the log; with a capital letter its case counts"
COMPLETIONS = 20
"""Words that are offered at most while a filter is typed."""


class Replaying(Protocol):
    """Whoever replays a run; `shown` is what is replayed."""

    shown: Replay | None

    def leave(self, words: str = "") -> bool: ...


class Beside(Protocol):
    """Whoever fills the pane beside the tree; `past` is what of the past is open there, `replay` shows a run of it on
    the tree."""

    past: Past

    @property
    def replay(self) -> Replaying: ...
    def situated(self, now: Situation) -> Situation: ...

    def show(self, *, again: bool = False) -> None: ...
    def open_past(self) -> None: ...
    def leave(self) -> bool: ...


class Stage(App[int]):
    """One project on one screen, without the keys. The app puts `side_work` on it before it runs."""

    side_work: Beside

    def __init__(
        self, *, jobs: int | None = None, ascii_only: bool = False, theme: str = "dark",
        preferences: Preferences | None = None, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        super().__init__()
        self._inks: dict[str, Ink] = {}
        self._is_selecting = False
        self._is_seeking = False
        self._unfinished = Unfinished()
        self._sought: tuple[Node | None, Node | None] = (None, None)
        self.ascii_only = ascii_only
        self.remember: Callable[[str], None] | None = None
        self.is_looked_at: bool | None = None
        """Whether the terminal has the focus; None where it has not said so."""
        self.preferences = preferences or Preferences()
        self.keymap = Keymap(self.preferences.keymap.keys, ascii_only)
        self.jobs = jobs
        self.clock = clock
        self.zoomed = False
        self.front: PaneName = "tree"
        self.session: Session | None = None
        self.aside = Aside()
        self.trail = Trail()
        self.echo = Echo()
        self.tree_view = TreeView(self._look, self.ink, self._nothing, id="tree")
        self.side = SidePane(
            self.ink, self.show_side, partial(self._look, beside=True), self.keymap.spell, id="side"
        )
        self.easel = Easel(self.tree_view)
        self.status = Bar(self._status, self.ink, id="status")
        self.says = Says(self.ink, ascii_only=ascii_only, id="says")
        self.foot = Bar(self._footer, self.ink, id="footer")
        self.filter_input = FilterInput(self.ink, lambda text: _completions(self.session, text), id="filter")
        self.find_input = FilterInput(self.ink, None, FINDS, id="find")
        for one in THEMES.values():
            self.register_theme(one)
        self.theme = PREFIX + theme

    def _fatal_error(self) -> None:
        """Textual's own report shows the values of variables too, which are the user's data."""
        from rich.segment import Segments
        from rich.traceback import Traceback

        self.bell()
        report = Traceback(show_locals=False, width=None)
        self._exit_renderables.append(Segments(self.console.render(report, self.console.options)))
        self._close_messages_no_wait()

    @property
    def bench(self) -> Workbench:
        assert self.session is not None
        return self.session.bench

    @property
    def palette(self) -> str:
        """The name of the theme in force."""
        return self.theme.removeprefix(PREFIX)

    def ink(self) -> Ink:
        if self.theme not in self._inks:
            known = {**VARIABLES, **self.current_theme.variables}
            is_ansi = self.current_theme.ansi
            self._inks[self.theme] = Ink(known, ascii_only=self.ascii_only, ansi=is_ansi)
        return self._inks[self.theme]

    # ---- the lines at the edges ------------------------------------------------------------------

    def _look(self, row: Row, *, beside: bool = False) -> RowLook:
        assert self.session is not None
        return look_at(self.session, row, ascii_only=self.ascii_only, beside=beside)

    def _nothing(self) -> Line:
        return spelled(unloaded_words(self.session), self.keymap.spell) or nothing_words(
            self.session, self.keymap
        )

    def _status(self, width: int) -> Line:
        if (replay := self.side_work.replay.shown) is not None:
            return replay_line(replay, width, ascii_only=self.ascii_only)
        return status_line(self.session, width, ascii_only=self.ascii_only)

    def _footer(self, width: int) -> Line:
        if len(self.screen_stack) > 1:  # the keys of a box stand on its frame
            return ()
        if self.filter_input.has_focus or self.find_input.has_focus:
            return filter_footer(width, "search" if self.find_input.has_focus else "filter")
        return footer_line(self.situation(), width, self.keymap)

    def situation(self) -> Situation:
        name = self.side.tab.name
        place = (name if name in ("log", "history") else "pane") if self.side.has_focus_within else "tree"
        if self.session is None:
            return Situation(place=place, loaded=False, defined_at=False)  # type: ignore[arg-type]
        now = situation_of(self.session, self.tree_view.row, place, alone=self.is_alone)  # type: ignore[arg-type]
        counted = self._unfinished.count(self.session.survey)
        now = replace(now, unfinished=counted, said=bool(self.echo.said), opens=self.side.target is not None)
        return self.side_work.situated(now)

    @property
    def in_history(self) -> bool:
        return self.side.has_focus_within and self.side.tab.name == "history"

    def tell(self, words: str, style: str = "muted") -> None:
        """Says something in a line above the keys, for a while."""
        self.says.say(self.keymap.spell(words), style)

    def call(self, words: str) -> None:
        """Calls the user back, unless the terminal says that it is looked at."""
        if not self.is_looked_at and self._driver is not None and is_terminal():
            self._driver.write(call_for(words))
            self._driver.flush()

    def pop_screen(self) -> AwaitComplete:
        """What was covered names its keys again."""
        popped = super().pop_screen()
        self.call_after_refresh(self.refresh_bars)
        return popped

    def refresh_bars(self) -> None:
        self.status.refresh()
        self.foot.refresh()

    @property
    def is_alone(self) -> bool:
        """Whether there is room for one pane only."""
        return self.size.width < WIDE and self.size.height < TALL

    # ---- tree and pane ---------------------------------------------------------------------------

    def show_rows(
        self, at: Node | None = None, *, reveal: bool = False, then: Callable[[], object] | None = None
    ) -> None:
        """Builds the rows again; the cursor stays on its thing, or goes to `at`; `then` is called. Where that takes
        long it is done beside the loop, and is given up when other rows are wanted."""
        if (session := self.session) is not None:
            self.easel.draw(session.drawing(), lambda rows: self._put(session, rows, at, reveal, then))

    def _put(
        self, session: Session, rows: Rows, at: Node | None, reveal: bool, then: Callable[[], object] | None
    ) -> None:
        if reveal and at is not None and rows.of(at) is None and not session.filtered:
            session.reveal(at)
            self.show_rows(at, then=then)
            return
        self.tree_view.show(rows, at)
        self.tree_view.border_title = Content(tree_title(session))
        plan = session.preview
        words = plan_words(plan, session.outlook.cost_of(plan.plan)) if plan is not None else ""
        self.tree_view.border_subtitle = Content(self.keymap.spell(words))
        self.filter_input.note = session.sieve.note or (
            "nothing matches" if session.sieve.text and not len(rows) else ""
        )
        self.refresh_bars()
        self.show_side(again=True)
        if then is not None:
            then()

    def go_to(self, node: Node, *, leaves_trail: bool = True) -> None:
        """Brings the cursor to `node`, in the other view where only that has it."""
        session = self.session
        if leaves_trail:
            self.trail.leave(self.tree_view.node)
        if session is not None and session.is_in_other_view(node):
            session.flip(None)
            self.show_rows(node, reveal=True)
        elif not self.tree_view.go_to(node):
            self.show_rows(node, reveal=True)

    async def look_again(self) -> None:
        """New facts about the same definitions: after a run, after accepting."""
        bench, session = self.bench, self.session
        live = session.live if session is not None and not session.under_way else None
        survey, marks = await self.aside.call(facts, bench)
        is_known = live is None or await self.aside.call(bench.knows_run, live.run)
        if self.session is not None:
            if not is_known and self.session.live is live:
                self.session.live = None  # its store was deleted: nothing is said of it
            self.session.surveyed(survey, marks)
            self.weigh()
            self.select_again()
            self.show_rows()

    def weigh(self) -> None:
        """Looks up what making everything in the ledger would take: told when it is known."""
        if self.session is not None and self.session.ledger is not None:
            self.run_worker(self._weigh(self.session), name="weigh", group="weigh", exclusive=True)

    async def _weigh(self, session: Session) -> None:
        bench, ledger = session.bench, session.ledger
        try:
            cost = await self.aside.call(lambda: bench.forecast(bench.plan(), self.jobs))
        except ProblemError:  # whoever reads the project next tells it
            return
        if session.ledger is ledger:
            session.outlook.weighed(ledger, cost)
            self.refresh_bars()

    async def weigh_plan(self, plan: Plan) -> None:
        """Looks up what a plan that is previewed would take."""
        if self.session is not None:
            cost = await self.aside.call(self.bench.forecast, plan, self.jobs)
            self.session.outlook.weighed(plan, cost)

    def show_side(self, *, again: bool = False) -> None:
        """Shows beside the tree what the thing under the cursor is; `again` where that has changed."""
        self.side_work.show(again=again)

    def zoom(self) -> None:
        """The pane with the focus over the whole screen, and back."""
        self.zoomed = not self.zoomed
        self.arrange()

    def turn_to(self, pane: PaneName) -> None:
        """Brings `pane` to the front and the focus to it."""
        self.front = pane
        self.arrange()
        (self.side.inside if pane == "side" else self.tree_view).focus()

    def arrange(self) -> None:
        """Shows both panes; only the one in front where it is zoomed, or where there is no room for two."""
        for widget in (self.tree_view, self.side):
            is_shown = widget.id == self.front or not (self.zoomed or self.is_alone)
            widget.styles.display = "block" if is_shown else "none"
        self.refresh_bars()

    # ---- the filter ------------------------------------------------------------------------------

    def open_filter(self) -> None:
        if self.session is not None:
            self.says.add_class("-higher")
            if self.session.derived.is_large:
                drawing = self.session.drawing()
                self.easel.begin(self.session.derived.get_ready, drawing.shape.view, drawing.whole)
            self.filter_input.open(self.session.sieve.text)

    def filter_by(self, text: str) -> None:
        """Keeps what matches: a part of a name at once; a selection when it was looked up beside the loop."""
        if self.session is None:
            return
        self.session.filter_by(text)
        self._is_seeking = True
        self.select_again()
        if not self.session.sieve.is_selection:
            self._seek()

    def _seek(self) -> None:
        """Shows what was just typed. The cursor goes to the first match unless it began on one, and back to where
        it began when the filter is taken off, unless it was moved meanwhile."""
        tree, (start, last) = self.tree_view, self._sought
        if tree.node not in (last, None):
            start = tree.node
        self._is_seeking = False
        self.show_rows(start, then=lambda: self._find(start))

    def _find(self, start: Node | None) -> None:
        self.tree_view.seek()
        if len(self.tree_view.rows):
            self._sought = (start, self.tree_view.node)

    def did(
        self, command: str, nodes: Iterable[Node] | None = None, *options: str, below: bool = False
    ) -> None:
        """A key did what `command` does to `nodes`: it goes to the command log."""
        self.echo.say(self.clock(), self.bench.project.path, command, nodes, *options, below=below)

    def clear_filter(self) -> None:
        if self.session is not None:
            self.session.clear_filter()
            self.filter_input.text = ""
            self.show_rows(self.tree_view.node, reveal=True)

    def select_again(self) -> None:
        """What a selection means may have changed."""
        if self.session is not None and self.session.sieve.is_selection and not self._is_selecting:
            self._is_selecting = True
            self.run_worker(self._select(), name="select", group="filter", exit_on_error=True)

    async def _select(self) -> None:
        session, text = self.session, ""
        assert session is not None
        try:
            while session.sieve.is_selection and text != session.sieve.text:
                text = session.sieve.text
                try:
                    found = await self.aside.call(session.bench.select, text, live_states(session))
                    session.select(text, found)
                except ProblemError as error:
                    session.cannot_select(text, error.message.split("\n", 1)[0])
        finally:
            self._is_selecting = False
        if self._is_seeking:
            self._seek()
        else:
            self.show_rows()


def _completions(session: Session | None, text: str) -> list[str]:
    from ..core.selection.completion import complete, last_word

    if session is None:
        return []
    head = text[: len(text) - len(last_word(text))]
    return [head + word for word in complete(text, session.graph, COMPLETIONS) if head + word != text]
