"""Documents on their way to a file or a server, beside a run: it never waits for them, and never fails with them."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from .model import Json
from .problems import ProblemError, number_of

E = TypeVar("E")
MOST_WAITING = 10_000
SECONDS_A_DOCUMENT = 5.0
SECONDS_AT_THE_END = 5.0
_GIVE_UP_AFTER = 3
Send = Callable[[bytes], None]


class Outlet(Generic[E]):
    """Takes events at once and sends what `make` makes of them, in order, from a thread of its own.

    What does not fit into the queue, or could not be sent, is counted and told by `close`; after three failures in a
    row nothing more is tried.
    """

    def __init__(self, make: Callable[[E], Iterable[Json]], send: Send) -> None:
        self._make, self._send = make, send
        self._waiting: queue.Queue[E | None] = queue.Queue(MOST_WAITING)
        self._lost = self._failures = 0
        self._why = ""
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="outlet", daemon=True)
        self._thread.start()

    def __call__(self, event: E) -> None:
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self._lost += 1
            self._why = self._why or "they came faster than they could be sent"

    def close(self, seconds: float = SECONDS_AT_THE_END) -> str:
        """Waits so long at most, and once, for what is still to be sent. Returns what is to be told, if something was
        lost."""
        if not self._closed:
            self._closed = True
            self._wait(seconds)
        return f"{number_of(self._lost, 'lineage event')} not sent: {self._why}" if self._why else ""

    def _wait(self, seconds: float) -> None:
        """An event that is being sent, and all behind it, are lost if there was no answer by then."""
        end = time.monotonic() + seconds
        try:
            self._waiting.put(None, timeout=seconds)
        except queue.Full:
            pass
        else:
            self._thread.join(max(0.0, end - time.monotonic()))
        if self._thread.is_alive():
            self._lost += self._waiting.qsize()
            self._why = self._why or f"there was no answer within {seconds:g} s"

    def _work(self) -> None:
        while (event := self._waiting.get()) is not None:
            if self._failures >= _GIVE_UP_AFTER:
                self._lost += 1
                continue
            try:
                for document in self._make(event):
                    self._send(json.dumps(document, ensure_ascii=True).encode())
                self._failures = 0
            except Exception as error:  # whatever it is, the run is not to hear of it
                self._failures += 1
                self._lost += 1
                self._why = str(error) or type(error).__name__


def to_target(target: str, endpoint: str = "", key: str = "") -> Send:
    """What sends to a file (a line for each document) or, by POST, to an http(s) address.

    `endpoint` is the path where the address has none, `key` goes along as a bearer token. Raises ProblemError for a
    file that cannot be written and an address that is none.
    """
    parts = urlsplit(target)
    if parts.scheme in ("http", "https") and parts.netloc:
        url = target if parts.path.strip("/") else f"{target.rstrip('/')}/{endpoint.lstrip('/')}"
        return partial(post, url, key=key)
    if "://" in target:
        raise ProblemError(f"{target} is no file and no http address", "write it as in http://localhost:5000")
    path = Path(target)
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise ProblemError(f"{path}: {error.strerror}", "name a file that can be written") from error

    def append(data: bytes) -> None:
        with path.open("ab") as file:
            file.write(data + b"\n")

    return append


def post(url: str, data: bytes, *, key: str = "", seconds: float = SECONDS_A_DOCUMENT) -> None:
    """Sends JSON to an http(s) address. Blocking. Raises OSError where it does not get there or is refused."""
    from urllib.request import Request, urlopen

    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    with urlopen(Request(url, data, headers, method="POST"), timeout=seconds) as answer:
        answer.read(65_536)
