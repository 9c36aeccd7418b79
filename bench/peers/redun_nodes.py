"""redun: a task for each node, one expression, its database an SQLite file. `redun_nodes.py GRAPH CHANGED`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from graphs import PRIME, compute, graph
from redun import Scheduler, task
from redun.config import Config

sys.setrecursionlimit(100_000)
nodes = graph(sys.argv[1])
changed = int(sys.argv[2])
ran = 0


def work(number: int) -> Callable[..., int]:
    def node(*inputs: int) -> int:
        global ran
        ran += 1
        return compute(number, list(inputs), 7 if number == changed else 0)

    return node


tasks = {
    number: task(name=f"n{number}", namespace="bench", version="2" if number == changed else "1")(
        work(number)
    )
    for number, _ in nodes
}


@task(name="main", namespace="bench", version="1")
def everything() -> list[int]:
    lazy: dict[int, int] = {}
    for number, needed in nodes:
        lazy[number] = tasks[number](*[lazy[other] for other in needed])
    return list(lazy.values())


logging.getLogger("redun").setLevel(logging.CRITICAL)
database = f"sqlite:///{Path('redun.db').absolute()}"
scheduler = Scheduler(config=Config({"backend": {"db_uri": database}}))
scheduler.load()
print(f"RESULT {sum(scheduler.run(everything())) % PRIME} {ran}")
