"""The graphs that every peer runs. Standard library only: peers import this file from environments of their own.

A graph is a list of `(number, [numbers it needs])`, each node after all that it needs. A node's value is
`(number + 1 + the sum of its inputs) mod 1,000,003`, and 7 more where its code was changed; so the sum of
all values proves that everything ran, in order, on the right inputs.
"""

from __future__ import annotations

import random

PRIME = 1_000_003
Graph = list[tuple[int, list[int]]]


def chain(size: int) -> Graph:
    return [(0, [])] + [(number, [number - 1]) for number in range(1, size)]


def fan(size: int) -> Graph:
    """One node, `size` nodes that need it, one node that needs them all."""
    middle = range(1, size + 1)
    return [(0, []), *((number, [0]) for number in middle), (size + 1, list(middle))]


def layered(size: int, width: int, seed: int = 7) -> Graph:
    """Layers of `width` nodes, twice as many edges as nodes, each edge from the layer before."""
    dice = random.Random(seed)
    needs: list[list[int]] = [[] for _ in range(min(width, size))]
    for number in range(width, size):
        start = (number // width - 1) * width
        needs.append(sorted(dice.sample(range(start, start + width), 2)))
    for _ in range(2 * size - sum(map(len, needs))):
        number = dice.randrange(width, size)
        start = (number // width - 1) * width
        needed = dice.randrange(start, start + width)
        if needed not in needs[number]:
            needs[number].append(needed)
    return [(number, sorted(needed)) for number, needed in enumerate(needs)]


def packages(size: int, seed: int = 7) -> Graph:
    """As the packages of a distribution need each other: 4.2 needs each, few with very many, and what many need is
    needed by yet more. A ninth of them need nothing, two fifths nobody needs."""
    dice = random.Random(seed)
    popular = [0]
    found: Graph = [(0, [])]
    for number in range(1, size):
        wanted = min(number, int(dice.expovariate(1 / 4.2) + 0.5))
        needed: set[int] = set()
        while len(needed) < wanted:
            needed.add(dice.choice(popular) if dice.random() < 0.8 else dice.randrange(number))
        found.append((number, sorted(needed)))
        popular += [*sorted(needed), number]
    return found


WORKLOADS = {
    "w1": "a chain",
    "w2": "one node, a fan of many, one node",
    "w3": "layers of 50, two edges a node",
    "w4": "layers of 100, two edges a node",
    "packages": "the packages of a distribution",
}


def graph(name: str) -> Graph:
    """The graph called `w3:1000`: the workload and its size."""
    workload, _, size = name.partition(":")
    match workload:
        case "w1":
            return chain(int(size))
        case "w2":
            return fan(int(size))
        case "w3":
            return layered(int(size), 50)
        case "w4":
            return layered(int(size), 100)
        case "packages":
            return packages(int(size))
    raise ValueError(f"no workload {name!r}: {', '.join(WORKLOADS)}")


def compute(number: int, inputs: list[int], extra: int = 0) -> int:
    """The work of a node: next to nothing, so that what is measured is everything else."""
    return (number + 1 + sum(inputs) + extra) % PRIME


def expected(nodes: Graph, changed: int = -1) -> int:
    """The sum of all values when the code of `changed` (-1: of none) was changed."""
    values: dict[int, int] = {}
    for number, needed in nodes:
        values[number] = compute(number, [values[other] for other in needed], 7 if number == changed else 0)
    return sum(values.values()) % PRIME


def changes(nodes: Graph) -> dict[str, tuple[int, int]]:
    """A node at the end (`leaf`) and one half way (`middle`), each with how many nodes its change reaches."""
    users: dict[int, list[int]] = {number: [] for number, _ in nodes}
    for number, needed in nodes:
        for other in needed:
            users[other].append(number)

    def reached(start: int) -> int:
        seen, todo = {start}, [start]
        while todo:
            new = [user for user in users[todo.pop()] if user not in seen]
            seen.update(new)
            todo += new
        return len(seen)

    leaf, middle = nodes[-1][0], nodes[len(nodes) // 2][0]
    return {"leaf": (leaf, reached(leaf)), "middle": (middle, reached(middle))}
