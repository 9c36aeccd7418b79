"""How long steps take, by their own history, and what that comes to for all that is left. Pure."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from ..graph.graph import Graph
from .plan import Plan, median

ENOUGH = 5
"""So many durations must be known before a step can be called slow."""
_ASKED = 1000


def usual(times: Iterable[float]) -> float | None:
    """The middle one, of an even number the later of the two; None where there is none."""
    known = tuple(times)
    return median(known) if known else None


def slow_after(times: Sequence[float]) -> float | None:
    """The 90th percentile of a step's own durations, by nearest rank; None while fewer than `ENOUGH` are known."""
    if len(times) < ENOUGH:
        return None
    return sorted(times)[-(-len(times) * 9 // 10) - 1]


@dataclass(frozen=True, slots=True)
class Due:
    """One step that is not over. Of `needs`, those that are not due themselves count as over.

    `usual` is how long it takes in seconds, None where nothing is known; `elapsed` how long it has been running,
    None while it waits; `fraction` how much of it is done, where it says so.
    """

    task: str
    needs: tuple[str, ...] = ()
    usual: float | None = None
    elapsed: float | None = None
    fraction: float | None = None
    pool: str | None = None

    def rest(self, typical: float | None) -> float | None:
        """Seconds that it will still take; of one that nothing is known about, as if it took `typical`."""
        if self.elapsed and self.fraction:
            return self.elapsed * (1 - self.fraction) / self.fraction
        whole = typical if self.usual is None else self.usual
        return None if whole is None else max(0.0, whole - (self.elapsed or 0.0))


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is left, in seconds: `seconds` until the last step ends (None: nothing is known of any step), `work`
    the sum of all. `critical` is the chain of steps that takes longest, `length` how long it takes.

    Of `unknown` steps nothing is known: they count as the typical one does.
    """

    seconds: float | None = 0.0
    work: float = 0.0
    steps: int = 0
    unknown: int = 0
    critical: tuple[str, ...] = ()
    length: float = 0.0


def forecast(
    due: Sequence[Due],
    jobs: int,
    *,
    pools: Mapping[str, int] | None = None,
    typical: float | None = None,
) -> Forecast:
    """Plays through what is left, in the order that a run takes: who is ready first begins first, `jobs` at once,
    of a pool no more than its limit. `typical` counts for unknown steps where no due one is known.

    Takes time and space in proportion to the steps and what they need.
    """
    known = usual(one.usual for one in due if one.usual is not None)
    typical = typical if known is None else known
    rests = [one.rest(typical) for one in due]
    unknown = sum(one.usual is None and not (one.elapsed and one.fraction) for one in due)
    if any(rest is None for rest in rests):
        return Forecast(None, 0.0, len(due), unknown)
    weights = [rest or 0.0 for rest in rests]
    at = {one.task: n for n, one in enumerate(due)}
    needs = [[at[need] for need in one.needs if need in at] for one in due]
    chain, length = _longest(needs, weights)
    ends = _Play(due, needs, weights, jobs, pools or {}).end()
    names = tuple(due[n].task for n in chain)
    return Forecast(max(ends, length), sum(weights), len(due), unknown, names, length)


def plan_forecast(plan: Plan, graph: Graph, durations: Mapping[str, Sequence[float]], jobs: int) -> Forecast:
    """What `plan` would take; `durations` are those that are known of each task."""
    due = [
        Due(step.task, graph.before(step.task), step.estimate, pool=graph.tasks[step.task].pool)
        for step in plan.steps
        if step.action == "run" and step.task in graph.tasks
    ]
    known = any(one.usual is not None for one in due)
    return forecast(due, jobs, pools=graph.definitions.pools, typical=None if known else typical(durations))


def typical(durations: Mapping[str, Sequence[float]]) -> float | None:
    """What the middle one of the tasks usually takes, of the first `_ASKED` of them."""
    some = (durations[task] for task in islice(durations, _ASKED))
    return usual(median(tuple(times)) for times in some if times)


def critical_path(
    seconds: Mapping[str, float], needs: Callable[[str], Iterable[str]]
) -> tuple[tuple[str, ...], float]:
    """The chain of steps that takes longest, first to last, and how long; `seconds` is how long each step takes."""
    names = list(seconds)
    at = {name: n for n, name in enumerate(names)}
    chain, length = _longest(
        [[at[need] for need in needs(name) if need in at] for name in names], list(seconds.values())
    )
    return tuple(names[n] for n in chain), length


def _longest(needs: Sequence[Sequence[int]], weights: Sequence[float]) -> tuple[list[int], float]:
    """The chain of the greatest weight; of equal ones that which comes first."""
    behind = _behind(needs)
    left = [len(some) for some in needs]
    ends, came_from = list(weights), [-1] * len(weights)
    ready = deque(n for n, count in enumerate(left) if not count)
    while ready:
        n = ready.popleft()
        for after in behind[n]:
            if came_from[after] < 0 or ends[n] + weights[after] > ends[after]:
                ends[after], came_from[after] = ends[n] + weights[after], n
            left[after] -= 1
            if not left[after]:
                ready.append(after)
    at = max(range(len(ends)), key=ends.__getitem__, default=-1)
    length, chain = ends[at] if at >= 0 else 0.0, []
    while at >= 0:
        chain.append(at)
        at = came_from[at]
    return chain[::-1], length


def _behind(needs: Sequence[Sequence[int]]) -> list[list[int]]:
    behind: list[list[int]] = [[] for _ in needs]
    for n, some in enumerate(needs):
        for need in some:
            behind[need].append(n)
    return behind


class _Play:
    """A run on paper: steps begin, end and let others begin as the engine would have it."""

    def __init__(
        self,
        due: Sequence[Due],
        needs: Sequence[Sequence[int]],
        weights: Sequence[float],
        jobs: int,
        pools: Mapping[str, int],
    ) -> None:
        self._weights = weights
        self._left = [len(some) for some in needs]
        self._behind = _behind(needs)
        self._pool = [one.pool if one.pool in pools else None for one in due]
        self._room = dict(pools)
        self._lines: dict[str, deque[int]] = {name: deque() for name in pools}
        self._ready: deque[int] = deque()
        self._under_way: list[tuple[float, int]] = []
        for n, one in enumerate(due):
            if one.elapsed is not None:
                self._under_way.append((weights[n], n))
                if (pool := self._pool[n]) is not None:
                    self._room[pool] -= 1
        heapq.heapify(self._under_way)
        self._slots = max(1, jobs) - len(self._under_way)
        for n, one in enumerate(due):
            if one.elapsed is None and not self._left[n]:
                self._release(n)

    def end(self) -> float:
        """When the last step ends, in seconds from now."""
        now = 0.0
        while self._under_way or self._ready:
            while self._ready and (self._slots > 0 or not self._under_way):
                n = self._ready.popleft()
                self._slots -= 1
                heapq.heappush(self._under_way, (now + self._weights[n], n))
            now, n = heapq.heappop(self._under_way)
            self._slots += 1
            self._leave(n)
            for after in self._behind[n]:
                self._left[after] -= 1
                if not self._left[after]:
                    self._release(after)
        return now

    def _release(self, n: int) -> None:
        pool = self._pool[n]
        if pool is not None and self._room[pool] <= 0:
            self._lines[pool].append(n)
            return
        if pool is not None:
            self._room[pool] -= 1
        self._ready.append(n)

    def _leave(self, n: int) -> None:
        pool = self._pool[n]
        if pool is None:
            return
        self._room[pool] += 1
        if self._lines[pool] and self._room[pool] > 0:
            self._room[pool] -= 1
            self._ready.append(self._lines[pool].popleft())
