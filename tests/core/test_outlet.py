"""What is told beside a run, to a target that does not take it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from bakehouse.core.outlet import Outlet


@pytest.fixture
def forever() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_the_end_is_waited_for_once_and_what_was_not_sent_is_counted(forever: threading.Event) -> None:
    def send(data: bytes) -> None:
        forever.wait()

    outlet: Outlet[int] = Outlet(lambda number: [{"n": number}], send)
    for number in range(5):
        outlet(number)
    told = outlet.close(0.05)
    assert told == "5 lineage events not sent: there was no answer within 0.05 s"
    assert outlet.close(3_600.0) == told, "a second look at it does not wait anew"


def test_what_is_sent_in_time_is_not_told() -> None:
    sent: list[bytes] = []
    outlet: Outlet[int] = Outlet(lambda number: [{"n": number}], sent.append)
    outlet(1)
    assert outlet.close(60.0) == "" and sent == [b'{"n": 1}']
