"""The value of an asset, and its past ones: `show`."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping

import click

from ...core.model import Json, Materialization
from ...core.preview import Preview
from ...core.problems import ProblemError
from ...core.tabular import cell_json
from ...core.workbench import Workbench
from ..sanitize import clean, one_line
from .opening import find_node, open_workbench
from .options import Options
from .output import moment, print_columns, print_json, print_line, size_in_words, talk


@click.command()
@click.argument("asset")
@click.option(
    "--limit", "-n", type=click.IntRange(0, 10_000), default=20, show_default=True, help="Rows at most."
)
@click.option("--offset", type=click.IntRange(0, sys.maxsize // 2), default=0, help="Rows to pass over.")
@click.option(
    "--history", is_flag=True, help="Its past values: when, by which run, how large, changed or not."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def show(options: Options, asset: str, limit: int, offset: int, history: bool, as_json: bool) -> int:
    """Preview the value of an asset, or list its past ones.

    ASSET may be a task that makes one. Exits with 1 where there is nothing to show.
    """
    bench = open_workbench(options)
    name = _asset_of(bench, asset)
    if history:
        return _print_history(bench, name, limit, as_json, options.quiet)
    seen = bench.preview(name, limit=limit, offset=offset)
    if as_json:
        print_json(_as_json(name, seen, bench.materialization(name)))
    else:
        _print(name, seen, options.quiet)
    return 1 if seen.kind == "none" else 0


def _asset_of(bench: Workbench, key: str) -> str:
    node = find_node(bench, key)
    if node.kind == "asset":
        return key
    made = bench.definitions.tasks[key].outputs
    if len(made) == 1:
        return made[0]
    if not made:
        raise ProblemError(
            f"{key} is a task that makes nothing to show", f"bakehouse logs {key} has what it printed"
        )
    some = ", ".join(made[:10]) + (f" and {len(made) - 10} more" if len(made) > 10 else "")
    raise ProblemError(f"{key} is a task that makes several assets: {some}", "name one of them")


def _as_json(asset: str, seen: Preview, made: Materialization | None) -> dict[str, Json]:
    document: dict[str, Json] = {
        "schema": 1,
        "asset": asset,
        "kind": seen.kind,
        "columns": [{"name": name, "type": kind} for name, kind in seen.columns],
        "rows": [list(map(cell_json, row)) for row in seen.cells],
        "total": seen.total,
        "text": seen.text,
        "note": seen.note,
    }
    return document | (_made_as_json(made) if made is not None else {})


def _made_as_json(made: Materialization) -> dict[str, Json]:
    value = made.value
    return {
        "codec": value.codec,
        "type": value.type,
        "version": value.version,
        "digest": value.digest,
        "size": value.size,
        "run": made.run,
        "task": made.task,
        "ts": made.ts,
        "seconds": made.duration,
        "metadata": dict(made.metadata),
    }


def _print(asset: str, seen: Preview, quiet: bool) -> None:
    if seen.columns:
        head = tuple(clean(name) for name, _ in seen.columns)
        print_columns([head, *(tuple(clean(cell) for cell in row) for row in seen.rows)])
    for line in seen.text.splitlines():
        print_line(clean(line))
    if seen.total is not None and seen.columns:
        talk(f"{len(seen.cells)} of {seen.total:,} rows", quiet)
    if seen.note:
        talk(f"{asset}: {seen.note}", quiet and seen.kind != "none")


def _print_history(bench: Workbench, asset: str, limit: int, as_json: bool, quiet: bool) -> int:
    made = bench.materializations(asset, limit + 1)
    same = [a.value.version == b.value.version for a, b in itertools.pairwise(made)]
    known: list[bool | None] = [*same, None]
    past = list(zip(made, known, strict=False))[:limit]
    restored = bench.store.restored(asset, limit)
    if as_json:
        values = [
            _made_as_json(one) | {"same": is_same, "restored": one.seq in restored} for one, is_same in past
        ]
        print_json({"schema": 1, "asset": asset, "values": values})
    else:
        print_columns([_history_row(one, is_same, one.seq in restored) for one, is_same in past])
        if not made:
            talk(f"{asset} was never made", quiet)
    return 0 if made else 1


def _history_row(made: Materialization, is_same: bool | None, is_restored: bool) -> tuple[str, ...]:
    word = "restored" if is_restored else "" if is_same is None else "same" if is_same else "changed"
    value = made.value
    took = f"{made.duration:.1f} s"
    return (
        moment(made.ts), took, size_in_words(value.size), value.version[:8], word, clean(made.run),
        _in_words(made.metadata),
    )  # fmt: skip


def _in_words(metadata: Mapping[str, Json], most: int = 4) -> str:
    short = [(name, value) for name, value in metadata.items() if not isinstance(value, list | dict)]
    return "  ".join(clean(f"{name}={one_line(str(value))[:40]}") for name, value in short[:most])
