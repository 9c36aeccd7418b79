"""prefect: a task for each node, submitted to its threads, results kept and found by input and version.
`prefect_nodes.py GRAPH CHANGED`, in the state folder, with an API server of its own as `prefect` starts it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.update(
    PREFECT_HOME=str(Path("prefect").absolute()),
    PREFECT_LOGGING_LEVEL="CRITICAL",
    PREFECT_LOGGING_TO_API_ENABLED="false",
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="true",
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED="false",
    DO_NOT_TRACK="1",
)

from graphs import PRIME, compute, graph
from prefect import flow, task
from prefect.cache_policies import INPUTS, CacheKeyFnPolicy
from prefect.task_runners import ThreadPoolTaskRunner

nodes = graph(sys.argv[1])
changed = int(sys.argv[2])
ran: list[int] = []


def node(number: int) -> Any:
    extra = 7 if number == changed else 0

    def work(inputs: list[int]) -> int:
        ran.append(number)
        return compute(number, inputs, extra)

    def version(_context: Any, _inputs: Any, said: str = f"n{number}-{extra}-") -> str:
        return said

    policy = INPUTS + CacheKeyFnPolicy(cache_key_fn=version)
    return task(work, name=f"n{number}", persist_result=True, cache_policy=policy)


tasks: dict[int, Callable[..., Any]] = {number: node(number) for number, _ in nodes}


@flow(name="bench", task_runner=ThreadPoolTaskRunner(max_workers=2))
def everything() -> list[int]:
    futures: dict[int, Any] = {}
    for number, needed in nodes:
        futures[number] = tasks[number].submit([futures[other] for other in needed])
    return [future.result() for future in futures.values()]


print(f"RESULT {sum(everything()) % PRIME} {len(ran)}")
