"""The screen's wiring: widgets, keys, events and threads meet here; what they mean stands elsewhere."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.filter import LineFilter

from ..core.problems import ProblemError, number_of
from ..core.watching import Lookout
from .actions.away import Away
from .actions.deeds import Deeds
from .actions.logkeys import LogKeys
from .actions.moves import Moves
from .actions.palette import KeyCommands
from .actions.replaykeys import ReplayKeys
from .actions.tempo import Tempo
from .actions.valuekeys import ValueKeys
from .background.feed import Feed
from .background.onlooker import Onlooker
from .background.sidework import SideWork
from .paint.themes import VARIABLES
from .projection.keys import BY_CAP, BY_ID, KEYS, reason
from .projection.session import Session, facts
from .stage import TALL, WIDE, Stage
from .tty.gate import ControlGate
from .widgets.chart import Chart
from .widgets.filtering import FilterInput
from .widgets.tree import TreeView

if TYPE_CHECKING:
    from ..core.workbench import Workbench


class BakehouseApp(Stage):
    """Shows one project. `open_bench` is called in a thread after the first paint."""

    CSS_PATH = "app.tcss"
    TITLE = "Bakehouse"
    COMMANDS: ClassVar = {KeyCommands}
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-narrow"),
        (WIDE, "-wide"),
        (160, "-very-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-short"),
        (TALL, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(key.keys), f"press('{key.id}')", key.description, show=False, id=key.id)
        for key in KEYS
    ]

    side_work: SideWork

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
        super().__init__(jobs=jobs, ascii_only=ascii_only, light=light, clock=clock)
        self._open_bench = open_bench
        self._watching = watching
        self._gate = ControlGate()
        self.failure: ProblemError | None = None
        self.side_work = SideWork(self)
        self.feed = Feed(self, self.side_work)
        self.moves = Moves(self)
        self.log_keys = LogKeys(self, self.moves, self.side_work.log)
        self.tempo = Tempo(self)
        self.replay_keys = ReplayKeys(self, self.tempo, self.side_work)
        self.value_keys = ValueKeys(self, self.side_work.values)
        self.onlooker = Onlooker(self, self.feed)
        self.away = Away(self, lambda: self.deeds.reload())
        self.deeds = Deeds(self, self.moves, self.feed, self.onlooker, self.away.streamer)

    # ---- the frame -------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield self.status
        with Container(id="body"):
            yield self.tree_view
            yield self.side
        yield self.filter_input
        yield self.find_input
        yield self.says
        yield self.foot

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._gate]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return VARIABLES

    def on_mount(self) -> None:
        self.animation_level = "none"
        self.tree_view.focus()
        self.run_worker(self._open(), name="open", exit_on_error=True)

    async def on_unmount(self) -> None:
        await self.side_work.values.close()
        if self.session is not None:
            await self.session.bench.aclose()

    async def _open(self) -> None:
        try:
            bench = await self.aside.call(self._open_bench)
            lookout = await self.aside.call(Lookout, bench.store, bench.project.name)
            survey, marks = await self.aside.call(facts, bench)
        except ProblemError as error:
            self.failure = error
            self.exit(return_code=error.exit_code)
            return
        self.session = Session(bench, clock=self.clock)
        self.session.surveyed(survey, marks)
        self.weigh()
        self.show_rows()
        self.side_work.keep_ages()
        if self._watching:
            self.run_worker(self.deeds.keep_watch(), name="watch")
            self.run_worker(self.onlooker.keep_watch(lookout), name="onlooker")
        if not bench.trusted:
            await self.deeds.trust()

    # ---- what happens ----------------------------------------------------------------------------

    def on_tree_view_moved(self, message: TreeView.Moved) -> None:
        if message.tree is self.tree_view:
            self.show_side()
        elif self.session is not None:
            self.side_work.twin.moved(self.session)
        self.foot.refresh()

    def on_tree_view_chosen(self) -> None:
        self.action_press("plan")

    def on_roll_chosen(self) -> None:
        self.action_press("plan")

    def on_chart_chosen(self, message: Chart.Chosen) -> None:
        self.go_to(message.node)

    def on_tree_view_toggled(self, message: TreeView.Toggled) -> None:
        self.moves.toggle(message.tree, message.at)

    def on_resize(self) -> None:
        self.call_after_refresh(self.arrange)

    def on_descendant_focus(self) -> None:
        if self.tree_view.has_focus or self.side.has_focus_within:
            self.front = "side" if self.side.has_focus_within else "tree"
        self.foot.refresh()

    def on_filter_input_typed(self, message: FilterInput.Typed) -> None:
        if message.of is self.find_input:
            self.side_work.log.find(message.text)
        else:
            self.filter_by(message.text)

    def on_filter_input_closed(self, message: FilterInput.Closed) -> None:
        self.says.remove_class("-higher")
        (self.side.inside if message.of is self.find_input else self.tree_view).focus()

    # ---- keys ------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """A key is obeyed before the next one is looked at: that may be meant for the filter which this one opens.
        (Bindings are obeyed when the focused widget comes to it, which may be behind several keys.)"""
        if isinstance(event, events.Key) and not event.is_forwarded and self._listens():
            id = next((BY_CAP[name] for name in (event.key, *event.aliases) if name in BY_CAP), None)
            if id is not None:
                self.app_focus = True
                self.action_press(id)
                return
        await super().on_event(event)

    def _listens(self) -> bool:
        """Whether keys mean what `KEYS` says, and not letters or answers."""
        return len(self.screen_stack) == 1 and self.focused not in (self.filter_input, self.find_input)

    def action_press(self, id: str) -> None:
        self.say_no_more(warnings=id == "back")
        why_not = reason(BY_ID[id], self.situation())
        if why_not is not None:
            self.tell(why_not)
            return
        parts = (
            self.log_keys,
            self.replay_keys,
            self.moves,
            self.value_keys,
            self.tempo,
            self.away,
            self.deeds,
        )
        done = next(getattr(part, id) for part in parts if hasattr(part, id))()
        if inspect.iscoroutine(done):
            self.run_worker(done, name=id, group="key", exit_on_error=True)
        self.refresh_bars()

    def action_focus_next(self) -> None:
        """Tab, which Textual's screen binds before the app can."""
        if len(self.screen_stack) > 1:
            super().action_focus_next()
        else:
            self.action_press("next_pane")

    def action_focus_previous(self) -> None:
        if len(self.screen_stack) > 1:
            super().action_focus_previous()
        else:
            self.action_press("previous_pane")

    def action_help_quit(self) -> None:
        """Ctrl-C, which in a terminal ends programs: here `q` does."""
        steps = self.deeds.open_steps() if self.session is not None and self.session.running else 0
        told = f"q quits; it asks first, as {number_of(steps, 'step is', 'steps are')} under way (x cancels one, X all)"
        self.tell(told if steps else "q quits")
