"""Who is measured: how each is set up, run, and asked what it did. One class each, all of one shape."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from environments import program_of, python_of
from graphs import PRIME, expected, graph
from measure import Cost, Unfit, environment, run

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
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


def result_line(cost: Cost) -> Told:
    found = re.search(r"^RESULT (\d+) (\d+)$", cost.output, re.MULTILINE)
    if not found:
        raise Unfit(f"no result in:\n{cost.output[-1000:]}")
    return Told(int(found[1]), int(found[2]))


class Script:
    """A peer or floor that is one script of ours and tells its result itself; `peer` names its environment."""

    def __init__(self, name: str, peer: str | None, script: str, *before: str) -> None:
        self.name = name
        self._peer = peer
        self._arguments: list[str | Path] = [PEERS / script, *before]

    def prepare(self, folder: Path, name: str, changed: int) -> None:
        if self._peer:
            python_of(self._peer)

    def cost(self, folder: Path, name: str, changed: int) -> Cost:
        python = python_of(self._peer) if self._peer else Path(sys.executable)
        return run([python, *self._arguments, name, str(changed)], folder, {"HOME": str(folder)})

    def told(self, folder: Path, name: str, cost: Cost) -> Told:
        return result_line(cost)


class Files:
    """A peer that runs a shell command for each node: `script` writes its rules, each node leaves a file.

    What ran is told by the times of the files.
    """

    def __init__(self, name: str, peer: str | None, script: str, *command: str) -> None:
        self.name = name
        self._peer = peer
        self._script = script
        self._command = command
        self._before: dict[str, int] = {}

    def prepare(self, folder: Path, name: str, changed: int) -> None:
        self._program()
        subprocess.run(
            [sys.executable, PEERS / self._script, name, str(changed)],
            cwd=folder, env=environment(), check=True,
        )  # fmt: skip
        self._before = self._times(folder)

    def cost(self, folder: Path, name: str, changed: int) -> Cost:
        home = {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / ".cache")}
        return run([self._program(), *self._command[1:]], folder, home)

    def told(self, folder: Path, name: str, cost: Cost) -> Told:
        after = self._times(folder)
        total = sum(int((folder / file).read_text()) for file in after) % PRIME
        return Told(total, sum(self._before.get(file) != time for file, time in after.items()))

    def _program(self) -> str | Path:
        program = self._command[0]
        return program_of(self._peer, program) if self._peer else program

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
        return run([self._program, "-C", folder, *words], folder, self._settings(folder))

    def screen(self, folder: Path) -> tuple[list[str | Path], dict[str, str]]:
        """The command that opens the screen, and its environment."""
        return [self._program, "-C", folder], self._settings(folder)

    @staticmethod
    def _settings(folder: Path) -> dict[str, str]:
        return {"BAKEHOUSE_TRUST": "1", "BAKEHOUSE_HOME": str(folder.parent / "home")}

    def cost(self, folder: Path, name: str, changed: int) -> Cost:
        return self.command(folder, "--quiet", "materialize", "--jobs", JOBS)

    def told(self, folder: Path, name: str, cost: Cost) -> Told:
        last = json.loads(self.command(folder, "runs", "--limit", "1", "--json").output)["runs"][0]
        return Told(self._total(folder), last["counts"].get("succeeded", 0))

    @staticmethod
    def _total(folder: Path) -> int:
        """Read from the file itself: the store is sealed for the home that the measured program was given."""
        ledger = sqlite3.connect(folder / ".bakehouse" / "ledger.db")
        try:
            rows = ledger.execute("select m.inline from assets a join materializations m on m.seq = a.seq")
            values = [value for (value,) in rows]
        finally:
            ledger.close()
        return sum(int(value or b"0") for value in values) % PRIME


def check(told: Told, name: str, changed: int, ran: int | None) -> None:
    """Raises Unfit where a contestant computed something else, or ran more or fewer nodes than it should."""
    wanted = expected(graph(name), changed)
    if told.total != wanted:
        raise Unfit(f"the sum of {name} is {told.total}, not {wanted}")
    if ran is not None and told.ran != ran:
        raise Unfit(f"{told.ran} nodes of {name} ran, not {ran}")


def named(name: str) -> Contestant:
    """A contestant by its name. Its environment is made when it is first prepared."""
    match name:
        case "bakehouse":
            return Bakehouse()
        case "floor: in memory":
            return Script(name, None, "floor_memory.py")
        case "floor: isolated and durable":
            return Script(name, None, "floor_isolated.py")
        case "doit":
            return Script(name, "doit", "doit_nodes.py", "run")
        case "make":
            return Files(name, None, "make_nodes.py", "make", "-s", "-j", JOBS)
        case "ninja":
            return Files(name, "ninja", "ninja_nodes.py", "ninja", "--quiet", "-j", JOBS)
        case "snakemake":
            options = ("-c", JOBS, "-q", "all", "--nolock")
            return Files(name, "snakemake", "snakemake_nodes.py", "snakemake", *options)
        case "dagster: kept":
            return Script(name, "dagster", "dagster_nodes.py", "disk")
        case "dagster: ephemeral":
            return Script(name, "dagster", "dagster_nodes.py", "ephemeral")
        case "luigi" | "hamilton" | "dask" | "redun" | "prefect":
            return Script(name, name, f"{name}_nodes.py")
    raise ValueError(f"no contestant {name!r}")
