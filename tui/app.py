"""The screen's wiring: widgets, keys, events and threads meet here; what they mean stands elsewhere."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingsMap
from textual.containers import Container
from textual.filter import LineFilter, NoColor

from ..core.problems import ProblemError, number_of
from ..core.watching import Lookout
from .actions.away import Away
from .actions.deeds import Deeds
from .actions.logkeys import LogKeys
from .actions.moves import Moves
from .actions.palette import KeyCommands
from .actions.replaykeys import ReplayKeys
from .actions.tempo import Tempo
from .actions.timekeys import TimeKeys
from .actions.valuekeys import ValueKeys
from .background.feed import Feed
from .background.onlooker import Onlooker
from .background.runs import Runs
from .background.sidework import SideWork
from .background.timekeeper import Timekeeper
from .paint.themes import VARIABLES
from .projection.caps import named
from .projection.preferences import Preferences
from .projection.session import Session, facts
from .projection.status import key_in_footer
from .stage import TALL, WIDE, Stage
from .tty.gate import ControlGate
from .tty.plainness import Plainness, speaks_unicode
from .widgets.bar import Bar
from .widgets.chart import Chart
from .widgets.filtering import FilterInput
from .widgets.tree import TreeView

if TYPE_CHECKING:
    from ..core.graph.views import ViewKind
    from ..core.workbench import Workbench
    from .projection.shape import Direction


class BakehouseApp(Stage):
    """Shows one project. `open_bench` is called in a thread after the first paint."""

    CSS_PATH = Path(__file__).with_name("app.tcss")
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
    side_work: SideWork

    def __init__(
        self,
        open_bench: Callable[[], Workbench],
        *,
        jobs: int | None = None,
        ascii_only: bool = False,
        theme: str = "dark",
        preferences: Preferences | None = None,
        watching: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(jobs=jobs, ascii_only=ascii_only, theme=theme, preferences=preferences, clock=clock)
        self._bindings = self._bound()
        self._open_bench = open_bench
        self._watching = watching
        self._gates: tuple[LineFilter, ...] = (ControlGate(),)
        if ascii_only:
            self._gates = (Plainness(strict=not speaks_unicode()), ControlGate())
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
        self.runs = Runs(self, self.feed, self.away.streamer)
        self.timekeeper = Timekeeper(self, self.runs)
        self.time_keys = TimeKeys(self, self.timekeeper)
        self.deeds = Deeds(self, self.moves, self.feed, self.onlooker, self.runs)

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
        """Textual's own are greys where there is to be no colour, and greys are colours."""
        last = (NoColor(),) if self.no_color else ()
        return [*super().get_line_filters(), *last, *self._gates]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return VARIABLES

    def on_mount(self) -> None:
        self.animation_level = "none"
        self.app_resume_signal.subscribe(self, self.away.back)
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
            session = Session(bench, clock=self.clock)
            if session.derived.is_large:  # what there is comes first, then how it stands
                await self.aside.call(session.folds)
                self.session = session
                self.show_rows()
            survey, marks = await self.aside.call(facts, bench)
        except ProblemError as error:
            self.failure = error
            self.exit(return_code=error.exit_code)
            return
        self.session = session
        session.surveyed(survey, marks)
        self.weigh()
        self.show_rows()
        if session.derived.is_large:
            self.run_worker(self._look_ahead(session), name="look ahead", exit_on_error=True)
        self.side_work.keep_ages()
        if self._watching:
            self.run_worker(self.deeds.keep_watch(), name="watch")
            self.run_worker(self.onlooker.keep_watch(lookout), name="onlooker")
            self.run_worker(self.timekeeper.keep_watch(), name="timekeeper")
        if self.preferences.problems:
            self.tell(f"{self.preferences.complaint} ({named('settings')})", "stale")
        if not bench.trusted:
            await self.deeds.trust()

    async def _look_ahead(self, session: Session) -> None:
        """Makes what the next keys will ask for: both views, turned both ways."""
        derived, ways = session.derived, session.directions
        turned: dict[ViewKind, Direction] = {
            kind: "down" if way == "up" else "up" for kind, way in ways.items()
        }
        for directions in (dict(ways), turned):
            await self.easel.beside(derived.look_around, None, directions)

    # ---- what happens ----------------------------------------------------------------------------

    def on_bar_clicked(self, message: Bar.Clicked) -> None:
        """A key that the footer names can be clicked."""
        if message.bar is self.foot and self._listens():
            id = key_in_footer(self.situation(), self.foot.size.width, message.at, self.keymap)
            if id:
                self.action_press(id)

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

    def on_app_focus(self) -> None:
        self.is_looked_at = True

    def on_app_blur(self) -> None:
        self.is_looked_at = False

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
        if isinstance(event, events.Key) and not event.is_forwarded and (id := self._meant(event)):
            self.app_focus = True
            self.action_press(id)
            return
        await super().on_event(event)

    def _meant(self, event: events.Key) -> str:
        """The action that a key is for; empty where it is for a box or a line that is typed into. The shell's own key
        is obeyed everywhere, as in any program."""
        ours = self.keymap.by_name
        id = next((ours[name] for name in (event.key, *event.aliases) if name in ours), "")
        leaves = id == "suspend" and not event.is_printable
        return id if leaves or self._listens() else ""

    def _listens(self) -> bool:
        """Whether keys mean what `KEYS` says, and not letters or answers."""
        return len(self.screen_stack) == 1 and self.focused not in (self.filter_input, self.find_input)

    def _bound(self) -> BindingsMap:
        """The keys of the user's keymap, and none of Textual's own but ctrl+c."""
        ours = [
            Binding(",".join(key.keys), f"press('{key.id}')", key.description, show=False, id=key.id)
            for key in self.keymap.keys
            if key.keys
        ]
        return BindingsMap([*ours, Binding("ctrl+c", "help_quit", show=False, system=True)])

    def action_press(self, id: str) -> None:
        self.says.say_no_more(warnings=id == "back")
        why_not = self.keymap.reason(id, self.situation())
        if why_not is not None:
            self.tell(why_not)
            return
        parts = (
            self.log_keys,
            self.replay_keys,
            self.moves,
            self.value_keys,
            self.time_keys,
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
            self._press_named("tab")

    def action_focus_previous(self) -> None:
        if len(self.screen_stack) > 1:
            super().action_focus_previous()
        else:
            self._press_named("shift+tab")

    def _press_named(self, name: str) -> None:
        if (id := self.keymap.by_name.get(name)) is not None:
            self.action_press(id)

    def action_help_quit(self) -> None:
        """Ctrl-C, which in a terminal ends programs: here `q` does."""
        steps = self.deeds.open_steps() if self.session is not None and self.session.running else 0
        under_way = number_of(steps, "step is", "steps are")
        quits, one, all = (self.keymap.cap(id) for id in ("quit", "cancel_step", "cancel_run"))
        told = f"{quits} quits; it asks first, as {under_way} under way ({one} cancels one, {all} all)"
        self.tell(told if steps else f"{quits} quits")
