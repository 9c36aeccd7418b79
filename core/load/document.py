"""One YAML file as it was read: its values with the mark of each, and its lines for whoever shows one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from ..model import Json, Place
from ..problems import DefinitionError, Problem

_WIDEST_LINE = 200
BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class Node:
    """A value with its mark (line and column from 1). `keys` are the marks of a mapping's keys."""

    __slots__ = ("children", "column", "keys", "line", "value")

    def __init__(self, value: Json, line: int, column: int) -> None:
        self.value = value
        self.line = line
        self.column = column
        self.keys: dict[str, tuple[int, int]] = {}
        self.children: dict[str, Node] | list[Node] | None = None


@dataclass(frozen=True)
class Document:
    """One file as it was read. `root` is None where it is broken beyond reading or empty."""

    file: str
    text: str = ""
    root: Node | None = None
    problems: tuple[Problem, ...] = ()
    is_cut: bool = False
    """Whether `root` is only what stands above the place where the reader got stuck."""

    @property
    def data(self) -> Json:
        return None if self.root is None else self.root.value

    def checked(self) -> Document:
        """This document, if nothing is wrong with it. Raises DefinitionError."""
        if self.problems:
            raise DefinitionError(self.problems)
        return self

    @cached_property
    def lines(self) -> list[str]:
        return BREAK.split(self.text)

    def mark(self, *path: str | int, key: bool = False) -> tuple[int, int]:
        """The line and column of the value at `path`, or of its key; of the nearest above it, if absent."""
        mark = (1, 1) if self.root is None else (self.root.line, self.root.column)
        node = self.root
        for depth, part in enumerate(path):
            found = _child(node, part)
            if node is None or found is None:
                break
            of_key = node.keys.get(found[0])
            node = found[1]
            wants_key = (key and depth == len(path) - 1) or path[depth + 1 :] == ("asset",)
            mark = of_key if of_key and wants_key else (node.line, node.column)
        return mark

    def problem(self, message: str, *path: str | int, key: bool = False, hint: str = "") -> Problem:
        """`message` at the mark of `path`, with the text of its line."""
        return self.problem_at(message, *self.mark(*path, key=key), hint=hint)

    def problem_at(self, message: str, line: int, column: int, hint: str = "") -> Problem:
        is_text = "\0" not in self.text  # the bytes of a file that is none say nothing to a reader
        text = self.lines[line - 1] if is_text and 0 < line <= len(self.lines) else None
        return Problem(message, Place(self.file, line, column), hint, shown_line(text, column))


def shown_line(text: str | None, column: int) -> str | None:
    """`text` fit to be shown over a caret at `column`; None where that makes no sense."""
    if text is None or column > _WIDEST_LINE:
        return None
    if text.isprintable() and len(text) <= _WIDEST_LINE:
        return text
    return "".join(c if c.isprintable() else " " if c == "\t" else "\ufffd" for c in text[:_WIDEST_LINE])


def _child(node: Node | None, part: str | int) -> tuple[str, Node] | None:
    if node is None or node.children is None:
        return None
    children = node.children
    if isinstance(children, list):
        return ("", children[part]) if isinstance(part, int) and part < len(children) else None
    if isinstance(part, int):  # the mapping form of a list of pairs
        keys = list(children)
        return (keys[part], children[keys[part]]) if part < len(keys) else None
    return (part, children[part]) if part in children else None
