"""The page of schedules in a box over the screen, kept up to date while it stands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual.binding import Binding, BindingType

from ...core.agenda import Item
from ..paint.ink import Ink
from ..panes.agenda import agenda_lines
from .confirm import Box

_ANEW = 1.0
"""Seconds between two looks at what has changed."""
_FOOT = "p pauses, resumes · m runs it now · Esc closes"


class AgendaPage(Box):
    """Lists the schedules. `look` reads them, `pause` pauses or resumes one, `fire` runs one; these tell what fails."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "choose(1)", show=False),
        Binding("k,up", "choose(-1)", show=False),
        Binding("p", "pause", show=False),
        Binding("m", "fire", show=False),
    ]

    def __init__(
        self,
        ink: Ink,
        items: list[Item],
        clock: Callable[[], float],
        look: Callable[[], Awaitable[list[Item]]],
        pause: Callable[[Item], Awaitable[None]],
        fire: Callable[[Item], None],
    ) -> None:
        lines, _ = agenda_lines(items, 0, clock())
        super().__init__(ink, "Schedules", lines, _FOOT if items else "Esc closes")
        self._items = items
        self._clock = clock
        self._look, self._pause, self._fire = look, pause, fire
        self._at = 0

    def on_mount(self) -> None:
        self.set_interval(_ANEW, self._look_anew)

    def _show(self, *, follow: bool = False) -> None:
        lines, start = agenda_lines(self._items, self._at, self._clock())
        self.sheet.show(lines, "schedules")
        if follow:
            self.sheet.scroll_to(y=max(0, start - 1), animate=False, force=True)

    async def _look_anew(self) -> None:
        if self.is_current:
            self._items = await self._look()
            self._at = min(self._at, max(0, len(self._items) - 1))
            self._show()

    @property
    def chosen(self) -> Item | None:
        return self._items[self._at] if self._items else None

    def action_choose(self, by: int) -> None:
        self._at = min(max(0, self._at + by), max(0, len(self._items) - 1))
        self._show(follow=True)

    async def action_pause(self) -> None:
        if self.chosen is not None:
            await self._pause(self.chosen)
            await self._look_anew()

    def action_fire(self) -> None:
        if (item := self.chosen) is not None:
            self.dismiss(False)
            self._fire(item)
