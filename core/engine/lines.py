"""Splits what a step prints into lines to tell, whatever the bytes and however fast they come."""

from __future__ import annotations

import codecs

MOST_CHARACTERS = 4096
"""A longer line is told cut; the log file has it whole."""


def _last_state(line: str) -> str:
    """What a terminal would show of a line that was rewritten with carriage returns."""
    return line.rstrip("\r").rpartition("\r")[2][:MOST_CHARACTERS]


class LineSplitter:
    """Feed it chunks, get complete lines. Holds at most one unfinished line of bounded length."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        text = self._rest + self._decoder.decode(data)
        *lines, self._rest = text.split("\n")
        if len(self._rest) > 2 * MOST_CHARACTERS:
            self._rest = _last_state(self._rest)
        return [_last_state(line) for line in lines]

    def end(self) -> list[str]:
        """The unfinished last line, if there is one."""
        rest = self._rest + self._decoder.decode(b"", final=True)
        self._rest = ""
        return [_last_state(rest)] if rest.strip("\r") else []
