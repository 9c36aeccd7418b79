"""The tree: a line-by-line view of `Rows` whose cursor holds on to a thing, not to a line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ...core.model import Node
from ..paint.ink import Bit, Ink, Line, cut, cut_middle, line_width, pad, pad_left, width_of
from ..projection.look import RowLook
from ..projection.rows import Row, RowKey, Rows, node_key

WORD, TIME = 9, 7
_BARE = 44
"""Under this width only glyph and name are drawn; under `_BARE + TIME + 14` no durations."""
_TIGHT = 50
"""Under this width a level of the tree takes one cell, not two."""


class TreeView(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows rows. `look` says how a row looks; it is asked for the rows in view only.
    `nothing` gives what stands there when there is no row."""

    class Moved(Message):
        """The cursor of `tree` is on another row, or its row is another thing."""

        def __init__(self, tree: TreeView) -> None:
            super().__init__()
            self.tree = tree

    class Chosen(Message):
        """The row under the cursor was clicked again."""

    class Toggled(Message):
        """The fold of the row at `at` was clicked."""

        def __init__(self, tree: TreeView, at: int) -> None:
            super().__init__()
            self.tree = tree
            self.at = at

    def __init__(
        self,
        look: Callable[[Row], RowLook],
        ink: Callable[[], Ink],
        nothing: Callable[[], Line],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._look = look
        self._ink = ink
        self._nothing = nothing
        self.rows = Rows()
        self.cursor = 0
        self.range_from: int | None = None
        self._key: RowKey = ()

    # ---- rows and cursor -------------------------------------------------------------------------

    @property
    def row(self) -> Row | None:
        return self.rows.rows[self.cursor] if self.cursor < len(self.rows) else None

    @property
    def node(self) -> Node | None:
        row = self.row
        return row.node if row is not None else None

    def show(self, rows: Rows, at: Node | None = None) -> None:
        """Replaces the rows. The cursor goes to `at` if it is given, else stays on its thing."""
        old, old_cursor = self.rows, self.cursor
        wanted = rows.of(at) if at is not None else None
        place = self._find(old, rows) if wanted is None else wanted
        self.rows = rows
        self.range_from = None
        self.virtual_size = Size(self.size.width, len(rows))
        top = place - (old_cursor - self.scroll_offset.y)
        self._place(place, top=top)
        self.refresh()

    def seek(self) -> None:
        """Leaves a row that is there only to lead to a match, for the first match."""
        row = self.row
        if row is not None and (row.faint or row.kind == "alias"):
            first = (at for at, one in enumerate(self.rows.rows) if one.kind == "node" and not one.faint)
            self.go(next(first, self.cursor))

    def _find(self, old: Rows, new: Rows) -> int:
        """Where in `new` the row is that the cursor was on, or the nearest thing to it that is shown."""
        if not len(new):
            return 0
        if (at := new.find(self._key)) is not None:
            return at
        if self.cursor < len(old):
            for up in (self.cursor, *old.above(self.cursor)):
                row = old.rows[up]
                key = node_key(row.node) if row.node is not None else row.key
                if (at := new.find(key)) is not None:
                    return at
        return min(self.cursor, len(new) - 1)

    def go(self, at: int) -> None:
        """Moves the cursor to row `at`, into view."""
        if len(self.rows):
            old = self.cursor
            self._place(min(max(at, 0), len(self.rows) - 1))
            self._refresh_line(old)
            self._refresh_line(self.cursor)

    def go_to(self, node: Node) -> bool:
        at = self.rows.of(node)
        if at is not None:
            self.go(at)
        return at is not None

    def _place(self, at: int, top: int | None = None) -> None:
        self.cursor = at
        row = self.row
        if row is None:  # what it was on is found again when there are rows again
            self.post_message(self.Moved(self))
        elif row.key != self._key:
            self._key = row.key
            self.post_message(self.Moved(self))
        self.keep_in_view(top)

    def keep_in_view(self, top: int | None = None) -> None:
        """Scrolls as little as is needed to have the cursor in view."""
        height = self.scrollable_content_region.height
        if height <= 0:
            return
        now = self.scroll_offset.y if top is None else top
        wanted = min(max(now, self.cursor - height + 1), self.cursor)
        wanted = max(0, min(wanted, max(0, len(self.rows) - height)))
        if wanted != self.scroll_offset.y:
            self.scroll_to(y=wanted, animate=False, immediate=True, force=True)
            self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self.virtual_size = Size(self.size.width, len(self.rows))
        self.keep_in_view()

    def move(self, by: int) -> None:
        if self.range_from is not None:
            self.refresh()
        self.go(self.cursor + by)

    def move_half(self, direction: int) -> None:
        self.move(direction * max(1, self.scrollable_content_region.height // 2))

    def move_top(self) -> None:
        self.go(0)

    def move_bottom(self) -> None:
        self.go(len(self.rows) - 1)

    # ---- what changed ----------------------------------------------------------------------------

    def in_view(self) -> Sequence[Row]:
        """The rows that are shown."""
        top = self.scroll_offset.y
        return self.rows.rows[top : top + self.size.height]

    def repaint(self, nodes: Collection[Node]) -> None:
        """These nodes look different now: paints those of their rows that are in view."""
        for at, row in enumerate(self.in_view(), self.scroll_offset.y):
            if row.node in nodes or not row.members.isdisjoint(nodes):
                self._refresh_line(at)

    def _refresh_line(self, at: int) -> None:
        self.refresh(Region(0, at - self.scroll_offset.y, self.size.width, 1))

    # ---- painting --------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        at = y + self.scroll_offset.y
        base = self.rich_style
        if at >= len(self.rows):
            first = not len(self.rows) and y == 0
            return self._ink().paint(self._nothing(), width, base) if first else Strip.blank(width, base)
        row = self.rows.rows[at]
        look = self._look(row)
        ink = self._ink()
        is_cursor = at == self.cursor
        if is_cursor:
            base += ink.style("on-cursor" if self.has_focus else "on-cursor-far")
        elif look.layer == "new":
            base += ink.style("on-new-tint")
        line = self._line(row, look, width, ink, is_cursor, self._in_range(at))
        return ink.paint(line, width, base + Style(bold=True) if is_cursor else base)

    def _in_range(self, at: int) -> bool:
        if self.range_from is None:
            return False
        low, high = sorted((self.range_from, self.cursor))
        return low <= at <= high

    def _line(
        self, row: Row, look: RowLook, width: int, ink: Ink, is_cursor: bool, in_range: bool
    ) -> list[Bit]:
        plain = ink.ascii_only
        line = [Bit((">" if plain else "▌") if is_cursor else " ", "accent")]
        line.append(Bit("*" if look.marked or in_range else " ", "marked bold"))
        line.append(self._layer_mark(look))
        line += self._guides(row, width, plain)
        folds = ("> ", "v ") if plain else ("▸ ", "▾ ")
        if row.open is not None:
            line.append(Bit(folds[row.open], "muted"))
        else:
            line.append(Bit(("- " if plain else "─ ") if row.depth else "  ", "guide"))
        if look.glyph:
            line.append(Bit(look.glyph + " ", look.style))
        right = self._right(row, look, width)
        room = width - line_width(line) - line_width(right)
        line += self._words(row, look, room, plain)
        gap = width - line_width(line) - line_width(right)
        return [*line, Bit(" " * max(0, gap)), *right]

    @staticmethod
    def _layer_mark(look: RowLook) -> Bit:
        if look.layer == "new":
            return Bit("+ ", "on-new ink-on-new bold")
        if look.layer == "changed":
            return Bit("± ", "changed bold")
        if look.layer == "removed":
            return Bit("- ", "changed bold")
        return Bit("  ")

    def _guides(self, row: Row, width: int, plain: bool) -> list[Bit]:
        """The lines that lead to a row. Where they would leave no room, the outer levels become a number."""
        if row.depth == 0:
            return []
        bar, tee, elbow = ("| ", "|-", "`-") if plain else ("│ ", "├─", "└─")
        most = max(2, (width - 30) // 4)
        if width < _TIGHT:
            bar, tee, elbow = bar[0], tee[0], elbow[0]
            most = max(2, width // 5)
        parts = [elbow if row.last else tee]
        at = row.parent
        rows = self.rows.rows
        for _ in range(min(row.depth - 1, most - 1)):
            above = rows[at]
            parts.append(" " * len(bar) if above.last else bar)
            at = above.parent
        folded = row.depth - len(parts)
        if folded > 0:
            parts.append(f"{folded}{'.' if plain else '⋯'} ")
        return [Bit("".join(reversed(parts)), "guide")]

    def _right(self, row: Row, look: RowLook, width: int) -> list[Bit]:
        if width < _BARE:
            return [Bit("!", "slow bold")] if look.time_style.startswith("slow") else []
        right = [Bit(" "), Bit(pad(look.word, WORD), look.word_style)]
        if width >= _BARE + TIME + 14:
            right.append(Bit(pad_left(look.time, TIME), look.time_style))
        return [*right, Bit(" ")]

    @staticmethod
    def _words(row: Row, look: RowLook, room: int, plain: bool) -> list[Bit]:
        sign = (" ^" if plain else " ↑") if row.kind == "alias" else ""
        name = cut_middle(look.name, max(1, room - len(sign)), plain)
        style = look.name_style
        if look.layer == "new":
            style = "on-new ink-on-new bold"
        words = [Bit(f" {name} " if look.layer == "new" and room > width_of(name) + 4 else name, style)]
        if sign:
            words.append(Bit(sign, "alias"))
        left = room - line_width(words) - 2
        if look.dots and left >= len(look.dots) + 1:
            words += [Bit(" "), *(Bit(sign, style) for sign, style in look.dots)]
            left = room - line_width(words) - 2
        if look.heat and left >= len(look.heat) + 2:
            words += [Bit("  "), *(Bit(sign, style) for sign, style in look.heat)]
            left -= len(look.heat) + 2
        if look.middle and left >= 4:
            words += [Bit("  "), Bit(cut(look.middle, left, plain), look.middle_style)]
        return words

    # ---- mouse -----------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        at = event.y + self.scroll_offset.y - self.gutter.top
        if at >= len(self.rows):
            return
        row = self.rows.rows[at]
        indent = 3 + line_width(self._guides(row, self.size.width, False))
        if row.open is not None and indent <= event.x < indent + 3:
            self.post_message(self.Toggled(self, at))
        elif at == self.cursor and event.chain > 1:
            self.post_message(self.Chosen())
        self.go(at)
