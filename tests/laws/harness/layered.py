"""A project of layers whose every value is known beforehand, and which notes what ran."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bakehouse.core.model import Materialization
from bakehouse.core.problems import StoreError
from bakehouse.core.store.store import Store

_STEPS = """
import hashlib
import os
import pathlib
import time


def note(name, journal):
    descriptor = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, f"{name}\\n".encode())
    os.close(descriptor)


def text_of(value):
    return value.read_text() if isinstance(value, pathlib.Path) else value


def make(name, journal, times, pause, seed, **deps):
    note(name, journal)
    time.sleep(pause)
    whole = name + str(seed) + "".join(text_of(deps[one])[:64] for one in sorted(deps) if one != "flour")
    return hashlib.sha256(whole.encode()).hexdigest() * times
"""

_SHELL = (
    'echo "$name" >> "$journal"; sleep "$pause"; yes "one more line" | head -c "$loud"; '
    'one=$({{ printf %s "$name$seed"; {deps} }} | sha256sum | cut -c1-64); {leave}'
)
_CUT = 'tr -d \'"\' < "${dep}" | cut -c1-64 | tr -d "\\n";'
_TO_FILE = 'i=0; while [ $i -lt "$times" ]; do printf %s "$one"; i=$((i+1)); done > "$OUTPUT"'
_TO_FOLDER = 'mkdir "$OUTPUT"; printf %s "$one" > "$OUTPUT/one"; printf %s "$one" > "$OUTPUT/two"'
LARGE = 200
"""Digests in a value that is too large for the ledger."""


@dataclass(frozen=True)
class Layered:
    """`layers` times `width` steps, each of which reads two of the layer before.

    In every layer stand a small Python value, a large one, a file and (as something that nothing reads) a folder.
    """

    folder: Path
    layers: int = 10
    width: int = 4
    pause: float = 0.01
    """Seconds that each step takes."""
    seed: int = 0
    """Another one makes other values, by a change of every step's params."""
    earlier: tuple[int, ...] = ()
    """Seeds that the project had before: what they made may still be there."""
    notes: Path | None = None
    """Where the journal is; beside the project unless given."""
    loud: int = 0
    """Bytes that every step which leaves a file prints."""

    @property
    def journal(self) -> Path:
        return (self.notes or self.folder.parent) / f"{self.folder.name}.journal"

    @property
    def source(self) -> Path:
        """A file that the steps of the first layer depend on."""
        return self.folder / "flour.csv"

    @property
    def names(self) -> list[str]:
        return [f"n{layer}_{place}" for layer in range(self.layers) for place in range(self.width)]

    def write(self) -> Layered:
        """Puts the project into its folder."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "steps.py").write_text(_STEPS)
        params = {"journal": str(self.journal), "pause": self.pause, "seed": self.seed}
        assets = {"flour": {"file": "flour.csv"}, **{name: self._definition(name) for name in self.names}}
        if not self.source.exists():
            self.source.write_text("type,grams\n405,500\n")
        (self.folder / "bakehouse.yaml").write_text(
            json.dumps({"defaults": {"params": params}, "assets": assets}, indent=1)
        )
        return self

    def _deps(self, name: str) -> list[str]:
        layer, place = (int(part) for part in name[1:].split("_"))
        readable = [other for other in range(self.width) if other % 4 != 3]
        if layer == 0:
            return []
        picked = {readable[place % len(readable)], readable[(place + layer) % len(readable)]}
        return [f"n{layer - 1}_{other}" for other in sorted(picked)]

    def _kind(self, name: str) -> str:
        return ("small", "large", "file", "folder")[int(name.split("_")[1]) % 4]

    def _definition(self, name: str) -> dict[str, object]:
        kind, deps = self._kind(name), self._deps(name)
        params: dict[str, object] = {"name": name, "times": 1 if kind == "small" else LARGE}
        if kind in ("small", "large"):
            return {"deps": deps or ["flour"], "params": params, "python": "steps:make"}
        params["loud"] = self.loud if kind == "file" else 0
        leave = _TO_FILE if kind == "file" else _TO_FOLDER
        cut = " ".join(_CUT.replace("{dep}", dep) for dep in deps)
        return {"deps": deps, "params": params, "shell": _SHELL.format(deps=cut, leave=leave)}

    def digest_of(self, name: str) -> str:
        """What a step makes, computed without Bakehouse: one digest, which its value repeats."""
        return self._digests(self.seed)[name]

    def _digests(self, seed: int) -> dict[str, str]:
        known: dict[str, str] = {}
        for name in self.names:
            whole = name + str(seed) + "".join(known[dep] for dep in sorted(self._deps(name)))
            known[name] = hashlib.sha256(whole.encode()).hexdigest()
        return known

    def ran(self) -> Counter[str]:
        """How often each step was begun."""
        return Counter(self.journal.read_text().split()) if self.journal.exists() else Counter()

    def wrong(self) -> list[str]:
        """What the store holds that is not what the steps make, or not whole, or missing from the truth."""
        with Store.open(self.folder / ".bakehouse", create=False) as store:
            found = store.problems()
            for name, digest in self._digests(self.seed).items():
                made = next(iter(store.materializations(name, 1)), None)
                if made is None or self._is_right(store, name, made, digest):
                    continue
                if not any(
                    self._is_right(store, name, made, old[name]) for old in map(self._digests, self.earlier)
                ):
                    found.append(f"the value of {name} is wrong")
        return found

    def missing(self) -> list[str]:
        """The steps whose value in the store is not (yet) what they make now."""
        with Store.open(self.folder / ".bakehouse", create=False) as store:
            return [
                name
                for name, digest in self._digests(self.seed).items()
                if not (made := store.materializations(name, 1))
                or not self._is_right(store, name, made[0], digest)
            ]

    def damage_folders(self) -> set[str]:
        """Spoils the values that are folders; returns the steps that made them."""
        spoilt = {name for name in self.names if self._kind(name) == "folder"}
        with Store.open(self.folder / ".bakehouse", create=False) as store:
            for name in spoilt:
                (made,) = store.materializations(name, 1)
                (store.values.path(made.value) / "one").write_text("spoilt")
        return spoilt

    def _is_right(self, store: Store, name: str, made: Materialization, digest: str) -> bool:
        kind = self._kind(name)
        try:
            if kind == "folder":
                place = store.values.path(made.value)
                return {one.name: one.read_text() for one in place.iterdir()} == {
                    "one": digest,
                    "two": digest,
                }
            data = store.values.read(made.value).decode()
        except (OSError, StoreError):
            return False
        text = json.loads(data) if kind in ("small", "large") else data
        return bool(text == digest * (1 if kind == "small" else LARGE))
