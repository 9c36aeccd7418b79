"""Packages that a user installed beside Bakehouse to teach it more: kinds of steps, ways to notify, encodings of
values, and readers of other tools' projects.

A plugin is an entry point of the group `bakehouse.plugins`: a module, a class or an object that has any of the mappings
that `Plugins` has. It is only imported when something is asked for that is not known otherwise. One that cannot be
imported is left out, and named wherever something is missed.
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
from typing import Any, Protocol

from .model import OWN_CODECS, Json

GROUP = "bakehouse.plugins"
StepKind = Callable[[Json], Mapping[str, Json]]
"""What stands under the key of a step in, the keys that it stands for out."""
Notifier = Callable[[Mapping[str, Json]], object]
"""Is told what happened, as a hook is."""
Importer = Callable[[Path], Mapping[str, Json]]
"""The project of another tool in, what a `bakehouse.yaml` would say of it out."""

Brought = dict[str, dict[str, tuple[str, Any]]]


class Codec(Protocol):
    """An encoding of values that would be pickled otherwise. Equal values should come to equal bytes."""

    def handles(self, value: object, /) -> bool: ...
    def write(self, value: Any, path: Path, /) -> None:
        """Writes one file at `path`, which is not there yet."""

    def read(self, path: Path, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Plugins:
    """What the plugins bring, each with the name of its plugin; `broken` are those that could not be loaded."""

    step_kinds: Mapping[str, tuple[str, StepKind]] = field(default_factory=dict)
    notifiers: Mapping[str, tuple[str, Notifier]] = field(default_factory=dict)
    codecs: Mapping[str, tuple[str, Codec]] = field(default_factory=dict)
    importers: Mapping[str, tuple[str, Importer]] = field(default_factory=dict)
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
    brought: Brought = {part: {} for part in _PARTS}
    broken: dict[str, str] = {}
    names = []
    path = list(sys.path)
    sys.path[:] = _installed()
    try:
        for point in sorted(_points(), key=lambda one: one.name):
            names.append(point.name)
            try:
                with redirect_stdout(sys.stderr):
                    _take(point.name, point.load(), brought)
            except (Exception, SystemExit) as error:
                broken[point.name] = f"{type(error).__name__}: {error}".split("\n", 1)[0][:500]
    finally:
        sys.path[:] = path
    return Plugins(**brought, broken=broken, names=tuple(names))


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


def _take(name: str, plugin: Any, brought: Brought) -> None:
    """Takes all that a plugin brings, or nothing."""
    taken = {part: dict(getattr(plugin, part, {})) for part in _PARTS}
    for part, (what, is_fit) in _PARTS.items():
        for key, one in taken[part].items():
            if not isinstance(key, str) or not is_fit(one):
                raise TypeError(f"{key!r} in {part} is no name of {what}")
            if key in brought[part]:
                raise ValueError(f"{key} in {part} is brought by the plugin {brought[part][key][0]} already")
            if part == "codecs" and key in OWN_CODECS:
                raise ValueError(f"{key} in {part} is a name that Bakehouse has already")
    for part, offered in taken.items():
        brought[part].update({key: (name, one) for key, one in offered.items()})


def _is_codec(one: object) -> bool:
    return all(callable(getattr(one, name, None)) for name in ("handles", "write", "read"))


_PARTS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "step_kinds": ("a function", callable),
    "notifiers": ("a function", callable),
    "codecs": ("something with handles, write and read", _is_codec),
    "importers": ("a function", callable),
}


NOTIFY = 'exec "$BAKEHOUSE_SELF" -P -c "from bakehouse.core.plugins import notify; notify()"'
"""The command of a hook that calls a notifier: in a child, as any hook."""


def notify() -> None:
    """Calls the notifier that the environment names. Ends with 1, and a sentence, where there is none."""
    name, told = os.environ["BAKEHOUSE_NOTIFIER"], json.loads(os.environ["BAKEHOUSE_TOLD"])
    found = plugins().notifiers.get(name)
    if found is None:
        sys.exit("; ".join(filter(None, (f"no plugin brings the notifier {name!r}", plugins().told()))))
    found[1](told)
