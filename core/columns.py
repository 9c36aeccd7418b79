"""The columns of a table as they are recorded with its value, and what sets them apart from those before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .model import Json

MOST_TOLD = 100
"""Columns that are told of one change; of more their number is told too."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Columns, with their types, that came and went, and those that have another type: name, old, new."""

    added: Sequence[tuple[str, str]] = ()
    removed: Sequence[tuple[str, str]] = ()
    changed: Sequence[tuple[str, str, str]] = ()

    def as_json(self) -> dict[str, Json]:
        """What an event says of it: of each kind at most `MOST_TOLD`, and how many there are."""
        kinds = {"added": self.added, "removed": self.removed, "changed": self.changed}
        data: dict[str, Json] = {
            name: [list(one) for one in kind[:MOST_TOLD]] for name, kind in kinds.items()
        }
        data["counts"] = {name: len(kind) for name, kind in kinds.items()}
        return data


def columns_of(metadata: Mapping[str, Json]) -> dict[str, str] | None:
    """The type of each column, as recorded; None for what is no table."""
    found = metadata.get("columns")
    if not isinstance(found, list) or not all(isinstance(c, list | tuple) and len(c) == 2 for c in found):
        return None
    return {str(name): str(kind) for name, kind in found}


def drift(before: Mapping[str, str], now: Mapping[str, str]) -> Drift | None:
    """What changed; None where nothing did. The order of columns is no change, nor is a type that is not known."""
    found = Drift(
        tuple((name, kind) for name, kind in now.items() if name not in before),
        tuple((name, kind) for name, kind in before.items() if name not in now),
        tuple(
            (name, before[name], kind)
            for name, kind in now.items()
            if name in before and kind != before[name] and kind and before[name]
        ),
    )
    return found if found.added or found.removed or found.changed else None


def drift_words(data: Mapping[str, Json], most: int = 6) -> str:
    """A `schema_changed` in words: `+ kg DOUBLE, - lb, price VARCHAR → DOUBLE`."""
    words = [f"+ {name} {kind}".rstrip() for name, kind in data.get("added", ())]
    words += [f"- {name}" for name, _ in data.get("removed", ())]
    words += [f"{name} {old} → {new}" for name, old, new in data.get("changed", ())]
    more = sum(data.get("counts", {}).values()) - len(words[:most])
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")
