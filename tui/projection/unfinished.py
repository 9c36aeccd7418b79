"""What the last attempts left to be retried: failed, cancelled or interrupted. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.model import Node, State
from ...core.selection import quoted

if TYPE_CHECKING:
    from ...core.workbench import Snapshot

_BY_STATE = {State.FAILED: "state:failed+", State.CANCELLED: "state:cancelled+"}
"""How what is retried is selected on the command line; what was interrupted only by its name."""


class Unfinished:
    """Counts the steps that can be retried, once for each survey."""

    def __init__(self) -> None:
        self._counted: tuple[Snapshot | None, int] = (None, 0)

    def count(self, look: Snapshot | None) -> int:
        if look is not self._counted[0]:
            self._counted = look, len(look.survey.unfinished) if look is not None else 0
        return self._counted[1]


def retried(look: Snapshot | None) -> list[str]:
    """The words that select on the command line what a retry takes."""
    tasks = look.survey.unfinished if look is not None else []
    states = look.states if look is not None else {}
    words = (_BY_STATE.get(states[Node("task", task)]) or f"{quoted(task)}+" for task in tasks)
    return list(dict.fromkeys(words))
