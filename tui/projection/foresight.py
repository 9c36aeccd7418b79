"""How long the run under way still takes: looked at anew about once a second, and told steadily."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ...core.model import State
from ...core.plan.timing import Due, Forecast, forecast, typical, usual
from .live import OPEN, Live, Step

if TYPE_CHECKING:
    from ...core.graph.graph import Graph

STEADY = 1.0
"""Seconds for which what was told stands."""
AT_ONCE = 500
"""So many open steps are looked at where they are asked for; more of them beside the loop."""
_SHARE = 10
"""A look beside the loop is followed by this many times its own length without one."""


def due_steps(live: Live, graph: Graph, now: float) -> list[Due]:
    """What is not over of the run, in the order of its plan. `now` is Unix time in seconds."""
    return [
        Due(
            task,
            graph.before(task) if task in graph.tasks else (),
            step.estimate,
            step.elapsed(now) if step.state is State.RUNNING else None,
            step.fraction if step.state is State.RUNNING else None,
            graph.tasks[task].pool if task in graph.tasks else None,
        )
        for task, step in list(live.steps.items())
        if step.state in OPEN
    ]


def foresee(live: Live, graph: Graph, durations: Mapping[str, Sequence[float]], now: float) -> Forecast:
    """What the rest of the run takes, as of `now`. What this run took counts where a step has no history, then
    what other tasks of the project take. May be called beside the loop that tells `live`."""
    due = due_steps(live, graph, now)
    middle = None
    if all(one.usual is None for one in due):
        middle = usual(_taken(list(live.steps.values()))) or typical(durations)
    return forecast(due, live.jobs, pools=graph.definitions.pools, typical=middle)


def _taken(steps: Sequence[Step]) -> Iterator[float]:
    return (step.seconds for step in steps if step.state is State.FRESH and step.seconds is not None)


class Foresight:
    """What was foreseen of one run, counted down until the next look. `look` is in proportion to its steps."""

    def __init__(
        self, live: Live, look: Callable[[float], Forecast], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.live = live
        self._look = look
        self._clock = clock
        self._found: tuple[float, Forecast] | None = None
        self._told: tuple[float, float] | None = None
        self._next = 0.0

    def _is_large(self) -> bool:
        return self.live.total - self.live.done > AT_ONCE

    def eta(self, now: float) -> float | None:
        """Seconds until the last step ends; None while there is nothing to go by. Changes at most once a second."""
        if self._told is not None and 0 <= now - self._told[0] < STEADY:
            return self._told[1]
        if not self._is_large():
            self._found = (now, self._look(now))
        if self._found is None or (seconds := self._found[1].seconds) is None:
            return None
        self._told = (now, max(0.0, seconds - max(0.0, now - self._found[0])))
        return self._told[1]

    def is_due(self) -> bool:
        """Whether it is time to `look` beside the loop: `eta` itself looks only where there are few steps."""
        return self._is_large() and self._clock() >= self._next

    def look(self, now: float) -> None:
        """Looks, however many steps there are."""
        began = self._clock()
        self._next = math.inf
        self._found = (now, self._look(now))
        ended = self._clock()
        self._next = ended + max(STEADY, _SHARE * (ended - began))


class Outlook:
    """What is foreseen on one screen: of the run, and of what could be run."""

    def __init__(self, look: Callable[[Live, float], Forecast]) -> None:
        self._look = look
        self._foresight: Foresight | None = None
        self._costs: dict[type, tuple[object, Forecast]] = {}

    def of(self, live: Live) -> Foresight:
        """What is foreseen of the run that goes on."""
        if self._foresight is None or self._foresight.live is not live:
            self._foresight = Foresight(live, partial(self._look, live))
        return self._foresight

    def weighed(self, what: object, cost: Forecast) -> None:
        """`what` (a plan, a ledger) would take `cost`. Of each kind the last is kept."""
        self._costs[type(what)] = what, cost

    def cost_of(self, what: object) -> Forecast | None:
        """What `what` would take, if that was looked up."""
        kept, cost = self._costs.get(type(what), (None, None))
        return cost if kept == what else None
