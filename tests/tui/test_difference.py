"""What changed is seen at a glance, however long the texts are."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bakehouse.tui.projection.difference import WIDEST, Piece, difference

QUERY = (
    "select a,\n" + "".join(f"       column_{n},\n" for n in range(60)) + "from t\nwhere x > 1\norder by a\n"
)


def signed(pieces: list[Piece], sign: str) -> list[str]:
    return [text for mark, text in pieces if mark == sign]


def test_of_a_long_query_the_lines_that_differ_are_shown_with_their_neighbours() -> None:
    assert difference(QUERY, QUERY.replace("x > 1", "x > 2")) == [
        Piece("@", "line 61:"),
        Piece(" ", "       column_59,"),
        Piece(" ", "from t"),
        Piece("-", "where x > 1"),
        Piece("+", "where x > 2"),
        Piece(" ", "order by a"),
        Piece(" ", ""),
    ]


def test_a_long_line_is_cut_around_the_first_difference() -> None:
    line = "x" * 5000
    (gone, come) = difference(f"{line}left{line}", f"{line}right{line}")
    assert gone.text.startswith("…xxx") and "xleftx" in gone.text
    assert "xrightx" in come.text and len(come.text) <= WIDEST + 2


def test_a_param_of_several_lines_is_shown_as_text_and_an_object_line_by_line() -> None:
    assert Piece("+", "two!") in difference(json.dumps("one\ntwo"), json.dumps("one\ntwo!"))
    many = {f"key_{n}": n for n in range(30)}
    assert Piece("+", '  "key_7": "seven",') in difference(
        json.dumps(many), json.dumps(many | {"key_7": "seven"})
    )


def test_digests_are_short_and_nothing_is_a_word() -> None:
    assert difference("a" * 64, "sha256:" + "b" * 16) == [Piece("-", "a" * 12), Piece("+", "b" * 12)]
    assert difference(None, "1") == [Piece("-", "nothing"), Piece("+", "1")]


def test_spaces_at_the_end_of_a_line_are_seen() -> None:
    assert difference("a\nb", "a  \nb")[-2:-1] == [Piece("+", "a··")]


def test_two_texts_with_nothing_in_common_stay_short() -> None:
    old, new = "\n".join(f"old {n}" for n in range(5000)), "\n".join(f"new {n}" for n in range(5000))
    pieces = difference(old, new)
    assert len(pieces) < 50 and Piece("-", "old 0") in pieces and Piece("+", "new 0") in pieces
    assert len(difference(None, old)) < 50


LINES = st.lists(st.sampled_from(["", " ", "select", "from", "x" * 200, '"', "[1]"]), max_size=30).map(
    "\n".join
)


@given(LINES, LINES)
def test_two_texts_that_differ_never_look_equal(old: str, new: str) -> None:
    pieces = difference(old, new)
    looks_equal = signed(pieces, "-") == signed(pieces, "+")
    is_moved = sorted(old.split("\n")) == sorted(new.split("\n"))  # the same lines at other places
    assert looks_equal == (old == new) or is_moved
