"""Who is measured: how each is set up, run, and asked what it did. One class each, all of one shape."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from graphs import PRIME, expected, graph
from measure import Cost, Unfit, environment, run

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
ENVIRONMENTS = HERE / ".venv"
JOBS = "2"


@dataclass(frozen=True, slots=True)
class Told:
    """What a contestant says it did: the sum of all values, and how many nodes it ran."""

    total: int
    ran: int


class Contestant(Protocol):
    name: str

    def prepare(self, folder: Path, name: str, changed: int) -> None:
        """Writes what the contestant reads before it starts. Not measured."""

    def cost(self, folder: Path, name: str, changed: int) -> Cost: ...
    def told(self, folder: Path, name: str, cost: Cost) -> Told: ...


def python_of(peer: str, packages: Sequence[str]) -> Path:
    """The interpreter of an environment for one peer, made on first use."""
    folder = ENVIRONMENTS / peer
    python, ready = folder / "bin" / "python", folder / ".ready"
    wanted = "\n".join(packages)
    if not ready.is_file() or ready.read_text() != wanted:
        print(f"  an environment for {peer}: {', '.join(packages)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        quiet = ("-q", "--disable-pip-version-check")
        subprocess.run([python, "-m", "pip", "install", *quiet, *packages], check=True)
        ready.write_text(wanted)
    return python


def result_line(cost: Cost) -> Told:
    found = re.search(r"^RESULT (\d+) (\d+)$", cost.output, re.MULTILINE)
    if not found:
        raise Unfit(f"no result in:\n{cost.output[-1000:]}")
    return Told(int(found[1]), int(found[2]))


class Script:
    """A peer or floor that is one script of ours and tells its result itself."""

    def __init__(self, name: str, python: Path, script: str, *before: str) -> None:
        self.name = name
        self._command: list[str | Path] = [python, PEERS / script, *before]

    def prepare(self, folder: Path, name: str, changed: int) -> None: ...

    def cost(self, folder: Path, name: str, changed: int) -> Cost:
        return run([*self._command, name, str(changed)], folder)

    def told(self, folder: Path, name: str, cost: Cost) -> Told:
        return result_line(cost)


class Make:
    name = "make"

    def prepare(self, folder: Path, name: str, changed: int) -> None:
        script = PEERS / "make_nodes.py"
        subprocess.run(
            [sys.executable, script, name, str(changed)], cwd=folder, env=environment(), check=True
        )
        self._before = self._times(folder)

    def cost(self, folder: Path, name: str, changed: int) -> Cost:
        return run(["make", "-s", "-j", JOBS], folder)

    def told(self, folder: Path, name: str, cost: Cost) -> Told:
        after = self._times(folder)
        total = sum(int((folder / file).read_text()) for file in after) % PRIME
        return Told(total, sum(self._before.get(file) != time for file, time in after.items()))

    @staticmethod
    def _times(folder: Path) -> dict[str, int]:
        return {file.name: file.stat().st_mtime_ns for file in folder.glob("*.value")}


PROJECT = '''"""{name}, as a Bakehouse project."""

from bakehouse import asset

from graphs import compute, graph

CHANGED = {changed}


def node(number, needed, extra):
    @asset(name=f"n{{number}}", deps=[f"n{{other}}" for other in needed])
    def value(**inputs):
        return compute(number, list(inputs.values()), extra)


for number, needed in graph("{name}"):
    node(number, needed, 7 if number == CHANGED else 0)
'''


class Bakehouse:
    name = "bakehouse"

    def __init__(self) -> None:
        self._program = Path(sys.executable).parent / "bakehouse"

    def prepare(self, folder: Path, name: str, changed: int) -> None:
        (folder / "bakehouse.yaml").write_text(f"pipeline: {name.partition(':')[0]}\n")
        (folder / "pipeline.py").write_text(PROJECT.format(name=name, changed=changed))
        shutil.copyfile(HERE / "graphs.py", folder / "graphs.py")

    def command(self, folder: Path, *words: str) -> Cost:
        more = {"BAKEHOUSE_TRUST": "1", "BAKEHOUSE_HOME": str(folder.parent / "home")}
        return run([self._program, "-C", folder, *words], folder, more)

    def cost(self, folder: Path, name: str, changed: int) -> Cost:
        return self.command(folder, "--quiet", "materialize", "--jobs", JOBS)

    def told(self, folder: Path, name: str, cost: Cost) -> Told:
        last = json.loads(self.command(folder, "runs", "--limit", "1", "--json").output)["runs"][0]
        return Told(self._total(folder), last["counts"].get("succeeded", 0))

    @staticmethod
    def _total(folder: Path) -> int:
        from bakehouse.core.store.store import Store

        with Store.open(folder / ".bakehouse") as store:
            values = [made.value.inline for made in store.recorded().materializations.values()]
        return sum(int(value or b"0") for value in values) % PRIME


def check(told: Told, name: str, changed: int, ran: int | None) -> None:
    """Raises Unfit where a contestant computed something else, or ran more or fewer nodes than it should."""
    wanted = expected(graph(name), changed)
    if told.total != wanted:
        raise Unfit(f"the sum of {name} is {told.total}, not {wanted}")
    if ran is not None and told.ran != ran:
        raise Unfit(f"{told.ran} nodes of {name} ran, not {ran}")


def doit() -> Script:
    return Script("doit", python_of("doit", ["doit==0.37.0"]), "doit_nodes.py", "run")


def in_memory() -> Script:
    return Script("floor: in memory", Path(sys.executable), "floor_memory.py")


def isolated() -> Script:
    return Script("floor: isolated and durable", Path(sys.executable), "floor_isolated.py")
