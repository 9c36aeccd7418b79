"""A value is used again exactly where nothing that made it has changed: whole runs of real projects."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.events import Event, Kind
from bakehouse.core.model import Node, ReasonKind
from bakehouse.core.workbench import Workbench


class Kitchen:
    """A project folder that is opened, run and asked for its values."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.opened: list[Workbench] = []
        self.events: list[Event] = []

    def write(self, **files: str) -> None:
        """`name__ext` is the file name.ext."""
        self.root.mkdir(exist_ok=True)
        for name, text in files.items():
            (self.root / name.replace("__", ".")).write_text(text)

    def open(self) -> Workbench:
        bench = Workbench.open(self.root, trust=True)
        self.opened.append(bench)
        return bench

    async def run(self, bench: Workbench | None = None) -> set[str]:
        """The tasks that ran."""
        bench = bench or self.open()
        self.events = []
        await bench.start(bench.plan(), jobs=2, listeners=[self.events.append]).wait()
        return {event.task or "" for event in self.events if event.kind is Kind.STEP_STARTED}

    def value(self, asset: str) -> Any:
        """A value that is plain data."""
        made = self.opened[-1].materialization(asset)
        assert made is not None and made.value.inline is not None, asset
        return json.loads(made.value.inline)

    def reasons(self, asset: str) -> list[ReasonKind]:
        return [r.kind for r in self.opened[-1].survey().reasons.get(Node("asset", asset), ())]


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kitchen]:
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "home"))
    kitchen = Kitchen(tmp_path / "project")
    yield kitchen
    for bench in kitchen.opened:
        bench.store.close()


async def many(kitchen: Kitchen, times: int) -> None:
    """Edit, import, edit again before the run: the same size, the same time, and bytecode about."""
    kitchen.write(bakehouse__yaml="assets: {bread: {python: 'recipes:bake'}}")
    source, moment = kitchen.root / "recipes.py", 1_600_000_000

    def edit(number: int) -> None:
        source.write_text(f"def bake():\n    return {10_000 + number}\n")
        os.utime(source, (moment, moment))
        subprocess.run([sys.executable, "-c", "import recipes"], cwd=kitchen.root, check=True)

    edit(0)
    bench = kitchen.open()
    for number in range(2, 2 * times + 2, 2):
        edit(number)
        bench.reload()
        edit(number + 1)  # after the import that gave the key, before the run
        assert await kitchen.run(bench) == {"bread"}
        assert kitchen.value("bread") == 10_000 + number
        assert bench.reload()
        assert await kitchen.run(bench) == {"bread"}
        assert kitchen.value("bread") == 10_000 + number + 1
    assert list((kitchen.root / "__pycache__").glob("*.pyc"))


@pytest.mark.case("M4")
@pytest.mark.case("M5")
async def test_what_ran_is_what_the_key_says_whenever_the_file_is_edited(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    await many(kitchen, 2)


@pytest.mark.case("M4")
@pytest.mark.case("M5")
@pytest.mark.full
async def test_what_ran_is_what_the_key_says_a_hundred_times(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    await many(kitchen, 100)


@pytest.mark.case("M7")
async def test_a_file_of_the_same_size_and_time_is_seen_by_its_content(kitchen: Kitchen) -> None:
    kitchen.write(
        bakehouse__yaml="assets: {flour: {file: flour.txt}, bread: {deps: [flour], python: 'recipes:bake'}}",
        recipes__py="def bake(flour): return flour.read_text()\n",
        flour__txt="rye",
    )
    flour = kitchen.root / "flour.txt"
    os.utime(flour, (1e9, 1e9))
    assert await kitchen.run() == {"bread"}
    (kitchen.root / "other").write_text("oat")
    os.utime(kitchen.root / "other", (1e9, 1e9))
    (kitchen.root / "other").replace(flour)
    assert await kitchen.run() == {"bread"} and kitchen.value("bread") == "oat"
    flour.write_text("bun")
    os.utime(flour, (1e9, 1e9))
    assert await kitchen.run() == {"bread"} and kitchen.value("bread") == "bun"
    assert await kitchen.run() == set()


async def test_order_that_a_step_can_see_counts_and_no_other(kitchen: Kitchen) -> None:
    def define(params: str, inner: str, deps: str) -> None:
        kitchen.write(
            bakehouse__yaml=f"""
assets:
  a: {{python: 'recipes:one'}}
  b: {{python: 'recipes:one'}}
  looks: {{python: 'recipes:looks', params: {params}}}
  inside: {{python: 'recipes:inside', params: {{p: {inner}}}}}
  shell: {{shell: 'printf "\\"%s\\"" "$p" | tr -d "\\n{{}} " > "$OUTPUT"', params: {{p: {inner}}}}}
  rest: {{deps: {deps}, python: 'recipes:rest'}}
  named: {{deps: {deps}, python: 'recipes:named'}}
  table: {{deps: {deps}, sql: 'select 1 as one'}}
""",
            recipes__py="""
def one(): return 1
def looks(context): return list(context.params)
def inside(p): return list(p)
def rest(**rest): return list(rest)
def named(a, b): return [a, b]
""",
        )

    define("{y: 1, x: 2}", "{y: 1, x: 2}", "[b, a]")
    await kitchen.run()
    assert [kitchen.value(one) for one in ("looks", "inside", "rest")] == [["x", "y"], ["y", "x"], ["b", "a"]]
    assert await kitchen.run() == set()
    define("{x: 2, y: 1}", "{x: 2, y: 1}", "[a, b]")
    assert await kitchen.run() == {"inside", "shell", "rest"}
    assert [kitchen.value(one) for one in ("looks", "inside", "rest")] == [["x", "y"], ["x", "y"], ["a", "b"]]
    assert kitchen.reasons("rest") == [] and await kitchen.run() == set()


@pytest.mark.case("M3")
async def test_libraries_and_declared_variables_are_in_the_key_and_others_are_not(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library = tmp_path / "lib"

    def install(version: str) -> None:
        for other in library.glob("*.dist-info"):
            shutil.rmtree(other)
        info = library / f"ovenlib-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ovenlib\nVersion: {version}\n")
        (library / "ovenlib.py").write_text("def heat(): return 180\n")

    install("1.0")
    monkeypatch.setenv("PYTHONPATH", str(library))
    monkeypatch.setenv("OVEN", "hot")
    monkeypatch.setenv("KITCHEN", "small")
    kitchen.write(
        bakehouse__yaml="""
assets:
  heat: {python: 'recipes:heat'}
  oven: {shell: 'echo 1 > "$OUTPUT"', env: {OVEN: null}}
  plain: {python: 'recipes:plain'}
""",
        recipes__py="import ovenlib\ndef heat(): return ovenlib.heat()\ndef plain(): return 1\n",
    )
    assert await kitchen.run() == {"heat", "oven", "plain"}
    monkeypatch.setenv("KITCHEN", "large")
    assert await kitchen.run() == set()
    monkeypatch.setenv("OVEN", "cold")
    kitchen.open()
    assert kitchen.reasons("oven") == [ReasonKind.ENV_CHANGED]
    assert await kitchen.run() == {"oven"}
    install("1.1")
    bench = kitchen.open()
    (reason,) = bench.survey().reasons[Node("asset", "heat")]
    assert "ovenlib" in reason.detail
    assert (reason.kind, reason.old, reason.new) == (ReasonKind.ENV_CHANGED, "1.0", "1.1")
    assert await kitchen.run(bench) == {"heat"}


async def test_a_variable_and_a_library_of_one_name_are_both_in_the_key(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    kitchen.write(
        bakehouse__yaml="assets: {a: {python: 'recipes:a', env: {yaml: null, python: null}}}",
        recipes__py="import os, yaml\n"
        "def a(): return [yaml.safe_load('1'), os.environ['yaml'], os.environ['python']]\n",
    )
    for first, second in (("1", "1"), ("2", "1"), ("2", "2")):
        monkeypatch.setenv("yaml", first)
        monkeypatch.setenv("python", second)
        assert await kitchen.run() == {"a"} and kitchen.value("a") == [1, first, second]


def bakehouse(kitchen: Kitchen, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bakehouse", "-C", str(kitchen.root), *command],
        capture_output=True,
        text=True,
        env={**os.environ, "BAKEHOUSE_TRUST": "1"},
    )


DYNAMIC = {
    "getattr": (
        "def bake(): return getattr(sys.modules['helpers'], 'he' + 'lp')()",
        "getattr with a computed name",
    ),
    "exec": ("def bake(): exec('from helpers import help as h', globals()); return h()", "exec"),
    "module": (
        "def bake(): return importlib.import_module('hel' + 'pers').help()",
        "importlib.import_module",
    ),
    "table": ("def bake(): return globals()['helpers'].__dict__['he' + 'lp']()", "globals"),
    "entry": (
        "def bake():\n    importlib.metadata.entry_points(group='none')\n    return sys.modules['hel' + 'pers'].help()",
        "entry_points",
    ),
}


@pytest.mark.case("M2")
async def test_what_the_key_cannot_see_is_not_seen_but_listed(kitchen: Kitchen) -> None:
    head = "import importlib, importlib.metadata, sys\nimport helpers\n"
    assets = {name: {"python": f"{name}:bake"} for name in DYNAMIC}
    kitchen.write(bakehouse__yaml=json.dumps({"assets": assets}), helpers__py="def help(): return 1\n")
    kitchen.write(**{f"{name}__py": head + code for name, (code, _) in DYNAMIC.items()})
    assert await kitchen.run() == set(DYNAMIC)
    kitchen.write(helpers__py="def help(): return 2\n")
    bench = kitchen.open()
    assert await kitchen.run(bench) == set()
    for name, (_, sentence) in DYNAMIC.items():
        assert f"{name}.bake: {sentence}" in bench.untracked(Node("asset", name))
        told = await asyncio.to_thread(bakehouse, kitchen, "why", name)
        assert sentence in told.stdout, told


def test_files_that_a_command_or_a_query_opens_by_itself_are_listed(kitchen: Kitchen) -> None:
    kitchen.write(
        bakehouse__yaml="""
partitions: {day: {static: ["1"]}}
assets:
  flour: {file: flour.csv}
  shell: {deps: [flour], shell: 'sh mix.sh <"$flour" >"$OUTPUT"; : ./no/such.sh $PWD'}
  version: {deps: [flour], shell: 'sh mix.sh <"$flour" >"$OUTPUT"', code_version: 1}
  sql: {deps: [flour], sql: "select * from flour join 'more.csv' using (kg) cross join read_text('x')"}
  plain: {deps: [flour], sql: "select 'from', kg from flour"}
  given: {deps: [flour], params: {how-much: 1}, env: [OVEN], shell: 'echo $flour $how_much $OVEN $HOME >"$OUTPUT"'}
  asks: {deps: [flour], shell: 'echo "$WHO" ${HOW:-well} >"$OUTPUT"'}
  parts: {partitions: day, shell: 'echo $PARTITION $DAY >"$OUTPUT"'}
""",
        mix__sh="cat\n",
        flour__csv="kg\n1\n",
    )
    bench = kitchen.open()
    assert [
        bench.untracked(Node("asset", name)) for name in ("shell", "version", "sql", "plain", "given")
    ] == [
        ("shell: mix.sh, a file that the command names",),
        (),
        ("sql: a file that the query opens by 'more.csv'", "sql: a file that the query opens by read_text"),
        (),
        (),
    ]
    assert bench.untracked(Node("asset", "asks")) == (
        "asks: $HOW comes from the environment and is not watched: name it under env",
        "asks: $WHO comes from the environment and is not watched: name it under env",
    )
    assert bench.untracked(Node("asset", "parts")) == ()


def test_files_that_code_opens_by_name_are_listed_unless_they_are_its_sources(
    kitchen: Kitchen, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("1")
    code = f"""
from pathlib import Path
TABLE = Path("data/table.csv")
def deep(): return open("data/deep.csv"), "data/deep.csv is gone", "data/none.csv", "helpers.py", "https://x/y.csv"
def bake(flour, mode="data/default.csv"):
    'data/docstring.csv'
    def inner(): return Path({str(kitchen.root / "data/absolute.csv")!r}).read_text()
    return deep(), TABLE, "data/flour.csv", "data/all/a.csv", "data/out.csv", "{outside}", "../outside.csv", "data"
def plain(): return 1
"""
    kitchen.write(
        bakehouse__yaml="""
assets:
  flour: {file: data/flour.csv}
  folder: {file: data/all}
  bread: {deps: [flour, folder], python: 'helpers:bread'}
  plain: {python: 'helpers:plain'}
  said: {deps: [flour, folder], python: 'helpers:bread', code_version: 1}
""",
        helpers__py=code.replace("bake(flour,", "bread(flour, folder,"),
    )
    names = "table", "deep", "default", "docstring", "absolute", "flour", "all/a"
    for name in names:
        path = kitchen.root / f"data/{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    (kitchen.root / "data/out.csv").symlink_to(outside)
    wanted = tuple(
        f"bread: data/{name}.csv is read by name and not watched: make it a source"
        for name in ("absolute", "deep", "default", "table")
    )
    for bench in (kitchen.open(), kitchen.open()):  # loaded, and recalled
        assert bench.untracked(Node("asset", "bread")) == wanted
        assert bench.untracked(Node("asset", "plain")) == bench.untracked(Node("asset", "said")) == ()
    (kitchen.root / "data/deep.csv").unlink()
    assert len(bench.untracked(Node("asset", "bread"))) == 3


@pytest.mark.case("M11")
async def test_what_follows_a_step_that_never_makes_the_same_follows_what_it_made(kitchen: Kitchen) -> None:
    kitchen.write(
        bakehouse__yaml="""
assets:
  dice: {python: 'recipes:dice'}
  seen: {deps: [dice], python: 'recipes:seen'}
  size: {deps: [dice], python: 'recipes:size'}
  after: {deps: [size], python: 'recipes:after'}
""",
        recipes__py="import os\ndef dice(): return os.urandom(8).hex()\ndef seen(dice): return dice\n"
        "def size(dice): return len(dice)\ndef after(size): return size\n",
    )
    assert await kitchen.run() == {"dice", "seen", "size", "after"}
    assert await kitchen.run() == set()
    for _ in range(2):
        bench = kitchen.open()
        plan = bench.plan([Node("asset", "dice")], force=True)
        await bench.start(plan, jobs=1).wait()
        assert kitchen.value("seen") != kitchen.value("dice")
        assert await kitchen.run(bench) == {"seen", "size"}
        assert kitchen.value("seen") == kitchen.value("dice")


@pytest.mark.case("C15")
async def test_a_project_that_was_moved_runs_nothing_again(kitchen: Kitchen) -> None:
    (kitchen.root / "deep").mkdir(parents=True)
    kitchen.write(
        bakehouse__yaml="""
assets:
  flour: {file: flour.csv}
  python: {deps: [flour], python: 'recipes:bake'}
  shell: {deps: [flour], shell: 'cat "$flour" > "$OUTPUT"'}
  sql: {deps: [flour], sql: 'select * from flour'}
""",
        flour__csv="kg\n1\n",
        recipes__py="from pathlib import Path\nHERE = 'x'\ndef bake(flour): return flour.name + HERE\n",
    )
    (kitchen.root / "deep" / "more.py").write_text(
        "from bakehouse import asset\n@asset\ndef more(): return 1\n"
    )
    assert await kitchen.run() == {"python", "shell", "sql", "more"}
    for bench in kitchen.opened:
        bench.store.close()
    kitchen.root = kitchen.root.rename(kitchen.root.with_name("a new place"))
    assert await kitchen.run() == set()


# ---- what a run tells ------------------------------------------------------------------------


async def test_a_step_knows_its_attempt_by_number(kitchen: Kitchen) -> None:
    kitchen.write(
        bakehouse__yaml="assets: {flaky: {python: 'recipes:flaky', retries: 3, backoff: 0.01}}",
        recipes__py="def flaky(context):\n    if context.attempt < 3: raise ValueError(context.attempt)\n"
        "    return context.attempt\n",
    )
    await kitchen.run()
    assert kitchen.value("flaky") == 3
    assert [e.data["error"] for e in kitchen.events if e.kind is Kind.STEP_FAILED] == [
        "ValueError: 1",
        "ValueError: 2",
    ]


async def test_where_a_query_is_wrong_stands_in_its_log(kitchen: Kitchen) -> None:
    kitchen.write(bakehouse__yaml="assets: {bad: {sql: 'select 1 as one, nonsense from range(3)'}}")
    await kitchen.run()
    log = kitchen.opened[-1].log_file("bad")
    assert log is not None
    lines = log.read_text().splitlines()
    place = next(
        number for number, line in enumerate(lines) if line.startswith("LINE 1: select 1 as one, nonsense")
    )
    assert set(lines[place + 1].strip()) == {"^"}


@pytest.mark.case("R5")
def test_few_open_files_mean_fewer_steps_at_once_and_a_sentence(kitchen: Kitchen) -> None:
    assets = {f"s{n}": {"shell": 'echo 1; echo 1 > "$OUTPUT"'} for n in range(40)}
    assets |= {f"q{n}": {"sql": "select 1 as one"} for n in range(8)}
    assets |= {f"p{n}": {"python": "recipes:one"} for n in range(40)}
    kitchen.write(
        bakehouse__yaml=json.dumps({"assets": assets}), recipes__py="def one(): print(1); return 1\n"
    )
    bakehouse = f"{sys.executable} -m bakehouse -C '{kitchen.root}' materialize -j 64 --json"
    done = subprocess.run(
        ["/bin/sh", "-c", f"ulimit -n 64; exec {bakehouse}"],
        capture_output=True,
        text=True,
        env={**os.environ, "BAKEHOUSE_TRUST": "1"},
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event for event in events if event["event"] == "step_failed"] == [], done.stderr
    assert done.returncode == 0
    assert events[0]["note"] == "3 steps at once, not 64: only 64 open files are allowed (ulimit -n)"
