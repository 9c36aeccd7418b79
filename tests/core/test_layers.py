"""How a graph is laid out in layers from left to right."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.graph.layers import Hop, Layers, Place, Via, in_layers
from bakehouse.core.model import Node

Edges = list[tuple[Node, Node]]


def node(name: object) -> Node:
    return Node("asset", f"n{name}")


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Node], Edges]:
    """Up to 25 nodes, each fed by some of those before it."""
    nodes = [node(n) for n in range(draw(st.integers(0, 25)))]
    edges = [
        (nodes[source], nodes[target])
        for target in range(1, len(nodes))
        for source in draw(st.sets(st.integers(0, target - 1), max_size=4))
    ]
    return nodes, edges


def hops(layers: Layers) -> Iterable[tuple[int, Hop]]:
    return ((at, hop) for at, gap in enumerate(layers.gaps) for hop in gap)


@given(graphs())
def test_every_edge_is_a_way_from_layer_to_layer_and_nothing_else_is_drawn(
    graph: tuple[list[Node], Edges],
) -> None:
    nodes, edges = graph
    layers = in_layers(nodes, edges)
    column = {place: at for at, places in enumerate(layers.columns) for place in places}
    assert sorted(n for places in layers.columns for n in places if isinstance(n, Node)) == sorted(nodes)
    way: dict[tuple[Node, Place], Place] = {}
    led: set[tuple[Node, Node]] = set()
    for at, hop in hops(layers):
        assert (column[hop.start], column[hop.end]) == (at, at + 1)
        way[hop.source, hop.end] = hop.start
        assert isinstance(hop.end, Via) or hop.targets == {hop.end}
        led |= {(hop.source, target) for target in hop.targets}
    assert led == set(edges)
    for source, target in edges:
        here: Place = target
        for _ in layers.columns:
            here = way.get((source, here), here)
        assert here == source


@given(graphs(), st.integers(1, 3))
def test_no_two_things_of_a_layer_are_in_one_row(graph: tuple[list[Node], Edges], pitch: int) -> None:
    layers = in_layers(*graph, pitch=pitch)
    for column in layers.columns:
        for above, below in pairwise(column):
            apart = layers.rows[below] - layers.rows[above]
            assert apart >= (pitch if isinstance(above, Node) and isinstance(below, Node) else 1)
    assert min(layers.rows.values(), default=0) == 0


def test_a_chain_is_one_straight_line() -> None:
    chain = [node(n) for n in range(6)]
    layers = in_layers(chain, pairwise(chain))
    assert layers.columns == tuple((one,) for one in chain) and set(layers.rows.values()) == {0}


def test_what_can_be_drawn_without_a_crossing_is() -> None:
    a, b, c, x, y, z = (node(name) for name in "abcxyz")
    layers = in_layers([a, b, c, x, y, z], [(a, z), (b, x), (c, y)])
    tops = [[one.name for one in column if isinstance(one, Node)] for column in layers.columns]
    to = {"na": "nz", "nb": "nx", "nc": "ny"}
    assert [to[name] for name in tops[0]] == tops[1]


def test_a_source_stands_beside_what_it_feeds() -> None:
    a, b, c, late = (node(name) for name in ("a", "b", "c", "late"))
    layers = in_layers([a, b, c, late], [(a, b), (b, c), (late, c)])
    assert set(layers.columns[1]) == {b, late}


def test_edges_to_what_is_not_drawn_are_left_out() -> None:
    layers = in_layers([node(1)], [(node(1), node(2)), (node(0), node(1))])
    assert layers.gaps == () and layers.height == 1
    assert in_layers([], []).height == 0
