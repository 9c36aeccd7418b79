"""Brings the Value tab what it shows: the value, what set it apart from the one before, the rows as they are scrolled.

All reading is done in a thread of its own, so that a large table holds up nothing else beside the screen.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...core.model import Node
from ...core.problems import ProblemError, number_of
from ...core.tabular import TableError
from ...core.windows import Sort, Statistics, Windows
from ..aside import Aside
from ..paint.ink import Bit, Line
from ..paint.sanitize import clean
from ..panes.branches import Branches
from ..panes.grid import Grid
from ..panes.overview import text_lines, type_words
from ..panes.picture import picture_lines
from ..panes.value import size_words, value_lines
from ..projection.contrast import told
from ..projection.parts import is_part
from ..projection.session import Session
from ..projection.states import LOOKS, glyph
from ..projection.verdicts import part_made_last
from ..widgets.sheet import break_line

if TYPE_CHECKING:
    from ...core.preview import Preview
    from ..stage import Stage

PATIENCE = 0.3
"""Seconds after which it is said that a value is being read."""
_STYLES = {"+": "fresh", "-": "failed", "~": "changed", "@": "accent bold", " ": "muted"}


class ValueWork:
    """Shows the value of a thing, or (`comparing`) what set it apart from the one before."""

    def __init__(self, app: Stage) -> None:
        self.app = app
        self.view = app.side.table
        self.view.on_need = self._need
        self.comparing = False
        self._thread = Aside()
        self._compares = Aside()
        self._pictures = Aside()
        self._told: tuple[object, list[Line]] = (None, [])
        self._shown: object = None
        self._windows: Windows | None = None
        self._is_bringing = False
        self._about: Node | None = None
        self._reads: Node | None = None

    async def show(self, session: Session, node: Node, is_wanted: Callable[[], bool]) -> bool:
        """Shows the value of `node`; False where meanwhile something else was wanted."""
        if node.kind == "task":
            outputs = session.outputs_of(node.name)
            if not outputs:
                self.app.side.say("this task makes nothing", node)
                return True
            node = Node("asset", outputs[0])
        token = (node, self._version_of(session, node), self.comparing)
        model = self.view.model
        if token == self._shown and model is not None:
            model.head = self._head(session, node, *self._size_of(model))
            self.view.refresh()
            return True
        self._shown = None
        try:
            return await (self._compare if self.comparing else self._show)(session, node, token, is_wanted)
        except ProblemError as error:
            words = text_lines(str(error), "failed")
        except Exception as error:  # foreign data: whatever it does to its reader, the screen stays
            words = text_lines(f"this value cannot be shown: {type(error).__name__}: {error}", "failed")
        if is_wanted():
            self.app.side.show([self._head(session, node), *words], node, still=1)
        return is_wanted()

    @staticmethod
    def _version_of(session: Session, node: Node) -> str | None:
        if session.survey is None:
            return None
        made = session.recorded_of(node).materializations.get(node.name)
        return made.value.version if made is not None else session.survey.survey.versions.get(node.name)

    async def _show(self, session: Session, node: Node, token: object, is_wanted: Callable[[], bool]) -> bool:
        if node != self._about:
            self._about = self._reads = node
            self.app.set_timer(PATIENCE, lambda: self._say_reading(node, is_wanted))
        try:
            found = await self._thread.call(session.bench.preview, node.name)
            model = None if found.columns else await self._thread.call(self._branches, found)
        finally:
            self._reads = None
        if not is_wanted():
            return False
        await self._let_go()
        if found.columns:
            await self._show_table(session, node, found, is_wanted)
        elif model is not None:
            model.head = self._head(session, node)
            self.view.show_model(model, token)
        elif found.kind == "image":
            await self._show_image(session, node, found, is_wanted)
        else:
            lines = value_lines(found, ascii_only=self.app.ascii_only)
            self.app.side.show([self._head(session, node, size_words(found)), *lines], node, still=1)
        if is_wanted():
            self._shown = token
        return is_wanted()

    def _say_reading(self, node: Node, is_wanted: Callable[[], bool]) -> None:
        """What is still shown is the value of something else."""
        if node == self._reads and is_wanted():
            self.app.side.say(f"reading the value of {clean(node.name)} …", node)

    async def _show_image(
        self, session: Session, node: Node, found: Preview, is_wanted: Callable[[], bool]
    ) -> None:
        """What the header says at once, the pixels when they are decoded."""
        from ...core.pictures import PictureError, pixels_of

        head: list[Line] = [self._head(session, node), (Bit(found.note, "muted"),)]
        about = (node, "image")
        self.app.side.show([*head, (Bit("decoding", "muted"),)], about, still=1)
        size = self.view.scrollable_content_region
        try:
            pixels = await self._pictures.call(
                pixels_of, session.bench, node.name, max(8, size.width), 2 * max(4, size.height - 2)
            )
            lines = picture_lines(pixels, ascii_only=self.app.ascii_only)
        except PictureError as error:
            lines = text_lines(str(error), "stale")
        if is_wanted():
            self.app.side.show([*head, *lines], about, still=1)

    def _branches(self, found: Preview) -> Branches | None:
        """A tree of what is plain data and holds something."""
        if found.kind != "json":
            return None
        try:
            data = json.loads(found.text)
        except (ValueError, RecursionError):
            return None
        return Branches((), data, ascii_only=self.app.ascii_only) if isinstance(data, dict | list) else None

    async def _show_table(
        self, session: Session, node: Node, found: Preview, is_wanted: Callable[[], bool]
    ) -> None:
        from ...core.tables import open_table

        total = found.total if found.total is not None else len(found.cells)
        grid = Grid((), found.columns, found.cells, total, ascii_only=self.app.ascii_only)
        grid.note = found.note
        grid.head = self._head(session, node, *self._size_of(grid))
        self.view.show_model(grid, node)
        self.app.foot.refresh()
        windows = await self._thread.call(open_table, session.bench, node.name)
        if windows is None or not is_wanted() or self.view.model is not grid:
            await self._close(windows)
            return
        self._windows, grid.total, grid.note = windows, windows.total, windows.note
        grid.head = self._head(session, node, *self._size_of(grid))
        self.view.renew()

    async def _compare(
        self, session: Session, node: Node, token: object, is_wanted: Callable[[], bool]
    ) -> bool:
        from ...core.diff.values import difference

        head = self._head(session, node, "against the one before")
        if token != self._told[0]:
            self.app.side.show([head, (Bit("comparing", "muted"),)], (node, "difference"), still=1)
            found = await self._compares.call(difference, session.bench, node.name)
            lines: list[Line] = [(Bit(f"{sign} {text}", _STYLES[sign]),) for sign, text in told(found)]
            if found.table is None and found.texts is None:
                width = max(20, self.view.scrollable_content_region.width)
                lines = [part for line in lines for part in break_line(line, width)]
            self._told = token, lines
        if not is_wanted():
            return False
        await self._let_go()
        self.app.side.show([head, *self._told[1]], (node, "difference"), still=1)
        return True

    # ---- rows as they are scrolled ---------------------------------------------------------------

    def _need(self) -> None:
        """Rows may be lacking, or what the picked column holds."""
        if self._windows is not None and not self._is_bringing and self.app.is_running:
            self._is_bringing = True
            self.app.run_worker(self._bring(), group="rows", exit_on_error=True)

    async def _bring(self) -> None:
        """Brings what is lacking, what is in sight first, until nothing is."""
        try:
            while (grid := self.view.grid) is not None and (windows := self._windows) is not None:
                window = grid.lacking(*self.view.in_sight)
                if window is not None:
                    await self._bring_rows(grid, windows, window, grid.sort)
                elif (column := grid.uncounted) is not None:
                    await self._bring_statistics(grid, windows, column)
                else:
                    break
                if self.view.model is grid:
                    self.view.renew()
        finally:
            self._is_bringing = False

    async def _bring_rows(self, grid: Grid, windows: Windows, window: int, sort: Sort | None) -> None:
        try:
            rows = await self._thread.call(windows.rows, window * grid.size, grid.size, sort)
        except (TableError, OSError, ValueError) as error:
            if windows is self._windows:
                self._windows = None
                await self._close(windows)
                self.app.tell(f"the rows cannot be read: {error}", "failed")
            return
        grid.take(window, sort, rows)

    async def _bring_statistics(self, grid: Grid, windows: Windows, column: int) -> None:
        found: Statistics | str
        try:
            found = await self._thread.call(windows.statistics, column)
        except (TableError, OSError, ValueError) as error:
            found = str(error)
        grid.know(column, found)

    async def close(self) -> None:
        """The screen ends: what is open is closed."""
        await self._let_go()

    async def _let_go(self) -> None:
        """What is shown next is another value: the table that is open is closed."""
        windows, self._windows = self._windows, None
        await self._close(windows)

    async def _close(self, windows: Windows | None) -> None:
        if windows is not None:
            windows.interrupt()
            await self._thread.call(windows.close)

    # ---- the first line --------------------------------------------------------------------------

    def _size_of(self, model: Grid | Branches) -> tuple[str, ...]:
        if not isinstance(model, Grid):
            return ()
        return (f"{number_of(model.total, 'row')} × {number_of(len(model.columns), 'column')}",)

    def _head(self, session: Session, node: Node, *sizes: str) -> Line:
        """What the value is of: name, state, type, size."""
        state, plain = session.state_of(node), self.app.ascii_only
        made = session.recorded_of(node).materializations.get(node.name)
        part = "" if is_part(node) else part_made_last(session, node)
        words = [f"{part}, made last"] if part else []
        words += [size for size in sizes if size]
        words += [type_words(made.value)] if made is not None else []
        dot = " | " if plain else " · "
        return (
            Bit(node.name, "text bold"),
            Bit(f"  {glyph(state, plain)} {LOOKS[state].word}", LOOKS[state].style),
            Bit("".join(dot + one for one in words), "muted"),
        )
