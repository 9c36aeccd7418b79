"""One thread beside the event loop for calls that block, taken one after another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Aside:
    """A call made here waits for those before it. The thread never keeps the process from ending."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls `function` in the thread; raises what it raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(set_it: Callable[[Any], None], what: object) -> None:
            if not future.done():
                set_it(what)

        def work() -> None:
            if future.cancelled():
                return
            done: tuple[Callable[[Any], None], object]
            try:
                done = future.set_result, function(*args, **kwargs)
            except BaseException as error:
                done = future.set_exception, error
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, *done)

        self._calls.put(work)
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="beside the screen", daemon=True)
            self._thread.start()
        return await future

    def _serve(self) -> None:
        while True:
            self._calls.get()()
