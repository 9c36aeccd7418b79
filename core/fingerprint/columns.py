"""Where a SyntaxError is, in characters: Python counts some of its columns in bytes."""

from __future__ import annotations

from ast import PyCF_ONLY_AST
from importlib.util import decode_source


def count_in_characters(error: SyntaxError, data: bytes) -> None:
    """Set the columns of `error`, which compiling `data` raised, to characters of its line, from 1.

    Before Python 3.13 the parser counts bytes if it is given bytes; what comes after the parser always does; and a
    byte order mark in the file of that name, whose line it looks up, leads it astray.
    """
    try:
        text = "" if data.isascii() else decode_source(data)
    except (SyntaxError, UnicodeDecodeError):
        return
    if not text:
        return
    try:
        compile(text, "<text>", "exec", PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as told:
        error.offset, error.end_offset, error.text = told.offset, told.end_offset, told.text
    else:
        lines = text.split("\n")
        error.offset = _characters(lines, error.lineno, error.offset)
        error.end_offset = _characters(lines, error.end_lineno, error.end_offset)


def _characters(lines: list[str], line: int | None, column: int | None) -> int | None:
    if line is None or column is None or column < 1 or not 0 < line <= len(lines):
        return column
    return len(lines[line - 1].encode("utf-8")[: column - 1].decode("utf-8", "ignore")) + 1
