"""Calls to the system that fail at the Nth time: `faults.c`, compiled and preloaded into the program."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_name("faults.c")

SYNCS = ("fsync", "fdatasync")
WRITES = ("write", "pwrite")
NAMES = ("rename", "unlink")
SHORT = 0
"""In place of an error: only half of what was to be written is."""


@dataclass(frozen=True)
class Call:
    """One call that was made on a file of the project."""

    name: str
    outcome: str
    """`done`, `failed`, or `said`: the program said that the run was over."""
    in_main_thread: bool
    path: str


@dataclass(frozen=True)
class Faults:
    """The compiled library; `environment` makes a program suffer from it."""

    library: Path

    def environment(
        self,
        under: Path,
        calls: tuple[str, ...],
        *,
        at: int = 0,
        error: int = 0,
        log: Path,
        delay: int = 0,
        inherit: bool = False,
    ) -> Mapping[str, str]:
        """The `at`-th of these calls on files below `under` fails with `error`; a negative one: all from then
        on. `delay` is in milliseconds, for each sync. `inherit`: in the children instead and as well."""
        return {
            "LD_PRELOAD": str(self.library),
            "FAULT_CALLS": f",{','.join(calls)},",
            "FAULT_UNDER": str(under),
            "FAULT_AT": str(at),
            "FAULT_ERRNO": str(error),
            "FAULT_DELAY": str(delay),
            "FAULT_LOG": str(log),
            **({"FAULT_INHERIT": "1"} if inherit else {}),
        }


def build(folder: Path) -> Faults:
    """Compiles the library; skips by name where that cannot be."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to compile the failing calls with")
    library = folder / "faults.so"
    made = subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-o", str(library), str(_SOURCE), "-ldl"],
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        pytest.skip(f"the failing calls cannot be compiled here: {made.stderr.splitlines()[-1:]}")
    return Faults(library)


def calls_of(log: Path) -> list[Call]:
    """What a log says."""
    lines = log.read_text().splitlines() if log.exists() else []
    parts = (line.split(" ", 3) for line in lines)
    return [Call(name, outcome, thread == "main", path) for name, outcome, thread, path in parts]
