"""The page of a value: lines, a table that is read as it is scrolled, or a tree that folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.geometry import Region, Size

from ..paint.ink import Ink, Line
from ..panes.branches import Branches
from ..panes.grid import Grid
from .sheet import Sheet


class ValueView(Sheet):
    """Shows lines as any sheet, or a grid or tree, whose lines are made as they are painted. `on_need` is called when
    rows may be lacking, or something may be asked of the picked column."""

    def __init__(self, ink: Callable[[], Ink], *, id: str | None = None) -> None:
        super().__init__(ink, wrap=False, id=id)
        self.model: Grid | Branches | None = None
        self.on_need: Callable[[], None] | None = None

    @property
    def grid(self) -> Grid | None:
        """The table that is shown, if it is one."""
        return self.model if isinstance(self.model, Grid) else None

    @property
    def in_sight(self) -> tuple[int, int]:
        """The lines that are shown: from the first to before the second."""
        top = int(self.scroll_offset.y)
        return top, top + max(1, self.scrollable_content_region.height)

    def show(self, lines: Sequence[Line], about: object = None, *, still: int = 0) -> None:
        if self.model is not None:
            self.model, self._about, self._lines = None, None, ()
        super().show(lines, about, still=still)

    def show_model(self, model: Grid | Branches, about: object) -> None:
        """Shows a grid or tree from its beginning."""
        super().show((), about)
        self.model = model
        self._still, self._fixed = model.still, model.fixed
        self.scroll_to(0, 0, animate=False, immediate=True, force=True)
        self.renew()

    def renew(self) -> None:
        """What the model says has changed."""
        self._lay_out()
        self.refresh()
        self._needs()

    def _needs(self) -> None:
        if self.on_need is not None and self.grid is not None:
            self.on_need()

    def _lay_out(self) -> None:
        if self.model is None:
            super()._lay_out()
            return
        width = max(1, self.scrollable_content_region.width)
        self.virtual_size = Size(max(width, self.model.width), self.model.count)

    def _line(self, at: int) -> Line | None:
        if self.model is None:
            return super()._line(at)
        return self.model.line(at) if at < self.model.count else None

    def watch_scroll_y(self, old: float, new: float) -> None:
        super().watch_scroll_y(old, new)
        self._needs()

    # ---- keys ------------------------------------------------------------------------------------

    def move(self, by: int) -> None:
        if isinstance(self.model, Branches):
            self._follow(self.model.go(by))
        else:
            super().move(by)

    def move_top(self) -> None:
        if isinstance(self.model, Branches):
            self._follow(self.model.go(-self.model.count))
        super().move_top()

    def move_bottom(self) -> None:
        if isinstance(self.model, Branches):
            self._follow(self.model.go(self.model.count))
        super().move_bottom()

    def move_across(self, by: int) -> None:
        """Picks a column of a table; folds and unfolds a tree; anything else goes sideways."""
        if isinstance(self.model, Grid):
            left, right = self.model.pick(by)
            self._show_cells(left, right)
            self.renew()
        elif isinstance(self.model, Branches):
            self._follow(self.model.fold() if by < 0 else self.model.unfold())
            self.renew()
        else:
            super().move_across(by)

    def sort(self) -> None:
        """By the picked column: upward, downward, not."""
        if isinstance(self.model, Grid):
            self.model.turn()
            self.renew()

    def _show_cells(self, left: int, right: int) -> None:
        at, width = int(self.scroll_offset.x), self.scrollable_content_region.width
        if right > at + width:
            at = right - width
        if left < at:
            at = left
        self.scroll_to(x=at, animate=False, force=True)

    def _follow(self, line: int) -> None:
        """Keeps the cursor of a tree in sight, below the lines that stand still."""
        region = Region(int(self.scroll_offset.x), line - self._still, 1, 1 + self._still)
        self.scroll_to_region(region, animate=False, immediate=True, force=True)
        self.refresh()
