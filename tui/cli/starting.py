"""`init`: a small project that works, or what was imported from another tool, in a folder of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ...core.problems import ProblemError
from ..paint.sanitize import clean
from .options import Options
from .output import print_line, talk

_FILES = {
    "bakehouse.yaml": """\
# What this project makes, and of what. `bakehouse` opens it, `bakehouse materialize` makes it.
pipeline: {name}
params: {{least: 2}}                       # bakehouse materialize -p least=3
assets:
  orders: {{file: data/orders.csv}}        # a source: watched by content
  count:                                 # a command: each dep is a variable, the value goes to $OUTPUT
    deps: [orders]
    shell: tail -n +2 "$orders" | wc -l > "$OUTPUT"
  totals:                                # the function `totals` of steps.py: its arguments are deps and params
    deps: [orders]
    params: [least]
    python: steps:totals
  report:
    deps: [totals]
    python: steps:report
""",
    "steps.py": '''\
"""The steps in Python. An argument is what the asset of that name holds; a source file comes as a path."""

import csv


def totals(orders, least):
    """What each customer has spent, of those with at least so many orders."""
    spent = {}
    with orders.open() as file:
        for row in csv.DictReader(file):
            spent.setdefault(row["customer"], []).append(int(row["amount"]))
    return {customer: sum(amounts) for customer, amounts in spent.items() if len(amounts) >= least}


def report(totals):
    """One line for each customer, the best one first."""
    best = sorted(totals.items(), key=lambda item: -item[1])
    return "\\n".join(f"{customer}: {total}" for customer, total in best) + "\\n"
''',
    "data/orders.csv": "customer,amount\nAda,30\nBen,12\nAda,25\nCleo,7\nBen,40\nAda,8\n",
    ".gitignore": ".bakehouse/\n__pycache__/\n",
}
_DEFINES = ("bakehouse.yaml", "steps.py", "data/orders.csv")
_IMPORTED = ("bakehouse.yaml",)


def write_project(folder: Path) -> list[str]:
    """Writes the project into `folder`, which is made where it is not there, and returns what was written.

    Raises ProblemError, and writes nothing, where one of its files is there already or the folder is a project.
    """
    _is_free(folder, _DEFINES)
    written = []
    for name, text in _FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name in _DEFINES or not path.exists():
            with path.open("x", encoding="utf-8") as file:
                file.write(text.format(name=_title(folder)) if name.endswith(".yaml") else text)
            written.append(name)
    return written


def write_imported(folder: Path, name: str, source: Path) -> list[str]:
    """Writes what the importer `name` makes of `source` into `folder`, and returns what was written.

    Raises ProblemError, and writes nothing, where that cannot be, or the folder is a project.
    """
    from ...core.load.importing import imported

    _is_free(folder, _IMPORTED)
    text = imported(name, source)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "bakehouse.yaml").open("x", encoding="utf-8") as file:
        file.write(text)
    return ["bakehouse.yaml"]


def _is_free(folder: Path, names: Sequence[str]) -> None:
    if folder.exists() and not folder.is_dir():
        raise ProblemError(f"{folder} is a file", "name a folder: bakehouse init FOLDER")
    in_the_way = [name for name in names if (folder / name).exists() or (folder / name).is_symlink()]
    if (folder / "pipelines").is_dir():
        in_the_way.append("pipelines/")
    if in_the_way:
        there = ", ".join(in_the_way)
        raise ProblemError(
            f"nothing was written: {folder} has {there}", "name another folder: bakehouse init FOLDER"
        )


def _title(folder: Path) -> str:
    """A name that YAML takes for text, whatever the folder is called."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in folder.name).strip("_")
    return (
        plain
        if plain[:1].isalpha() and plain.lower() not in ("null", "true", "false")
        else f"my_{plain or 'project'}"
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option(
    "--from",
    "source",
    type=(str, click.Path(exists=True, path_type=Path)),
    metavar="IMPORTER PATH",
    help="write what the importer of a plugin makes of the project at PATH, and trust nothing",
)
@click.pass_obj
def init(options: Options, folder: Path | None, source: tuple[str, Path] | None) -> None:
    """Write a small project that works into FOLDER (default: the current one) and trust it. Overwrites nothing."""
    from ...core.trust import is_trusted
    from ...core.trust import trust as trust_project

    at = (folder or options.path or Path()).absolute()
    is_own = not at.exists() or not any(at.iterdir()) or is_trusted(at)
    written = write_imported(at, *source) if source else write_project(at)
    for name in written:
        print_line(clean(name))
    if source:
        talk(f"in {at}: look at it, then bakehouse trust", options.quiet)
    elif is_own:
        trust_project(at)
        talk(f"in {at}: bakehouse materialize makes it, bakehouse opens it", options.quiet)
    else:
        talk(
            f"in {at}, which held other files and is not trusted: look at them, then bakehouse trust",
            options.quiet,
        )
