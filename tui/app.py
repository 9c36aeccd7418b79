"""The screen's wiring: widgets, keys, events and threads meet here; what they mean stands elsewhere."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.filter import LineFilter

from ..core.model import Node
from ..core.problems import ProblemError
from ..core.watching import Lookout
from .aside import Aside
from .bar import Bar
from .deeds import Deeds
from .feed import Feed
from .filtering import FilterInput
from .gate import ControlGate
from .ink import Ink, Line
from .keys import BY_ID, KEYS, Situation, reason
from .look import RowLook, look_at
from .moves import Moves
from .onlooker import Onlooker
from .palette import KeyCommands
from .rows import Row
from .session import Session
from .side import SidePane
from .sidework import SideWork
from .status import footer_line, plan_words, status_line
from .themes import DARK, LIGHT, VARIABLES
from .tree import TreeView

if TYPE_CHECKING:
    from ..core.workbench import Workbench


class BakehouseApp(App[int]):
    """Shows one project. `open_bench` is called in a thread after the first paint."""

    CSS_PATH = "app.tcss"
    TITLE = "Bakehouse"
    COMMANDS: ClassVar = {KeyCommands}
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-narrow"),
        (100, "-wide"),
        (160, "-very-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-short"),
        (14, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(key.keys), f"press('{key.id}')", key.description, show=False, id=key.id)
        for key in KEYS
    ]

    def __init__(
        self,
        open_bench: Callable[[], Workbench],
        *,
        jobs: int | None = None,
        ascii_only: bool = False,
        light: bool = False,
        watching: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._open_bench = open_bench
        self._watching = watching
        self._gate = ControlGate()
        self._inks: dict[str, Ink] = {}
        self._message = ("", "")
        self.ascii_only = ascii_only
        self.jobs = jobs
        self.clock = clock
        self.zoomed = ""
        self.session: Session | None = None
        self.failure: ProblemError | None = None
        self.aside = Aside()
        self.tree_view = TreeView(self._look, self.ink, id="tree")
        self.side = SidePane(self.ink, self.show_side, id="side")
        self.status = Bar(self._status, self.ink, id="status")
        self.foot = Bar(self._footer, self.ink, id="footer")
        self.filter_input = FilterInput(id="filter")
        self.side_work = SideWork(self)
        self.moves = Moves(self)
        self.deeds = Deeds(self)
        self.feed = Feed(self)
        self.onlooker = Onlooker(self)
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = LIGHT.name if light else DARK.name

    # ---- the frame -------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield self.status
        with Container(id="body"):
            yield self.tree_view
            yield self.side
        yield self.filter_input
        yield self.foot

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._gate]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return VARIABLES

    def ink(self) -> Ink:
        if self.theme not in self._inks:
            known = {**VARIABLES, **self.current_theme.variables}
            self._inks[self.theme] = Ink(known, ascii_only=self.ascii_only)
        return self._inks[self.theme]

    def on_mount(self) -> None:
        self.animation_level = "none"
        self.tree_view.focus()
        self.run_worker(self._open(), name="open", exit_on_error=True)

    async def on_unmount(self) -> None:
        if self.session is not None:
            await self.session.bench.aclose()

    @property
    def bench(self) -> Workbench:
        assert self.session is not None
        return self.session.bench

    async def _open(self) -> None:
        try:
            bench = await self.aside.call(self._open_bench)
            lookout = await self.aside.call(Lookout, bench.store)
            survey, marks = await self.aside.call(lambda: (bench.survey(), bench.marks()))
        except ProblemError as error:
            self.failure = error
            self.exit(return_code=error.exit_code)
            return
        self.session = Session(bench, clock=self.clock)
        self.session.surveyed(survey, marks)
        self.show_rows()
        if self._watching:
            self.run_worker(self.deeds.keep_watch(), name="watch")
            self.run_worker(self.onlooker.keep_watch(lookout), name="onlooker")
        if not bench.trusted:
            await self.deeds.trust()

    # ---- what is shown ---------------------------------------------------------------------------

    def _look(self, row: Row) -> RowLook:
        assert self.session is not None
        return look_at(self.session, row, ascii_only=self.ascii_only)

    def _status(self, width: int) -> Line:
        return status_line(self.session, width, ascii_only=self.ascii_only)

    def _footer(self, width: int) -> Line:
        message, style = self._message
        return footer_line(self.situation(), width, message, style)

    def situation(self) -> Situation:
        in_side = self.side.has_focus_within
        place = ("log" if self.side.tab.name == "log" else "pane") if in_side else "tree"
        if self.session is None:
            return Situation(place=place, loaded=False, defined_at=False)  # type: ignore[arg-type]
        return self.session.situation(self.tree_view.row, place)

    def tell(self, words: str, style: str = "muted") -> None:
        """Says something in place of the footer until the next key."""
        self._message = (words.replace("\n", " "), style)
        self.foot.refresh()

    def refresh_bars(self) -> None:
        self.status.refresh()
        self.foot.refresh()

    def show_rows(self, at: Node | None = None, *, reveal: bool = False) -> None:
        """Builds the rows again; the cursor stays on its thing, or goes to `at`."""
        session = self.session
        if session is None:
            return
        rows = session.rows()
        if reveal and at is not None and rows.of(at) is None and not session.filtered:
            session.reveal(at)
            rows = session.rows()
        self.tree_view.show(rows, at)
        title = "Assets" if session.which == "asset" else "Tasks"
        turned = "made of" if session.direction == "up" else "leads to"
        self.tree_view.border_title = Content(f"{title} · {turned}")
        self.tree_view.border_subtitle = Content(
            plan_words(session.preview_plan) if session.preview_plan else ""
        )
        self.refresh_bars()
        self.show_side(again=True)

    def go_to(self, node: Node) -> None:
        if not self.tree_view.go_to(node):
            self.show_rows(node, reveal=True)

    def show_side(self, *, again: bool = False) -> None:
        self.side_work.show(again=again)

    def zoom(self) -> None:
        self.zoomed = "" if self.zoomed else ("side" if self.side.has_focus_within else "tree")
        for name in ("side", "tree"):
            self.screen.set_class(self.zoomed == name, f"-zoom-{name}")

    def on_tree_view_moved(self) -> None:
        self.show_side()
        self.foot.refresh()

    def on_tree_view_chosen(self) -> None:
        self.action_press("plan")

    def on_tree_view_toggled(self, message: TreeView.Toggled) -> None:
        self.moves.toggle(message.at)

    # ---- keys ------------------------------------------------------------------------------------

    def action_press(self, id: str) -> None:
        """Does what a key does, or says why it does not."""
        self._message = ("", "")
        why_not = reason(BY_ID[id], self.situation())
        if why_not is not None:
            self.tell(why_not)
            return
        done = getattr(self.moves if hasattr(self.moves, id) else self.deeds, id)()
        if inspect.iscoroutine(done):
            self.run_worker(done, name=id, group="key", exit_on_error=True)
        self.refresh_bars()

    def open_filter(self) -> None:
        if self.session is not None:
            self.filter_input.open(self.session.filter_text)

    def on_filter_input_typed(self, message: FilterInput.Typed) -> None:
        if self.session is not None:
            self.session.filter_by(message.text)
            self.show_rows()
            if self.session.filter_note:
                self.tell(self.session.filter_note, "stale")

    def on_filter_input_closed(self) -> None:
        self.tree_view.focus()
