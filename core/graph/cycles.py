"""Finds the circles in broken definitions, and names a short one of each in the user's words."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ..model import Definitions, Place, Task
from ..problems import Problem, number_of

SHOWN_CIRCLES = 10
SHOWN_NAMES = 10
LOOKS = 4_000_000
"""Edges looked at in search of a shorter circle, per component, before the best one found is told."""

Links = list[list[int]]


def cycle_problems(definitions: Definitions) -> list[Problem]:
    """One problem for each group of tasks that need each other, at most 10 and a count of the rest.

    References to what is not defined are ignored here.
    """
    tasks = list(definitions.tasks.values())
    needs = _needs(tasks)
    stuck = _stuck(needs)
    if not stuck:
        return []
    circles = _components(needs, stuck)
    problems = [_problem(definitions, tasks, _shortest(needs, one)) for one in circles[:SHOWN_CIRCLES]]
    more = len(circles) - SHOWN_CIRCLES
    if more > 0:
        place = _place(definitions, tasks[circles[SHOWN_CIRCLES][0]])
        told = number_of(more, "more circle like these is", "more circles like these are")
        problems.append(Problem(f"{told} not shown", place))
    return problems


def _needs(tasks: Sequence[Task]) -> Links:
    """For each task, by number, the tasks that must be done before it."""
    numbers = {task.name: number for number, task in enumerate(tasks)}
    makers = {asset: number for number, task in enumerate(tasks) for asset in task.outputs}
    needs: Links = []
    for task in tasks:
        before = {makers[one.asset]: None for one in task.inputs if one.asset in makers}
        before.update((numbers[one], None) for one in task.after if one in numbers)
        needs.append(list(before))
    return needs


def _turned(needs: Links) -> Links:
    waiting: Links = [[] for _ in needs]
    for number, before in enumerate(needs):
        for one in before:
            waiting[one].append(number)
    return waiting


def _stuck(needs: Links) -> set[int]:
    """The tasks that are never ready: those in a circle or behind one."""
    waiting = _turned(needs)
    left = [len(before) for before in needs]
    ready = [number for number, count in enumerate(left) if not count]
    done = 0
    while ready:
        done += 1
        for number in waiting[ready.pop()]:
            left[number] -= 1
            if not left[number]:
                ready.append(number)
    return {number for number, count in enumerate(left) if count} if done < len(needs) else set()


def _components(needs: Links, stuck: set[int]) -> list[list[int]]:
    """The groups in which each needs each other, all in the order of definition."""
    import networkx as nx

    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_edges_from((one, number) for number in stuck for one in needs[number] if one in stuck)
    groups = [sorted(group) for group in nx.strongly_connected_components(graph)]
    return sorted(one for one in groups if len(one) > 1 or one[0] in needs[one[0]])


# ---- the shortest circle of a component ------------------------------------------------------


def _shortest(needs: Links, members: list[int]) -> list[int]:
    """A shortest circle, each member needed by the next one.

    Looks for the shortest circle through one member, takes that member away with all that no longer
    stands in a circle, and goes on: what is left can only hold shorter ones.
    """
    for number in members:
        if number in needs[number]:
            return [number]
    core = _Core(needs, members)
    best: list[int] = []
    looks = LOOKS
    for start in members:
        if start not in core.before:
            continue
        found, looked = core.circle(start, len(best) or len(members) + 1)
        best = found or best
        looks -= looked
        if len(best) == 2 or looks < 0:
            break
        core.remove(start)
    turn = best.index(min(best))
    return best[turn:] + best[:turn]


class _Core:
    """The members that still stand in a circle, with the links among them in both directions."""

    def __init__(self, needs: Links, members: list[int]) -> None:
        inside = set(members)
        self.before = {number: {one: None for one in needs[number] if one in inside} for number in members}
        self.behind: dict[int, dict[int, None]] = {number: {} for number in members}
        for number, before in self.before.items():
            for one in before:
                self.behind[one][number] = None

    def circle(self, start: int, bound: int) -> tuple[list[int], int]:
        """The shortest circle through `start` that is shorter than `bound`, and how many links it took."""
        came = {start: start}
        queue = deque([(start, 1)])
        looked = 0
        while queue:
            number, length = queue.popleft()
            if length >= bound:
                break
            looked += len(self.behind[number])
            for one in self.behind[number]:
                if one == start:
                    return _path(came, number), looked
                if one not in came:
                    came[one] = number
                    queue.append((one, length + 1))
        return [], looked

    def remove(self, number: int) -> None:
        gone = [number]
        while gone:
            number = gone.pop()
            if number not in self.before:
                continue
            for one in self.before.pop(number):
                if one in self.behind:
                    self.behind[one].pop(number)
                    if not self.behind[one]:
                        gone.append(one)
            for one in self.behind.pop(number):
                if one in self.before:
                    self.before[one].pop(number)
                    if not self.before[one]:
                        gone.append(one)


def _path(came: dict[int, int], last: int) -> list[int]:
    path = [last]
    while came[path[-1]] != path[-1]:
        path.append(came[path[-1]])
    path.reverse()
    return path


# ---- in words --------------------------------------------------------------------------------


def _problem(definitions: Definitions, tasks: Sequence[Task], circle: list[int]) -> Problem:
    members = [tasks[number] for number in circle]
    names: list[str] = []
    for task, following in zip(members, members[1:] + members[:1], strict=True):
        names += _step(definitions, task, following)
    first, last = members[0], members[-1]
    passed = _passed(last, first)
    what = f"the input {passed!r}" if passed else f"`after: {last.name}`"
    hint = f"take one arrow out, for instance {what} of {first.name!r}"
    if len(names) == 1:
        return Problem(f"{names[0]} needs itself: {names[0]} → {names[0]}", _place(definitions, first), hint)
    message = f"these need each other in a circle: {_arrows(names)}"
    return Problem(message, _place(definitions, first), hint)


def _step(definitions: Definitions, task: Task, following: Task) -> list[str]:
    """What the user calls a step of the circle: the asset that is passed on, and the task if it differs."""
    passed = _passed(task, following)
    if passed == task.name:
        return [passed]
    name = f"task:{task.name}" if task.name in definitions.assets else task.name
    return [name] if passed is None else [name, passed]


def _passed(task: Task, following: Task) -> str | None:
    return next((one.asset for one in following.inputs if one.asset in task.outputs), None)


def _arrows(names: list[str]) -> str:
    if len(names) < SHOWN_NAMES:
        return " → ".join([*names, names[0]])
    return " → ".join(names[:SHOWN_NAMES]) + f" → … ({len(names)} in all)"


def _place(definitions: Definitions, task: Task) -> Place:
    if task.place.file or not task.outputs or task.outputs[0] not in definitions.assets:
        return task.place
    return definitions.assets[task.outputs[0]].place
