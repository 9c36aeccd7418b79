"""The command palette: every key's command by name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from ..projection.keys import Key

if TYPE_CHECKING:
    from ..stage import Stage


class KeyCommands(Provider):
    """Lists the commands as `group: description`, with the key and, where it does not work, why."""

    def _commands(self) -> Iterator[tuple[str, Key, str]]:
        app = cast("Stage", self.app)
        now = app.situation()
        keymap = app.keymap
        for key in keymap.keys:
            if key.id != "palette":
                why_not = keymap.reason(key.id, now)
                told = keymap.spell(key.help) if why_not is None else f"not now: {why_not}"
                yield f"{key.group}: {key.description}", key, f"{keymap.caps(key.id)}  {told}".strip()

    async def discover(self) -> Hits:
        for name, key, told in self._commands():
            yield DiscoveryHit(name, partial(self._press, key.id), help=told)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        found = False
        for name, key, told in self._commands():
            if (score := matcher.match(name)) > 0:
                found = True
                yield Hit(score, matcher.highlight(name), partial(self._press, key.id), help=told)
        if not found:
            yield Hit(1, "no command matches", _nothing, help="Esc closes the palette")

    async def _press(self, id: str) -> None:
        await self.app.run_action(f"press('{id}')")


def _nothing() -> None:
    """What the line that names no command does."""
