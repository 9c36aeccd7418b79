"""Makes the rows of the tree: at once where that is quick, beside the loop where it is not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from textual.content import Content

from ..aside import Aside
from ..projection.drawing import Drawing
from ..projection.rows import Rows, Superseded
from .tree import TreeView

P = ParamSpec("P")
T = TypeVar("T")


class Easel:
    """Of several drawings that are wanted one after another, only the last is finished."""

    def __init__(self, tree: TreeView) -> None:
        self._tree = tree
        self._aside = Aside()
        self._wish = 0

    def draw(self, drawing: Drawing, show: Callable[[Rows], None]) -> None:
        """Calls `show` with the rows: now, or later unless others are wanted by then."""
        self._wish += 1
        if not drawing.is_long:
            show(drawing.rows())
            return
        self.say_working()
        self._tree.run_worker(self._later(drawing, self._wish, show), name="rows", exit_on_error=True)

    async def _later(self, drawing: Drawing, wish: int, show: Callable[[Rows], None]) -> None:
        def is_wanted() -> bool:
            return wish == self._wish

        try:
            rows = await self._aside.call(drawing.rows, is_wanted)
        except Superseded:
            return
        if is_wanted():
            show(rows)

    def say_working(self) -> None:
        self._tree.border_subtitle = Content("… working")

    def begin(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> None:
        """As `beside`, where nobody waits for it."""
        work = self._aside.call(function, *args, **kwargs)
        self._tree.run_worker(work, name="ahead", exit_on_error=True)

    def beside(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Calls `function` in the thread in which rows are made."""
        return self._aside.call(function, *args, **kwargs)
