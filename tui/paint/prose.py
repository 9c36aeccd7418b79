"""Descriptions as Markdown: headings, lists, quotes, code, emphasis, links, and all else as it is written.

What is foreign stays text: a link is shown with its address and leads nowhere, HTML is not read.
"""

from __future__ import annotations

import re

from .ink import Bit, Line
from .sanitize import clean_lines

LONGEST = 20_000
"""Characters of a description that are shown."""

_INLINE = re.compile(
    r"`([^`\n]{1,500})`"
    r"|\*\*([^*\n]{1,500})\*\*|__([^_\n]{1,500})__"
    r"|(?<![\w*])\*([^*\s][^*\n]{0,500})\*(?![\w*])|(?<![\w_])_([^_\s][^_\n]{0,500})_(?![\w_])"
    r"|!?\[([^\]\n]{0,300})\]\(([^()\s]{0,500})\)"
)
_BLOCK = re.compile(
    r"(?P<heading>#{1,6}) +|(?P<rule>(?:-{3,}|\*{3,}|_{3,})\s*$)|(?P<quote>> ?)|(?P<item> {0,8}(?:[-*+]|\d{1,4}[.)]) +)"
)
_FENCE = re.compile(r" {0,3}(```+|~~~+)")


def prose(text: str, *, ascii_only: bool = False) -> list[Line]:
    """The lines of a description. What goes on in the next line of a paragraph is joined to it."""
    lines: list[Line] = []
    paragraph: list[str] = []
    fence = ""

    def end() -> None:
        if paragraph:
            lines.append((Bit(""), *_inline(" ".join(paragraph))))
            paragraph.clear()

    for raw in clean_lines(text[:LONGEST]).rstrip("\n").split("\n"):
        opened = _FENCE.match(raw)
        if fence or opened:
            end()
            if not fence and opened:
                fence = opened[1]
            elif opened and opened[1].startswith(fence) and not raw.strip().strip(fence[0]):
                fence = ""
            else:
                lines.append((Bit("  "), Bit(raw, "accent")))
        elif not raw.strip():
            end()
            if lines and lines[-1]:
                lines.append(())
        elif (block := _BLOCK.match(raw)) is not None:
            end()
            lines.append(_block(block, raw[block.end() :], ascii_only))
        elif lines and not paragraph and lines[-1] and raw.startswith("  ") and _is_item(lines[-1]):
            lines[-1] = (*lines[-1], Bit(" "), *_inline(raw.strip()))
        else:
            paragraph.append(raw.strip())
    end()
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _is_item(line: Line) -> bool:
    return line[0].style == "guide" and bool(line[0].text.strip())


def _block(found: re.Match[str], rest: str, ascii_only: bool) -> Line:
    if found["heading"]:
        return (Bit(""), *(Bit(bit.text, f"{bit.style} bold") for bit in _inline(rest.rstrip(" #"))))
    if found["rule"]:
        return (Bit(("-" if ascii_only else "─") * 20, "guide"),)
    if found["quote"]:
        return (Bit("| " if ascii_only else "│ ", "guide"), *_inline(rest))
    return (Bit(found["item"], "guide"), *_inline(rest))


def _inline(text: str) -> list[Bit]:
    bits: list[Bit] = []
    at = 0
    for found in _INLINE.finditer(text):
        if found.start() > at:
            bits.append(Bit(text[at : found.start()], "text"))
        at = found.end()
        code, strong, strong2, slanted, slanted2, words, address = found.groups()
        if code is not None:
            bits.append(Bit(code, "accent"))
        elif (bold := strong or strong2) is not None:
            bits.append(Bit(bold, "text bold"))
        elif (italic := slanted or slanted2) is not None:
            bits.append(Bit(italic, "text italic"))
        else:
            bits.append(Bit(words or address, "text underline"))
            bits += [Bit(f" ({address})", "muted")] if words and address else []
    if at < len(text):
        bits.append(Bit(text[at:], "text"))
    return bits or [Bit("")]
