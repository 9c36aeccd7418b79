"""The terminal's driver, which survives the terminal: what cannot be written any more is dropped."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver


class _Output:
    """A stream whose other end may be gone. The thread that writes to it must not die of that: the app would
    wait for it forever."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            return self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()


class TerminalDriver(LinuxDriver):
    """Textual's own, but for its output."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        if self._file is not None:
            self._file = _Output(self._file)  # type: ignore[assignment]


@contextmanager
def watched_terminal(descriptor: int, gone: Callable[[], None]) -> Iterator[None]:
    """Calls `gone` in the running loop once the terminal at `descriptor` has hung up. SIGHUP alone does not
    tell: it may be sent to others, or be ignored by whoever started us."""
    if not hasattr(select, "epoll"):
        yield
        return
    loop = asyncio.get_running_loop()
    with select.epoll() as hung_up:
        hung_up.register(descriptor, 0)

        def tell() -> None:
            loop.remove_reader(hung_up.fileno())
            gone()

        loop.add_reader(hung_up.fileno(), tell)
        try:
            yield
        finally:
            loop.remove_reader(hung_up.fileno())
