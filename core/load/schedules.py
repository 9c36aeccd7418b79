"""The schedules of a project, from YAML and from Python, and what is wrong with what they select."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from ..model import Definitions, Place
from ..problems import Problem
from ..schedules.schedule import KEPT_UP, Schedule
from .drafts import Origin
from .entries import YamlFile, spec_schedule
from .format import ScheduleEntry
from .names import shown
from .python_types import Spec

if TYPE_CHECKING:
    from ..selection import SelectionError


_OF_TIMES = ("timezone", "catch_up", "jitter")


class Lines(Protocol):
    """The lines of the project's files (`compose.Sources`)."""

    def line(self, place: Place) -> str | None: ...


class Schedules:
    """Collects them; what is wrong goes to `problems`."""

    def __init__(self, problems: list[Problem]) -> None:
        self.known: dict[str, Schedule] = {}
        self._origins: dict[str, Origin] = {}
        self._problems = problems

    def collect(self, yaml: Iterable[YamlFile], specs: Iterable[Spec], lines: Lines) -> None:
        for each in yaml:
            for name, entry in each.head.schedules.items():
                place = Place(each.file, *each.document.mark("schedules", name, key=True))
                self._take(name, entry, Origin(each.file, place, each.document, ("schedules", name)))
        for spec in specs:
            if spec.kind == "schedule":
                read = spec_schedule(spec, lines.line(Place(spec.file, spec.line)), self._problems)
                if read is not None:
                    self._take(spec.name, *read)

    def _take(self, name: str, entry: ScheduleEntry, origin: Origin) -> None:
        if name in self.known:
            first = self._origins[name]
            where = first.file if first.document is not None else str(first.place)
            message = f"the schedule {shown(name)} is defined twice: first in {where}"
            self._problems.append(origin.problem(message))
            return
        if fault := _fault(name, entry):
            self._problems.append(origin.problem(f"schedule {shown(name)}: {fault}"))
            return
        said = {key: getattr(entry, key) for key in ScheduleEntry.model_fields}
        said["on_change"] = tuple(entry.on_change)
        self.known[name] = Schedule(name, place=origin.place, **said)
        self._origins[name] = origin
        if entry.select:
            self._check_text(self.known[name])

    def _check_text(self, schedule: Schedule) -> None:
        from ..selection import SelectionError, parse

        try:
            parse(schedule.select)
        except SelectionError as error:
            self._refuse(schedule, error)

    def check(self, definitions: Definitions) -> None:
        """Whether what is selected is defined."""
        chosen = [one for one in self.known.values() if one.select]
        if not chosen:
            return
        from ..graph.graph import Graph
        from ..selection import SelectionError, parse

        graph = Graph(definitions)
        for schedule in chosen:
            try:
                parse(schedule.select).nodes(graph, {})
            except SelectionError as error:
                self._refuse(schedule, error)

    def _refuse(self, schedule: Schedule, error: SelectionError) -> None:
        origin = self._origins[schedule.name]
        at = f" (character {error.column} of the selection)" if error.column > 1 else ""
        message = f"schedule {shown(schedule.name)}: select: {error.reason}{at}"
        self._problems.append(origin.problem(message, "select", hint=error.hint))


def _fault(name: str, entry: ScheduleEntry) -> str:
    if name == KEPT_UP:
        return f"{KEPT_UP} is the name of what is kept up to date by itself; take another"
    if bool(entry.cron) == bool(entry.on_change):
        return "it says either when (cron) or on what (on_change)"
    if entry.on_change and (words := [word for word in _OF_TIMES if word in entry.model_fields_set]):
        return f"{words[0]} goes with cron, not with on_change"
    return ""
