"""Brings the Checks tab what the ledger has of the thing under the cursor, reading beside the loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...core.model import Asset, Node
from ...core.problems import ProblemError, number_of
from ...core.verdicts import Verdict
from ..paint.ink import Bit, Line
from ..paint.sanitize import clean
from ..panes.found import read_checks
from ..panes.overview import text_lines
from ..projection.session import Session

if TYPE_CHECKING:
    from ..stage import Stage


MOST_ASSETS = 12
"""Partitions of which the checks are shown at once."""

_NONE = ("nothing has to hold of it", "add `checks:` to its definition, or @check")


def is_bad(verdict: Verdict) -> bool:
    return verdict.outcome in ("failed", "warned")


class CheckWork:
    """Shows the checks of an asset, or of all that a task makes."""

    def __init__(self, app: Stage) -> None:
        self.app = app

    async def show(self, session: Session, node: Node, is_wanted: Callable[[], bool]) -> bool:
        """False if something else was wanted by the time it was read."""
        assets, note = wanted(session, node)
        if not assets:
            self.app.side.show([(Bit(words, "muted"),) for words in _NONE], node)
            return True
        try:
            lines: list[Line] = await self.app.aside.call(
                read_checks, session.bench.store, assets, session.clock(), self.app.ascii_only, note
            )
        except ProblemError as error:
            lines = text_lines(str(error), "failed")
        if not is_wanted():
            return False
        self.app.side.show([(Bit(clean(node.name), "text bold"),), *lines], node)
        return True


def wanted(session: Session, node: Node) -> tuple[list[Asset], str]:
    """The assets whose checks are shown: of what is divided those partitions of which not all holds, else the one that
    was made last. What is left out is told."""
    names = [node.name] if node.kind == "asset" else list(session.outputs_of(node.name))
    chosen, more = [], 0
    for name in names:
        parts = session.parts_of(Node("asset", name))
        if not parts or session.survey is None:
            chosen.append(name)
            continue
        verdicts = session.survey.verdicts
        bad = [part.name for part in parts if any(map(is_bad, verdicts.get(part.name, ())))]
        chosen += bad[:MOST_ASSETS] or [session.survey.made_last(name)]
        more += len(bad[MOST_ASSETS:])
    found = (session.graph.assets.get(name) or session.runs.assets.get(name) for name in chosen)
    note = f"{number_of(more, 'more partition')} with checks that did not pass" if more else ""
    return [asset for asset in found if asset is not None and asset.checks], note
