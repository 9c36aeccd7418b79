"""A run hears what other processes ask of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from .store.asks import Inbox

PERIOD = 0.1
"""Seconds between two looks."""


@contextlib.asynccontextmanager
async def hearing(store: Path, run: str, cancel: Callable[[str | None], None]) -> AsyncIterator[None]:
    """While it is open, whoever asks the run to cancel a step or (None) itself is heard."""
    inbox = Inbox(store, run)

    async def hear() -> None:
        while True:
            for task in inbox.take():
                cancel(task)
            await asyncio.sleep(PERIOD)

    hearer = asyncio.create_task(hear(), name=f"requests to {run}")
    try:
        yield
    finally:
        hearer.cancel()
        await asyncio.wait([hearer])
