"""dask.distributed: a delayed call for each node, a cluster of one worker process; keeps nothing.
`dask_nodes.py GRAPH CHANGED`.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import dask
from distributed import Client, LocalCluster
from graphs import PRIME, compute, graph


def node(number: int, extra: int, *inputs: int) -> int:
    return compute(number, list(inputs), extra)


def main() -> None:
    nodes, changed = graph(sys.argv[1]), int(sys.argv[2])
    lazy = {}
    for number, needed in nodes:
        extra = 7 if number == changed else 0
        inputs = [lazy[other] for other in needed]
        lazy[number] = dask.delayed(node)(number, extra, *inputs, dask_key_name=f"n{number}")
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=True, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        values = dask.compute(*lazy.values())
    print(f"RESULT {sum(values) % PRIME} {len(values)}")


if __name__ == "__main__":
    main()
