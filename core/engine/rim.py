"""The effects that a run works with, all of them given to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..events import Event
from ..secrets import Secrets
from ..sources import SourceVersions
from ..store.store import Store
from ..store.writer import Writer
from .executor import Executor


@dataclass(frozen=True, slots=True)
class Rim:
    """`hire` gives those who run steps, when there are any to run; `tell` hears every event in its order;
    `secrets` are in nothing that is told or kept; `clock` gives Unix time in seconds."""

    store: Store
    writer: Writer
    hire: Callable[[], Executor]
    sources: SourceVersions
    tell: Callable[[Event], None]
    secrets: Secrets
    clock: Callable[[], float] = time.time
