"""What the engine asks of those who run steps, and what they tell it. Data and protocols only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..model import Action, Input, Json, Stored

if TYPE_CHECKING:
    from ..checks.definition import Check, Checked


@dataclass(frozen=True, slots=True)
class Given:
    """One input of a step. Exactly one of three: a stored `value` (with `path` unless it is inline), a
    source that is a `file`, or neither: a source that is only a name, which arrives as None."""

    input: Input
    value: Stored | None = None
    path: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One attempt at one step. `attempt` is unique over all runs and safe as a file name; `number` counts
    the attempts at this step in this run, from 1. `partition` and `gathers` are as in `Task`.

    With `checks` it is an order to look at what an attempt has made, the inputs being the values: in a SQL worker, or
    where the checks are functions in a Python worker. It is begun before all orders that wait. `now` is Unix time."""

    attempt: str
    task: str
    action: Action
    inputs: tuple[Given, ...]
    outputs: tuple[Input, ...]
    params: Mapping[str, Json] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    isolate: bool = False
    number: int = 1
    partition: Mapping[str, Json] | None = None
    gathers: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    now: float = 0.0


@dataclass(frozen=True, slots=True)
class Made:
    """A value that a step left: inline, or a finished and fsynced file at `path` waiting to be taken in."""

    asset: str
    value: Stored
    path: str | None = None
    metadata: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. `error` is one sentence, `traceback` the rest; `seconds` the time in the step
    itself."""

    attempt: str
    ok: bool
    made: tuple[Made, ...] = ()
    metadata: Mapping[str, Json] = field(default_factory=dict)
    error: str = ""
    traceback: str = ""
    cancelled: bool = False
    seconds: float = 0.0
    checks: tuple[Checked, ...] = ()


class Listener(Protocol):
    """Told in the event loop's thread, in the order in which things happened to one attempt."""

    def started(self, attempt: str, pid: int) -> None: ...
    def output(self, attempt: str, data: bytes) -> None: ...
    def progress(self, attempt: str, fraction: float, note: str) -> None: ...
    def metadata(self, attempt: str, asset: str | None, values: Mapping[str, Json]) -> None: ...
    def finished(self, outcome: Outcome) -> None: ...


class Executor(Protocol):
    """Runs orders in other processes. Never blocks the loop, leaves no process behind.

    `submit` may be called with more orders than there are processes; they are begun first come, first
    served. `resize` changes how many run at once: more begin now, what runs is let end. `cancel` ends one
    attempt (its outcome is `cancelled`); `aclose` ends all.
    """

    async def start(self, listener: Listener, jobs: int) -> None: ...
    def submit(self, order: Order) -> None: ...
    def resize(self, jobs: int) -> None: ...
    def cancel(self, attempt: str) -> None: ...
    async def aclose(self) -> None: ...
