"""dagster: an asset for each node. `dagster_nodes.py KIND GRAPH CHANGED`, in the state folder.

KIND is `disk` (an instance with SQLite and files: what is stale is materialized, as dagster itself says it) or
`ephemeral` (`materialize()` with nothing kept).
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.update(DAGSTER_HOME=str(Path().absolute()), DAGSTER_DISABLE_TELEMETRY="yes")

import dagster
from graphs import PRIME, compute, expected, graph

kind, name, changed = sys.argv[1], sys.argv[2], int(sys.argv[3])
nodes = graph(name)
ran: list[int] = []


def asset(number: int, needed: list[int]) -> Any:
    def work(**inputs: int) -> int:
        ran.append(number)
        return compute(number, [inputs[f"n{other}"] for other in needed], 7 if number == changed else 0)

    wanted = {f"n{other}": dagster.AssetIn(key=f"n{other}") for other in needed}
    return dagster.asset(name=f"n{number}", ins=wanted, code_version="2" if number == changed else "1")(work)


def stale(instance: Any) -> list[str]:
    """What dagster calls stale, and all below it: a node turns stale only when its input has run."""
    from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
    from dagster._core.loader import LoadingContextForTest

    assets_graph = dagster.Definitions(assets=assets).get_repository_def().asset_graph
    resolver = CachingStaleStatusResolver(instance, assets_graph, LoadingContextForTest(instance))
    keys = assets_graph.get_all_asset_keys()
    found = {int(key.to_user_string()[1:]) for key in keys if resolver.get_status(key) != StaleStatus.FRESH}
    for number, needed in nodes:
        if found.intersection(needed):
            found.add(number)
    return [f"n{number}" for number in sorted(found)]


Path("dagster.yaml").write_text("telemetry:\n  enabled: false\n")
logging.disable(logging.CRITICAL)
assets = [asset(number, needed) for number, needed in nodes]
if kind == "ephemeral":
    done = dagster.materialize(assets)
    total = sum(done.output_for_node(f"n{number}") for number, _ in nodes)
else:
    is_first = not Path("storage").exists()
    with dagster.DagsterInstance.get() as instance:
        chosen = [f"n{number}" for number, _ in nodes] if is_first else stale(instance)
        if chosen:
            dagster.materialize(assets, instance=instance, selection=chosen)
    import pickle

    total = sum(pickle.loads(Path(f"storage/n{number}").read_bytes()) for number, _ in nodes)  # noqa: S301
print(f"RESULT {total % PRIME} {len(ran)}")
assert total % PRIME == expected(nodes, changed)
