"""A graph of tens of thousands of nodes: what a key touches is what the window shows, never the whole graph. What is
counted here are rows and nodes; seconds are measured by the bench."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.graph.graph import Graph
from bakehouse.core.graph.views import View, asset_view, task_view
from bakehouse.core.model import Asset, Definitions, Input, Node, ShellAction, Task
from bakehouse.core.workbench import Marks, Snapshot
from bakehouse.tui.projection.drawing import Derived
from bakehouse.tui.projection.folds import Folds, default_folds, way_to
from bakehouse.tui.projection.rows import build
from bakehouse.tui.projection.shape import LARGE, Direction, Shape

from .conftest import ToldBench

MANY = 2 * LARGE
WINDOW = 40


def packages(size: int, seed: int = 7) -> dict[str, list[str]]:
    """What each package needs, the popular ones being needed by many."""
    dice = random.Random(seed)
    popular, needs = [0], {"n0": list[str]()}
    for number in range(1, size):
        needed = {dice.choice(popular) for _ in range(dice.randrange(5))}
        needs[f"n{number}"] = [f"n{one}" for one in sorted(needed)]
        popular += [*needed, number]
    return needs


def graph_of(needs: dict[str, list[str]]) -> Graph:
    tasks = {
        name: Task(name, ShellAction("true"), inputs=tuple(Input(n, n) for n in needed), outputs=(name,))
        for name, needed in needs.items()
    }
    return Graph(Definitions("/", {name: Asset(name, task=name) for name in needs}, tasks))


class Touching(View):
    """A view that counts which nodes it was asked about."""

    def __init__(self, view: View) -> None:
        super().__init__(view.kind, view.nodes)
        self._view = view
        self.touched: set[Node] = set()
        self.has_groups = view.has_groups
        self.roots, self.leaves = view.roots, view.leaves

    def before(self, node: Node) -> tuple[Node, ...]:
        self.touched.add(node)
        return self._view.before(node)

    def behind(self, node: Node) -> tuple[Node, ...]:
        self.touched.add(node)
        return self._view.behind(node)

    def into(self, node: Node) -> Any:
        self.touched.add(node)
        return self._view.into(node)

    def out_of(self, node: Node) -> Any:
        self.touched.add(node)
        return self._view.out_of(node)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return graph_of(packages(MANY))


@pytest.mark.parametrize("direction", ["up", "down"])
def test_the_first_rows_of_a_large_graph_touch_few_of_its_nodes(graph: Graph, direction: Direction) -> None:
    view = Touching(asset_view(graph))
    shape = Shape(view, direction)
    folds = default_folds(shape)
    rows = build(shape, folds)
    assert len(rows) == len(shape.roots) and rows.made == 0
    assert len(view.touched) < WINDOW * 10
    before = len(view.touched)
    shown = rows.rows[:WINDOW]
    assert rows.made == WINDOW and len(view.touched) <= before + 2 * WINDOW
    assert {row.open for row in shown} <= {False, None}


def test_unfolding_touches_what_is_unfolded_alone(graph: Graph) -> None:
    view = Touching(asset_view(graph))
    shape = Shape(view, "up")
    folds = default_folds(shape)
    row = next(row for row in build(shape, folds).rows if row.open is False)
    view.touched.clear()
    rows = build(shape, folds.open(row.key))
    assert len(rows) == len(shape.roots) + row.size
    assert view.touched == {row.node} and rows.made == 0


def test_the_way_to_a_hidden_node_goes_up_and_not_through_all_that_comes_before_it(graph: Graph) -> None:
    for view, direction in ((asset_view(graph), "up"), (task_view(graph), "down")):
        watched = Touching(view)
        shape = Shape(watched, direction)  # type: ignore[arg-type]
        for node in list(view.nodes)[:: MANY // 7]:
            watched.touched.clear()
            folds = Folds(0).open(*way_to(shape, node))
            assert len(watched.touched) < MANY // 10
            assert build(shape, folds).of(node) is not None


def test_in_a_large_graph_too_every_edge_is_a_row_and_every_row_knows_its_place(graph: Graph) -> None:
    rows = build(Shape(asset_view(graph), "up"), Folds())
    edges = sum(len(graph.into(Node("task", name))) for name in graph.tasks)
    assert len(rows) == edges + len(asset_view(graph).leaves)
    last_of = {parent: at for at, parent in enumerate(rows.parents)}
    for at in range(0, len(rows), 97):
        row = rows.rows[at]
        assert rows.find(row.key) == at
        assert row.depth == len(rows.above(at)) and row.last == (last_of[row.parent] == at)
    assert set(rows.own) == set(asset_view(graph).nodes)


def test_both_views_turned_both_ways_are_made_once(graph: Graph) -> None:
    derived = Derived(graph)
    derived.look_around(None, {"asset": "up", "task": "down"})
    shape = derived.shape(derived.view("task"), "down")
    assert derived.shape(derived.view("task"), "down") is shape
    assert derived.whole(shape) is derived.whole(shape)
    around = derived.view("asset", Node("asset", "n5"))
    derived.forget_parts()
    assert derived.view("asset", Node("asset", "n5")) is not around
    assert derived.shape(derived.view("task"), "down") is shape


class SlowBench(ToldBench):
    """Knows what is defined at once, and how it stands when it is told so."""

    told_so: threading.Event

    def survey(self) -> Snapshot:
        assert self.told_so.wait(30)
        return super().survey()

    def marks(self) -> Marks:
        assert self.told_so.wait(30)
        return super().marks()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project of so many packages on disk."""
    lines = [
        f"  {name}: {{deps: [{', '.join(needed)}], shell: 'true'}}" for name, needed in packages(MANY).items()
    ]
    (tmp_path / "bakehouse.yaml").write_text("\n".join(["pipeline: packages", "assets:", *lines]))
    return tmp_path


async def test_a_large_graph_opens_on_what_there_is_and_says_how_it_stands_when_that_is_known(
    shop: Path, screen: Callable[..., Any]
) -> None:
    SlowBench.told_so = threading.Event()
    async with screen(shop, bench=SlowBench) as s:
        await s.sees("Assets", "…", "looking at what is up to date")
        for word in ("never", "fresh", "source"):
            assert word not in s.text
        await s.press("j", "j", "m")
        assert s.app.tree_view.cursor == 2
        await s.sees("the project is still being read")
        SlowBench.told_so.set()
        await s.sees(f"{MANY:,}".replace(",", "") + " never")
        assert s.app.tree_view.cursor == 2


async def test_the_keys_on_a_large_graph(shop: Path, screen: Callable[..., Any]) -> None:
    async with screen(shop) as s:
        await s.sees("never")
        tree = s.app.tree_view

        def made() -> int:
            return int(tree.rows.made)

        start = made()
        for _ in range(5):
            await s.press("j")
        assert made() - start <= 5
        await s.press("G", "g", "ctrl+d")
        assert made() - start <= 3 * WINDOW
        for key in ("t", "o", "o", "t", "T", "T"):
            await s.press(key)
            await s.until(lambda: "working" not in s.text, "the rows")
            assert tree.rows.made <= 3 * WINDOW and len(tree.rows) < MANY
        await s.press("equals_sign")
        await s.until(lambda: len(tree.rows) > MANY, "all rows")
        assert tree.rows.made <= 3 * WINDOW
        await s.press("minus")
        await s.until(lambda: len(tree.rows) < MANY, "the roots")
        await s.press("slash")
        await s.type("n777")
        await s.until(lambda: tree.node == Node("asset", "n777"), "the first match")
        assert {row.label for row in s.rows if not row.faint} == {"n777", *(f"n777{n}" for n in range(10))}
        await s.press("enter", "escape")
        assert s.node == Node("asset", "n777")
        await s.press("i")
        await s.until(lambda: "only around n777" in s.text, "its lineage")
        assert s.node == Node("asset", "n777") and len(tree.rows) < MANY
        await s.press("escape")
        await s.until(lambda: "only around" not in s.text, "everything")
        assert s.node == Node("asset", "n777")


async def test_rows_that_nobody_waits_for_any_more_are_not_shown(
    shop: Path, screen: Callable[..., Any]
) -> None:
    async with screen(shop) as s:
        await s.sees("never")
        s.app.moves.unfold_all()
        s.app.moves.fold_all()
        at_once = len(s.app.tree_view.rows)
        await s.app.easel.beside(lambda: None)
        await s.pilot.pause()
        assert len(s.app.tree_view.rows) == at_once < MANY
