"""The pane beside the tree: one tab of what is known about the thing under the cursor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from ..paint.ink import Bit, Ink, Line, spelled
from ..projection.look import RowLook
from ..projection.rows import Row
from .chart import Chart
from .gantt import GanttView
from .log import LogView
from .roll import Roll
from .sheet import Sheet
from .tree import TreeView
from .valueview import ValueView


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab, and the kind of widget that shows it."""

    name: str
    title: str
    shown_in: Literal["page", "table", "roll", "log", "chart", "gantt", "twin"]


TABS: tuple[Tab, ...] = (
    Tab("overview", "Overview", "page"),
    Tab("log", "Log", "log"),
    Tab("value", "Value", "table"),
    Tab("why", "Why", "page"),
    Tab("checks", "Checks", "roll"),
    Tab("history", "History", "roll"),
    Tab("timeline", "Timeline", "gantt"),
    Tab("graph", "Graph", "chart"),
    Tab("twin", "Both", "twin"),
)


_EDGES = 6
"""Cells of the border beside the titles."""


def titles_in(titles: Sequence[str], at: int, width: int) -> tuple[int, int]:
    """Which of the titles are shown in `width` cells: from the first to before the second, the one at `at` always.

    Between two titles are three cells; where some are left out at an end, two more are needed there.
    """
    first, last = at, at + 1
    for near in (range(at - 1, -1, -1), range(at + 1, len(titles))):
        for n in near:
            low, high = min(first, n), max(last, n + 1)
            cells = sum(map(len, titles[low:high])) + 3 * (high - low - 1)
            if cells + 2 * (low > 0) + 2 * (high < len(titles)) > width:
                break
            first, last = low, high
    return first, last


def tab_at(titles: Sequence[str], at: int, width: int, cell: int) -> int | None:
    """Which of the titles that `titles_in` shows stands in a cell of the line."""
    first, last = titles_in(titles, at, width)
    start = 2 if first else 0
    for n in range(first, last):
        if start <= cell < start + len(titles[n]):
            return n
        start += len(titles[n]) + 3
    return None


class SidePane(Container):
    """Holds the tabs. `changed` is called when another tab is shown."""

    def __init__(
        self,
        ink: Callable[[], Ink],
        changed: Callable[[], None],
        look: Callable[[Row], RowLook],
        spell: Callable[[str], str],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._changed = changed
        self._spell = spell
        self.at = 0
        self.page = Roll(ink, wrap=True, id="page")
        self.gantt = GanttView(ink, id="gantt")
        self.table = ValueView(ink, id="table")
        self.roll = Roll(ink, id="roll")
        self.log_view = LogView(ink, self.say_follow, id="log")
        self.chart = Chart(ink, id="chart")
        self.twin = TreeView(look, ink, tuple, id="twin")

    def compose(self) -> ComposeResult:
        yield self.page
        yield self.table
        yield self.roll
        yield self.log_view
        yield self.chart
        yield self.gantt
        yield self.twin

    def on_mount(self) -> None:
        self._show_tab()

    @property
    def tab(self) -> Tab:
        return TABS[self.at]

    @property
    def inside(self) -> Sheet | LogView | TreeView:
        """The widget that shows the tab."""
        match self.tab.shown_in:
            case "page":
                return self.page
            case "table":
                return self.table
            case "roll":
                return self.roll
            case "log":
                return self.log_view
            case "chart":
                return self.chart
            case "gantt":
                return self.gantt
            case "twin":
                return self.twin

    def turn_to(self, at: int) -> None:
        had_focus = self.has_focus_within
        self.at = at % len(TABS)
        self._show_tab()
        if had_focus:
            self.inside.focus()
        self._changed()

    def go_to_tab(self, name: str) -> None:
        self.turn_to(next(n for n, tab in enumerate(TABS) if tab.name == name))

    def _show_tab(self) -> None:
        for widget in self.children:
            widget.display = widget is self.inside
        self._say_titles()
        self.say_follow()

    def _say_titles(self) -> None:
        first, last = titles_in([tab.title for tab in TABS], self.at, self.size.width - _EDGES)
        parts: list[Content] = [Content("‹ ")] if first else []
        for n in range(first, last):
            parts += [Content(" · ")] if n > first else []
            parts.append(Content.styled(TABS[n].title, "bold reverse" if n == self.at else ""))
        parts += [Content(" ›")] if last < len(TABS) else []
        self.border_title = Content.assemble(*parts)

    def on_resize(self) -> None:
        self._say_titles()

    def on_click(self, event: events.Click) -> None:
        """A tab is turned to by a click on its title."""
        if event.screen_y == self.region.y:
            at = tab_at(
                [tab.title for tab in TABS],
                self.at,
                self.size.width - _EDGES,
                event.screen_x - self.region.x - 3,
            )
            if at is not None:
                self.turn_to(at)

    def say_follow(self) -> None:
        """The log's foot: following, or how many lines came since it stopped."""
        if self.tab.shown_in != "log":
            self.border_subtitle = Content("")
        else:
            self.border_subtitle = Content(self._spell(self.log_view.words()))

    @property
    def target(self) -> str | None:
        """What the line under the pane's cursor leads to."""
        return self.inside.target if isinstance(self.inside, Roll) else None

    def show(
        self,
        lines: Sequence[Line],
        about: object,
        *,
        targets: Mapping[int, str] | None = None,
        still: int = 0,
    ) -> None:
        """The lines of the tab, with what they lead to where it is a roll; the first `still` do not scroll where it
        is none. The log has its own."""
        inside = self.inside
        lines = [spelled(line, self._spell) for line in lines]
        if isinstance(inside, Roll):
            inside.show_roll(lines, targets or {}, (self.tab.name, about))
        elif isinstance(inside, Sheet):
            inside.show(lines, (self.tab.name, about), still=still)

    def say(self, words: str, about: object) -> None:
        self.show([(Bit(words, "muted"),)], about)
