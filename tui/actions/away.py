"""The keys that leave the screen for a while: for the editor, and for plain lines."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from ...core.problems import ProblemError
from ..background.stream import Streamer
from ..projection.situation import place_of
from ..tty.editor import editor_command

if TYPE_CHECKING:
    from ..stage import Stage


class Away:
    """One method for each key's id. `reload` is done after the editor."""

    def __init__(self, app: Stage, reload: Callable[[], Awaitable[None]]) -> None:
        self.app = app
        self._reload = reload
        self.streamer = Streamer(self._print)

    async def edit(self) -> None:
        session = self.app.session
        place = place_of(session, self.app.tree_view.node) if session is not None else None
        if session is None or place is None:
            return
        try:
            command = editor_command(self.app.bench.root / place.file, place.line)
            with self.app.suspend():
                subprocess.run(command, check=False)  # noqa: ASYNC221 - the screen is away and nothing runs
        except ProblemError as error:
            self.app.tell(f"{error.message}: {error.hint}", "failed")
            return
        except (OSError, SuspendNotSupported) as error:
            self.app.tell(f"the editor did not start: {error}", "failed")
            return
        self.app.refresh()
        await self._reload()

    def back(self, _: object) -> None:
        """Draws everything anew: a shell that was returned from has left an empty screen."""
        self.app.refresh(layout=True)
        self.app.screen.refresh(layout=True)

    async def stream(self) -> None:
        """Plain lines instead of the screen, until Enter."""
        loop = asyncio.get_running_loop()
        entered: asyncio.Future[None] = loop.create_future()
        fd = sys.__stdin__.fileno() if sys.__stdin__ is not None else -1

        def typed() -> None:
            sys.__stdin__.readline()  # type: ignore[union-attr]
            if not entered.done():
                entered.set_result(None)

        try:
            with self.app.batch_update(), self.app.suspend():
                self._print("-- plain lines; Enter comes back to the screen --\n")
                self.streamer.open = True
                loop.add_reader(fd, typed)
                try:
                    await entered
                finally:
                    loop.remove_reader(fd)
                    self.streamer.open = False
        except SuspendNotSupported:
            self.app.tell("this terminal cannot be left and come back to")
        self.app.refresh(layout=True)

    @staticmethod
    def _print(text: str) -> None:
        if sys.__stdout__ is not None:
            sys.__stdout__.write(text)
            sys.__stdout__.flush()
