"""Gives each task and asset the grid that it is divided by, and says which grids and inputs do not fit."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..model import Json, ShellAction, SqlAction, Task, identifier
from ..problems import Problem, ProblemError, number_of
from .drafts import Draft
from .entries import YamlFile
from .grids import KINDS, Grid
from .merge import Merged
from .names import did_you_mean, shown

if TYPE_CHECKING:
    from ..partitions.grid import Dimension
    from ..partitions.mapping import Space

Path = tuple[str | int, ...]


def divide(merged: Merged, drafts: Sequence[Draft], yaml: Sequence[YamlFile]) -> list[Problem]:
    """Puts the grids into the tasks and assets of `merged`; returns all that is wrong with them."""
    is_said = any(_said(draft) or any(dep.partitions for dep in draft.reads[1]) for draft in drafts)
    if not is_said and not any(each.head.partitions for each in yaml):
        return []
    divider = _Divider(merged, {(draft.kind, draft.name): draft for draft in drafts})
    divider.name_grids(yaml)
    divider.give()
    if not divider.problems:
        divider.check_inputs()
    return divider.problems


def _said(draft: Draft) -> list[Grid]:
    entry = draft.asset or draft.task
    return entry.partitions if entry is not None else []


def _dimension(name: str, grid: Grid) -> Dimension:
    from ..partitions.grid import Dimension

    periods = next((p for p in (grid.hourly, grid.daily, grid.weekly, grid.monthly) if p is not None), None)
    if periods is None:
        return Dimension(name, "static", tuple(grid.static or ()))
    return Dimension(name, grid.kind, (), periods.start, periods.end, periods.timezone)


class _Divider:
    def __init__(self, merged: Merged, drafts: Mapping[tuple[str, str], Draft]) -> None:
        self.merged = merged
        self.drafts = drafts
        self.grids: dict[str, Dimension] = {}
        self.divided: dict[str, tuple[Dimension, ...]] = {}
        self.problems: list[Problem] = []

    # ---- grids ---------------------------------------------------------------------------------

    def name_grids(self, yaml: Iterable[YamlFile]) -> None:
        first: dict[str, str] = {}
        for each in yaml:
            for name, grid in each.head.partitions.items():
                found = _dimension(name, grid)
                at: Path = ("partitions", name)
                if wrong := self.fault(found):
                    key, told = wrong
                    message = f"partitions: {shown(name)}: {told}"
                    self.problems.append(each.document.problem(message, *at, grid.kind, *key))
                elif name in self.grids and self.grids[name].grid != found.grid:
                    message = f"the grid {shown(name)} is another in {first[name]}"
                    self.problems.append(each.document.problem(message, *at, key=True))
                self.grids.setdefault(name, found)
                first.setdefault(name, each.file)

    def fault(self, dimension: Dimension) -> tuple[Path, str] | None:
        """What is wrong with a grid, and below which key."""
        from ..partitions.grid import GridFault, cells, check, settled

        try:
            check(dimension)
            cells(dimension, settled(dimension, datetime.fromtimestamp(time.time(), UTC)))
        except GridFault as fault:
            told = str(fault)
            if fault.key == "timezone":
                from zoneinfo import available_timezones

                near = did_you_mean(dimension.timezone, available_timezones())
                told += f": {near}" if near else ""
            return () if fault.key == "static" else (fault.key,), told
        except ProblemError as problem:
            return (), str(problem.message)
        return None

    # ---- who is divided ------------------------------------------------------------------------

    def give(self) -> None:
        merged = self.merged
        for (kind, name), draft in self.drafts.items():
            if kind == "asset" and _said(draft) and merged.assets[name].is_source:
                told, hint = "a source is not divided", "divide what is made of it"
                self.problems.append(draft.problem(told, "partitions", key=True, hint=hint))
        for name, task in merged.tasks.items():
            dimensions = self.of_task(name, task)
            if not dimensions:
                continue
            from ..partitions.grid import as_json

            self.divided[name] = dimensions
            said: Json = [as_json(one) for one in dimensions]
            merged.tasks[name] = replace(task, partitions=said)
            for asset in task.outputs:
                merged.assets[asset] = replace(merged.assets[asset], partitions=said)

    def of_task(self, name: str, task: Task) -> tuple[Dimension, ...]:
        own = self.drafts.get(("task", name))
        sayers = [own] if own is not None else []
        sayers += [draft for asset in task.outputs if (draft := self.drafts.get(("asset", asset)))]
        found: tuple[Dimension, ...] = ()
        for draft in sayers:
            if not _said(draft):
                continue
            dimensions = tuple(self.read(draft))
            if found and dimensions != found:
                message = f"it is divided otherwise than the task {shown(name)}, which makes it"
                self.problems.append(draft.problem(message, "partitions", key=True))
            elif own is not None and draft is not own and not found:
                message = f"the task {shown(name)}, which makes it, is not divided"
                hint = f"say partitions: at the task {name}"
                self.problems.append(draft.problem(message, "partitions", key=True, hint=hint))
            found = found or dimensions
        if found:
            self.check_names(sayers[0], task, found)
        return found

    def read(self, draft: Draft) -> Iterator[Dimension]:
        """The dimensions that a draft names or defines."""
        named: set[str] = set()
        is_list = len(_said(draft)) > 1
        for number, grid in enumerate(_said(draft)):
            path: Path = ("partitions", number) if is_list else ("partitions",)
            if grid.grid:
                if (known := self.grids.get(grid.grid)) is None:
                    hint = did_you_mean(grid.grid, self.grids) or "name it at the top: partitions: {…}"
                    self.problems.append(
                        draft.problem(f"there is no grid {shown(grid.grid)}", *path, hint=hint)
                    )
                    continue
                found = known
            else:
                found = _dimension(KINDS[grid.kind], grid)
                if wrong := self.fault(found):
                    self.problems.append(
                        draft.problem(f"partitions: {wrong[1]}", *path, grid.kind, *wrong[0])
                    )
                    continue
            if found.name in named:
                self.problems.append(draft.problem(f"it is divided by {shown(found.name)} twice", *path))
            named.add(found.name)
            yield found

    def check_names(self, draft: Draft, task: Task, dimensions: Sequence[Dimension]) -> None:
        """What a partition is called in the code must be nothing else there."""
        if not isinstance(task.action, ShellAction | SqlAction):
            return
        words = {"partition", "partition_start", "partition_end"}
        words |= {identifier(one.name).lower() for one in dimensions}
        if isinstance(task.action, ShellAction):
            taken = {*(given.identifier for given in task.inputs), *map(identifier, task.params), *task.env}
            words = {word.upper() for word in words}
        else:
            taken = set(task.params)
        for name in sorted(words & taken):
            message = f"{shown(name)} means the partition here, and something else as well"
            self.problems.append(draft.problem(message, hint="rename the param, the input (as:) or the grid"))

    # ---- what they read ------------------------------------------------------------------------

    def check_inputs(self) -> None:
        from ..partitions.grid import MOST_KEYS
        from ..partitions.mapping import Space

        now = datetime.fromtimestamp(time.time(), UTC)
        spaces = {name: Space.at(dimensions, now) for name, dimensions in self.divided.items()}
        total = 0
        for name, task in self.merged.tasks.items():
            draft = self.drafts.get(("task", name)) or self.maker(task)
            if draft is None:
                continue
            total += len(spaces.get(name, ()))
            if total > MOST_KEYS >= total - len(spaces.get(name, ())):
                message = f"with it, all tasks have {number_of(total, 'partition')}: at most {MOST_KEYS:,} are possible"
                self.problems.append(draft.problem(message, "partitions", key=True))
            mine = spaces.get(name, Space((), ()))
            self.check_task(draft, task, mine, spaces)

    def maker(self, task: Task) -> Draft | None:
        found = (self.drafts.get(("asset", asset)) for asset in task.outputs)
        return next((draft for draft in found if draft is not None and draft.action is not None), None)

    def check_task(self, draft: Draft, task: Task, mine: Space, spaces: Mapping[str, Space]) -> None:
        key, written = draft.reads
        for given in task.inputs:
            place = next((n for n, dep in enumerate(written) if dep.asset == given.asset), None)
            path: Path = (key,) if place is None else (key, place)
            theirs = spaces.get(self.merged.assets[given.asset].task or "")
            if theirs is not None:
                self.check_rule(draft, mine, theirs, given.asset, given.mapping, path)
            elif given.mapping:
                message = f"{shown(given.asset)} is not divided into partitions"
                self.problems.append(draft.problem(message, *path, "partitions", key=True))
        for number, name in enumerate(task.after):
            if name in spaces:
                self.check_rule(draft, mine, spaces[name], name, "", ("after", number))

    def check_rule(
        self, draft: Draft, mine: Space, theirs: Space, name: str, mapping: str, path: Path
    ) -> None:
        from ..partitions.mapping import MappingFault, rule

        try:
            rule(mine, theirs, mapping)
        except MappingFault as fault:
            is_input = isinstance(path[0], str) and path[0] != "after"
            hint = f"say which: {path[0]}: [{{asset: {name}, partitions: all}}]" if is_input else ""
            message = f"which partitions of {shown(name)} it reads is not clear: {fault}"
            self.problems.append(draft.problem(message, *path, hint=hint))
