"""Looking back while the definitions cannot be read: what the ledger knows, under the names that it has."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from .load.cache import DefinitionCache
from .load.interpreter import find_interpreter
from .model import Asset, Definitions, Json, PythonAction, Recorded, Task
from .naming import SEPARATOR, keys_of, split
from .places import store_folder
from .problems import ProblemError
from .store.store import Store
from .trust import is_trusted
from .whereabouts import project_at
from .workbench import Workbench

_UNKNOWN = PythonAction("", "")


def open_bygone(
    path: Path | None, *, trust: bool = False, interpreter: str | None = None
) -> Workbench | None:
    """The project at `path` with the definitions as they were read last, and what else the ledger knows; None where
    nothing was run. Blocking. Nothing of it may run.

    Raises ProblemError where there is no project, and StoreError where its store cannot be read.
    """
    project = project_at(path)
    store = Store.open(store_folder(project.root))
    if not store.runs(1):
        store.close()
        return None
    trusted = trust or is_trusted(project.root)
    try:
        python = find_interpreter(Path(project.root), interpreter)
    except ProblemError:
        python = ""
    memory = DefinitionCache.at(store.folder, project, python, trusted)
    known = None if memory is None else memory.recall_as_it_was()
    definitions = with_recorded(known, store.recorded(), str(project.root))
    return Workbench(project, definitions, store, python, trusted=False)


def with_recorded(known: Definitions | None, recorded: Recorded, root: str) -> Definitions:
    """`known`, and each task and asset besides that the ledger has a record, an attempt or a value of.

    Where nothing is `known`, any environment variable may be a secret.
    """
    if known is None:
        known = Definitions(root, {}, {}, secrets=tuple(os.environ))
    makers = {name: split(made.task)[0] for name, made in recorded.materializations.items()}
    nodes = (*recorded.steps, *recorded.attempts, *makers.values())
    parts = _parts((*nodes, *recorded.materializations))
    outputs: dict[str, dict[str, None]] = {split(node)[0]: {} for node in nodes}
    assets = dict(known.assets)
    for name, maker in makers.items():
        plain = split(name)[0]
        if plain not in assets:
            assets[plain] = Asset(plain, task=maker, partitions=_grid(parts.get(plain, ())))
            outputs[maker][plain] = None
    tasks = {
        name: Task(name, _UNKNOWN, outputs=tuple(made), partitions=_grid(parts.get(name, ())))
        for name, made in outputs.items()
        if name not in known.tasks
    }
    return replace(known, assets=assets, tasks={**known.tasks, **tasks})


def _parts(nodes: Iterable[str]) -> Mapping[str, list[tuple[str, ...]]]:
    """The keys of the partitions of each name that has some."""
    found: dict[str, dict[tuple[str, ...], None]] = {}
    for node in nodes:
        if SEPARATOR in node:
            plain, part = split(node)
            found.setdefault(plain, {})[keys_of(part)] = None
    return {name: list(keys) for name, keys in found.items()}


def _grid(parts: Iterable[tuple[str, ...]]) -> Json:
    """A grid that has all of `parts`, as definitions write it; None where there are none."""
    directions = zip(*parts, strict=True)
    said = [
        {"name": f"key{number}", "kind": "static", "keys": sorted(set(keys))}
        for number, keys in enumerate(directions, 1)
    ]
    return said or None
