"""The value of an asset, and its past ones: `show`."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from ...core.columns import drift_words
from ...core.events import Event
from ...core.model import Json, Materialization
from ...core.naming import shown_part, split
from ...core.preview import Preview
from ...core.problems import ProblemError, number_of
from ...core.store.findings import Findings
from ...core.tabular import cell_json
from ...core.workbench import Workbench
from ..paint.sanitize import clean, one_line
from .opening import complete_keys, find_node, open_past
from .options import Options, WholeNumber, one_partition
from .output import moment, print_columns, print_json, print_line, size_in_words, talk
from .streams import write_bytes

if TYPE_CHECKING:
    from ...core.diff.changes import Difference, TableChanges


@click.command()
@click.argument("asset", shell_complete=complete_keys)
@one_partition
@click.option(
    "--limit", "-n", type=WholeNumber(0, 10_000), default=20, show_default=True, help="Rows at most."
)
@click.option("--offset", type=WholeNumber(0, sys.maxsize // 2), default=0, help="Rows to pass over.")
@click.option(
    "--history", is_flag=True, help="Its past values: when, by which run, how large, changed or not."
)
@click.option(
    "--diff", is_flag=True, help="What sets it apart from the value before, if that is still there."
)
@click.option(
    "--checks", is_flag=True, help="What its checks came to, with some rows that fail, and how it was before."
)
@click.option(
    "--raw", is_flag=True, help="The value itself, whole and byte by byte, for a file or another program."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def show(
    options: Options,
    asset: str,
    partition: str | None,
    limit: int,
    offset: int,
    history: bool,
    diff: bool,
    checks: bool,
    raw: bool,
    as_json: bool,
) -> int:
    """Preview the value of an asset, list its past ones, compare it with the one before, or tell of its checks.

    ASSET may be a task that makes one. Of what is divided it is the partition made last. Exits with 1 where there is
    nothing to show.
    """
    if history + diff + checks + raw > 1 or (raw and as_json):
        raise click.UsageError("--history, --diff, --checks and --raw exclude each other, --raw also --json")
    bench = open_past(options)
    name = _asset_of(bench, asset)
    if partition is not None:
        name = find_node(bench, name, partition).name
    if checks:
        from .checking import print_checks

        return print_checks(bench, name, limit, as_json, options.quiet)
    if history:
        return _print_history(bench, name, limit, as_json, options.quiet)
    if diff:
        return _print_difference(bench, name, as_json, options.quiet)
    if raw:
        return _hand_over(bench, name)
    seen = bench.preview(name, limit=limit, offset=offset)
    made = bench.materialization(name)
    changes = _schema_changes(bench, made)
    if as_json:
        told = [{"ts": one.ts, "run": one.run, **one.data} for one in changes]
        print_json(_as_json(name, seen, made) | {"schema_changes": told})
    else:
        _print(name, seen, options.quiet)
        if made is not None and made.asset != name:
            talk(_which_part(bench, name, made), options.quiet)
        for one in changes[:1]:
            if made is not None and one.run == made.run:
                talk(f"columns changed: {one_line(drift_words(one.data))}", options.quiet)
    return 1 if seen.kind == "none" else 0


def _hand_over(bench: Workbench, asset: str) -> int:
    from ...core.content import content_of

    if sys.stdout.isatty():
        raise ProblemError(
            "--raw writes the bytes as they are, which is nothing for a terminal",
            f"bakehouse show {asset} --raw > FILE, or | a program",
        )
    for piece in content_of(bench, asset):
        write_bytes(piece)
    return 0


def _which_part(bench: Workbench, asset: str, made: Materialization) -> str:
    from .partitions import counts_of

    counts = counts_of(bench.survey(), bench.graph.producer(asset)) or {"total": 1}
    part = shown_part(split(made.asset)[1])
    return f"this is {part}, the partition made last, of {counts['total']:,} (--partition KEY: another)"


def _schema_changes(bench: Workbench, made: Materialization | None) -> list[Event]:
    """When the columns of the asset changed, newest first."""
    return [] if made is None else Findings(bench.store.reader).schema_changes(made.asset)


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
        "asset": clean(split(asset)[0]),
        "kind": seen.kind,
        "columns": [{"name": name, "type": kind} for name, kind in seen.columns],
        "rows": [list(map(cell_json, row)) for row in seen.cells],
        "total": seen.total,
        "text": seen.text,
        "note": seen.note,
    }
    if made is not None:
        document |= _made_as_json(made)
    if part := split(asset if made is None else made.asset)[1]:
        document["partition"] = shown_part(part)
    return document


def _made_as_json(made: Materialization) -> dict[str, Json]:
    value = made.value
    return {
        "codec": value.codec,
        "type": value.type,
        "version": value.version,
        "digest": value.digest,
        "size": value.size,
        "run": made.run,
        "task": clean(split(made.task)[0]),
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
        talk(f"{len(seen.cells):,} of {number_of(seen.total, 'row')}", quiet)
    if seen.note:
        talk(f"{clean(asset)}: {seen.note}", quiet and seen.kind != "none")


def _print_history(bench: Workbench, asset: str, limit: int, as_json: bool, quiet: bool) -> int:
    made = bench.materializations(asset, limit + 1)
    same = [a.value.version == b.value.version for a, b in itertools.pairwise(made)]
    known: list[bool | None] = [*same, None]
    past = list(zip(made, known, strict=False))[:limit]
    restored = bench.store.restored(asset, limit)
    if as_json:
        values = [
            _made_as_json(one)
            | {"same": is_same, "restored": one.seq in restored, "restored_at": restored.get(one.seq)}
            for one, is_same in past
        ]
        print_json({"schema": 1, "asset": clean(asset), "values": values})
    else:
        print_columns([_history_row(one, is_same, restored.get(one.seq)) for one, is_same in past])
        if not made:
            is_source = bench.defined.asset(asset).is_source
            told = ": a source is not kept, so it has no past values" if is_source else " was never made"
            talk(clean(asset) + told, quiet)
    return 0 if made else 1


def _print_difference(bench: Workbench, asset: str, as_json: bool, quiet: bool) -> int:
    from ...core.diff.values import difference
    from ..projection.contrast import told

    found = difference(bench, asset)
    if as_json:
        print_json(_difference_as_json(found))
    else:
        for sign, text in told(found) if found.old is not None else ():
            print_line(clean(f"{sign} {text}"))
        if found.old is None:
            talk(f"{clean(asset)}: {found.note}", quiet and found.new is not None)
    return 0 if found.old is not None else 1


def _difference_as_json(found: Difference) -> dict[str, Json]:
    from ..projection.difference import difference as lines_of

    lines = lines_of(*found.texts, most=1000) if found.texts is not None else []
    return {
        "schema": 1,
        "asset": clean(found.asset),
        "kind": found.kind,
        "old": None if found.old is None else _made_as_json(found.old),
        "new": None if found.new is None else _made_as_json(found.new),
        "table": None if found.table is None else _table_as_json(found.table),
        "paths": [
            {"path": one.path, "sign": one.sign, "old": one.old, "new": one.new} for one in found.paths
        ],
        "places": found.places,
        "lines": [{"sign": sign, "text": text} for sign, text in lines],
        "note": found.note,
    }


def _table_as_json(table: TableChanges) -> dict[str, Json]:
    changed = [
        {
            "key": list(map(cell_json, row.key)),
            "cells": [{"column": n, "old": cell_json(a), "new": cell_json(b)} for n, a, b in row.cells],
        }
        for row in table.changed_rows
    ]
    return {
        "columns": [{"name": one.name, "old": one.old, "new": one.new} for one in table.columns],
        "compared": list(table.compared),
        "key": list(table.key),
        "rows": {"old": table.old_rows, "new": table.new_rows},
        "added": table.added,
        "removed": table.removed,
        "changed": table.changed if table.key else None,
        "added_rows": [list(map(cell_json, row)) for row in table.added_rows],
        "removed_rows": [list(map(cell_json, row)) for row in table.removed_rows],
        "changed_rows": changed,
    }


def _history_row(made: Materialization, is_same: bool | None, restored: float | None) -> tuple[str, ...]:
    word = "restored" if restored is not None else "" if is_same is None else "same" if is_same else "changed"
    value = made.value
    when = moment(made.ts if restored is None else restored)
    took = f"{made.duration:.1f} s"
    return (
        when, took, size_in_words(value.size), value.version[:8], word, clean(made.run), _in_words(made.metadata),
    )  # fmt: skip


def _in_words(metadata: Mapping[str, Json], most: int = 4) -> str:
    short = [(name, value) for name, value in metadata.items() if not isinstance(value, list | dict)]
    return "  ".join(clean(f"{name}={one_line(str(value))[:40]}") for name, value in short[:most])
