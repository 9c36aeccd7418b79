"""One list of keys feeds everything; a key that does nothing says why."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from bakehouse.tui.actions.away import Away
from bakehouse.tui.actions.deeds import Deeds
from bakehouse.tui.actions.logkeys import LogKeys
from bakehouse.tui.actions.moves import Moves
from bakehouse.tui.actions.replaykeys import ReplayKeys
from bakehouse.tui.actions.tempo import Tempo
from bakehouse.tui.actions.timekeys import TimeKeys
from bakehouse.tui.actions.valuekeys import ValueKeys
from bakehouse.tui.projection.footing import footer
from bakehouse.tui.projection.keymap import Keymap
from bakehouse.tui.projection.keys import BY_ID, KEYS, Situation, reason
from bakehouse.tui.projection.status import footer_line
from bakehouse.tui.widgets.confirm import help_lines

ON_ASSET = Situation(row="asset", outdated=1)


def test_no_key_is_bound_twice_and_none_that_is_another_on_a_plain_terminal() -> None:
    bound = Counter(name for key in KEYS for name in key.keys)
    assert [name for name, times in bound.items() if times > 1] == []
    assert not bound.keys() & {"ctrl+m", "ctrl+j", "ctrl+i", "ctrl+h", "ctrl+left_square_bracket"}
    assert len(BY_ID) == len(KEYS)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.id)
def test_every_key_does_something(key: object) -> None:
    id = key.id  # type: ignore[attr-defined]
    assert [
        part
        for part in (LogKeys, ReplayKeys, Moves, Deeds, Tempo, Away, ValueKeys, TimeKeys)
        if callable(getattr(part, id, None))
    ] != []


@pytest.mark.parametrize(
    ("id", "now", "why"),
    [
        ("materialize", replace(ON_ASSET, trusted=False), "not trusted"),
        ("materialize", replace(ON_ASSET, loaded=False), "still being read"),
        ("materialize", replace(ON_ASSET, row="source"), "a source is given"),
        ("materialize", replace(ON_ASSET, row=""), "nothing under the cursor"),
        ("all", replace(ON_ASSET, outdated=0), "everything is fresh"),
        ("all", replace(ON_ASSET, outdated=0, running=True), "all that is stale is under way"),
        ("retry", ON_ASSET, "nothing failed or was cancelled"),
        ("cancel_run", ON_ASSET, "nothing is running"),
        ("cancel_step", ON_ASSET, "nothing is running"),
        ("cancel_step", replace(ON_ASSET, running=True), "not under way"),
        ("accept", ON_ASSET, "nothing new"),
        ("next_new", ON_ASSET, "nothing is new"),
        ("next_match", ON_ASSET, "no filter"),
        ("edit", replace(ON_ASSET, running=True), "not while something runs"),
        ("stream", ON_ASSET, "nothing is running"),
        ("trust", ON_ASSET, "trusted already"),
    ],
)
def test_a_key_that_cannot_work_says_why(id: str, now: Situation, why: str) -> None:
    said = reason(BY_ID[id], now)
    assert said is not None and why in said


@pytest.mark.parametrize(
    ("id", "now"),
    [
        ("materialize", ON_ASSET),
        ("materialize", replace(ON_ASSET, row="source", marked=2)),
        ("plan", replace(ON_ASSET, row="alias", trusted=False)),
        ("retry", replace(ON_ASSET, failed=1)),
        ("retry", replace(ON_ASSET, unfinished=1)),
        ("cancel_step", replace(ON_ASSET, running=True, step_running=True)),
        ("accept", replace(ON_ASSET, new=3)),
        ("trust", replace(ON_ASSET, trusted=False)),
        ("quit", Situation(loaded=False)),
    ],
)
def test_a_key_that_works_has_nothing_to_say(id: str, now: Situation) -> None:
    assert reason(BY_ID[id], now) is None


def test_the_footer_fits_eighty_columns_with_help_first_and_quit_in_it() -> None:
    words = "".join(bit.text for bit in footer_line(ON_ASSET, 80))
    assert len(words) <= 80
    assert words.startswith(" ? Help")
    assert "q Quit" in words


def test_the_footer_of_a_terminal_without_arrows_shows_one_key_an_action() -> None:
    words = "".join(bit.text for bit in footer_line(ON_ASSET, 300, Keymap(ascii_only=True)))
    assert words.startswith(" ? Help  ") and words.rstrip().endswith("  q Quit")


def test_the_footer_names_what_enter_does_here() -> None:
    for row, name in (("alias", "Jump"), ("group", "Fold"), ("asset", "Plan")):
        assert ("plan", name) in {(k.id, n) for k, n, _ in footer(replace(ON_ASSET, row=row))}  # type: ignore[arg-type]
    assert ("plan", "Run it") in {(k.id, n) for k, n, _ in footer(replace(ON_ASSET, previewing=True))}


def test_help_names_every_key() -> None:
    helped = "\n".join("".join(bit.text for bit in line) for line in help_lines(ON_ASSET))
    for key in KEYS:
        assert key.description in helped
    assert "(nothing failed or was cancelled" in helped


def test_while_another_process_runs_the_footer_offers_to_cancel_only_a_step_that_is_under_way() -> None:
    def offered(now: Situation) -> bool:
        return "cancel_step" in {key.id for key, *_ in footer(now)}

    assert not offered(replace(ON_ASSET, elsewhere=True))
    assert offered(replace(ON_ASSET, elsewhere=True, step_running=True))
