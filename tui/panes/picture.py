"""An image in cells: two pixels in each, one above the other; without colours and signs, light and dark as letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..paint.ink import Bit, Line

if TYPE_CHECKING:
    from ...core.pictures import Pixels

_RAMP = " .:-=+*#%@"
_COARSE = 0xF8
"""Colours are told apart in steps of eight: their styles are kept."""


def picture_lines(pixels: Pixels, *, ascii_only: bool = False) -> list[Line]:
    """The image, a line of cells for each two lines of pixels; neighbours that are alike are one piece."""
    lines: list[Line] = []
    for y in range(0, pixels.height, 2):
        bits: list[Bit] = []
        for x in range(pixels.width):
            upper = _colour(pixels, x, y)
            lower = _colour(pixels, x, y + 1) if y + 1 < pixels.height else (0, 0, 0)
            bit = _letter(upper, lower) if ascii_only else Bit("▀", _style(upper, lower))
            if bits and bits[-1].style == bit.style:
                bits[-1] = Bit(bits[-1].text + bit.text, bit.style)
            else:
                bits.append(bit)
        lines.append(tuple(bits))
    return lines


def _colour(pixels: Pixels, x: int, y: int) -> tuple[int, int, int]:
    at = 3 * (y * pixels.width + x)
    red, green, blue = pixels.data[at : at + 3]
    return red & _COARSE, green & _COARSE, blue & _COARSE


def _style(upper: tuple[int, int, int], lower: tuple[int, int, int]) -> str:
    return "sgr 38;2;{};{};{};48;2;{};{};{}".format(*upper, *lower)


def _letter(upper: tuple[int, int, int], lower: tuple[int, int, int]) -> Bit:
    red, green, blue = (sum(pair) / 2 for pair in zip(upper, lower, strict=True))
    light = (0.3 * red + 0.59 * green + 0.11 * blue) / 256
    return Bit(_RAMP[int(light * len(_RAMP))], "text")
