"""Graphs as people really have them: Airflow, dbt, Snakemake, Argo, Debian, ... each asked everything."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from bakehouse.core.graph.graph import Graph
from bakehouse.core.graph.views import asset_view, task_view
from bakehouse.core.model import Definitions, Node
from bakehouse.core.problems import DefinitionError
from bakehouse.core.selection import complete, select
from bakehouse.core.selection.problem import quoted

Define = Callable[..., Definitions]


@pytest.fixture(scope="module")
def graphs(real_data: Path) -> list[dict[str, Any]]:
    found = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted((real_data / "graphs").glob("*.json"))
    ]
    if not found:
        pytest.skip("no graphs in the folder of real-world data")
    return found


def as_definitions(define: Define, graph: dict[str, Any]) -> Definitions:
    """What needs something is an asset made by a task of its own; what needs nothing is a source."""
    inputs: dict[str, list[str]] = {}
    for source, target in graph["edges"]:
        inputs.setdefault(target, []).append(source)
    assets = {node["id"]: {"group": node.get("group", "")} for node in graph["nodes"]}
    tasks = {name: {"inputs": inputs[name], "outputs": [name]} for name in assets if name in inputs}
    made: Definitions = define(tasks, assets)
    return made


def test_every_sound_graph_is_itself_in_the_asset_view(define: Define, graphs: list[dict[str, Any]]) -> None:
    for graph in graphs:
        if graph.get("cyclic"):
            continue
        built = Graph(as_definitions(define, graph))
        view = asset_view(built)
        assert [node.name for node in view.nodes] == [node["id"] for node in graph["nodes"]], graph["name"]
        found = {(edge.source.name, edge.target.name) for edge in view.edges}
        assert found == {tuple(edge) for edge in graph["edges"]}, graph["name"]
        tasks = task_view(built)
        drawn: nx.DiGraph[Node] = nx.DiGraph((edge.source, edge.target) for edge in tasks.edges)
        assert nx.is_directed_acyclic_graph(drawn), graph["name"]
        assert len(tasks.nodes) == len(built.assets) + len(built.tasks)


def test_every_closure_is_networkxs(define: Define, graphs: list[dict[str, Any]]) -> None:
    for graph in graphs:
        if graph.get("cyclic") or len(graph["nodes"]) > 500:
            continue
        built = Graph(as_definitions(define, graph))
        plain: nx.DiGraph[str] = nx.DiGraph(map(tuple, graph["edges"]))
        for name in list(plain)[::7]:
            node = Node("asset", name)
            ancestors = {one.name for one in built.upstream([node]) if one.kind == "asset"}
            assert ancestors == nx.ancestors(plain, name), graph["name"]
            near = {one.name for one in built.downstream([node], 2) if one.kind == "asset"}
            assert near == set(nx.ego_graph(plain, name, 2)) - {name}, graph["name"]


def test_every_name_can_be_selected_and_completed(define: Define, graphs: list[dict[str, Any]]) -> None:
    for graph in graphs:
        if graph.get("cyclic") or len(graph["nodes"]) > 500:
            continue
        built = Graph(as_definitions(define, graph))
        for name in built.assets:
            assert select(quoted(name), built, {}) == {Node("asset", name)}, name
            reached = select(f"+{quoted(name)}+1", built, {})
            node = Node("asset", name)
            around = {node, *built.upstream([node]), *built.downstream([node], 1)}
            assert reached == {one for one in around if one.kind == "asset"}, name
        assert quoted(name) in complete(name[:-1], built, 1000)


def test_every_circle_is_refused_by_name(define: Define, graphs: list[dict[str, Any]]) -> None:
    cyclic = [graph for graph in graphs if graph.get("cyclic")]
    assert cyclic
    for graph in cyclic:
        with pytest.raises(DefinitionError) as refused:
            Graph(as_definitions(define, graph))
        edges = {tuple(edge) for edge in graph["edges"]}
        for problem in refused.value.problems:
            if " → " in problem.message:
                path = problem.message.split(": ", 1)[1].split(" → ")
                assert all(pair in edges for pair in pairwise(path) if "…" not in pair[1]), problem.message
