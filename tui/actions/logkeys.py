"""The keys of the log, and those that mean something else in a log than in the tree."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from ...core.problems import ProblemError, number_of
from ..aside import Aside
from ..background.logwork import LogWork
from ..projection.caps import named
from ..tty.clipboard import copy
from ..tty.editor import editor_command, pager_command
from ..tty.handing import handed_over
from ..widgets.logfiles import told_lines

if TYPE_CHECKING:
    from ..stage import Stage
    from .moves import Moves


class LogKeys:
    """One method for each key's id. Only called where the key's reason does not forbid it."""

    def __init__(self, app: Stage, moves: Moves, log: LogWork) -> None:
        self.app = app
        self._moves = moves
        self._log = log
        self._writes = Aside()
        self.view = app.side.log_view

    @property
    def _is_here(self) -> bool:
        return self.view.has_focus

    # ---- in a log or in the tree -----------------------------------------------------------------

    def filter(self) -> None:
        if self._is_here:
            self.app.find_input.open(self.view.search.needle.text if self.view.search is not None else "")
        else:
            self.app.open_filter()

    def next_match(self) -> None:
        if self._is_here:
            self._log.step(1)
        else:
            self._moves.to_match()

    def previous_match(self) -> None:
        self._log.step(-1)

    def mark_range(self) -> None:
        if self._is_here:
            self.view.marked_from = self.view.in_view()[0] if self.view.marked_from is None else None
            self.view.refresh()
            if self.view.marked_from is not None:
                self.app.tell(
                    "marked from the first line in view; scroll on, "
                    f"{named('copy')} copies, {named('mark_range')} takes the mark off"
                )
        else:
            self._moves.to_range()

    def copy(self) -> None:
        if self._is_here:
            first, last = self.view.marked
            if last < first:
                first, end = self.view.in_view()
                last = end - 1
            sent = copy(self.app, self.view.text(first, min(last, first + 20_000)))
            self.view.marked_from = None
            self.view.refresh()
            self.app.tell(f"sent to the clipboard: {number_of(sent.count(chr(10)) + 1, 'line')} of the log")
        elif (node := self.app.tree_view.node) is not None:
            self.app.tell(f"sent to the clipboard: {copy(self.app, node.name)}")

    # ---- how it is shown -------------------------------------------------------------------------

    def follow(self) -> None:
        if self.app.side.tab.name == "log":
            self.view.toggle_follow()
        else:
            self.app.side.go_to_tab("log")

    def wrap(self) -> None:
        self._turn_to_log()
        self.view.toggle_wrap()

    def times(self) -> None:
        self._turn_to_log()
        self.view.timed = not self.view.timed
        self.view.renew()
        source = self.view.source
        if self.view.timed and (source is None or source.time(0) is None):
            self.app.tell("of this log no times were kept")

    def whole_run(self) -> None:
        self._log.is_whole = not self._log.is_whole
        self._turn_to_log()
        self.app.show_side(again=True)

    def _turn_to_log(self) -> None:
        if self.app.side.tab.name != "log":
            self.app.side.go_to_tab("log")

    # ---- elsewhere -------------------------------------------------------------------------------

    async def pager(self) -> None:
        await self._open(pager_command)

    async def edit_log(self) -> None:
        line = (self.view.in_view()[0] if self.view.hit is None else self.view.hit) + 1
        await self._open(lambda file: editor_command(file, line))

    async def _open(self, command: Callable[[Path], list[str]]) -> None:
        """Another program gets a file of its own without escape sequences: pagers pass these on to the terminal."""
        source, file = self.view.source, None
        if source is None:
            return
        try:
            file, is_whole = await self._writes.call(handed_over, told_lines(source))
            with self.app.suspend():
                subprocess.run(command(file), check=False)  # noqa: ASYNC221 - the screen is away and nothing runs
            self.app.tell(
                "" if is_whole else "the log is too long for another program: it got the first part"
            )
        except ProblemError as error:
            self.app.tell(f"{error.message}: {error.hint}", "failed")
        except (OSError, ValueError, SuspendNotSupported) as error:
            self.app.tell(f"the log could not be shown elsewhere: {error}", "failed")
        finally:
            if file is not None:
                file.unlink(missing_ok=True)
        self.app.refresh()
