"""How lines that are too long for a pane are broken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.tui.paint.ink import Bit, line_width
from bakehouse.tui.panes.overview import named_values
from bakehouse.tui.widgets.sheet import break_line


def told(*texts: str, width: int) -> list[str]:
    return ["".join(bit.text for bit in part) for part in break_line(tuple(map(Bit, texts)), width)]


def test_what_is_labelled_wraps_beside_its_label() -> None:
    lines = told("state  ", "was never made and is", width=20)
    assert [line.rstrip() for line in lines] == ["state  was never", "       made and is"]


def test_a_word_that_has_no_room_beside_a_wide_label_stands_whole_below_it() -> None:
    lines = told("upstream is stale   ", "chocolate_chip_cookie_dough is out of date", width=42)
    assert [line.strip() for line in lines] == [
        "upstream is stale",
        "chocolate_chip_cookie_dough is out of",
        "date",
    ]
    assert lines[1].startswith("    c")
    assert told(" " * 20, "chocolate_chip_cookie_dough was never made", width=42) == [
        "    chocolate_chip_cookie_dough was never",
        "    made",
    ]


@pytest.mark.parametrize("width", [1, 4, 9, 40])
@given(st.lists(st.text(st.sampled_from("ab 漢é"), max_size=30), min_size=1, max_size=4))
def test_nothing_is_lost_and_no_part_is_wider_than_the_pane(width: int, texts: list[str]) -> None:
    parts = break_line(tuple(map(Bit, texts)), width)
    assert "".join("".join(bit.text for bit in part) for part in parts).replace(" ", "") == "".join(
        texts
    ).replace(" ", "")
    if width > 1:
        assert all(line_width(part) <= width for part in parts if part)


def test_what_the_user_named_stands_in_a_column_as_wide_as_its_names() -> None:
    told = {
        "cookies": 24,
        "serving suggestion": "warm",
        "漢字": 1,
        "a name of more than a third of the pane": "x",
    }
    lines = ["".join(bit.text for bit in line) for line in named_values(told.items())]
    assert lines == [
        "cookies             24",
        'serving suggestion  "warm"',
        "漢字                1",
        "a name of more than a third of the pane",
        '                    "x"',
    ]
    assert ["".join(bit.text for bit in line) for line in named_values([("eggs", 3)])] == ["eggs        3"]
