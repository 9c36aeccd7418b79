"""Schedules as they are defined: in YAML, in Python, and refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bakehouse.core.load.definitions import load_definitions
from bakehouse.core.load.discovery import find_project
from bakehouse.core.model import Definitions
from bakehouse.core.problems import DefinitionError

Load = Callable[..., Definitions]
BREAD = "assets:\n  flour: {}\n  bread: {deps: [flour], shell: x}\n"


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loaded(
        yaml: str, python: str = "", *, trusted: bool = True, store: Path | None = None
    ) -> Definitions:
        (tmp_path / "bakehouse.yaml").write_text(yaml)
        if python:
            (tmp_path / "more.py").write_text(f"from bakehouse import asset, schedule, task\n{python}")
        project = find_project(tmp_path)
        return load_definitions(project, trusted=trusted, interpreter=sys.executable, store=store)

    return loaded


def test_what_python_says_is_what_yaml_says(load: Load, tmp_path: Path) -> None:
    said = load(
        BREAD + "schedules: {weekly: {cron: '@weekly', select: bread}}\n",
        """
@schedule(cron="0 7 * * 5", timezone="Europe/Berlin", catch_up="one")
@asset
def cake(flour): return 1

@task(inputs=["cake"], name="send it")
@schedule("post", cron="30 6 1 * *", jitter="5m", force=True)
def send(cake): pass

schedule("nightly", cron="@daily", select="+bread", description="while all sleep")
""",
        store=tmp_path / "store",
    )
    found = {name: (one.cron, one.timezone, one.select, one.catch_up) for name, one in said.schedules.items()}
    assert found == {
        "weekly": ("@weekly", "UTC", "bread", "skip"),
        "cake": ("0 7 * * 5", "Europe/Berlin", '"cake"', "one"),
        "post": ("30 6 1 * *", "UTC", '"send it"', "skip"),
        "nightly": ("@daily", "UTC", "+bread", "skip"),
    }
    assert (said.schedules["post"].jitter, said.schedules["post"].force) == (300, True)
    assert str(said.schedules["cake"].place) == "more.py:3:1"
    project = find_project(tmp_path)
    again = load_definitions(project, trusted=True, interpreter=sys.executable, store=tmp_path / "store")
    assert again.schedules == said.schedules, "as it is remembered"


WRONG = (
    BREAD
    + """\
schedules:
  a: {cron: "*/0 * * * *"}
  b: {cron: "0 0 31 2 *"}
  c: {cron: "* * * * * *", timezone: Europe/Berln}
  d: {cron: "0 0 1 1 * 0 0 0 0 0", catch_up: all}
  e: {cron: "@dayly", select: "bread and ("}
  f: {crn: "@daily"}
  g: {cron: 5, jitter: 2d}
  h: {cron: "@daily", force: 1}
"""
)


@pytest.mark.case("S6")
def test_every_impossible_schedule_is_refused_at_its_place(load: Load) -> None:
    with pytest.raises(DefinitionError) as caught:
        load(WRONG)
    told = [str(problem).split("\n")[0].removeprefix("bakehouse.yaml:") for problem in caught.value.problems]
    assert told == [
        "5:13: schedules.a.cron: '*/0' cannot be the minute",
        "6:13: schedules.b.cron: '0 0 31 2 *' never comes: no such day is in any year",
        "7:13: schedules.c.cron: must have five fields (minute hour day month weekday), not 6",
        "7:38: schedules.c.timezone: there is no time zone 'Europe/Berln' (as in Europe/Berlin)",
        "8:13: schedules.d.cron: must have five fields (minute hour day month weekday), not 10",
        "8:46: schedules.d.catch_up: must be skip (a slot that passed is not run) or one (the latest that passed is "
        "run once)",
        "9:13: schedules.e.cron: '@dayly' is no word of cron: @hourly, @daily, @weekly, @monthly, @yearly",
        "10:7: unknown key 'crn' (did you mean 'cron'?)",
        '11:13: schedules.g.cron: must be text, not the number 5 (quote it: "5")',
        "11:24: schedules.g.jitter: must be at most one day",
        "12:30: schedules.h.force: must be true or false, not the number 1",
    ]
    assert str(caught.value.problems[0]).split("\n")[1:] == [
        '    5 |   a: {cron: "*/0 * * * *"}',
        "                    ^",
    ]


@pytest.mark.case("S6")
def test_a_selection_that_means_nothing_is_refused_at_its_place(load: Load) -> None:
    with pytest.raises(DefinitionError) as caught:
        load(BREAD + "schedules: {s: {cron: '@daily', select: 'bread and ('}}\n")
    (problem,) = caught.value.problems
    assert str(problem).startswith("bakehouse.yaml:4:41: schedule 's': select: ")
    with pytest.raises(DefinitionError, match="did you mean bread") as caught:
        load(BREAD + "schedules: {s: {cron: '@daily', select: '+bred'}}\n")
    assert caught.value.problems[0].place == ("bakehouse.yaml", 4, 41)


@pytest.mark.case("S6")
def test_a_wrong_schedule_in_python_is_told_at_its_line(load: Load) -> None:
    with pytest.raises(DefinitionError) as caught:
        load(
            BREAD,
            """
schedule("a", cron="0 61 * * *", select="bread")
schedule(cron="@daily", select="bread")
schedule("c", crn="@daily")
schedule("d", cron="@daily", select="bred")
""",
        )
    told = [str(problem).split("\n")[0] for problem in caught.value.problems]
    assert [line.partition(": ")[0] for line in told] == [
        "more.py:3:1",
        "more.py:4:1",
        "more.py:5:1",
        "more.py:5:1",
    ]
    for words, line in zip(("'61' cannot be the hour", "it needs a name", "", ""), told, strict=True):
        assert words in line
    assert any("has no option 'crn': did you mean 'cron'?" in line for line in told)


def test_what_a_schedule_selects_in_python_that_is_not_loaded_is_no_mistake(load: Load) -> None:
    said = load(
        BREAD + "schedules: {s: {cron: '@daily', select: cake}}\n",
        "@asset\ndef cake(): pass\n",
        trusted=False,
    )
    assert list(said.schedules) == ["s"] and said.withheld


def test_what_watches_files_and_what_is_kept_up_is_defined_in_both_languages(
    load: Load, tmp_path: Path
) -> None:
    yaml = """
assets:
  flour: {}
  bread: {deps: [flour], auto: 10m, shell: x}
  plain: {deps: [flour], shell: x}
schedules: {arrivals: {on_change: inbox/*.csv, select: bread}}
"""
    python = """
@schedule(on_change=["a.csv", "b/*"])
@asset(auto=True)
def cake(flour): return 1
"""
    said = load(yaml, python, store=tmp_path / "store")
    assert said.auto == {"bread": 600.0, "cake": 10.0}
    assert {name: one.on_change for name, one in said.schedules.items()} == {
        "arrivals": ("inbox/*.csv",),
        "cake": ("a.csv", "b/*"),
    }
    project = find_project(tmp_path)
    again = load_definitions(project, trusted=True, interpreter=sys.executable, store=tmp_path / "store")
    assert (again.schedules, again.auto) == (said.schedules, said.auto), "as it is remembered"


def test_defaults_keep_a_whole_file_up_but_for_what_says_otherwise(load: Load) -> None:
    said = load(
        "defaults: {auto: true}\nassets:\n  flour: {}\n  bread: {deps: [flour], shell: x}\n"
        "  photo: {deps: [bread], auto: false, shell: x}\n"
    )
    assert said.auto == {"bread": 10.0}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("auto: {cron: '@daily'}", "auto is the name of what is kept up to date by itself"),
        ("a: {select: bread}", "either when (cron) or on what (on_change)"),
        ("a: {cron: '@daily', on_change: x}", "either when (cron) or on what (on_change)"),
        ("a: {on_change: x, jitter: 5m}", "jitter goes with cron"),
        ("a: {on_change: ../x}", "must stay inside of the project"),
        ("a: {on_change: [1]}", "on_change"),
    ],
)
def test_what_no_sensor_can_be_is_refused_where_it_stands(load: Load, said: str, told: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        load(BREAD + f"schedules:\n  {said}\n")
    assert told in str(refused.value) and "bakehouse.yaml:5" in str(refused.value)
