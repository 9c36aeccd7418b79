"""The run in time, drawn row by row: only the rows in view are ever made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.geometry import Size
from textual.strip import Strip

from ..paint.ink import Ink, Line
from ..panes.timeline import HEAD, Scale, head_lines, scale_of, span_line
from ..projection.spans import Gantt
from .sheet import Sheet


class GanttView(Sheet):
    """Shows a gantt. The row of the thing under the tree's cursor is marked and, unless one scrolls here, in view;
    without one the step that began last is."""

    def __init__(self, ink: Callable[[], Ink], *, id: str | None = None) -> None:
        super().__init__(ink, wrap=False, id=id)
        self.gantt: Gantt | None = None
        self._scale: tuple[int, Scale] | None = None
        self._last_begun = -1
        self._rows: dict[str, int] = {}
        self._at: str | None = None

    def show(self, lines: Sequence[Line], about: object = None, *, still: int = 0) -> None:
        """Words instead of a gantt."""
        self.gantt = None
        super().show(lines, about, still=still)

    def draw(self, gantt: Gantt) -> None:
        """Replaces the gantt."""
        self.gantt = gantt
        self._rows = {span.task: n for n, span in enumerate(gantt.spans)}
        self._last_begun = sum(span.started is not None for span in gantt.spans) - 1
        self._lay_out()
        self._keep_in_view()
        self.refresh()

    def point_at(self, task: str | None) -> None:
        """Another thing is under the tree's cursor."""
        if task != self._at:
            self._at = task
            self._keep_in_view()
            self.refresh()

    def _lay_out(self) -> None:
        if self.gantt is None:
            super()._lay_out()
            return
        self._scale = None
        width = max(1, self.scrollable_content_region.width)
        self.virtual_size = Size(width, HEAD + len(self.gantt.spans))

    def _keep_in_view(self) -> None:
        if self.gantt is None or self.has_focus:
            return
        room = self.scrollable_content_region.height - HEAD
        row = self._rows.get(self._at or "", self._last_begun)
        top = max(0, min(max(self.scroll_offset.y, row - room + 1), row)) if room > 0 else 0
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, immediate=True, force=True)

    def render_line(self, y: int) -> Strip:
        if self.gantt is None:
            return super().render_line(y)
        width = self.scrollable_content_region.width
        return self._ink().paint(self._line_at(y, self.gantt, width), width, self.rich_style)

    def _line_at(self, y: int, gantt: Gantt, width: int) -> Line:
        plain = self._ink().ascii_only
        if self._scale is None or self._scale[0] != width:
            self._scale = width, scale_of(gantt, width)
        scale = self._scale[1]
        if y < HEAD:
            return head_lines(gantt, scale, ascii_only=plain)[y]
        row = y - HEAD + self.scroll_offset.y
        if row >= len(gantt.spans):
            return ()
        return span_line(gantt, gantt.spans[row], scale, at=self._at, ascii_only=plain)
