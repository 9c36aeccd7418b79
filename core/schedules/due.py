"""Which slots of a schedule are due at a moment, and which were missed. Pure: the clock is handed in."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ..model import Json
from .cron import between, latest, next_after
from .schedule import Schedule

GRACE = 120.0
"""Seconds that a slot may be late and still count as met: for a look at the clock, and for reading definitions."""
MOST_COUNTED = 1000
"""Missed slots that are counted; of more, this many are told."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Slots that passed without a run: `count` of them (at most MOST_COUNTED are counted), from `first` to `last`."""

    first: int
    last: int
    count: int


@dataclass(frozen=True, slots=True)
class Occasion:
    """What begins a run that no key and no command began: a slot of `schedule` (None: somebody wanted it now), after
    those that were `missed`; or that the files it watches hold `content`, seen at `slot`."""

    schedule: str
    slot: int | None = None
    missed: Missed | None = None
    content: str = ""

    @property
    def data(self) -> dict[str, Json]:
        """As the `run_started` event holds it."""
        data: dict[str, Json] = {"schedule": self.schedule}
        if self.slot is not None:
            data["slot"] = self.slot
        if self.missed is not None:
            data["missed"] = asdict(self.missed)
        if self.content:
            data["content"] = self.content
        return data


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done now: run `slot` (None: nothing), and note as missed what was `missed`.

    `look` is the instant at which there is something to be done next; None if there never is.
    """

    slot: int | None = None
    missed: Missed | None = None
    look: int | None = None


def judge(schedule: Schedule, after: float, now: float, *, waited: int | None = None) -> Due:
    """What is due of `schedule` at `now`, its slots up to `after` being settled. `waited` is the slot that was due
    in time but could not begin: it stays due until a later one takes its place. Raises NoSuchZone."""
    cron, zone = schedule.cron, schedule.timezone
    slot = latest(cron, zone, now, after)
    coming = next_after(cron, zone, now)
    if slot is None:
        return Due(look=coming)
    start = slot + delay(schedule, slot)
    if now < start:
        return Due(look=int(start) + 1)
    is_met = schedule.catch_up == "one" or slot == waited or now - start <= GRACE
    passed = between(cron, zone, after, slot if not is_met else slot - 1, MOST_COUNTED)
    missed = (
        Missed(passed[0], latest(cron, zone, slot - is_met, after) or passed[-1], len(passed))
        if passed
        else None
    )
    return Due(slot if is_met else None, missed, coming)


def delay(schedule: Schedule, slot: int) -> float:
    """Seconds after `slot` at which it begins: up to the schedule's jitter, less than half of the time to the next
    slot, and the same in every process."""
    if schedule.jitter <= 0:
        return 0.0
    from hashlib import sha256

    following = next_after(schedule.cron, schedule.timezone, slot)
    most = min(schedule.jitter, (following - slot) / 2) if following is not None else schedule.jitter
    drawn = int.from_bytes(sha256(f"{schedule.name}\0{slot}".encode()).digest()[:6])
    return most * drawn / (1 << 48)
