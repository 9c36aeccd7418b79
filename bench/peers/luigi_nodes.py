"""luigi: a task for each node, a JSON file for its value, the local scheduler. `luigi_nodes.py GRAPH CHANGED`.

luigi knows no versions of code: a changed node and all below it get new names, as its users do by hand.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import luigi
from graphs import PRIME, compute, graph

changed = int(sys.argv[2])
needs = dict(graph(sys.argv[1]))
versions: dict[int, int] = {}
for number, needed in needs.items():
    versions[number] = 2 if number == changed or any(versions[other] == 2 for other in needed) else 1
ran = 0


class Node(luigi.Task):
    number = luigi.IntParameter()

    def requires(self) -> list[luigi.Task]:
        return [Node(number=other) for other in needs[self.number]]

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(f"{self.number}.v{versions[self.number]}.json")

    def run(self) -> None:
        global ran
        ran += 1
        inputs = [json.loads(Path(target.path).read_text()) for target in self.input()]
        with self.output().open("w") as file:
            json.dump(compute(self.number, inputs, 7 if self.number == changed else 0), file)


class Everything(luigi.WrapperTask):
    def requires(self) -> list[luigi.Task]:
        return [Node(number=number) for number in needs]


if not luigi.build([Everything()], local_scheduler=True, workers=1, log_level="CRITICAL"):
    sys.exit(1)
total = sum(json.loads(Path(Node(number=number).output().path).read_text()) for number in needs)
print(f"RESULT {total % PRIME} {ran}")
