"""A table of any size in lines: what is held of it is bounded, what is not here yet is a dim line until it comes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from ...core.tabular import Cell, Columns, Rows, cell_text
from ...core.windows import Sort, Statistics
from ..paint.ink import Bit, Line, cut, pad, pad_left, width_of
from .value import WIDEST, is_number

_HELD = 12
"""Windows of rows that are kept."""
_CELLS = 8192
_BLOCKS = " ▁▂▃▄▅▆▇█"
_GAP = "  "


class Grid:
    """The lines of a table: the first tells what it is, the second of the picked column, then names, types, rows.

    `picked` is a column by its place. Holds a few windows of rows; who shows it asks `lacking` and brings them.
    """

    still = 4
    fixed = 2

    def __init__(self, head: Line, columns: Columns, rows: Rows, total: int, *, ascii_only: bool) -> None:
        self.head = head
        self.columns, self.total = columns, total
        self.picked = 0
        self.sort: Sort | None = None
        self.note = ""
        self.size = max(32, min(256, _CELLS // max(1, len(columns))))
        self._ascii = ascii_only
        self._numbers = [is_number(type_) for _, type_ in columns]
        self._widths = [
            min(WIDEST, max(width_of(name) + 2, width_of(type_), *_widths(rows, n)))
            for n, (name, type_) in enumerate(columns)
        ]
        self._known: dict[int, Statistics | str] = {}
        self._windows: OrderedDict[int, list[tuple[str, ...]]] = OrderedDict()
        self._first = [tuple(map(cell_text, row)) for row in rows]

    # ---- what there is ---------------------------------------------------------------------------

    @property
    def count(self) -> int:
        return self.still + self.total + bool(self.note)

    @property
    def width(self) -> int:
        return self._gutter + sum(self._widths) + len(_GAP) * len(self._widths)

    @property
    def _gutter(self) -> int:
        return len(f"{self.total:,}") + len(_GAP)

    def line(self, at: int) -> Line:
        """The line at a place from 0 to before `count`."""
        if at >= self.still:
            return self._row(at - self.still)
        return (self.head, self._told(), self._names(), self._types())[at]

    def _names(self) -> Line:
        mark = "" if self.sort is None else (" v" if self.sort.descending else " ^")
        if mark and not self._ascii:
            mark = " ▼" if mark == " v" else " ▲"
        sorted_by = self.sort.column if self.sort is not None else -1
        bits = [Bit(" " * self._gutter)]
        for n, (name, _) in enumerate(self.columns):
            style = "accent bold reverse" if n == self.picked else "accent bold"
            sign = mark if n == sorted_by else ""
            room = self._widths[n] - len(sign)
            bits += [Bit(self._fitted(cut(name, room, self._ascii) + sign, n), style), Bit(_GAP)]
        return tuple(bits)

    def _types(self) -> Line:
        types = (Bit(self._fitted(type_, n) + _GAP, "muted") for n, (_, type_) in enumerate(self.columns))
        return (Bit(" " * self._gutter), *types)

    def _row(self, at: int) -> Line:
        if at >= self.total:
            return (Bit(self.note, "muted"),)
        number = Bit(pad_left(f"{at + 1:,}", self._gutter - len(_GAP)) + _GAP, "guide")
        texts = self._texts(at)
        if texts is None:
            return (number, Bit("." if self._ascii else "·", "guide"))
        cells = (self._fitted(text, n) + _GAP for n, text in enumerate(texts))
        return (number, *(Bit(text, "text") for text in cells))

    def _texts(self, at: int) -> tuple[str, ...] | None:
        window = self._windows.get(at // self.size)
        if window is not None:
            return window[at % self.size] if at % self.size < len(window) else None
        return self._first[at] if self.sort is None and at < len(self._first) else None

    def _fitted(self, text: str, column: int) -> str:
        text = cut(text, self._widths[column], self._ascii)
        fit = pad_left if self._numbers[column] else pad
        return fit(text, self._widths[column])

    # ---- rows that come --------------------------------------------------------------------------

    def lacking(self, first: int, last: int) -> int | None:
        """The window to bring next, for the lines from `first` to before `last` to be whole and those near them."""
        if not self.total:
            return None
        low = max(0, first - self.still) // self.size
        high = max(0, min(self.total, last) - 1) // self.size
        most = (self.total - 1) // self.size
        near = [*range(low, high + 1), high + 1, low - 1]
        for window in near:
            if window in self._windows:
                self._windows.move_to_end(window)
        return next((w for w in near if 0 <= w <= most and w not in self._windows), None)

    def take(self, window: int, sort: Sort | None, rows: Sequence[Sequence[Cell]]) -> None:
        """The rows of a window, as they are with `sort`. A number that is too wide for its column widens it."""
        if sort != self.sort:
            return
        texts = [tuple(map(cell_text, row)) for row in rows]
        for n, is_number_ in enumerate(self._numbers):
            if is_number_:
                self._widths[n] = min(WIDEST, max(self._widths[n], *_widths(texts, n)))
        self._windows[window] = texts
        while len(self._windows) > _HELD:
            self._windows.popitem(last=False)

    # ---- the picked column -----------------------------------------------------------------------

    def pick(self, by: int) -> tuple[int, int]:
        """Picks a column beside; returns from which cell to which it stands."""
        self.picked = max(0, min(len(self.columns) - 1, self.picked + by))
        left = self._gutter + sum(self._widths[: self.picked]) + len(_GAP) * self.picked
        return (0 if self.picked == 0 else left), left + self._widths[self.picked]

    def turn(self) -> None:
        """Sorts by the picked column: upward, then downward, then not at all."""
        now = self.sort
        if now is None or now.column != self.picked:
            self.sort = Sort(self.picked)
        else:
            self.sort = None if now.descending else Sort(self.picked, True)
        self._windows.clear()

    @property
    def uncounted(self) -> int | None:
        """The picked column, if nothing is known of it yet."""
        return None if self.picked in self._known or not self.total else self.picked

    def know(self, column: int, found: Statistics | str) -> None:
        """What a column holds, or why that is not known."""
        self._known[column] = found

    def _told(self) -> Line:
        if not self.columns:
            return ()
        name = Bit(self.columns[self.picked][0], "accent")
        found = self._known.get(self.picked)
        if found is None or isinstance(found, str):
            return (name, Bit(f"  {found or ''}", "muted"))
        return (name, *statistics_bits(found, self._ascii))


def _widths(rows: Sequence[Sequence[Cell]], column: int) -> list[int]:
    return [width_of(cell_text(row[column])) for row in rows if column < len(row)] or [1]


def statistics_bits(found: Statistics, ascii_only: bool) -> list[Bit]:
    """`▁▃█▂  -43 … 1,301  mean 12.6  ~527 distinct  8,255 null`."""
    bits = [Bit("  ")]
    if found.bins:
        blocks = " .:-=+*#@" if ascii_only else _BLOCKS
        top = max(found.bins)
        tall = ((size * 8 + top - 1) // top for size in found.bins)
        bits.append(Bit("".join(blocks[n] for n in tall) + _GAP, "running"))
    words = []
    if found.low is not None:
        words.append(f"{_short(found.low)} {'..' if ascii_only else '…'} {_short(found.high)}")
    if found.mean is not None:
        words.append(f"mean {found.mean:,.6g}")
    words += [f"~{found.distinct:,} distinct", f"{found.nulls:,} null"]
    return [*bits, Bit(_GAP.join(words), "muted")]


def _short(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:,.6g}"
    text = f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else cell_text(cell)
    return text if len(text) <= 20 else text[:19] + "…"
