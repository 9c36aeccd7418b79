"""Random histories of a small project, and what must have come of them: for tests to import.

A pipeline of Python, decorated, shell and SQL steps computes small numbers. It is edited, run in parts, forced and
killed; the oracle computes every value anew, and knows exactly which steps had to run.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bakehouse.core.events import Event, Kind
from bakehouse.core.model import Node
from bakehouse.core.workbench import Workbench
from bakehouse.core.workers.codecs import decode

SMALL = 2
"""Values are below this, so that a step often makes what it made before and spares the next."""

KEPT = {"python": "number", "decorated": "number", "shell": "file", "sql": "table"}

Key = tuple[Any, ...]

HELPERS = """
from pathlib import Path
HA = {HA}
HB = {HB}
def num(x):
    if isinstance(x, int): return x
    if isinstance(x, Path): return int(x.read_text().split()[-1])
    (row,) = x.rows()
    return row["value"]
"""


@dataclass(frozen=True)
class Step:
    """One asset of the pipeline: `(base + param + helper + sum of what it is made of) % SMALL`."""

    name: str
    kind: str
    deps: tuple[str, ...]
    base: int
    param: int
    helper: str = ""

    @property
    def asset(self) -> str:
        return f"{self.name}.csv" if self.kind == "shell" else self.name


@dataclass
class Defined:
    """What is written in the project's files."""

    steps: dict[str, Step] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    helpers: dict[str, int] = field(default_factory=lambda: {"HA": 1, "HB": 2})
    comments: int = 0

    def ordered(self) -> Iterator[Step]:
        """Each after what it is made of: names grow, and a step depends on smaller ones only."""
        return (self.steps[name] for name in sorted(self.steps))

    def asset_of(self, name: str) -> str:
        return self.steps[name].asset if name in self.steps else name

    def oracle(self) -> tuple[dict[str, int], dict[str, Key]]:
        """The value of everything, and the key of every step."""
        values, keys = dict(self.sources), {}
        kept = {name: KEPT[step.kind] for name, step in self.steps.items()}
        for step in self.ordered():
            helper = self.helpers.get(step.helper, 0)
            seen = tuple((self.asset_of(dep), kept.get(dep), values[dep]) for dep in step.deps)
            keys[step.name] = (step.kind, step.base, step.param, step.helper, helper, seen)
            values[step.name] = (step.base + step.param + helper + sum(values[d] for d in step.deps)) % SMALL
        return values, keys

    def above(self, targets: set[str]) -> set[str]:
        """The steps among `targets` and all that they are made of."""
        found = set(targets)
        for name in sorted(self.steps, reverse=True):
            if name in found:
                found |= {dep for dep in self.steps[name].deps if dep in self.steps}
        return found

    # ---- files -------------------------------------------------------------------------------

    def files(self) -> dict[str, str]:
        comment = f"# edited {self.comments} times\n" * (self.comments % 3)
        python = [step for step in self.ordered() if step.kind == "python"]
        decorated = [step for step in self.ordered() if step.kind == "decorated"]
        assets = {name: {"file": f"{name}.csv"} for name in self.sources}
        assets |= {step.asset: self._entry(step) for step in self.ordered() if step.kind != "decorated"}
        return {
            "bakehouse.yaml": comment + json.dumps({"assets": assets}),
            "helpers.py": comment + HELPERS.format(**self.helpers),
            "steps.py": "import helpers\n" + "".join(comment + self._function(step) for step in python),
            "decorated.py": "import helpers\nfrom bakehouse import asset\n"
            + "".join(
                f"@asset(deps={self._deps(step)!r}, params={{'k': {step.param}}})\n{self._function(step)}"
                for step in decorated
            ),
            **{f"{name}.csv": f"value\n{value}\n" for name, value in self.sources.items()},
        }

    def _deps(self, step: Step) -> dict[str, str]:
        return {self.asset_of(dep): dep for dep in step.deps}

    def _entry(self, step: Step) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "deps": [{"asset": asset, "as": name} for asset, name in self._deps(step).items()],
            "params": {"k": step.param},
        }
        if step.kind == "python":
            return {**entry, "python": f"steps:{step.name}"}
        if step.kind == "shell":
            terms = " + ".join(f'$(tail -n 1 "${dep}")' for dep in step.deps) or "0"
            command = f'v=$(( ({terms} + k + {step.base}) % {SMALL} )); printf "value\\n$v\\n" > "$OUTPUT"'
            return {**entry, "shell": command}
        terms = " + ".join(f"(select value from {dep})" for dep in step.deps) or "0"
        return {**entry, "sql": f"select cast(({terms} + $k + {step.base}) % {SMALL} as integer) as value"}

    def _function(self, step: Step) -> str:
        terms = [f"helpers.num({dep})" for dep in step.deps] + [f"helpers.{h}" for h in [step.helper] if h]
        given = ", ".join([*step.deps, "k"])
        return (
            f"def {step.name}({given}):\n    return ({' + '.join([*terms, 'k', str(step.base)])}) % {SMALL}\n"
        )


class History:
    """One project from its beginning. `known` are the keys with which an asset may have been made last, None: not
    at all; there are several after a kill only."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.dice = random.Random(seed)
        self.defined = Defined(sources={"s0": 1, "s1": 2})
        self.known: dict[str, set[Key | None]] = {}
        self.told: list[str] = [f"seed {seed}"]
        self.count = 0
        self.ran = self.spared = self.kills = 0
        for _ in range(self.dice.randint(3, 6)):
            self.add()
        self._written: dict[str, str] = {}
        self.write()
        self.bench = Workbench.open(folder, trust=True)

    def write(self) -> None:
        for name, text in self.defined.files().items():
            if self._written.get(name) != text:
                (self.folder / name).write_text(text)
                self._written[name] = text

    # ---- what happens ------------------------------------------------------------------------

    async def go_on(self, length: int) -> None:
        """That many things happen; at the end, everything is made."""
        edits = [self.add, self.remove, self.constant, self.helper, self.param, self.source, self.comment]
        edits += [self.kind, self.constant, self.param, self.source, self.helper]
        for _ in range(length):
            for edit in self.dice.sample(edits, self.dice.choice([0, 1, 2, 3])):
                edit()
            self.write()
            if self.dice.random() < 0.15:
                await asyncio.to_thread(self.killed)
            else:
                await self.run(force=self.dice.random() < 0.15, everything=self.dice.random() < 0.4)
        await self.run(force=False, everything=True)
        await self.run(force=False, everything=True)

    def add(self) -> None:
        self.count += 1
        name = f"n{self.count:03}"
        kind = self.dice.choice(["python", "python", "decorated", "shell", "sql"])
        before = [*self.defined.sources, *self.defined.steps]
        deps = tuple(self.dice.sample(before, min(len(before), self.dice.randint(0, 3))))
        helper = self.dice.choice(["", "HA", "HB"]) if kind in ("python", "decorated") else ""
        self.put(Step(name, kind, deps, self.dice.randrange(SMALL), self.dice.randrange(SMALL), helper))

    def put(self, step: Step) -> None:
        """Take in a step; a shell step cannot read the table of a query."""
        if step.kind == "shell":
            tables = {name for name, other in self.defined.steps.items() if other.kind == "sql"}
            step = replace(step, deps=tuple(dep for dep in step.deps if dep not in tables))
        self.defined.steps[step.name] = step
        self.told.append(f"put {step}")

    def remove(self) -> None:
        used = {dep for step in self.defined.steps.values() for dep in step.deps}
        free = sorted(self.defined.steps.keys() - used)
        if len(free) > 1:
            name = self.dice.choice(free)
            self.told.append(f"remove {self.defined.steps.pop(name)}")

    def _any(self) -> Step:
        return self.dice.choice([*self.defined.ordered()])

    def constant(self) -> None:
        self.put(replace(self._any(), base=self.dice.randrange(SMALL)))

    def param(self) -> None:
        self.put(replace(self._any(), param=self.dice.randrange(SMALL)))

    def kind(self) -> None:
        step = self._any()
        readers = [other.kind for other in self.defined.steps.values() if step.name in other.deps]
        kinds = ["python", "decorated", "shell"] + ["sql"] * ("shell" not in readers)
        kind = self.dice.choice(kinds)
        self.put(replace(step, kind=kind, helper=step.helper if kind in ("python", "decorated") else ""))

    def helper(self) -> None:
        name = self.dice.choice(["HA", "HB"])
        self.defined.helpers[name] = self.dice.randrange(SMALL)
        self.told.append(f"helper {name} = {self.defined.helpers[name]}")

    def source(self) -> None:
        name = self.dice.choice([*self.defined.sources])
        self.defined.sources[name] = self.dice.randrange(SMALL)
        self.told.append(f"source {name} = {self.defined.sources[name]}")

    def comment(self) -> None:
        self.defined.comments += 1

    # ---- runs --------------------------------------------------------------------------------

    def targets(self, everything: bool) -> set[str]:
        names = sorted(self.defined.steps)
        return set(names) if everything else set(self.dice.sample(names, self.dice.randint(1, len(names))))

    async def run(self, *, force: bool, everything: bool) -> None:
        """Runs some of it, and compares what ran and what came of it with the oracle."""
        targets = self.targets(everything)
        self.told.append(f"run {sorted(targets)}{' by force' if force else ''}")
        self.bench.reload()
        nodes = [Node("asset", self.defined.asset_of(name)) for name in targets]
        events: list[Event] = []
        plan = self.bench.plan(nodes, force=force)
        result = await self.bench.start(plan, jobs=2, listeners=[events.append]).wait()
        assert result.ok, self.fail([event.as_json() for event in events if "error" in event.data])
        ran = {
            event.task.removesuffix(".csv")
            for event in events
            if event.kind is Kind.STEP_STARTED and event.task
        }
        self.compare(ran, self.defined.above(targets), targets if force else set())
        self.ran += len(ran)
        self.spared += sum(event.kind is Kind.STEP_SPARED for event in events)

    def compare(self, ran: set[str], inside: set[str], forced: set[str]) -> None:
        values, keys = self.defined.oracle()
        for name in inside:
            asset = self.defined.asset_of(name)
            possible = self.known.get(asset, {None})
            must = name in forced or keys[name] not in possible
            may = must or possible != {keys[name]}
            assert name in ran or not must, self.fail(f"{name} had to run")
            assert name not in ran or may, self.fail(f"{name} ran for nothing")
            self.known[asset] = {keys[name]}
            found = self.value(asset)
            assert found == values[name], self.fail(f"{name} is {found}, not {values[name]}")
        assert ran <= inside, self.fail(f"{ran - inside} ran unasked")

    def value(self, asset: str) -> int:
        made = self.bench.materialization(asset)
        assert made is not None, self.fail(f"{asset} was not made")
        scratch = self.folder / ".bakehouse" / "seen" / os.urandom(8).hex()
        value = decode(made.value, asset=asset, scratch=scratch)
        if isinstance(value, int):
            return value
        if isinstance(value, Path):
            return int(value.read_text().split()[-1])
        ((number,),) = value.sql("select value from this").fetchall()
        return int(number)

    def killed(self) -> None:
        """Another process runs everything, and is killed when it has begun some steps."""
        patience = self.dice.randint(0, 4)
        self.told.append(f"killed after {patience} steps")
        command = [
            sys.executable,
            "-m",
            "bakehouse",
            "-C",
            str(self.folder),
            "materialize",
            "--json",
            "-j",
            "2",
        ]
        environ = {**os.environ, "BAKEHOUSE_TRUST": "1"}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                patience -= json.loads(line)["event"] in ("step_started", "run_started")
                if patience < 0:
                    break
            process.kill()
        self.kills += 1
        _, keys = self.defined.oracle()
        for name, key in keys.items():
            asset = self.defined.asset_of(name)
            self.known[asset] = self.known.get(asset, {None}) | {key}

    def fail(self, what: object) -> str:
        return "\n".join([*self.told, f"-> {what}"])


async def live(folder: Path, seed: int, length: int) -> History:
    """One whole history."""
    folder.mkdir()  # noqa: ASYNC240
    history = History(folder, seed)
    try:
        await history.go_on(length)
    finally:
        await history.bench.aclose()
    return history


def main(folder: str, first: str, count: str) -> None:
    """`histories.py FOLDER FIRST COUNT`: lives through that many, for a look by hand."""
    began = time.monotonic()
    for seed in range(int(first), int(first) + int(count)):
        history = asyncio.run(live(Path(folder) / str(seed), seed, 5))
        print(seed, history.ran, history.spared, history.kills, f"{time.monotonic() - began:.1f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
