"""The small parts of the engine: the order of what is told, pools, lines."""

from __future__ import annotations

from bakehouse.core.engine.lines import LineSplitter
from bakehouse.core.engine.outbox import Outbox
from bakehouse.core.engine.pools import Pools
from bakehouse.core.events import Event, Kind


def an_event(seq: int) -> Event:
    return Event(seq, 0.0, "run", Kind.LOG)


def test_done_is_told_only_after_its_commit_and_nothing_overtakes_it() -> None:
    told: list[int] = []
    outbox = Outbox(lambda event: told.append(event.seq))
    outbox.put(an_event(1))
    outbox.put(an_event(2), commit=1)
    outbox.put(an_event(3))
    outbox.put(an_event(4), commit=2)
    assert told == [1]
    outbox.committed([1])
    assert told == [1, 2, 3]
    outbox.committed([2])
    assert told == [1, 2, 3, 4]


def test_what_the_store_did_not_keep_is_never_told_as_done() -> None:
    told: list[int] = []
    outbox = Outbox(lambda event: told.append(event.seq))
    outbox.put(an_event(1), commit=1)
    outbox.put(an_event(2))
    outbox.drop_uncommitted()
    assert told == [2]


def test_a_pool_lets_in_as_many_as_it_holds() -> None:
    pools = Pools({"oven": 2})
    assert [pools.enter(name, "oven") for name in "abc"] == [True, True, False]
    assert pools.enter("x", None)
    assert pools.leave("a") == "c"
    assert pools.leave("x") is None


def test_who_leaves_the_line_is_not_let_in() -> None:
    pools = Pools({"oven": 1})
    pools.enter("a", "oven")
    pools.enter("b", "oven")
    pools.forget("b")
    assert pools.leave("a") is None


def test_lines_come_whole_whatever_the_chunks() -> None:
    text = "mixing…\nbaking\n"
    for size in (1, 2, 3, 5, 100):
        splitter = LineSplitter()
        raw = text.encode()
        lines = [line for i in range(0, len(raw), size) for line in splitter.feed(raw[i : i + size])]
        assert lines == ["mixing…", "baking"]


def test_a_progress_bar_shows_its_last_state() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"10%\r50%\r100%\r\n") == ["100%"]


def test_a_line_without_end_is_told_cut_at_the_end() -> None:
    splitter = LineSplitter()
    for _ in range(100):
        assert splitter.feed(b"x" * 10_000) == []
    (last,) = splitter.end()
    assert 0 < len(last) <= 4096


def test_bytes_that_are_no_text_do_not_hurt() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"\xff\xfe\x00\n") == ["��\x00"]
