"""Loading a project: YAML and Python together, what refers to what, and nothing run without trust."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bakehouse.core.load.definitions import load_definitions
from bakehouse.core.load.discovery import find_project
from bakehouse.core.load.interpreter import find_interpreter
from bakehouse.core.model import Definitions, Input, PythonAction, ShellAction, SqlAction
from bakehouse.core.problems import DefinitionError, ProblemError

Bake = Callable[..., Definitions]


@pytest.fixture
def bake(tmp_path: Path) -> Bake:
    """Writes the files of a project (`file="text"`, `__` for `/`, `_dot_` for `.`), and loads it."""

    def load(trusted: bool = False, **files: str) -> Definitions:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return load_definitions(find_project(tmp_path), trusted=trusted, interpreter=sys.executable)

    return load


def complaints(bake: Bake, trusted: bool = False, **files: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        bake(trusted, **files)
    return [str(problem).split("\n")[0] for problem in caught.value.problems]


def test_assets_and_tasks_of_all_files_are_one_graph(bake: Bake) -> None:
    defined = bake(
        bakehouse_dot_yaml="pipeline: shop\npools: {oven: 1}\nassets: {flour: {}}\n",
        bread__a_dot_yaml="assets: {dough: {deps: [flour], shell: mix}}\n",
        bread__b_dot_yaml="pipeline: bakery\n"
        "tasks: {bake: {inputs: [dough], outputs: [bread], sql: select 1, pool: oven}}\n",
    )

    assert defined.pipelines == ("shop", "bakery")
    assert {name: asset.task for name, asset in defined.assets.items()} == {
        "flour": None,
        "dough": "dough",
        "bread": "bake",
    }
    assert defined.tasks["dough"].action == ShellAction("mix", "bread")
    assert defined.tasks["bake"].action == SqlAction("select 1", "bread")
    assert defined.assets["bread"].pipeline == "bakery"
    assert sorted(defined.files) == ["bakehouse.yaml", "bread/a.yaml", "bread/b.yaml"]


@pytest.mark.case("X1")
def test_yaml_alone_is_whole_without_trust_and_runs_nothing(bake: Bake, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    plant = f"open({str(canary)!r}, 'w')\n"
    defined = bake(
        bakehouse_dot_yaml="assets: {flour: {}, dough: {deps: [flour, yeast], python: 'recipes:mix'}}\n"
        "tasks: {bake: {inputs: [dough], after: [heat], shell: touch canary}}\n",
        recipes_dot_py=plant + "def mix(flour, yeast): ...\n",
        defs_dot_py=plant + "from bakehouse import source\nsource('yeast')\n",
        sitecustomize_dot_py=plant,
        conftest_dot_py=plant,
    )

    assert not canary.exists()
    assert defined.withheld == ("defs.py", "recipes.py")
    assert defined.tasks["dough"].action == PythonAction("recipes", "mix")
    assert defined.tasks["dough"].code is None
    assert "not trusted" in defined.assets["yeast"].description
    assert defined.tasks["bake"].after == ()


def test_python_and_yaml_are_mixed_in_one_project(bake: Bake, tmp_path: Path) -> None:
    defined = bake(
        trusted=True,
        bakehouse_dot_yaml="""\
pipeline: flights
defaults: {retries: 2, tags: [nightly]}
assets:
  raw: {file: raw.csv}
  joined: {deps: [raw, delays], python: 'steps:join', params: {limit: 3}, retries: 0}
""",
        steps_dot_py="def join(raw, delays, limit): ...\n",
        lib__defs_dot_py='''\
from bakehouse import Context, asset, source, task

source("flights", file="data/flights.csv")

@asset(group="marts", tags=["daily"], deps=["raw"], params={"k": 3})
def delays(context: Context, flights, k, opt=3, joined_later=None):
    """Average delays.

    At length."""

@task(outputs=["report", "chart"], inputs=["joined"], timeout="5m")
def render(joined): ...

@task(after=["render"])
def mail(report, **others): ...
''',
    )

    assert {name: task.inputs for name, task in defined.tasks.items()} == {
        "joined": (Input("raw", "raw"), Input("delays", "delays")),
        "delays": (Input("raw", "raw"), Input("flights", "flights")),
        "render": (Input("joined", "joined"),),
        "mail": (Input("report", "report"),),
    }
    delays, render = defined.tasks["delays"], defined.tasks["render"]
    assert (delays.group, delays.tags, delays.retries, delays.description) == (
        "marts",
        ("daily",),
        2,
        "Average delays.",
    )
    assert isinstance(delays.action, PythonAction) and delays.action.folder == "lib"
    assert (render.outputs, render.timeout, render.retries, render.tags) == (
        ("report", "chart"),
        300,
        2,
        ("nightly",),
    )
    assert defined.tasks["joined"].retries == 0
    assert all(task.code is not None for task in defined.tasks.values())
    assert defined.assets["flights"].file == "data/flights.csv"
    assert str(delays.place) == "lib/defs.py:5:1"
    assert set(defined.files) == {"bakehouse.yaml", "steps.py", "lib/defs.py"}
    assert defined.python_version == "{}.{}".format(*sys.version_info[:2])
    assert defined.withheld == ()


def test_a_parameter_with_a_default_is_an_input_only_if_it_is_an_asset(bake: Bake) -> None:
    source = "from bakehouse import asset\n@asset\ndef bread(flour, salt=None, water=None): ...\n"

    defined = bake(trusted=True, bakehouse_dot_yaml="assets: {flour: {}, salt: {}}\n", defs_dot_py=source)

    assert [given.asset for given in defined.tasks["bread"].inputs] == ["flour", "salt"]


def test_an_entry_without_action_describes_what_a_task_makes(bake: Bake) -> None:
    defined = bake(
        bakehouse_dot_yaml="""\
assets:
  bread: {description: a loaf, internal: true, group: goods}
tasks:
  bake: {outputs: [bread, crumbs], group: work, tags: [hot], owners: [me], shell: bake}
"""
    )

    bread, crumbs = defined.assets["bread"], defined.assets["crumbs"]
    assert (bread.task, bread.description, bread.internal, bread.group) == ("bake", "a loaf", True, "goods")
    assert (crumbs.task, crumbs.group, crumbs.tags, crumbs.owners) == ("bake", "work", ("hot",), ("me",))
    assert str(crumbs.place) == "bakehouse.yaml:4:3"


def test_the_nearest_default_holds_and_params_are_joined(bake: Bake) -> None:
    defined = bake(
        bakehouse_dot_yaml="defaults: {retries: 1, group: all, env: {A: '1'}, params: {x: 1, y: 1}, timeout: 1h}\n",
        near_dot_yaml="""\
defaults: {retries: 2, params: {y: 2, z: 2}, env: [B]}
assets:
  near: {shell: x, params: {z: 3}, group: own}
  source: {}
""",
        far_dot_yaml="assets: {far: {shell: x}}\n",
    )

    near, far = defined.tasks["near"], defined.tasks["far"]
    assert (near.retries, near.group, near.timeout) == (2, "own", 3600)
    assert (near.params, near.env) == ({"x": 1, "y": 2, "z": 3}, {"A": "1", "B": None})
    assert (far.retries, far.group, far.params) == (1, "all", {"x": 1, "y": 1})
    assert defined.assets["source"].group == "all"


def test_what_is_defined_twice_names_both_places(bake: Bake) -> None:
    assert complaints(
        bake,
        a_dot_yaml="assets: {flour: {}, bread: {shell: x, task: bake}}\n",
        b_dot_yaml="assets: {flour: {}, cake: {shell: x, task: bake}}\ntasks: {knead: {outputs: [bread], shell: x}}\n",
        bakehouse_dot_yaml="pools: {oven: 1}\nschedules: {s: {cron: '@daily'}}\n",
        c_dot_yaml="pools: {oven: 2}\nschedules: {s: {cron: '@daily'}}\nassets: {}\n",
    ) == [
        "b.yaml:1:10: the asset 'flour' is defined twice: first at a.yaml:1:10 (names are unique over the project)",
        "b.yaml:1:44: the task 'bake' is defined twice: first at a.yaml:1:21 (verb: names what stands on the edge)",
        "b.yaml:2:27: task 'knead': 'bread' is already made by the task 'bake' at a.yaml:1:21 "
        "(an asset is made by one task)",
        "c.yaml:1:15: the pool 'oven' has 1 place in bakehouse.yaml, and 2 here",
        "c.yaml:2:13: the schedule 's' is defined twice: first in bakehouse.yaml",
    ]


@pytest.mark.case("D9")
def test_references_to_what_is_not_there_are_told_with_the_nearest_name(bake: Bake) -> None:
    assert complaints(
        bake,
        bakehouse_dot_yaml="""\
pools: {oven: 1}
assets:
  flour: {}
  dough: {deps: [Flour, water], shell: x, pool: ovn}
  bread: {deps: [dough]}
  cake: {deps: {doughh: d}, shell: x, after: [bred, flour]}
  rye: {retries: 3, file: a}
  roll: {file: x, shell: x}
tasks:
  bred: {shell: x}
  sell: {shell: x, inputs: [cake], after: [flour, cake], outputs: [money, money]}
""",
    ) == [
        "bakehouse.yaml:4:18: asset 'dough': 'Flour' is not defined (did you mean 'flour'?)",
        "bakehouse.yaml:4:25: asset 'dough': 'water' is not defined (if it is a source, add it under assets:)",
        "bakehouse.yaml:4:49: asset 'dough': there is no pool 'ovn' (did you mean 'oven'?)",
        "bakehouse.yaml:5:11: asset 'bread': it has deps, but nothing makes it "
        "(add python:, shell: or sql:, or a task with outputs: [bread])",
        "bakehouse.yaml:6:17: asset 'cake': 'doughh' is not defined (did you mean 'dough'?)",
        "bakehouse.yaml:6:53: asset 'cake': there is no task 'flour'",
        "bakehouse.yaml:7:9: asset 'rye': retries says nothing here: there is no action "
        "(add python:, shell: or sql:, or leave it out)",
        "bakehouse.yaml:8:10: asset 'roll': only a source can be a file (a shell command writes to \"$OUTPUT\")",
        "bakehouse.yaml:11:44: task 'sell': there is no task 'flour'",
        "bakehouse.yaml:11:58: task 'sell': 'money' stands twice in outputs",
    ]


@pytest.mark.case("D9")
def test_a_circle_is_told_with_its_line(bake: Bake) -> None:
    with pytest.raises(DefinitionError) as caught:
        bake(bakehouse_dot_yaml="assets:\n  a: {deps: [b], shell: x}\n  b: {deps: [a], shell: x}\n")

    (problem,) = caught.value.problems
    assert problem.place.file == "bakehouse.yaml" and problem.line is not None
    assert "a" in problem.message and "b" in problem.message


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            "{deps: [a.b, a_b], shell: x}",
            "the input 'a.b' and the input 'a_b' would both be 'a_b' in the code",
        ),
        (
            "{deps: [flour], params: {flour: 1}, shell: x}",
            "the input 'flour' and the param 'flour' would both be",
        ),
        (
            "{deps: [flour], env: {flour: 1}, shell: x}",
            "the environment variable 'flour' would both be 'flour'",
        ),
        (
            "{deps: [OUTPUT], shell: x}",
            "the input 'OUTPUT' and the variable 'OUTPUT' would both be 'OUTPUT'",
        ),
        ("{deps: [Flour, flour], sql: select 1}", "would both be 'flour' in the code"),
        ("{deps: [context], python: 'm:f'}", "the input 'context' and the parameter 'context' would both be"),
        ("{deps: [flour, flour], shell: x}", "'flour' stands twice in deps"),
    ],
)
def test_two_things_under_one_identifier_are_refused(bake: Bake, entry: str, said: str) -> None:
    (line,) = complaints(
        bake,
        bakehouse_dot_yaml="assets: {flour: {}, Flour: {}, a.b: {}, a_b: {}, OUTPUT: {}, context: {}}\n",
        bread_dot_yaml=f"assets:\n  bread: {entry}\n",
    )
    assert said in line


def test_a_name_that_would_hide_a_variable_of_the_shell_is_refused_with_its_place(bake: Bake) -> None:
    assert complaints(
        bake,
        bakehouse_dot_yaml="""\
assets:
  PATH: {}
  LD_PRELOAD: {}
  home: {}
  good: {deps: [{asset: PATH, as: path}, home], shell: x, env: {HOME: /, LC_ALL: C}, params: {Path: 1}}
  python: {deps: [PATH], python: "m:f", params: {HOME: 1}}
  sql: {deps: [PATH], sql: select 1}
  bad:
    deps: [home, PATH, LD.PRELOAD]
    shell: x
    params: {IFS: ","}
  LD.PRELOAD: {}
""",
    ) == [
        "bakehouse.yaml:9:18: asset 'bad': the input 'PATH' would be the variable PATH of the command, which "
        "programs go by (say as: in deps, as in {asset: …, as: path})",
        "bakehouse.yaml:9:24: asset 'bad': the input 'LD.PRELOAD' would be the variable LD_PRELOAD of the "
        "command, which programs go by (say as: in deps, as in {asset: …, as: ld_preload})",
        "bakehouse.yaml:11:13: asset 'bad': the param 'IFS' would be the variable IFS of the command, which "
        "programs go by (rename it, or set the variable under env:)",
    ]


def test_as_names_the_identifier(bake: Bake) -> None:
    defined = bake(
        bakehouse_dot_yaml="""\
assets:
  a.b: {}
  a_b: {}
  "2 x": {}
  class: {}
  bread: {deps: [{asset: a.b, as: left}, a_b, 2 x, class], shell: x, params: {c d: 1}}
"""
    )

    assert [given.identifier for given in defined.tasks["bread"].inputs] == ["left", "a_b", "_2_x", "class_"]


def test_a_parameter_that_nothing_gives_is_told_before_it_is_run(bake: Bake) -> None:
    assert complaints(
        bake,
        trusted=True,
        bakehouse_dot_yaml="""\
assets:
  flour: {}
  salt: {}
  dough: {deps: [flour], python: 'recipes:mix', params: {minutes: 3}}
""",
        recipes_dot_py="def mix(flour, minutes, salt, flouur, context, oven=3, **rest): ...\n",
        defs_dot_py="from bakehouse import asset, task\n"
        "@asset\ndef bread(dough, flor): ...\n"
        "@task(inputs=['flour'])\ndef sell(price): ...\n",
    ) == [
        "bakehouse.yaml:4:34: asset 'dough': nothing gives the parameter 'flouur' a value (did you mean 'flour'?)",
        "bakehouse.yaml:4:34: asset 'dough': nothing gives the parameter 'salt' a value (add salt to deps)",
        "defs.py:2:1: asset 'bread': the parameter 'flor' is no asset that is defined (did you mean 'flour'?)",
        "defs.py:4:1: task 'sell': nothing gives the parameter 'price' a value (it is neither in inputs nor in params)",
    ]


def test_python_that_cannot_be_loaded_is_told_next_to_what_is_wrong_in_yaml(bake: Bake) -> None:
    lines = complaints(
        bake,
        trusted=True,
        bakehouse_dot_yaml="""\
assets:
  a: {python: 'recipes:mixx'}
  b: {python: 'nowhere:mix'}
  c: {python: 'broken:one'}
  d: {python: 'broken:two'}
  e: {retires: 3, deps: [made_in_python]}
""",
        recipes_dot_py="def mix(): ...\n",
        broken_dot_py="x = 1\nraise RuntimeError('no flour')\n",
        defs_dot_py="from bakehouse import asset\nimport broken_too\n",
        broken_too_dot_py="1 / 0\n",
    )

    places = [line.split(": ")[0] for line in lines]
    assert places == [
        "bakehouse.yaml:2:15",
        "bakehouse.yaml:3:15",
        "bakehouse.yaml:6:7",
        "broken.py:2:1",
        "broken_too.py:1:1",
    ]
    assert "mixx" in lines[0] and "nowhere" in lines[1] and "no flour" in lines[3] and "zero" in lines[4]


def test_bad_options_in_python_have_the_place_of_their_function(bake: Bake) -> None:
    assert complaints(
        bake,
        trusted=True,
        defs_dot_py="from bakehouse import asset\n\n@asset(retries='x', tags='a')\ndef bread(): ...\n",
    ) == [
        "defs.py:3:1: asset 'bread': retries: must be a whole number, not the text 'x'",
        "defs.py:3:1: asset 'bread': tags: must be a list, not the text 'a' (write [a])",
    ]


def test_definitions_restrict_which_files_are_read(bake: Bake) -> None:
    files = {"a__one_dot_yaml": "assets: {one: {}}\n", "b__two_dot_yaml": "assets: {two: {}}\n"}

    assert set(bake(bakehouse_dot_yaml="definitions: [a/*.yaml]\n", **files).assets) == {"one"}
    assert complaints(bake, bakehouse_dot_yaml="definitions: [a/*.yaml, c/*.yaml, ../x, /y]\n") == [
        "bakehouse.yaml:1:35: definitions[2]: must stay inside of the project: no / in front, no ..",
        "bakehouse.yaml:1:41: definitions[3]: must stay inside of the project: no / in front, no ..",
    ]
    assert complaints(bake, bakehouse_dot_yaml="definitions: [a/*.yaml, c/*.yaml]\n") == [
        "bakehouse.yaml:1:25: no definition file matches 'c/*.yaml'"
    ]


def test_a_file_that_cannot_be_read_does_not_hide_the_other_mistakes(bake: Bake) -> None:
    lines = complaints(
        bake,
        a_dot_yaml="assets: {x: [\n",
        b_dot_yaml="assets: {bread: {deps: [x], retires: 3}}\n",
    )

    assert [line.split(": ")[0] for line in lines] == ["a.yaml:1:13", "b.yaml:1:29"]


def test_too_many_problems_are_counted(bake: Bake) -> None:
    text = "assets:\n" + "".join(f"  a{n}: {{x: 1}}\n" for n in range(2000))

    lines = complaints(bake, bakehouse_dot_yaml=text)

    assert len(lines) == 501
    assert "… and 1,500 more problems" in lines[-1]


def test_the_interpreter_is_the_projects_own(tmp_path: Path) -> None:
    def program(*parts: str) -> str:
        path = tmp_path.joinpath(*parts)
        path.parent.mkdir(parents=True)
        path.symlink_to(sys.executable)
        return str(path)

    assert find_interpreter(tmp_path, environ={}) == sys.executable
    active = program("active", "bin", "python")
    environ = {"VIRTUAL_ENV": str(tmp_path / "active")}
    assert find_interpreter(tmp_path, environ=environ) == active
    own = program(".venv", "bin", "python")
    assert find_interpreter(tmp_path, environ=environ) == own
    said = program("said", "python")
    assert find_interpreter(tmp_path, environ={**environ, "BAKEHOUSE_PYTHON": said}) == said
    assert find_interpreter(tmp_path, active, environ={"BAKEHOUSE_PYTHON": said}) == active
    with pytest.raises(
        ProblemError, match="BAKEHOUSE_PYTHON names '/nowhere/python', which is not a program"
    ):
        find_interpreter(tmp_path, environ={"BAKEHOUSE_PYTHON": "/nowhere/python"})


@pytest.mark.case("D2")
def test_a_project_of_odd_files_is_loaded_or_refused_but_never_falls_over(bake: Bake, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "latin.yaml").write_bytes(b"assets: {caf\xe9: {}}\n")

    assert complaints(bake, bakehouse_dot_yaml="assets: {flour: {}}\n") == [
        "latin.yaml:1:13: this is not UTF-8"
    ]
