"""Puts text on the screen: named styles from the theme, and one painter that cleans whatever it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from .sanitize import SafeText, clean


class Bit(NamedTuple):
    """A piece of a line. `style` names styles of the theme (`failed bold`) or, with a leading `sgr `, holds
    the SGR parameters that a program printed."""

    text: str
    style: str = ""


Line = tuple[Bit, ...]


def spelled(line: Line, spell: Callable[[str], str]) -> Line:
    """A line of ours with the caps of the keys that it names (`projection.caps.spell`)."""
    return tuple(Bit(spell(bit.text), bit.style) for bit in line)


_FLAGS: Mapping[str, Style] = {
    "bold": Style(bold=True),
    "italic": Style(italic=True),
    "dim": Style(dim=True),
    "underline": Style(underline=True),
    "reverse": Style(reverse=True),
    "strike": Style(strike=True),
}
_SGR_COLOURS = (
    "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
)  # fmt: skip


_MOST_STYLES = 20_000


class Ink:
    """The styles of one theme. `variables` maps the theme's variable names to colours; with `ansi` those are the
    terminal's own sixteen, and a ground is reverse video."""

    def __init__(self, variables: Mapping[str, str], *, ascii_only: bool = False, ansi: bool = False) -> None:
        self._variables = variables
        self._styles: dict[str, Style] = {}
        self.ascii_only = ascii_only
        self.ansi = ansi

    def style(self, names: str) -> Style:
        found = self._styles.get(names)
        if found is None:
            if len(self._styles) >= _MOST_STYLES:  # pictures have as many as they have colours
                self._styles.clear()
            found = self._printed(names[4:]) if names.startswith("sgr ") else self._named(names)
            self._styles[names] = found
        return found

    def _printed(self, parameters: str) -> Style:
        style = sgr_style(parameters)
        if not self.ansi:
            return style
        fore, back = (
            colour and colour.downgrade(ColorSystem.STANDARD) for colour in (style.color, style.bgcolor)
        )
        return style.without_color + Style(color=fore, bgcolor=back)

    def _named(self, names: str) -> Style:
        if self.ansi:
            return self._ansi(names)
        style = Style()
        for name in names.split():
            if name in _FLAGS:
                style += _FLAGS[name]
            elif name.startswith("on-"):
                style += Style(bgcolor=self._variables["ink-" + name[3:]])
            elif name.startswith("ink-"):
                style += Style(color=self._variables[name])
            else:
                style += Style(color=self._variables.get("state-" + name) or self._variables["ink-" + name])
        return style

    def _ansi(self, names: str) -> Style:
        style = Style()
        for name in names.split():
            if name in _FLAGS:
                style += _FLAGS[name]
            elif name in ("on-cursor", "on-new"):
                style += _FLAGS["reverse"]
            elif name == "ink-on-new":
                style += Style(color=_own_colour(self._variables["ink-new"]))
            elif name == "guide":
                style += _FLAGS["dim"]
            elif not name.startswith("on-"):
                plain = name.removeprefix("ink-")
                said = self._variables.get("state-" + plain) or self._variables["ink-" + plain]
                style += Style(color=_own_colour(said))
        return style

    def paint(self, line: Iterable[Bit], width: int, base: Style) -> Strip:
        """`line` in exactly `width` cells. Every text is cleaned here, whatever it was before."""
        return Strip(self.segments(line, base)).adjust_cell_length(width, base)

    def segments(self, line: Iterable[Bit], base: Style) -> list[Segment]:
        if (
            self.ansi and base.reverse
        ):  # a row in reverse video has one colour: its own as grounds would be patches
            return [Segment(clean(text), base + self.style(n).without_color) for text, n in line if text]
        return [Segment(clean(text), base + self.style(names)) for text, names in line if text]


def _own_colour(name: str) -> str:
    return name.removeprefix("ansi_")


def width_of(text: str) -> int:
    """How many cells `text` takes once it is cleaned."""
    return cell_len(clean(text))


def cut(text: str, width: int, ascii_only: bool = False) -> SafeText:
    """`text` in at most `width` cells, cut at its end."""
    text = clean(text)
    if cell_len(text) <= width:
        return clean(text)
    if width < 2:
        return clean(set_cell_size(text, max(0, width)))
    return clean(set_cell_size(text, width - 1).rstrip() + (">" if ascii_only else "…"))


def cut_front(text: str, width: int, ascii_only: bool = False) -> SafeText:
    """`text` in at most `width` cells, cut at its front: the end of a name is what tells it from others."""
    text = clean(text)
    if cell_len(text) <= width:
        return clean(text)
    if width < 2:
        return clean(set_cell_size(text, max(0, width)))
    kept = text[-(width - 1) :]
    while cell_len(kept) > width - 1:
        kept = kept[1:]
    return clean(("<" if ascii_only else "…") + kept)


def cut_middle(text: str, width: int, ascii_only: bool = False) -> SafeText:
    """`text` in at most `width` cells, cut in its middle: names of a kind differ at their ends, and are known by
    how they begin."""
    text = clean(text)
    if cell_len(text) <= width:
        return clean(text)
    if width < 5:
        return cut(text, width, ascii_only)
    head = (width - 1) // 2
    tail = text[head - width + 1 :]
    while cell_len(tail) > width - 1 - head:
        tail = tail[1:]
    return clean(set_cell_size(text, head).rstrip() + (">" if ascii_only else "…") + tail)


def pad(text: str, width: int) -> SafeText:
    """`text` cut or filled to exactly `width` cells."""
    return clean(set_cell_size(clean(text), max(0, width)))


def pad_left(text: str, width: int) -> SafeText:
    text = cut(text, width)
    return clean(" " * (width - cell_len(text)) + text)


def line_width(line: Iterable[Bit]) -> int:
    return sum(width_of(bit.text) for bit in line)


@lru_cache(maxsize=512)
def sgr_style(parameters: str) -> Style:
    """The style that SGR parameters ask for: colours and weight, never blinking or hiding."""
    style = Style()
    codes = [int(p) for p in parameters.split(";") if p.isdigit()]
    at = 0
    while at < len(codes):
        code = codes[at]
        at += 1
        if code in (38, 48):
            colour, at = _extended(codes, at)
            if colour is not None:
                style += Style(color=colour) if code == 38 else Style(bgcolor=colour)
        else:
            style += _simple_sgr(code)
    return style


def _simple_sgr(code: int) -> Style:
    named = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse"}.get(code)
    if named is not None:
        return _FLAGS[named]
    if code == 22:
        return Style(bold=False, dim=False)
    if code in (23, 24, 27):
        return Style(**{{23: "italic", 24: "underline", 27: "reverse"}[code]: False})  # type: ignore[arg-type]
    for first, bright, ground in (
        (30, "", "color"),
        (90, "bright_", "color"),
        (40, "", "bg"),
        (100, "bright_", "bg"),
    ):
        if first <= code < first + 8:
            name = bright + _SGR_COLOURS[code - first]
            return Style(color=name) if ground == "color" else Style(bgcolor=name)
    if code == 39:
        return Style(color="default")
    return Style(bgcolor="default") if code == 49 else Style()


def _extended(codes: list[int], at: int) -> tuple[Color | None, int]:
    if at < len(codes) and codes[at] == 5 and at + 1 < len(codes):
        return Color.from_ansi(codes[at + 1] & 255), at + 2
    if at < len(codes) and codes[at] == 2 and at + 3 < len(codes):
        red, green, blue = (value & 255 for value in codes[at + 1 : at + 4])
        return Color.from_rgb(red, green, blue), at + 4
    return None, len(codes)


def chop(line: Iterable[Bit], width: int) -> list[Line]:
    """`line` in parts of at most `width` cells, cut anywhere. Its texts must be clean."""
    parts: list[Line] = []
    now: list[Bit] = []
    room = width
    for text, style in line:
        while text:
            taken = text[:room] if text.isascii() else _head(text, room)
            if not taken and (now or room < width):
                parts.append(tuple(now))
                now, room = [], width
                continue
            taken = taken or text[:1]
            now.append(Bit(taken, style))
            room -= cell_len(taken)
            text = text[len(taken) :]
    return [*parts, tuple(now)] if now or not parts else parts


def _head(text: str, width: int) -> str:
    """As much of `text` as takes at most `width` cells."""
    taken = text[:width]
    while taken and cell_len(taken) > width:
        taken = taken[: -max(1, (cell_len(taken) - width) // 2)]
    return taken
