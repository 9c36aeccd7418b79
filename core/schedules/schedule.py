"""What a schedule says, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..model import NOWHERE, Place

CatchUp = Literal["skip", "one"]
KEPT_UP = "auto"
"""What stands for a schedule's name where a run was begun because steps that are kept up to date were not."""


def by_words(name: str) -> str:
    """What began a run, where `name` is that of its schedule."""
    return "by itself" if name == KEPT_UP else f"by the schedule {name}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When (`cron` in the IANA zone `timezone`) what (`select`; empty: all that is out of date) is materialized; or,
    in place of a cron, on what: whenever the files that `on_change` names (patterns below the root) hold something
    else than they did.

    `catch_up` says what becomes of slots that passed while nobody watched: none of them runs, or the latest.
    A slot is begun up to `jitter` seconds late, always as much for the same slot. `force` runs what is selected
    even where it is fresh.
    """

    name: str
    cron: str = ""
    timezone: str = "UTC"
    select: str = ""
    catch_up: CatchUp = "skip"
    jitter: float = 0.0
    force: bool = False
    description: str = ""
    on_change: tuple[str, ...] = ()
    place: Place = NOWHERE
