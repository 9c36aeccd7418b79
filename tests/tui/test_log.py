"""A log file is read as it grows: every line, in order, whatever the chunks."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakehouse.tui.widgets.logfiles import BLOCK, FileLog, RingLog

LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12), max_size=40)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(LINES, st.booleans()), max_size=6))
def test_a_growing_file_gives_each_line_once_and_in_order(
    tmp_path: Path, batches: list[tuple[list[str], bool]]
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"")
    log = FileLog(path)
    written = b""
    for lines, ends in batches:
        more = "\n".join(lines).encode() + (b"\n" if ends else b"")
        written += more
        with path.open("ab") as file:
            file.write(more)
        expected = written.decode().split("\n")
        if expected[-1] == "":
            expected.pop()
        assert log.read_on() == len(expected)
        assert [log.line(at) for at in range(len(expected))] == expected
    log.close()


def test_lines_are_found_across_the_blocks_of_a_long_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    count = 40 * BLOCK + 3
    path.write_bytes(b"".join(b"line %d %s\n" % (n, b"x" * (n % 97)) for n in range(count)))
    log = FileLog(path)
    assert log.read_on() == count
    for at in (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 7 * BLOCK, count - 1):
        assert log.line(at).startswith(f"line {at} ")
    assert log.line(count) == ""
    log.close()


def test_bytes_that_are_no_text_are_shown_as_what_they_are_not(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"ok\n\xff\xfe\n")
    log = FileLog(path)
    assert log.read_on() == 2
    assert log.line(1) == "\ufffd\ufffd"
    log.close()


def test_what_is_in_no_file_is_kept_in_a_ring() -> None:
    ring = RingLog()
    for n in range(10_000):
        ring.add(f"line {n}")
    assert ring.read_on() == 4000
    assert ring.line(3999) == "line 9999"
