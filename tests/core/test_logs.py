"""Log files of attempts: raw, capped, safely named, and readable while they grow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.store.logs import AttemptLog, LogReader, LogStore, safe_name

HOSTILE = [
    "", ".", "..", "../../x", "/etc/passwd", "a/../../b", "NUL\0", "a\nb", "x" * 5000, "ü" * 200, "CON", "Bake", "bake",
    "e\u0301", "\u00e9", "．．/", "a~b", "a.log", "~", "\ud800", "a:b", "a b", "$(x)", "-rf",
]  # fmt: skip


@pytest.fixture
def logs(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path)


@pytest.mark.case("X12")
def test_hostile_names_become_different_plain_files_inside_the_store(logs: LogStore, tmp_path: Path) -> None:
    paths = [logs.path(run, task, 1) for run in HOSTILE for task in HOSTILE]
    assert len({str(path).casefold() for path in paths}) == len(HOSTILE) ** 2
    for path in paths:
        assert path.parent.parent == tmp_path / "logs"
        assert len(path.name) <= 200 and path.name.isascii() and path.name.isprintable()


@pytest.mark.case("X12")
@given(st.text(), st.text())
def test_different_names_have_different_files(one: str, other: str) -> None:
    assert (safe_name(one).casefold() == safe_name(other).casefold()) == (one == other)
    assert len(safe_name(one)) <= 150 and "/" not in safe_name(one) and safe_name(one) not in ("", ".", "..")


def test_a_silent_attempt_leaves_no_file(logs: LogStore, tmp_path: Path) -> None:
    log = logs.attempt("r1", "bake", 1)
    log.write(b"")
    assert log.close() is None and not (tmp_path / "logs").exists()


@pytest.mark.case("L3")
def test_bytes_are_kept_as_they_came(logs: LogStore, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    log = logs.attempt("r1", "bake", 1)
    for at in range(0, len(data), 7777):
        log.write(data[at : at + 7777])
    name = log.close()
    assert name == "logs/r1/bake.1.log" and (tmp_path / name).read_bytes() == data
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert logs.find(name) == tmp_path / name and logs.find("../../etc/passwd") is None


@pytest.mark.case("L1")
@pytest.mark.parametrize("chunk", [1, 7, 50, 1000, 100_000])
def test_a_flood_keeps_head_and_tail_and_says_what_is_left_out(
    logs: LogStore, tmp_path: Path, chunk: int
) -> None:
    lines = b"".join(b"line %d\n" % number for number in range(5000))
    log = logs.attempt("r1", "bake", 1, head=1000, tail=500)
    for at in range(0, len(lines), chunk):
        log.write(lines[at : at + chunk])
    kept = (tmp_path / (log.close() or "")).read_bytes()
    assert kept.startswith(lines[:1000]) and kept.endswith(b"line 4998\nline 4999\n")
    note = kept[1000:].split(b"\n")[1]
    left_out = int(note.split()[0].lstrip(b"["))
    tail = kept[1000 + len(note) + 2 :]
    assert note.endswith(b"bytes left out]") and 1000 + left_out + len(tail) == len(lines)
    assert lines.endswith(tail) and tail.startswith(b"line ")
    assert sorted(path.name for path in (tmp_path / "logs" / "r1").iterdir()) == [
        "bake.1.log",
        "bake.1.times",
    ]


def test_a_little_more_than_the_head_loses_nothing(logs: LogStore, tmp_path: Path) -> None:
    log = logs.attempt("r1", "bake", 1, head=10, tail=500)
    log.write(b"0123456789abcdef\n" * 3)
    assert (tmp_path / (log.close() or "")).read_bytes() == b"0123456789abcdef\n" * 3


def test_a_second_attempt_of_the_same_number_does_not_write_over_the_first(
    logs: LogStore, tmp_path: Path
) -> None:
    names = []
    for text in (b"first", b"second"):
        log = logs.attempt("r1", "bake", 1)
        log.write(text)
        names.append(log.close() or "")
    assert [(tmp_path / name).read_bytes() for name in names] == [b"first", b"second"]


@pytest.mark.case("L7")
def test_a_disk_that_fails_never_raises(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    log = LogStore(tmp_path).attempt("r1", "bake", 1)
    log.write(b"x")
    assert log.truncated and log.close() is None
    full = AttemptLog(tmp_path, tmp_path / "other" / "run" / "bake.1.log", 100, 100)
    full.write(b"kept")
    assert full._file is not None
    os.close(full._file)
    full._file = os.open("/dev/full", os.O_RDWR)
    full.write(b"lost")
    full.write(b"lost")
    full.close()
    assert full.truncated


def test_a_growing_log_is_read_by_windows(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"")
    reader = LogReader(path)
    assert reader.refresh() == 0 and reader.window(0, 10) == [] and reader.tail(5) == []
    lines = [f"line {number} ü" for number in range(3000)]
    with path.open("ab") as file:
        for at in range(0, 3000, 500):
            file.write("".join(line + "\n" for line in lines[at : at + 500]).encode())
            file.flush()
            assert reader.refresh() == at + 500
    assert reader.window(0, 3000) == lines and reader.window(2990, 50) == lines[2990:]
    assert reader.window(1023, 3) == lines[1023:1026] and reader.window(-5, 5) == []
    assert reader.tail(3) == lines[-3:]
    with path.open("ab") as file:
        file.write(b"no end \xff")
    assert reader.refresh() == 3001 and reader.window(3000, 1) == ["no end \ufffd"]
    assert reader.tail(2) == [lines[-1], "no end \ufffd"]
    path.write_bytes(b"new\n")
    assert reader.refresh() == 1 and reader.window(0, 9) == ["new"]


@pytest.mark.case("L2")
def test_one_endless_line_is_cut_and_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    with path.open("wb") as file:
        for _ in range(20):
            file.write(b"x" * (1 << 20))
        file.write(b"\nafter\n")
    reader = LogReader(path)
    assert reader.refresh() == 2
    first, second = reader.window(0, 2)
    assert len(first) == LogReader.WIDEST and second == "after"
    assert reader.tail(1) == ["after"] and all(len(line) <= LogReader.WIDEST for line in reader.tail(5))
