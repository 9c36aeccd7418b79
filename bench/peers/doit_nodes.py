"""doit: a Python action for each node, files between them.

`doit_nodes.py run|list GRAPH CHANGED`, in the state folder.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain
from doit.tools import config_changed
from graphs import PRIME, compute, graph

mode, name, changed = sys.argv[1], sys.argv[2], int(sys.argv[3])
nodes = graph(name)
ran = 0


def action(number: int, needed: list[int]) -> Callable[[], None]:
    def make() -> None:
        global ran
        ran += 1
        inputs = []
        for other in needed:
            with open(f"{other}.value") as file:  # noqa: PTH123
                inputs.append(int(file.read()))
        with open(f"{number}.value", "w") as file:  # noqa: PTH123
            file.write(str(compute(number, inputs, 7 if number == changed else 0)))

    return make


def task_node() -> Iterator[dict[str, Any]]:
    for number, needed in nodes:
        yield {
            "name": str(number),
            "actions": [(action(number, needed),)],
            "file_dep": [f"{other}.value" for other in needed],
            "targets": [f"{number}.value"],
            "uptodate": [config_changed("changed" if number == changed else "as ever")],
        }


settings = {"backend": "dbm", "dep_file": "memo.db", "reporter": "zero", "verbosity": 0}
program = DoitMain(ModuleTaskLoader({"task_node": task_node, "DOIT_CONFIG": settings}))
code = program.run(["list", "--all"] if mode == "list" else ["run"])
if mode == "run":
    total = sum(int(Path(f"{number}.value").read_text()) for number, _ in nodes) % PRIME
    print(f"RESULT {total} {ran}")
sys.exit(code)
