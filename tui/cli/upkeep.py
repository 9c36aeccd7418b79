"""Keeping a store small, and deciding on one that is not believed: `gc`, and what `doctor` does on request."""

from __future__ import annotations

from pathlib import Path

import click

from ...core.checkup import KEEP
from ...core.problems import number_of
from ..paint.sanitize import clean
from .options import Options, WholeNumber
from .output import print_columns, print_json, print_line, talk

_NAMES = {
    "value": ("value", "values"),
    "log": ("log", "logs"),
    "scratch": ("left-over", "left-overs"),
    "code": ("copy of code", "copies of code"),
    "backup": ("backup", "backups"),
    "seal": ("old seal", "old seals"),
}


def _store(options: Options) -> Path:
    from ...core.places import store_folder
    from ...core.whereabouts import project_at

    return store_folder(Path(project_at(options.path).root))


def _size(count: int) -> str:
    """Bytes as one reads them: `3.4 MiB`."""
    if count < 1024:
        return number_of(count, "byte")
    power = min((count.bit_length() - 1) // 10, 4)
    return f"{count / 1024**power:,.1f} {('KiB', 'MiB', 'GiB', 'TiB')[power - 1]}"


@click.command()
@click.option(
    "--keep",
    "-k",
    type=WholeNumber(0, 1_000_000),
    default=KEEP,
    show_default=True,
    help="Runs of which all values and logs are kept.",
)
@click.option("--dry-run", "-n", is_flag=True, help="Only say what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def gc(options: Options, keep: int, dry_run: bool, as_json: bool) -> None:
    """Remove stored values, logs and copies of code that neither a current value nor the last runs need.

    The current value of every asset and the last log of every step stay, whatever is defined now.
    """
    from ...core.store.collect import Collected, collect
    from ...core.store.database import LEDGER

    folder = _store(options)
    there = (folder / LEDGER).exists()
    found = collect(folder, keep=keep, dry_run=dry_run) if there else Collected(())
    if as_json:
        items = [{"kind": item.kind, "path": item.path, "size": item.size} for item in found.items]
        head = {"schema": 1, "store": str(folder), "dry_run": dry_run, "keep": keep, "size": found.size}
        print_json({**head, "counts": dict(found.counts), "items": items})
        return
    rows = []
    for kind, count in found.counts.items():
        number, name = number_of(count, *_NAMES[kind]).split(" ", 1)
        rows.append((number, name, _size(found.size_of(kind))))
    print_columns(rows)
    if not found.items:
        print_line("nothing to remove")
    else:
        talk(f"{_size(found.size)} {'would be' if dry_run else 'are'} free", options.quiet)


def adopt_store(options: Options) -> None:
    """Seals the project's store as the user's own. Raises ProblemError."""
    from ...core.store.adopt import adopt

    folder = _store(options)
    adopt(folder)
    talk(clean(f"{folder} is yours from now on, as it is"), options.quiet)


def set_store_aside(options: Options) -> None:
    """Moves the project's store out of the way. Raises ProblemError."""
    from ...core.store.adopt import set_aside

    aside = set_aside(_store(options))
    talk(clean(f"the store is at {aside} now; nothing of it is used"), options.quiet)
