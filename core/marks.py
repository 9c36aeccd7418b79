"""What is new, changed or removed against the baseline, which is what the user last accepted."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from .model import Definitions, Node, Reason
from .plan import StaticKey
from .problems import NotTrusted, StoreError
from .store.baseline import Baseline, baseline_stamp, load_baseline, save_baseline
from .store.store import Store


@dataclass(frozen=True, slots=True)
class Marks:
    """Nodes that the baseline has not, has otherwise, and has alone.

    `since` is what the user compares with, empty for what was last accepted; `changes` are then, by task, what
    differs in the definition.
    """

    new: frozenset[Node] = frozenset()
    changed: frozenset[Node] = frozenset()
    removed: tuple[Node, ...] = ()
    since: str = ""
    changes: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)


def as_baseline(definitions: Definitions, keys: Mapping[str, StaticKey], taken: float) -> Baseline:
    """What is defined now, as a baseline: a digest of each definition, code and all. `taken` is Unix time."""
    from .fingerprint.canonical import digest

    tasks: dict[str, str] = {}
    none: list[str] = []
    for name, key in keys.items():
        task = definitions.tasks[name]
        needs = [given.asset for given in task.inputs]
        code = dict(key.code) if key.code else {}
        tasks[name] = digest([code, dict(key.config), needs, list(task.after) if task.after else none])
    assets = {
        name: tasks[asset.task] if asset.task else digest(["source", asset.file or ""])
        for name, asset in definitions.assets.items()
    }
    return Baseline(assets, tasks, taken)


def _nodes(baseline: Baseline) -> dict[Node, str]:
    found = {Node("asset", name): value for name, value in baseline.assets.items()}
    found |= {Node("task", name): value for name, value in baseline.tasks.items()}
    return found


def marks_between(before: Baseline, now: Baseline) -> Marks:
    """What `now` has that differs from `before`."""
    if before.assets == now.assets and before.tasks == now.tasks:
        return Marks()
    old, new = _nodes(before), _nodes(now)
    return Marks(
        frozenset(node for node in new if node not in old),
        frozenset(node for node, value in new.items() if old.get(node, value) != value),
        tuple(node for node in old if node not in new),
    )


def _is_half_read(definitions: Definitions, trusted: bool) -> bool:
    """Whether there is code that was not read, as the project is not trusted."""
    is_code = any(task.action.kind == "python" for task in definitions.tasks.values())
    return not trusted and (bool(definitions.withheld) or is_code)


def as_far_as_read(marks: Marks, definitions: Definitions, *, trusted: bool) -> Marks:
    """Where code was not read only what is new is known to be so: what it defines may be there, and as it was."""
    return Marks(new=marks.new, since=marks.since) if _is_half_read(definitions, trusted) else marks


def read_whole(baseline: Baseline, definitions: Definitions, *, trusted: bool) -> Baseline:
    """`baseline`, where all of `definitions` was read. Raises `NotTrusted` otherwise."""
    if _is_half_read(definitions, trusted):
        raise NotTrusted("the code of this project was not read: it is not trusted", "bakehouse trust")
    return baseline


class Accepted:
    """The baseline of one choice of definition files. It goes with the store that it is kept in."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        self._kept_in = store.identity()
        self._stamp: object = baseline_stamp(store.folder, name)
        self.baseline = load_baseline(store.folder, name)

    def accept(self, now: Baseline) -> None:
        """Makes `now` the baseline. Raises `StoreError` where it cannot be kept."""
        self.baseline = now
        if self._store.writable:
            save_baseline(self._store.folder, now, self._name)
            self._stamp = baseline_stamp(self._store.folder, self._name)

    def read_again(self) -> None:
        """Takes what another process accepted meanwhile. Blocking: looks at the file."""
        stamp = baseline_stamp(self._store.folder, self._name)
        if stamp != self._stamp:
            self._stamp = stamp
            self.baseline = load_baseline(self._store.folder, self._name) or self.baseline

    def marks(self, now: Baseline) -> Marks:
        """What `now` has that differs; nothing where there is no baseline yet. Blocking."""
        self._follow(now)
        self.read_again()
        return Marks() if self.baseline is None else marks_between(self.baseline, now)

    def _follow(self, now: Baseline) -> None:
        """Where the store was deleted, the project is as if it was opened for the first time; a store that was made
        since is given the baseline that is in use."""
        before, self._kept_in = self._kept_in, self._store.identity()
        if self._kept_in == before:
            return
        found = load_baseline(self._store.folder, self._name)
        if found is not None:
            self.baseline = found
        elif self._kept_in is None:
            self.baseline = now
        elif self.baseline is not None:
            with contextlib.suppress(StoreError):
                self.accept(self.baseline)
