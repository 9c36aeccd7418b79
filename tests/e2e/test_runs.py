"""Whole runs of real projects: Python, shell and SQL steps in real processes, a real ledger."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bakehouse.core.events import Event, Kind
from bakehouse.core.model import Node, ReasonKind, State
from bakehouse.core.plan import Plan
from bakehouse.core.problems import NotTrusted, ProblemError, ProjectHeld, StoreError
from bakehouse.core.running import Running
from bakehouse.core.workbench import Workbench

BREAD = """
pipeline: bread
assets:
  flour: {file: flour.txt}
  dough: {deps: [flour], python: "recipes:knead"}
  bread: {deps: [dough], python: "recipes:bake"}
  toast: {deps: [bread], shell: 'tr a-z A-Z < "$bread" > "$OUTPUT"'}
"""
RECIPES = """
def times():
    return 2

def knead(flour, context):
    context.log.info("kneading")
    context.metadata(grams=len(flour.read_text()))
    return flour.read_text().strip() * times()

def bake(dough):
    return len(dough) > 3
"""

Begin = Callable[..., Workbench]


@pytest.fixture
def open_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Writes the files of a project and opens it; called again, opens it again."""
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("BAKEHOUSE_TRUST", raising=False)

    def begin(trust: bool = True, **files: str) -> Workbench:
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text)
        return Workbench.open(folder, trust=trust)

    return begin


async def run(bench: Workbench, plan: Plan | None = None, jobs: int = 2) -> list[Event]:
    told: list[Event] = []
    running = bench.start(plan or bench.plan(), jobs=jobs, listeners=[told.append])
    await running.wait()
    return told


async def start_and_wait_for(bench: Workbench, task: str) -> tuple[list[Event], Running]:
    """Starts a run and waits until `task` has begun."""
    told: list[Event] = []
    began = asyncio.Event()

    def listen(event: Event) -> None:
        told.append(event)
        if event.kind is Kind.STEP_STARTED and event.task == task:
            began.set()

    running = bench.start(bench.plan(), jobs=2, listeners=[listen])
    await asyncio.wait_for(began.wait(), 60)
    return told, running


def outcomes(events: list[Event]) -> dict[str, str]:
    """How each step ended."""
    ends = {k for k in Kind if k.value.startswith("step_")} - {Kind.STEP_QUEUED, Kind.STEP_STARTED}
    return {e.task or "": e.kind.value.removeprefix("step_") for e in events if e.kind in ends}


def bread(open_bench: Begin, **changed: str) -> Workbench:
    return open_bench(**{"bakehouse__yaml": BREAD, "recipes__py": RECIPES, "flour__txt": "rye\n"} | changed)


async def test_a_run_makes_everything_and_the_next_one_reuses_it(open_bench: Begin) -> None:
    bench = bread(open_bench)
    first = await run(bench)
    assert outcomes(first) == dict.fromkeys(["dough", "bread", "toast"], "succeeded")
    assert [e.seq for e in first] == sorted({e.seq for e in first})
    assert first[-1].kind is Kind.RUN_FINISHED and first[-1].data["ok"]
    assert any(e.kind is Kind.LOG and "kneading" in e.data["line"] for e in first)
    made = bench.materialization("dough")
    assert made is not None and made.metadata["grams"] == 4
    assert bench.survey().states[Node("asset", "toast")] is State.FRESH
    again = await run(bread(open_bench))
    assert outcomes(again) == dict.fromkeys(["dough", "bread", "toast"], "reused")


async def test_a_comment_changes_nothing_a_helper_changes_its_users_and_equal_values_spare_the_rest(
    open_bench: Begin,
) -> None:
    await run(bread(open_bench))
    commented = RECIPES.replace("return 2", "# twice\n    return 2  # really")
    assert set(outcomes(await run(bread(open_bench, recipes__py=commented))).values()) == {"reused"}
    thrice = RECIPES.replace("return 2", "return 3")
    bench = bread(open_bench, recipes__py=thrice)
    assert [r.kind for r in bench.survey().reasons[Node("task", "dough")]] == [ReasonKind.CODE_CHANGED]
    assert outcomes(await run(bench)) == {"dough": "succeeded", "bread": "succeeded", "toast": "spared"}


async def test_a_changed_source_file_is_seen_by_its_content(open_bench: Begin) -> None:
    await run(bread(open_bench))
    bench = bread(open_bench, flour__txt="wheat\n")
    (reason,) = bench.survey().reasons[Node("asset", "dough")]
    assert (reason.kind, reason.key) == (ReasonKind.INPUT_CHANGED, "flour")
    assert outcomes(await run(bench))["dough"] == "succeeded"


async def test_a_failure_blocks_what_depends_on_it_and_the_rest_goes_on(open_bench: Begin) -> None:
    bench = open_bench(
        bakehouse__yaml="""
assets:
  good: {shell: 'echo 1 > "$OUTPUT"'}
  bad: {shell: 'echo oh no; exit 3'}
  after_bad: {deps: [bad, good], shell: 'true'}
  far: {deps: [after_bad], shell: 'true'}
  after_good: {deps: [good], shell: 'true'}
"""
    )
    events = await run(bench)
    assert outcomes(events) == {
        "good": "succeeded",
        "bad": "failed",
        "after_bad": "blocked",
        "far": "blocked",
        "after_good": "succeeded",
    }
    failed = next(e for e in events if e.kind is Kind.STEP_FAILED)
    assert "3" in failed.data["error"]
    assert {e.data["by"] for e in events if e.kind is Kind.STEP_BLOCKED} == {"bad"}
    assert not events[-1].data["ok"]
    log = bench.log_file("bad")
    assert log is not None and log.read_text() == "oh no\n"
    retry = bench.plan(retry=True)
    assert {s.task for s in retry.steps if s.action == "run"} == {"bad", "after_bad", "far"}


async def test_a_step_is_tried_again_as_often_as_it_says(open_bench: Begin, tmp_path: Path) -> None:
    count = tmp_path / "count"
    bench = open_bench(
        bakehouse__yaml=f"""
assets:
  flaky:
    retries: 3
    backoff: 0.01
    shell: 'echo x >> {count}; test $(wc -l < {count}) -ge 3 && echo done > "$OUTPUT"'
"""
    )
    events = await run(bench)
    assert Counter(e.kind for e in events)[Kind.STEP_FAILED] == 2
    assert outcomes(events) == {"flaky": "succeeded"}


async def test_a_step_that_takes_too_long_is_ended(open_bench: Begin) -> None:
    bench = open_bench(bakehouse__yaml="assets:\n  slow: {timeout: 0.2, shell: 'sleep 60'}\n")
    events = await run(bench)
    failed = next(e for e in events if e.kind is Kind.STEP_FAILED)
    assert "timed out after 0.2 s" in failed.data["error"]


async def test_one_step_is_cancelled_and_the_others_go_on(open_bench: Begin) -> None:
    bench = open_bench(
        bakehouse__yaml="""
assets:
  slow: {shell: 'sleep 60'}
  after_slow: {deps: [slow], shell: 'true'}
  quick: {shell: 'true'}
"""
    )
    told, running = await start_and_wait_for(bench, "slow")
    running.cancel("slow")
    await running.wait()
    assert outcomes(told) == {"slow": "cancelled", "after_slow": "blocked", "quick": "succeeded"}


async def test_a_cancelled_run_ends_and_says_so(open_bench: Begin) -> None:
    bench = open_bench(
        bakehouse__yaml="assets:\n  slow: {shell: 'sleep 60'}\n  next: {deps: [slow], shell: 'true'}\n"
    )
    told, running = await start_and_wait_for(bench, "slow")
    running.cancel()
    result = await running.wait()
    assert not result.ok
    assert outcomes(told) == {"slow": "cancelled", "next": "cancelled"}
    assert not bench.store.folder.joinpath("tmp").exists() or not list(
        bench.store.folder.joinpath("tmp").iterdir()
    )


async def test_one_run_at_a_time(open_bench: Begin) -> None:
    bench = open_bench(bakehouse__yaml="assets:\n  slow: {shell: 'sleep 60'}\n")
    running = bench.start(bench.plan(), jobs=1)
    with pytest.raises(ProjectHeld):
        open_bench().start(bench.plan(), jobs=1)
    running.cancel()
    await running.wait()


@pytest.mark.case("X8")
async def test_nothing_runs_untrusted(open_bench: Begin, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    bench = open_bench(trust=False, bakehouse__yaml=f"assets:\n  bird: {{shell: 'touch {canary}'}}\n")
    with pytest.raises(NotTrusted):
        bench.start(bench.plan())
    assert not canary.exists()


async def test_sql_reads_what_python_made_and_python_what_sql_made(open_bench: Begin) -> None:
    bench = open_bench(
        bakehouse__yaml="""
assets:
  numbers: {python: "steps:numbers"}
  squares: {deps: [numbers], sql: "select n, n * n as square from numbers order by n"}
  total: {deps: [squares], python: "steps:total"}
""",
        steps__py="""
def numbers():
    return [{"n": n} for n in range(5)]

def total(squares):
    return sum(row["square"] for row in squares)
""",
    )
    assert set(outcomes(await run(bench)).values()) == {"succeeded"}
    assert bench.preview("total").text.strip() == "30"
    assert bench.preview("squares").columns[1][0] == "square"


@pytest.mark.case("M10")
async def test_a_value_that_was_deleted_or_damaged_is_made_again_and_nothing_else(open_bench: Begin) -> None:
    definitions = """
assets:
  big: {shell: 'head -c 100000 /dev/zero | tr "\\0" x > "$OUTPUT"'}
  size: {deps: [big], shell: 'wc -c < "$big" > "$OUTPUT"'}
"""
    bench = open_bench(bakehouse__yaml=definitions)
    await run(bench)
    made = bench.materialization("big")
    assert made is not None
    file = bench.store.values.path(made.value)
    file.write_bytes(b"y" * 100_000)
    assert [r.kind for r in bench.survey().reasons[Node("asset", "big")]] == [ReasonKind.VALUE_DAMAGED]
    assert outcomes(await run(open_bench())) == {"big": "succeeded", "size": "spared"}
    bench.store.values.path(made.value).unlink()
    assert outcomes(await run(open_bench())) == {"big": "succeeded", "size": "spared"}
    assert set(outcomes(await run(open_bench())).values()) == {"reused"}


async def test_steps_can_be_added_to_a_run(open_bench: Begin) -> None:
    bench = open_bench(bakehouse__yaml="assets:\n  slow: {shell: 'sleep 0.3'}\n  other: {shell: 'true'}\n")
    told: list[Event] = []
    running = bench.start(bench.plan([Node("asset", "slow")]), jobs=2, listeners=[told.append])
    running.add(bench.plan([Node("asset", "other")]))
    await running.wait()
    assert outcomes(told) == {"slow": "succeeded", "other": "succeeded"}


async def test_more_steps_run_at_once_when_the_run_is_told_so_and_fewer_again(open_bench: Begin) -> None:
    meets = "touch here.$$; until [ $(ls here.* | wc -l) -ge 3 ]; do sleep 0.01; done"
    together = "".join(f"  meets_{n}: {{shell: '{meets}', timeout: 30}}\n" for n in range(3))
    alone = "mkdir alone && sleep 0.05 && rmdir alone"
    apart = "".join(f"  alone_{n}: {{shell: '{alone}', after: [meets_{n}]}}\n" for n in range(3))
    bench = open_bench(bakehouse__yaml="tasks:\n" + together + apart)
    told: list[Event] = []

    def hear(event: Event) -> None:
        told.append(event)
        if event.kind is Kind.STEP_STARTED and event.task == "meets_0":
            running.resize(3)
        if event.kind is Kind.STEP_STARTED and event.task == "meets_2":
            running.resize(1)

    running = bench.start(bench.plan(), jobs=1, listeners=[hear])
    assert (await running.wait()).ok and running.jobs == 1
    assert set(outcomes(told).values()) == {"succeeded"}


@pytest.mark.case("D8")
async def test_a_run_keeps_to_the_definitions_that_its_plan_was_made_of(open_bench: Begin) -> None:
    bench = open_bench(bakehouse__yaml="assets:\n  word: {shell: 'printf old > \"$OUTPUT\"'}\n")
    plan = bench.plan()
    (bench.root / "bakehouse.yaml").write_text("assets:\n  word: {shell: 'printf new > \"$OUTPUT\"'}\n")
    assert bench.reload()
    assert outcomes(await run(bench, plan)) == {"word": "succeeded"}
    assert bench.preview("word").text == "old"
    assert [r.kind for r in bench.survey().reasons[Node("asset", "word")]] == [ReasonKind.CONFIG_CHANGED]


MOVING = """
from pathlib import Path
from bakehouse import asset

here = Path(__file__).parent
if (here / "saved").exists():
    (here / "saved").replace(here / "bakehouse.yaml")

@asset
def still(): return 1
"""


def test_a_file_that_is_saved_while_definitions_are_read_is_read_again(open_bench: Begin) -> None:
    bench = open_bench(bakehouse__yaml="assets:\n  early: {shell: 'true'}\n", steps__py=MOVING)
    (bench.root / "saved").write_text("assets:\n  late: {shell: 'true'}\n")
    (bench.root / "steps.py").write_text(MOVING + "\n")
    assert bench.reload()
    assert set(bench.definitions.assets) == {"late", "still"}


def test_definitions_that_never_hold_still_are_not_adopted(open_bench: Begin) -> None:
    bench = open_bench(bakehouse__yaml="assets:\n  early: {shell: 'true'}\n")
    (bench.root / "steps.py").write_text(
        MOVING + "with (here / 'bakehouse.yaml').open('a') as file:\n    file.write('#')\n"
    )
    with pytest.raises(ProblemError, match="the definitions change while they are read"):
        bench.reload()
    assert set(bench.definitions.assets) == {"early"}


@pytest.mark.case("D8")
async def test_what_is_defined_after_a_run_began_is_not_added_to_it(open_bench: Begin) -> None:
    begun = "assets:\n  slow: {shell: 'sleep 30'}\n"
    bench = open_bench(bakehouse__yaml=begun)
    running = bench.start(bench.plan(), jobs=2)
    (bench.root / "bakehouse.yaml").write_text(begun + "  late: {deps: [slow], shell: 'true'}\n")
    assert bench.reload()
    with pytest.raises(ProblemError, match=r"late was defined or changed after the run began"):
        running.add(bench.plan([Node("asset", "late")]))
    running.cancel()
    assert (await running.wait()).counts["cancelled"] == 1


async def test_a_run_that_cannot_begin_leaves_the_project_free(
    open_bench: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = open_bench(bakehouse__yaml="assets:\n  one: {shell: 'true'}\n")
    plan = bench.plan()

    def broken() -> None:
        raise StoreError("a page is damaged")

    with monkeypatch.context() as faults:
        faults.setattr(bench.store, "recorded", broken)
        with pytest.raises(StoreError):
            await bench.start(plan).wait()
    assert [thread.name for thread in threading.enumerate() if "writer" in thread.name] == []
    assert outcomes(await run(open_bench())) == {"one": "succeeded"}


@pytest.mark.case("M6")
async def test_a_project_that_was_moved_away_is_not_made_again(open_bench: Begin) -> None:
    bench = open_bench(bakehouse__yaml="assets:\n  one: {shell: 'true'}\n")
    plan = bench.plan()
    bench.root.rename(bench.root.with_name("moved"))
    with pytest.raises(ProblemError, match="is not there any more"):
        bench.start(plan)
    assert not bench.root.exists()


async def test_an_input_that_changes_while_a_step_reads_it_is_not_remembered_as_read(
    open_bench: Begin,
) -> None:
    bench = open_bench(
        bakehouse__yaml="""
assets:
  flour: {file: flour.txt}
  dough: {deps: [flour], shell: 'cat "$flour" > "$OUTPUT"; echo more >> "$flour"'}
""",
        flour__txt="rye\n",
    )
    events = await run(bench)
    assert "changed while" in next(e for e in events if e.kind is Kind.STEP_SUCCEEDED).data["note"]
    assert [r.kind for r in open_bench().survey().reasons[Node("asset", "dough")]] == [
        ReasonKind.INPUT_CHANGED
    ]


async def test_steps_can_be_added_to_a_run_that_had_nothing_to_run(open_bench: Begin) -> None:
    bench = open_bench(bakehouse__yaml="assets:\n  one: {shell: 'true'}\n  two: {shell: 'true'}\n")
    await run(bench, bench.plan([Node("asset", "one")]))
    told: list[Event] = []

    def listen(event: Event) -> None:
        told.append(event)
        if event.kind is Kind.STEP_REUSED and event.task == "one":
            running.add(bench.plan([Node("asset", "two")]))

    running = bench.start(bench.plan([Node("asset", "one")]), jobs=2, listeners=[listen])
    result = await running.wait()
    assert result.ok and outcomes(told) == {"one": "reused", "two": "succeeded"}


async def test_what_many_short_steps_say_in_their_last_moment_is_heard(open_bench: Begin) -> None:
    bench = open_bench(
        chatty__py="""
from bakehouse import Context, asset

def make(number):
    @asset(name=f"n{number}")
    def chatty(context: Context):
        print(f"said {number}")
        context.metadata(first=number)
        context.metadata(second=number)
        return number

for number in range(600):
    make(number)
"""
    )
    events = await run(bench)
    failed = [e.data["error"] for e in events if e.kind is Kind.STEP_FAILED]
    assert not failed
    made = {e.task: e.data["metadata"] for e in events if e.kind is Kind.ASSET_MATERIALIZED}
    assert made == {f"n{n}": {"first": n, "second": n} for n in range(600)}
    told = Counter((e.task, *e.data["metadata"]) for e in events if e.kind is Kind.METADATA)
    assert len(told) == 1200
    assert {(e.task, e.data["line"]) for e in events if e.kind is Kind.LOG} == {
        (f"n{n}", f"said {n}") for n in range(600)
    }


async def test_a_source_that_changes_before_its_step_begins_is_not_remembered_either(
    open_bench: Begin,
) -> None:
    bench = open_bench(
        bakehouse__yaml="""
assets:
  flour: {file: flour.txt}
  oven: {shell: 'echo wheat > flour.txt'}
  dough: {deps: [flour, oven], shell: 'cat "$flour" > "$OUTPUT"'}
""",
        flour__txt="rye\n",
    )
    await run(bench)
    (bench.root / "flour.txt").write_text("rye\n")
    assert [r.kind for r in open_bench().survey().reasons[Node("asset", "dough")]] == [
        ReasonKind.INPUT_CHANGED
    ]


async def test_a_step_that_writes_to_its_input_fails_and_nobody_reads_what_it_left(open_bench: Begin) -> None:
    definitions = """
assets:
  flour: {shell: 'head -c 20000 /dev/zero | tr "\\\\0" x > "$OUTPUT"'}
  eater: {deps: [flour], shell: 'echo y > "$flour"; true'}
  later: {deps: [flour], after: [CLEANER], shell: 'head -c 3 "$flour" > "$OUTPUT"'}
tasks:
  CLEANER: {inputs: [flour], shell: 'while [ "$(head -c 1 "$flour")" = x ]; do sleep 0.05; done'}
"""
    bench = open_bench(bakehouse__yaml=definitions)
    events = await run(bench)
    ended = outcomes(events)
    assert ended["eater"] == "failed" and ended["later"] == "blocked"
    assert any("may only read" in e.data["error"] for e in events if e.kind is Kind.STEP_FAILED)
    healed = definitions.replace('echo y > "$flour"; true', "true").replace(
        'while [ "$(head -c 1 "$flour")" = x ]; do sleep 0.05; done', "true"
    )
    again = await run(open_bench(bakehouse__yaml=healed))
    assert set(outcomes(again).values()) == {"succeeded"}
    assert open_bench().preview("later").text == "xxx"


async def test_a_task_renamed_and_back_does_not_pass_off_anothers_value_as_its_own(open_bench: Begin) -> None:
    first = "assets:\n  x: {task: A, shell: 'printf fromA > \"$OUTPUT\"'}\n"
    await run(open_bench(bakehouse__yaml=first))
    await run(open_bench(bakehouse__yaml=first.replace("task: A", "task: B").replace("fromA", "fromB")))
    assert outcomes(await run(open_bench(bakehouse__yaml=first))) == {"A": "succeeded"}
    assert open_bench().preview("x").text == "fromA"


async def test_whatever_a_step_raises_is_told_in_its_own_words(open_bench: Begin) -> None:
    bench = open_bench(
        bakehouse__yaml="assets:\n  odd: {python: 'steps:odd'}\n",
        steps__py="class Odd(BaseException):\n    pass\n\n\ndef odd():\n    raise Odd('quite')\n",
    )
    (failed,) = [e for e in await run(bench) if e.kind is Kind.STEP_FAILED]
    assert failed.data["error"] == "Odd: quite"


async def test_a_changed_method_reaches_those_who_are_given_an_instance(open_bench: Begin) -> None:
    shapes = """
from dataclasses import dataclass
from bakehouse import asset

@dataclass
class Box:
    side: int

    def area(self):
        return self.side * 2

@asset
def boxes():
    return [Box(5)]

@asset
def area(boxes):
    return boxes[0].area()
"""
    await run(open_bench(shapes__py=shapes))
    assert outcomes(await run(open_bench())) == {"boxes": "reused", "area": "reused"}
    bench = open_bench(shapes__py=shapes.replace("* 2", "* 3"))
    assert outcomes(await run(bench)) == {"boxes": "succeeded", "area": "succeeded"}
    assert bench.preview("area").text.strip() == "15"


async def test_frames_of_every_library_travel_through_sql_and_back(open_bench: Begin) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    bench = open_bench(
        bakehouse__yaml="""
assets:
  pandas_frame: {python: "frames:of_pandas"}
  polars_frame: {python: "frames:of_polars"}
  arrow_table: {python: "frames:of_arrow"}
  array: {python: "frames:of_numpy"}
  joined:
    deps: [pandas_frame, polars_frame, arrow_table]
    sql: select n, a, b, c from pandas_frame join polars_frame using (n) join arrow_table using (n) order by n
  total: {deps: [joined, array, polars_frame], python: "frames:total"}
""",
        frames__py="""
import numpy, pandas, polars, pyarrow

def of_pandas(): return pandas.DataFrame({"n": [1, 2, 3], "a": [10, 20, 30]})
def of_polars(): return polars.DataFrame({"n": [1, 2, 3], "b": [1, 2, 3]})
def of_arrow(): return pyarrow.table({"n": [1, 2, 3], "c": [0, 0, 1]})
def of_numpy(): return numpy.arange(4)

def total(joined: pandas.DataFrame, array, polars_frame):
    assert isinstance(joined, pandas.DataFrame) and isinstance(polars_frame, polars.DataFrame)
    return int(joined[["a", "b", "c"]].to_numpy().sum() + array.sum() + polars_frame["b"].sum())
""",
    )
    events = await run(bench)
    assert set(outcomes(events).values()) == {"succeeded"}, [
        e.data for e in events if e.kind is Kind.STEP_FAILED
    ]
    assert bench.preview("total").text.strip() == str(60 + 6 + 1 + 6 + 6)
    assert set(outcomes(await run(open_bench())).values()) == {"reused"}
