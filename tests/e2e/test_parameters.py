"""Parameters of the project, profiles, and variables out of a file: what they reach, and what is refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.dotenv import read_variables
from bakehouse.core.problems import ProblemError

Call = Callable[..., "subprocess.CompletedProcess[str]"]

YEARS = """
pipeline: years
params: {year: 2013, ratio: 0.5, countries: [be], who: you, deep: {a: 1}, quick: false, free: null, idle: 1}
pools: {door: 1}
profiles:
  prod: {params: {year: 2014, ratio: 2}, env: {WHERE: there}, pools: {door: 4}}
assets:
  in_shell: {params: [year, who], env: {WHERE: here}, shell: 'printf "%s" "$year $who $WHERE" > "$OUTPUT"', pool: door}
  in_sql: {params: {y: "${year}", r: "${ratio}"}, sql: "select $y as y, $r as r"}
  in_python: {params: [countries, deep, quick, free], python: "steps:listed"}
  as_text: {params: {t: "$${year}"}, shell: 'printf "%s" "$t" > "$OUTPUT"'}
  alone: {shell: 'echo 1 > "$OUTPUT"'}
"""
STEPS = """
from bakehouse import asset, Context

def listed(countries, deep, quick, free):
    return [countries, deep, quick, free]

@asset(params=["year"])
def decorated(context: Context, year):
    return [year, context.params["year"]]
"""


@pytest.fixture
def years(tmp_path: Path) -> Path:
    folder = tmp_path / "years"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(YEARS)
    (folder / "steps.py").write_text(STEPS)
    return folder


def shown(call: Call, at: Path, key: str) -> Any:
    document = json.loads(call("show", key, "--json", at=at).stdout)
    return document["rows"] if document["rows"] else document["text"]


def stale(call: Call, at: Path, *words: str, **more: str) -> dict[str, list[dict[str, str]]]:
    nodes = json.loads(call("ls", "--json", *words, at=at, **more).stdout)["nodes"]
    return {node["key"]: node["reasons"] for node in nodes if node["state"] != "fresh"}


def test_every_kind_of_step_gets_the_parameters_that_it_names(call: Call, years: Path) -> None:
    done = call("materialize", at=years)
    assert done.returncode == 0, done.stdout + done.stderr
    assert shown(call, years, "in_shell") == "2013 you here"
    assert shown(call, years, "in_sql") == [[2013, 0.5]]
    assert json.loads(shown(call, years, "in_python")) == [["be"], {"a": 1}, False, None]
    assert json.loads(shown(call, years, "decorated")) == [2013, 2013]
    assert shown(call, years, "as_text") == "${year}"


def test_a_parameter_makes_stale_what_names_it_and_nothing_else(call: Call, years: Path) -> None:
    assert call("materialize", at=years).returncode == 0
    assert stale(call, years) == {}
    assert stale(call, years, "-p", "idle=7") == {}
    reasons = stale(call, years, "-p", "year=2015")
    assert reasons.keys() == {"in_shell", "in_sql", "decorated"}
    (why,) = reasons["in_shell"]
    assert (why["kind"], why["old"], why["new"]) == ("config_changed", "2013", "2015")
    done = call("materialize", "-p", "year=2015", at=years)
    assert done.returncode == 0 and "3 succeeded" in done.stdout
    assert shown(call, years, "in_shell") == "2015 you here"
    assert stale(call, years, "-p", "year=2015") == {}
    assert stale(call, years).keys() == {"in_shell", "in_sql", "decorated"}


@pytest.mark.parametrize("words", [("-p", 'countries=["ch"]'), ('--param=countries=["ch"]',)])
def test_a_parameter_is_read_as_its_type(call: Call, years: Path, words: tuple[str, ...]) -> None:
    more = ("-p", "quick=true", "-p", 'deep={"b": [2]}', "-p", "free=3", "-p", "year=+2016", "-p", "who=3")
    done = call("materialize", *words, *more, at=years)
    assert done.returncode == 0, done.stderr
    assert json.loads(shown(call, years, "in_python")) == [["ch"], {"b": [2]}, True, 3]
    assert shown(call, years, "in_shell") == "2016 3 here"


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("yaer=1", "did you mean 'year'?"),
        ("year=soon", "must be a whole number, not 'soon'\nits default is 2013"),
        ("year=1.5", "must be a whole number"),
        ("ratio=nan", "must be a number"),
        ("quick=yes", "must be true or false"),
        ("countries=be", "must be a list"),
        ("deep=[1]", "must be a mapping"),
        ("year", "-p year=2013"),
        ("=3", "-p year=2013"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused_before_anything_runs(
    call: Call, years: Path, word: str, told: str
) -> None:
    done = call("materialize", "-p", word, at=years)
    assert done.returncode == 2 and told in done.stderr and not done.stdout
    assert "Traceback" not in done.stderr


def test_a_profile_sets_parameters_variables_and_pools_and_p_comes_last(call: Call, years: Path) -> None:
    done = call("materialize", "--profile", "prod", "-p", "who=all", at=years)
    assert done.returncode == 0 and "(prod)" in done.stdout.splitlines()[0]
    assert shown(call, years, "in_shell") == "2014 all there"
    assert shown(call, years, "in_sql") == [[2014, 2.0]]
    (run,) = json.loads(call("runs", "--json", at=years).stdout)["runs"]
    assert run["profile"] == "prod"
    assert (run["params"]["year"], run["params"]["who"], run["params"]["ratio"]) == (2014, "all", 2.0)
    assert stale(call, years, "-p", "who=all", BAKEHOUSE_PROFILE="prod") == {}
    assert {one["kind"] for one in stale(call, years)["in_shell"]} == {"config_changed", "env_changed"}
    status = call("status", "--profile=prod", at=years)
    assert status.stdout.startswith("profile prod\n")
    assert json.loads(call("status", "--profile", "prod", "--json", at=years).stdout)["profile"] == "prod"


def test_more_steps_of_a_pool_go_on_at_once_where_a_profile_says_so(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "pool"
    folder.mkdir()
    both = (
        "'touch ../{0}; n=0; while [ ! -e ../{1} ]; do sleep 0.05; n=$((n+1)); [ $n -lt 60 ] || exit 1; done'"
    )
    (folder / "bakehouse.yaml").write_text(
        "pools: {door: 1}\nprofiles: {wide: {pools: {door: 2}}}\ntasks:\n"
        f"  one: {{pool: door, shell: {both.format('a', 'b')}}}\n"
        f"  two: {{pool: door, shell: {both.format('b', 'a')}}}\n"
    )
    assert call("materialize", "-j", "2", "--profile", "wide", at=folder).returncode == 0


def test_a_profile_that_is_not_there_is_refused_with_the_nearest(call: Call, years: Path) -> None:
    done = call("ls", "--profile", "prd", at=years)
    assert done.returncode == 2 and "did you mean 'prod'?" in done.stderr


def test_all_that_is_wrong_with_parameters_and_profiles_is_told_with_its_place(
    call: Call, years: Path
) -> None:
    (years / "bakehouse.yaml").write_text(
        "params: {year: 2013}\n"
        "pools: {door: 1}\n"
        "profiles:\n"
        "  prod:\n"
        "    params: {year: soon, yaer: 1}\n"
        "    env: {WHRE: x}\n"
        "    pools: {dor: 2}\n"
        "  test: {pools: {dor: 2}, env: {WHRE: x}, params: {yaer: 1, year: [1]}}\n"
        "assets:\n"
        "  a: {params: [yeer], env: {WHERE: x}, shell: 'true'}\n"
        "  b: {params: {y: \"${when}\"}, shell: 'true'}\n"
    )
    (years / "other.yaml").write_text("params: {year: 2014}\nassets: {c: {}}\nprofiles: {x: {prams: {}}}\n")
    told = call("ls", at=years).stderr
    for place in (
        "bakehouse.yaml:5:20: the parameter 'year' must be a whole number",
        "bakehouse.yaml:5:26: there is no parameter 'yaer' (did you mean 'year'?)",
        "bakehouse.yaml:6:11: no step has the variable 'WHRE' (did you mean 'WHERE'?)",
        "bakehouse.yaml:7:13: there is no pool 'dor' (did you mean 'door'?)",
        "bakehouse.yaml:8:18: there is no pool 'dor' (did you mean 'door'?)",
        "other.yaml:3:16: unknown key 'prams' (did you mean 'params'?)",
        "the project has no parameter 'yeer' (did you mean 'year'?)",
        "bakehouse.yaml:11:19: asset 'b': the project has no parameter 'when'",
        "other.yaml:1:16: the parameter 'year' is 2013 in bakehouse.yaml, and 2014 here",
    ):
        assert place in told, told


# ---- variables out of a file -----------------------------------------------------------------


def test_a_file_of_variables_is_read_only_when_it_is_named(call: Call, years: Path, tmp_path: Path) -> None:
    (years / "bakehouse.yaml").write_text(
        "secrets: [TOKEN]\nassets:\n"
        '  a: {env: [TOKEN, SAID], shell: \'printf "%s" "$SAID" > "$OUTPUT"; echo "token: $TOKEN"\'}\n'
    )
    (years / "steps.py").unlink()
    (years / ".env").write_text("SAID=by .env\nTOKEN=sesame-open-1\n")
    assert call("materialize", at=years).returncode == 0
    assert shown(call, years, "a") == ""
    named = tmp_path / "my.env"
    named.write_text("SAID='by a file'\nTOKEN=sesame-open-2\n")
    done = call("materialize", "--env-file", str(named), at=years)
    assert "token: [secret TOKEN]" in done.stdout and "sesame" not in done.stdout
    assert shown(call, years, "a") == "by a file"
    logs = call("logs", "a", "--raw", at=years)
    assert "sesame" not in logs.stdout
    assert call("materialize", "--env-file", str(named), at=years, SAID="by the caller").returncode == 0
    assert shown(call, years, "a") == "by the caller"


def test_a_file_of_variables_cannot_say_what_is_the_callers_to_say(
    call: Call, years: Path, tmp_path: Path
) -> None:
    (tmp_path / "my.env").write_text("A=1\nBAKEHOUSE_TRUST=1\n")
    done = call("materialize", "--env-file", str(tmp_path / "my.env"), at=years, trusted=False)
    assert done.returncode == 2 and "my.env:2: BAKEHOUSE_TRUST is not taken from a file" in done.stderr


@pytest.mark.parametrize("line", ["no value", "1A=x", "A B=x", "A='x", 'A="x" y', "A='x'y'", 'A="x\\"'])
def test_a_line_that_sets_nothing_is_refused_and_never_repeated(tmp_path: Path, line: str) -> None:
    path = tmp_path / "my.env"
    path.write_text(f"OK=1\n{line} sesame\n")
    with pytest.raises(ProblemError) as caught:
        read_variables(path)
    assert "my.env:2" in str(caught.value) and "sesame" not in str(caught.value)


def test_values_are_what_they_say(tmp_path: Path) -> None:
    path = tmp_path / "my.env"
    path.write_text(
        "# nothing\n\n  export A = plain text  # and why\nB='$HOME \\n # x'\r\n"
        'C="a\\tb\\"c\\\\n\\$D"  # why\nD=\nE=a#b\nF=$A\n'
    )
    assert read_variables(path) == {
        "A": "plain text",
        "B": "$HOME \\n # x",
        "C": 'a\tb"c\\n$D',
        "D": "",
        "E": "a#b",
        "F": "$A",
    }


@given(st.text(st.characters(blacklist_characters="\0\n\r", blacklist_categories=["Cs"])))
def test_any_value_can_be_written_in_double_quotes(
    tmp_path_factory: pytest.TempPathFactory, value: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.env"
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    path.write_text(f'A="{quoted}"\n', encoding="utf-8", newline="")
    assert read_variables(path) == {"A": value}
