"""Graphs that other people drew for other purposes, as projects: they load, plan, draw and run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.events import Event, Kind
from bakehouse.core.problems import DefinitionError
from bakehouse.core.workbench import Workbench
from bakehouse.tui.projection.text_tree import text_tree

NOTHING_MUCH = "def run(**deps):\n    return len(deps)\n"


def read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_text())
    return found


def as_project(graph: dict[str, Any], folder: Path) -> None:
    """One file of definitions: every node an asset that a function of nothing much makes."""
    nodes, edges = graph["nodes"], graph["edges"]
    needs: dict[str, list[str]] = {node["id"]: [] for node in nodes}
    for source, target in edges:
        if source not in needs[target]:
            needs[target].append(source)
    assets = {
        name: {"python": "noop:run", "deps": [{"asset": n, "as": f"d{i}"} for i, n in enumerate(before)]}
        for name, before in needs.items()
    }
    folder.mkdir()
    (folder / "noop.py").write_text(NOTHING_MUCH)
    (folder / "bakehouse.yaml").write_text(json.dumps({"assets": assets}))


def graphs() -> list[str]:
    here = Path(__file__).resolve()
    for parent in here.parents:
        if (folder := parent / "shared" / "data" / "graphs").is_dir():
            return sorted(str(path) for path in folder.glob("*.json"))
    return []


needs_graphs = pytest.mark.skipif(not graphs(), reason="shared/data/graphs is not here")
sound = [path for path in graphs() if ".cyclic." not in path]
cyclic = [path for path in graphs() if ".cyclic." in path]


@needs_graphs
@pytest.mark.parametrize("path", sound, ids=lambda path: Path(path).stem)
async def test_it_loads_plans_draws_and_runs(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "home"))
    graph = read(path)
    as_project(graph, tmp_path / "project")
    bench = Workbench.open(tmp_path / "project", trust=True)
    names = {node["id"] for node in graph["nodes"]}
    assert set(bench.definitions.assets) == names
    plan = bench.plan()
    assert plan.counts == {"run": len(names), "reuse": 0}
    for kind in ("asset", "task"):
        lines = list(text_tree(bench.view(kind), {}, None))
        assert len(lines) >= len(names)
    told: list[Event] = []
    result = await bench.start(plan, jobs=2, listeners=[told.append]).wait()
    assert result.ok and result.counts["succeeded"] == len(names)
    assert sum(1 for event in told if event.kind is Kind.ASSET_MATERIALIZED) == len(names)
    assert bench.plan().counts == {"run": 0, "reuse": len(names)}
    await bench.aclose()


@needs_graphs
@pytest.mark.parametrize("path", cyclic, ids=lambda path: Path(path).stem)
def test_a_circle_is_refused_by_name(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "home"))
    as_project(read(path), tmp_path / "project")
    with pytest.raises(DefinitionError, match="→"):
        Workbench.open(tmp_path / "project", trust=True)
