"""What a schedule says, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..model import NOWHERE, Place

CatchUp = Literal["skip", "one"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When (`cron` in the IANA zone `timezone`) what (`select`; empty: all that is out of date) is materialized.

    `catch_up` says what becomes of slots that passed while nobody watched: none of them runs, or the latest.
    A slot is begun up to `jitter` seconds late, always as much for the same slot. `force` runs what is selected
    even where it is fresh.
    """

    name: str
    cron: str
    timezone: str = "UTC"
    select: str = ""
    catch_up: CatchUp = "skip"
    jitter: float = 0.0
    force: bool = False
    description: str = ""
    place: Place = NOWHERE
