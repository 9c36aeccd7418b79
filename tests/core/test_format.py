"""What the YAML format allows, and how everything that is wrong is told at once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakehouse.core.checks.definition import Check
from bakehouse.core.load.definitions import load_definitions
from bakehouse.core.load.discovery import Project
from bakehouse.core.load.schema import json_schema
from bakehouse.core.model import Definitions
from bakehouse.core.problems import DefinitionError

Write = Callable[[str], Definitions]


@pytest.fixture
def bakery(tmp_path: Path) -> Write:
    """Loads one YAML text as the file bakery.yaml of a project."""

    def load(text: str) -> Definitions:
        path = tmp_path / "bakery.yaml"
        path.write_text(text)
        return load_definitions(Project(tmp_path, (path,), "bakery"), trusted=False)

    return load


def complaints(load: Write, text: str) -> list[str]:
    """The first line of each problem, without the file."""
    with pytest.raises(DefinitionError) as caught:
        load(text)
    return [str(problem).split("\n")[0].removeprefix("bakery.yaml:") for problem in caught.value.problems]


@pytest.mark.case("D9")
def test_all_that_is_wrong_is_told_at_once_with_line_and_caret(bakery: Write) -> None:
    broken = """\
pipelin: cookies
pools: {oven: 0}
assets:
  flour: {retires: 3, tags: daily, retries: 101}
  dough:
    depends_on: [flour]
    deps: [flor, {asset: flour, as: class}]
    python: recipes.combine
    timeout: soon
    pool: ovn
  1: {}
  bread:
    deps: [doug]
    shell:
  bread: {}
tasks:
  bake: {inputs: [dough], outputs: [cake], after: [knead], shell: bake, sql: select 1}
  dust: {max_age: 1d, inputs: flour}
"""
    with pytest.raises(DefinitionError) as caught:
        bakery(broken)

    assert (
        str(caught.value)
        == """\
bakery.yaml:1:1: unknown key 'pipelin' (did you mean 'pipeline'?)
    1 | pipelin: cookies
        ^
bakery.yaml:2:15: pools.oven: must be at least 1
    2 | pools: {oven: 0}
                      ^
bakery.yaml:4:11: asset 'flour': unknown key 'retires' (did you mean 'retries'?)
    4 |   flour: {retires: 3, tags: daily, retries: 101}
                  ^
bakery.yaml:4:29: asset 'flour': tags: must be a list, not the text 'daily' (write [daily])
    4 |   flour: {retires: 3, tags: daily, retries: 101}
                                    ^
bakery.yaml:4:45: asset 'flour': retries: must be at most 100
    4 |   flour: {retires: 3, tags: daily, retries: 101}
                                                    ^
bakery.yaml:6:5: asset 'dough': unknown key 'depends_on' (did you mean 'deps'?)
    6 |     depends_on: [flour]
            ^
bakery.yaml:7:37: asset 'dough': deps[1].as: 'class' is not an identifier: letters, digits and _ only, no Python keyword
    7 |     deps: [flor, {asset: flour, as: class}]
                                            ^
bakery.yaml:8:13: asset 'dough': python: 'recipes.combine' must be module:function, as in recipes:combine
    8 |     python: recipes.combine
                    ^
bakery.yaml:9:14: asset 'dough': timeout: must be a duration: a number of seconds, or 30s, 5m, 2h, 7d
    9 |     timeout: soon
                     ^
bakery.yaml:10:11: asset 'dough': there is no pool 'ovn' (add it at the top: pools: {ovn: 1})
   10 |     pool: ovn
                  ^
bakery.yaml:11:3: a name must be a string, not 1 (quote it: "1")
   11 |   1: {}
          ^
bakery.yaml:13:12: asset 'bread': 'doug' is not defined (did you mean 'dough'?)
   13 |     deps: [doug]
                   ^
bakery.yaml:14:5: asset 'bread': shell has no value
   14 |     shell:
            ^
bakery.yaml:15:3: the key 'bread' stands here twice: first on line 12
   15 |   bread: {}
          ^
bakery.yaml:17:52: task 'bake': there is no task 'knead' (did you mean 'bread'?)
   17 |   bake: {inputs: [dough], outputs: [cake], after: [knead], shell: bake, sql: select 1}
                                                           ^
bakery.yaml:17:73: task 'bake': sql stands next to shell: a step has one action
   17 |   bake: {inputs: [dough], outputs: [cake], after: [knead], shell: bake, sql: select 1}
                                                                                ^
bakery.yaml:18:10: task 'dust': unknown key 'max_age' (max_age belongs to an asset: say it under assets:)
   18 |   dust: {max_age: 1d, inputs: flour}
                 ^
bakery.yaml:18:31: task 'dust': inputs: must be a list: [flour]
   18 |   dust: {max_age: 1d, inputs: flour}
                                      ^"""
    )


@pytest.mark.case("D9")
@pytest.mark.parametrize(
    ("text", "also"),
    [
        ("assets: {a: {deps: [b], shell: 1}, b: {deps: [a], shell: x}}", "shell: must be text"),
        ("assets: {a: {deps: [b]}, b: {deps: [a]}}", "nothing makes it"),
        ("tasks: {a: {inputs: [b], outputs: [b]}}", "a task needs an action"),
        ("assets:\n  a: {deps: [b], shell: x}\n  b: {deps: [a], shell: x}\n  c: {deps: [x", "not YAML"),
        ("tasks:\n  t: {inputs: [b], outputs: [b], sql: x}\n  u: {inputs: [b]}\n v: 1\n", "not YAML"),
    ],
    ids=["a wrong action", "no action", "a task without one", "stuck in an entry", "stuck behind an entry"],
)
def test_a_circle_is_told_with_whatever_else_is_wrong(bakery: Write, text: str, also: str) -> None:
    told = complaints(bakery, text)
    assert sum("in a circle" in line for line in told) == 1
    assert any(also in line for line in told)


def test_of_a_file_that_breaks_off_nothing_is_called_undefined_or_unfinished(bakery: Write) -> None:
    (told,) = complaints(bakery, "tasks:\n  t: {inputs: [b], sql: x}\n  u:\n    inputs: [t]\n   sql: x\n")
    assert "this is not YAML" in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("assets: [a]", "1:1: assets must be a mapping of names"),
        ("[a, b]", "1:1: a definition file must be a mapping: assets:, tasks:, …"),
        ("just text", "1:1: a definition file must be a mapping: assets:, tasks:, …"),
        ("assets: {a: [b]}", "1:10: asset 'a': must be a mapping, not a list"),
        (
            "assets: {a: {group: 1}}",
            "1:21: asset 'a': group: must be text, not the number 1 (quote it: \"1\")",
        ),
        (
            "assets: {a: {internal: yes}}",
            "1:24: asset 'a': internal: must be true or false, not the text 'yes'",
        ),
        (
            "tasks: {a: {retries: 017, shell: x}}",
            "1:22: task 'a': retries: must be a whole number, not the text '017'",
        ),
        ("tasks: {a: {shell: '  '}}", "1:20: task 'a': shell: must not be empty"),
        ('tasks: {a: {shell: "a\\0b"}}', "1:20: task 'a': shell: must not hold a NUL character"),
        (
            "tasks: {a: {code_version: 1.10, shell: x}}",
            "1:27: task 'a': code_version: must be text: quote it, \"1.1\"",
        ),
        (
            "tasks: {a: {env: {A-B: 1}, shell: x}}",
            "1:18: task 'a': env: 'A-B' cannot be the name of an environment",
        ),
        ("tasks: {a: {env: [A, A], shell: x}}", "1:18: task 'a': env: must be a list of different names"),
        ("tasks: {a: {timeout: 0, shell: x}}", "1:22: task 'a': timeout: must be longer than 0 seconds"),
        ("tasks: {a: {timeout: -1, shell: x}}", "1:22: task 'a': timeout: must be a duration between 0 and"),
        ("tasks: {a: {timeout: true, shell: x}}", "1:22: task 'a': timeout: must be a duration"),
        ("tasks: {a: {}}", "1:9: task 'a': a task needs an action (add python:, shell: or sql:)"),
        ("tasks: {a: {run: x}}", "1:13: task 'a': unknown key 'run' (did you mean 'shell'?)"),
        ("assets: {a: {inputs: [b]}}", "1:14: asset 'a': unknown key 'inputs' (an asset has deps)"),
        (
            "retries: 3\nassets: {}",
            "1:1: unknown key 'retries' (this key belongs to an asset or a task: look at",
        ),
        ("defaults: {grup: x}\nassets: {}", "1:12: unknown key 'grup' (did you mean 'group'?)"),
        ("schedules: {daily: 3}\nassets: {}", "1:20: schedules.daily: must be a mapping, not the number 3"),
        (
            "definitions: [x.yaml]\nassets: {}",
            "1:1: definitions: is for bakehouse.yaml at the root of a project",
        ),
        (
            "assets: {a: {partitions: 3}}",
            "1:26: asset 'a': partitions: must be the name of a grid, a mapping,",
        ),
        ("assets: {a: {checks: 3}}", "1:22: asset 'a': checks: must be a list, not the number 3 (write [3])"),
        (
            "tasks: {a: {params: {' x': 1}, shell: x}}",
            "1:22: task 'a': params. x: the name ' x' begins or ends",
        ),
    ],
)
def test_each_mistake_has_its_words_and_its_place(bakery: Write, text: str, said: str) -> None:
    assert [line for line in complaints(bakery, text) if line.startswith(said)], complaints(bakery, text)


@pytest.mark.case("D9", "U3")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ('""', "a name must not be empty"),
        ('" flour"', "the name ' flour' begins or ends with a space"),
        ('"fl\\nour"', "the name 'fl\\nour' has characters that cannot be printed"),
        ('"\\e[31mflour"', "the name '\\x1b[31mflour' has characters that cannot be printed"),
        ('"\\u202Eruolf"', "the name '\\u202eruolf' has characters that cannot be printed"),
        ("x" * 300, "has 300 characters: at most 255 are allowed"),
    ],
)
def test_a_name_that_cannot_be_shown_is_refused_and_shown_escaped(
    bakery: Write, name: str, said: str
) -> None:
    (line,) = complaints(bakery, f"assets:\n  ? {name}\n  : {{}}\n")

    assert said in line
    assert line.isprintable()


@pytest.mark.case("D9")
@pytest.mark.parametrize("name", ["a.b/c d:e", "-rf", "$(id)", "🍪", "naïve", "x" * 255, "'; drop", "[/red]"])
def test_any_printable_name_will_do(bakery: Write, name: str) -> None:
    assert list(bakery(json.dumps({"assets": {name: {}}}, ensure_ascii=False)).assets) == [name]


def test_durations_are_seconds_however_they_are_written(bakery: Write) -> None:
    written = {"a": "90", "b": "0.5", "c": "30s", "d": "5m", "e": "2h", "f": "7d", "g": "1.5h", "h": "5 m"}
    text = "tasks:\n" + "".join(f"  {name}: {{shell: x, timeout: {how}}}\n" for name, how in written.items())

    assert {name: task.timeout for name, task in bakery(text).tasks.items()} == {
        "a": 90, "b": 0.5, "c": 30, "d": 300, "e": 7200, "f": 604_800, "g": 5400, "h": 300,
    }  # fmt: skip


def test_the_environment_is_text_or_inherited(bakery: Write) -> None:
    tasks = bakery("""\
tasks:
  set: {shell: x, env: {A: text, B: 3, C: true, D: 0.5, E: null, F: no}}
  inherit: {shell: x, env: [HOME, LANG]}
""").tasks

    assert tasks["set"].env == {"A": "text", "B": "3", "C": "true", "D": "0.5", "E": None, "F": "no"}
    assert tasks["inherit"].env == {"HOME": None, "LANG": None}


def test_every_key_of_the_format_arrives(bakery: Write) -> None:
    defined = bakery("""\
pipeline: cookies
pools: {oven: 2}
schedules: {nightly: {cron: '0 2 * * *', select: +bread, timezone: Europe/Berlin, catch_up: one, jitter: 2m,
  force: true, description: while all sleep}}
assets:
  flour: {file: data/../flour.csv, max_age: 1d}
  bread:
    deps: {flour: meal}
    task: bake
    verb: bake it
    group: goods
    tags: [daily]
    owners: [me]
    description: a loaf
    metadata: {oven: {hot: true}}
    params: {minutes: 40, kinds: [rye]}
    env: {LANG: C}
    retries: 2
    backoff: 30s
    timeout: 1h
    max_age: 12h
    pool: oven
    code_version: 3
    isolate: true
    internal: true
    checks: [{not_null: grain, severity: warn, where: kg > 0}]
    partitions: {daily: {start: 2026-01-01}}
    shell: bake "$meal" > "$OUTPUT"
""")

    flour, bread, bake = defined.assets["flour"], defined.assets["bread"], defined.tasks["bake"]
    assert (flour.file, flour.max_age) == ("flour.csv", 86_400)
    grid = [{"name": "day", "kind": "daily", "start": "2026-01-01"}]
    assert (bread.partitions, bake.partitions) == (grid, grid)
    assert flour.is_source and bread.task == "bake"
    assert (bread.group, bread.tags, bread.owners, bread.description) == (
        "goods",
        ("daily",),
        ("me",),
        "a loaf",
    )
    assert (bread.metadata, bread.max_age, bread.internal) == ({"oven": {"hot": True}}, 43_200, True)
    said = {"columns": ["grain"]}
    assert bread.checks == (
        Check("bread", "not_null(grain)", "not_null", "warn", "kg > 0", said, identifier="bread"),
    )
    assert [(given.asset, given.identifier) for given in bake.inputs] == [("flour", "meal")]
    assert (bake.outputs, bake.verb, bake.params) == (
        ("bread",),
        "bake it",
        {"minutes": 40, "kinds": ["rye"]},
    )
    assert (bake.env, bake.retries, bake.backoff, bake.timeout) == ({"LANG": "C"}, 2, 30, 3600)
    assert (bake.pool, bake.code_version, bake.isolate, bake.group) == ("oven", "3", True, "goods")
    assert str(bake.place) == "bakery.yaml:7:3"
    assert defined.pools == {"oven": 2} and defined.pipelines == ("cookies",)
    nightly = defined.schedules["nightly"]
    assert (nightly.cron, nightly.timezone, nightly.select, nightly.force) == (
        "0 2 * * *",
        "Europe/Berlin",
        "+bread",
        True,
    )
    assert (nightly.catch_up, nightly.jitter, nightly.description) == ("one", 120, "while all sleep")
    assert str(nightly.place) == "bakery.yaml:3:13"


def test_the_schema_describes_every_key_for_editors() -> None:
    schema = json_schema()

    json.dumps(schema)
    for model in ("AssetEntry", "TaskEntry", "Defaults"):
        keys = schema["$defs"][model]["properties"]
        assert all(key["description"] for key in keys.values())
        assert schema["$defs"][model]["additionalProperties"] is False
    assert {"deps", "shell", "sql", "python", "as"} - set(schema["$defs"]["AssetEntry"]["properties"]) == {
        "as"
    }
    assert {
        "pipeline",
        "assets",
        "tasks",
        "defaults",
        "schedules",
        "partitions",
        "pools",
        "params",
        "profiles",
        "on_success",
        "on_failure",
        "secrets",
        "definitions",
    } == set(schema["properties"])


KEYS = [
    "pipeline",
    "assets",
    "tasks",
    "defaults",
    "schedules",
    "partitions",
    "monthly",
    "static",
    "start",
    "params",
    "profiles",
    "pools",
    "definitions",
    "deps",
    "inputs",
    "outputs",
    "after",
    "task",
    "verb",
    "python",
    "shell",
    "sql",
    "file",
    "group",
    "tags",
    "owners",
    "description",
    "metadata",
    "params",
    "env",
    "retries",
    "backoff",
    "timeout",
    "max_age",
    "pool",
    "code_version",
    "isolate",
    "internal",
    "partitions",
    "checks",
    "asset",
    "as",
    "x",
]
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.sampled_from(
    ["x", "", "5m", "m:f", "1", "\0", "\u202e", "x" * 300, "echo $x", " "]
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {},
        optional={
            key: st.recursive(
                LEAVES,
                lambda inner: (
                    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
                ),
                max_leaves=12,
            )
            for key in ("assets", "tasks", "defaults", "pools", "definitions", "schedules", "x")
        },
    )
)
def test_whatever_stands_in_a_file_it_is_loaded_or_refused(bakery: Write, data: object) -> None:
    try:
        bakery(json.dumps(data))
    except DefinitionError as error:
        assert all(problem.place.file == "bakery.yaml" for problem in error.problems)
        assert str(error)


def test_naughty_strings_are_names_or_refused_and_descriptions_to_the_letter(
    bakery: Write, real_data: Path
) -> None:
    accepted = 0
    for naughty in json.loads((real_data / "names" / "naughty-strings.json").read_text()):
        try:
            defined = bakery(json.dumps({"assets": {naughty: {"description": naughty}}}, ensure_ascii=False))
        except DefinitionError as error:
            assert all(line.isprintable() for line in str(error).split("\n"))
            continue
        accepted += 1
        assert defined.assets[naughty].description == naughty
        assert naughty.isprintable()
    assert accepted > 100


def test_a_file_cut_off_anywhere_is_loaded_or_refused(bakery: Write) -> None:
    text = "assets:\n  flour: {file: a}\n  bread: {deps: [flour], shell: 'x', retries: 3}\ntasks: {a: {shell: y}}\n"
    for end in range(len(text)):
        with contextlib.suppress(DefinitionError):
            bakery(text[:end])
