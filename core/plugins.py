"""Packages that a user installed beside Bakehouse to teach it more: kinds of steps, and ways to notify.

A plugin is an entry point of the group `bakehouse.plugins`: a module, a class or an object with `step_kinds` (a key of
a step to a function from what stands under it to the keys that it stands for) or `notifiers` (a name to a function that
is told what happened), or both. It is only imported when a project uses a key that is not known otherwise. One that
cannot be imported is left out, and named wherever something is missed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from .model import Json

GROUP = "bakehouse.plugins"
StepKind = Callable[[Json], Mapping[str, Json]]
Notifier = Callable[[Mapping[str, Json]], object]


@dataclass(frozen=True, slots=True)
class Plugins:
    """What the plugins bring, each with the name of its plugin; `broken` are those that could not be loaded."""

    step_kinds: Mapping[str, tuple[str, StepKind]] = field(default_factory=dict)
    notifiers: Mapping[str, tuple[str, Notifier]] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    def told(self) -> str:
        """Which are broken, in words; empty if none is."""
        return "; ".join(f"the plugin {name} is disabled: {why}" for name, why in self.broken.items())


@cache
def plugins() -> Plugins:
    """All plugins that are installed, loaded once. Never raises.

    The folder that one works in is not looked at: what lies in a project is no plugin before it is installed.
    """
    kinds: dict[str, tuple[str, StepKind]] = {}
    notifiers: dict[str, tuple[str, Notifier]] = {}
    broken: dict[str, str] = {}
    names = []
    path = list(sys.path)
    sys.path[:] = _installed()
    try:
        for point in sorted(_points(), key=lambda one: one.name):
            names.append(point.name)
            try:
                with redirect_stdout(sys.stderr):
                    plugin = point.load()
                _take(point.name, plugin, kinds, notifiers)
            except (Exception, SystemExit) as error:
                broken[point.name] = f"{type(error).__name__}: {error}".split("\n", 1)[0][:500]
    finally:
        sys.path[:] = path
    return Plugins(kinds, notifiers, broken, tuple(names))


def _installed() -> list[str]:
    here = {"", ".", str(Path.cwd())}
    return [entry for entry in sys.path if entry not in here and Path(entry).is_absolute()]


def _points() -> Iterator[metadata.EntryPoint]:
    seen: set[str] = set()
    for found in metadata.distributions(path=_installed()):
        name = found.metadata["Name"]
        if name not in seen:
            seen.add(name)
            yield from (point for point in found.entry_points if point.group == GROUP)


def _take(
    name: str,
    plugin: Any,
    kinds: dict[str, tuple[str, StepKind]],
    notifiers: dict[str, tuple[str, Notifier]],
) -> None:
    brought = dict(getattr(plugin, "step_kinds", {})), dict(getattr(plugin, "notifiers", {}))
    owners = {key: owner for known in (kinds, notifiers) for key, (owner, _) in known.items()}
    for key, function in (item for offered in brought for item in offered.items()):
        if not isinstance(key, str) or not callable(function):
            raise TypeError(f"{key!r} is no name of a function")
        if key in owners:
            raise ValueError(f"{key} is brought by the plugin {owners[key]} already")
    kinds.update({key: (name, function) for key, function in brought[0].items()})
    notifiers.update({key: (name, function) for key, function in brought[1].items()})


NOTIFY = 'exec "$BAKEHOUSE_SELF" -P -c "from bakehouse.core.plugins import notify; notify()"'
"""The command of a hook that calls a notifier: in a child, as any hook."""


def notify() -> None:
    """Calls the notifier that the environment names. Ends with 1, and a sentence, where there is none."""
    name, told = os.environ["BAKEHOUSE_NOTIFIER"], json.loads(os.environ["BAKEHOUSE_TOLD"])
    found = plugins().notifiers.get(name)
    if found is None:
        sys.exit("; ".join(filter(None, (f"no plugin brings the notifier {name!r}", plugins().told()))))
    found[1](told)
