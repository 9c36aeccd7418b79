"""The figures of single commands, of shell steps, and of large values."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from contestants import HERE, JOBS, PEERS, Bakehouse, named
from environments import program_of, python_of
from measure import Cost, Figure, run
from rounds import Turn, Without, left_out, rounds, scratch


def help_text(pairs: int) -> Figure:
    with scratch() as folder:
        ours = Bakehouse()
        each: list[Turn] = [
            ("bakehouse", lambda: ours.command(folder, "--help")),
            ("doit", lambda: run([program_of("doit", "doit"), "help"], folder)),
        ]
        for peer in ("luigi", "snakemake", "redun", "dagster", "prefect"):
            each.append((peer, partial(_help_of, peer, folder)))
        return rounds(Figure("help", "`--help`"), pairs, each)


def _help_of(peer: str, folder: Path) -> Cost:
    more = {"HOME": str(folder), "PREFECT_HOME": str(folder), "DAGSTER_HOME": str(folder)}
    return run([program_of(peer, peer), "--help"], folder, more)


def listing(pairs: int) -> Figure:
    name = "w3:1000"
    with scratch() as base:
        ours, mine, theirs = Bakehouse(), base / "ours", base / "theirs"
        mine.mkdir()
        theirs.mkdir()
        ours.prepare(mine, name, -1)
        ours.cost(mine, name, -1)
        peer = named("doit")
        peer.prepare(theirs, name, -1)
        peer.cost(theirs, name, -1)
        script: list[str | Path] = [python_of("doit"), PEERS / "doit_nodes.py", "list", name, "-1"]
        each: list[Turn] = [
            ("bakehouse", lambda: ours.command(mine, "ls")),
            ("doit", lambda: run(script, theirs)),
        ]
        return rounds(Figure("ls", "`ls` of 1,000 materialized nodes"), pairs, each)


def shell_steps(pairs: int, size: int, peers: tuple[str, ...]) -> Figure:
    """`true`, two at a time."""
    with scratch() as base:
        each: list[Turn] = []
        for who in ("bakehouse", *peers):
            folder = base / who
            folder.mkdir()
            each.append((who, partial(_SHELL.get(who, partial(_script_of, who)), folder, size)))
        return rounds(Figure(f"shell {size}", f"{size} shell steps that do nothing", size), pairs, each)


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder)
    folder.mkdir()
    return folder


def _bakehouse_steps(folder: Path, size: int) -> Cost:
    steps = "".join(f"  t{number}: {{shell: 'true'}}\n" for number in range(size))
    (_emptied(folder) / "bakehouse.yaml").write_text(f"tasks:\n{steps}")
    return Bakehouse().command(folder, "--quiet", "materialize", "--jobs", JOBS)


def _make_steps(folder: Path, size: int) -> Cost:
    """The semicolon makes `make` use a shell, as Bakehouse does."""
    names = " ".join(f"t{number}" for number in range(size))
    (folder / "Makefile").write_text(f".PHONY: all {names}\nall: {names}\n{names}:\n\t@true;\n")
    return run(["make", "-s", "-j", JOBS], folder)


def _ninja_steps(folder: Path, size: int) -> Cost:
    builds = "".join(f"build t{number}: step\n" for number in range(size))
    (_emptied(folder) / "build.ninja").write_text(f"rule step\n  command = true\n{builds}")
    return run([program_of("ninja", "ninja"), "--quiet", "-j", JOBS], folder)


def _snakemake_steps(folder: Path, size: int) -> Cost:
    wanted = f"rule all:\n    input: [f't{{i}}' for i in range({size})]\n"
    step = "rule step:\n    output: touch('t{i}')\n    shell: 'true'\n"
    (_emptied(folder) / "Snakefile").write_text(wanted + step)
    program = program_of("snakemake", "snakemake")
    return run([program, "-c", JOBS, "-q", "all", "--nolock"], folder, {"HOME": str(folder)})


def _script_of(peer: str, folder: Path, size: int) -> Cost:
    home = {"HOME": str(folder)}
    return run([python_of(peer), PEERS / "shell_steps.py", peer, str(size)], _emptied(folder), home)


_SHELL: dict[str, Callable[[Path, int], Cost]] = {
    "bakehouse": _bakehouse_steps,
    "make": _make_steps,
    "ninja": _ninja_steps,
    "snakemake": _snakemake_steps,
}

TABLES = '''"""A chain of large tables, as a Bakehouse project."""

from bakehouse import asset

from tables import first, following


@asset(name="n0")
def start():
    return first()


def hop(number):
    @asset(name=f"n{number}", deps={f"n{number - 1}": "table"})
    def after(table):
        return following(table)


for number in range(1, HOPS):
    hop(number)
'''


def large_values(pairs: int, hops: int, without: Without = None) -> Figure:
    """Every hop is written, hashed, and read by the next."""
    figure = Figure(f"tables {hops}", f"{hops} hops of a 50 MB table", hops, notes=left_out(without))
    python = python_of("tables")
    with scratch() as base:
        ours, project, raw = Bakehouse(), base / "ours", base / "raw"
        project.mkdir()
        raw.mkdir()
        (project / "bakehouse.yaml").write_text("pipeline: tables\n")
        (project / "pipeline.py").write_text(TABLES.replace("HOPS", str(hops)))
        shutil.copyfile(HERE / "tables.py", project / "tables.py")

        def bakehouse() -> Cost:
            shutil.rmtree(project / ".bakehouse", ignore_errors=True)
            return ours.command(project, "--python", str(python), "--quiet", "materialize", "--jobs", JOBS)

        def script(peer: str, name: str, *words: str) -> Cost:
            return run([python_of(peer), PEERS / name, *words, str(hops)], _emptied(raw), {"HOME": str(raw)})

        each: list[Turn] = [
            ("bakehouse", bakehouse),
            ("floor: pickle", partial(script, "tables", "raw_tables.py")),
            ("dagster: kept", partial(script, "dagster", "dagster_tables.py")),
        ]
        return rounds(figure, pairs, each)
