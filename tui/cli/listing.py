"""What is there, what is stale, what would run: `ls`, `plan`, `why`, `status`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

import click

from ...core.graph.views import View, ViewNode
from ...core.model import Json, Node, Reason, State
from ...core.problems import NotTrusted
from ...core.store.lock import Holder
from ...core.workbench import Marks, Snapshot, Workbench
from ..paint.sanitize import clean, one_line
from ..projection.difference import Piece, difference
from ..projection.states import ORDER
from ..projection.tally import KINDS, counted, total_of
from .opening import (
    SELECTION_HELP,
    Selected,
    chosen,
    complete_keys,
    find_node,
    open_workbench,
    selecting,
)
from .options import Options, one_partition
from .output import (
    mark,
    print_columns,
    print_json,
    print_line,
    reasons_as_json,
    reasons_in_words,
    spoken,
    talk,
)
from .surveying import survey_now

if TYPE_CHECKING:
    from ...core.folding import Parts
    from ...core.verdicts import Verdict


def _shown(bench: Workbench, view: View, selected: frozenset[Node] | None) -> list[ViewNode]:
    if selected is None:
        return list(view.nodes.values())

    def is_selected(node: Node) -> bool:
        if node in selected:
            return True
        made = bench.definitions.tasks[node.name].outputs if node.kind == "task" else ()
        return any(Node("asset", name) in selected for name in made)

    return [shown for node, shown in view.nodes.items() if is_selected(node)]


def _node_json(
    bench: Workbench, look: Snapshot, marks: Marks, verdicts: Mapping[str, Sequence[Verdict]], shown: ViewNode
) -> dict[str, Json]:
    node = shown.node
    kind = "source" if shown.source else node.kind
    return {
        "key": node.name,
        "kind": kind,
        "group": shown.group,
        "title": shown.title,
        "state": look.states[node].kind,
        "reasons": reasons_as_json(look.survey.of(node)),
        "new": node in marks.new,
        "changed": node in marks.changed,
        "task": node.name if node.kind == "task" else bench.definitions.assets[node.name].task,
        "byproduct": shown.byproduct,
        "partitions": _counts(look, node),
        "checks": [
            {"check": v.check, "outcome": v.outcome}
            for v in verdicts.get(node.name, ())
            if node.kind == "asset"
        ],
        **_described(bench, node),
    }


def _counts(look: Snapshot, node: Node) -> Json:
    """How many partitions are in which state; null for what is not divided."""
    if look.divided is None:
        return None
    from .partitions import counts_of

    return counts_of(look, node.name if node.kind == "task" else look.defined.graph.producer(node.name))


def _state_in_words(look: Snapshot, node: Node, state: State) -> str:
    counts = _counts(look, node)
    return state.value if counts is None else f"{state.value} {counts['fresh']:,}/{counts['total']:,}"


def _described(bench: Workbench, node: Node) -> dict[str, Json]:
    defined = (bench.definitions.assets if node.kind == "asset" else bench.definitions.tasks)[node.name]
    return {
        "pipeline": defined.pipeline,
        "description": defined.description,
        "tags": list(defined.tags),
        "owners": list(defined.owners),
        "metadata": dict(defined.metadata),
        "place": str(defined.place),
    }


def listing_as_json(
    bench: Workbench, kind: Literal["asset", "task"], selected: frozenset[Node] | None
) -> Json:
    """The document of `ls --json` and `graph --format json`."""
    from ..projection.verdicts import by_asset

    view, marks = bench.view(kind), bench.marks()
    look, _ = survey_now(bench)
    verdicts = by_asset(_verdicts(bench, look))
    nodes = _shown(bench, view, selected)
    inside = {shown.node for shown in nodes}
    edges = [
        {
            "from": edge.source.name,
            "to": edge.target.name,
            "label": edge.label,
            "kind": edge.kind,
            "from_kind": edge.source.kind,
            "to_kind": edge.target.kind,
        }
        for edge in view.edges
        if edge.source in inside and edge.target in inside
    ]
    return {
        "schema": 1,
        "pipelines": list(bench.definitions.pipelines),
        "view": kind,
        "nodes": [_node_json(bench, look, marks, verdicts, shown) for shown in nodes],
        "edges": edges,
        "withheld": list(bench.withheld),
    }


@click.command(epilog=SELECTION_HELP)
@selecting()
@click.option("--view", "kind", type=click.Choice(["asset", "task"]), default="asset", help="Nouns or verbs.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def ls(options: Options, selection: Selected, kind: Literal["asset", "task"], as_json: bool) -> None:
    """List nodes with their state."""
    bench = open_workbench(options)
    selected = chosen(bench, selection)
    if selected is not None and not _shown(bench, bench.view(kind), selected):
        where = f"only what the {kind} view does not show" if selected else "nothing"
        talk(f"{selection} selects {where}", options.quiet)
    if as_json:
        print_json(listing_as_json(bench, kind, selected))
        return
    (look, holder), marks = survey_now(bench), bench.marks()
    rows = []
    for shown in _shown(bench, bench.view(kind), selected):
        state = look.states[shown.node]
        signs = ("new", "changed", "") if spoken() else ("+", "±", " ")
        new = signs[0 if shown.node in marks.new else 1 if shown.node in marks.changed else 2]
        words = reasons_in_words(look.survey.of(shown.node))
        told = _state_in_words(look, shown.node, state)
        row = (f"{mark(state)}{new}", clean(shown.title), told, clean(shown.group), words)
        rows.append((*row[1:3], *row[:1], *row[3:]) if spoken() else row)
    print_columns(rows)
    _tell_of(holder, options.quiet)


def _tell_of(holder: Holder | None, quiet: bool) -> None:
    if holder is not None:
        talk(f"a run is under way: {holder}", quiet)


def reason_lines(reason: Reason) -> Iterator[str]:
    """A reason in words, and what changed: beside it if it is short, else below."""
    told = f"{reason.kind.value}: {one_line(reason.detail)}"
    pieces = difference(reason.old, reason.new) if reason.old is not None or reason.new is not None else []
    match pieces:
        case [Piece("-", old), Piece("+", new)] if len(told) + len(old) + len(new) <= 100:
            yield f"{told} ({clean(old)} → {clean(new)})"
        case _:
            yield told
            for sign, text in pieces:
                yield f"  {clean(text)}" if sign == "@" else f"  {sign} {clean(text)}".rstrip()


@click.command()
@click.argument("key", shell_complete=complete_keys)
@one_partition
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def why(options: Options, key: str, partition: str | None, as_json: bool) -> None:
    """Explain why a node is out of date, up to the root cause."""
    bench = open_workbench(options)
    written = find_node(bench, key)
    node = find_node(bench, key, partition)
    look, _ = survey_now(bench)
    survey = look.survey if node == written else look.whole
    reasons, causes, untracked = survey.of(node), bench.causes(node), bench.untracked(written)
    marks = bench.marks() if options.since is not None else None
    changes = (
        [change for task in bench.tasks_of([written]) for change in marks.changes.get(task, ())]
        if marks
        else []
    )
    state = survey.states[node]
    if as_json:
        print_json(
            {
                "schema": 1,
                "key": written.name,
                **({} if partition is None else {"partition": partition}),
                "kind": node.kind,
                "state": state.kind,
                "reasons": reasons_as_json(reasons),
                "causes": [
                    {"path": list(map(clean, c.path)), "reasons": reasons_as_json(c.reasons)} for c in causes
                ],
                "untracked": list(untracked),
                "changes": reasons_as_json(changes),
                "withheld": list(bench.withheld),
            }
        )
        return
    print_line(f"{mark(state)} {clean(node.name)}: {state.value}")
    for reason in reasons:
        for line in reason_lines(reason):
            print_line(f"  {line}")
    if changes:
        print_line(f"  since {clean(options.since or '')}:")
    for line in (line for change in changes for line in reason_lines(change)):
        print_line(f"    {line}")
    for cause in causes:
        if len(cause.path) > 1:
            path = " ← ".join(clean(name) for name in cause.path)
            print_line(f"  because {path}: {reasons_in_words(cause.reasons)}")
    for name in untracked:
        print_line(f"  not tracked: {clean(name)}")


@click.command(epilog=SELECTION_HELP)
@selecting()
@click.option(
    "--check",
    is_flag=True,
    help="Exit with 3 if anything is not fresh, or a source is missing; with 5 if definitions were not loaded, "
    "as the project is not trusted.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def status(options: Options, selection: Selected, check: bool, as_json: bool) -> int:
    """Count the assets, and the steps, by state: of all, or of what is selected."""
    bench = open_workbench(options)
    nodes = chosen(bench, selection)
    look, holder = survey_now(bench)
    tasks = look.defined.graph.tasks
    wanted = tasks.keys() if nodes is None else bench.tasks_of(nodes)

    def is_wanted(node: Node) -> bool:
        return nodes is None or node in nodes or (node.kind == "task" and node.name in wanted)

    assets, steps = (
        Counter(look.states[n] for n in counted(look.defined.graph, k) if is_wanted(n)) for k in KINDS
    )
    makes_nothing = (Node("task", name) for name in wanted if not tasks[name].outputs)
    counts = assets + Counter(look.states[node] for node in makes_nothing)
    stale, missing = len(look.survey.reasons.keys() & wanted), assets[State.MISSING]
    is_well, verdicts = not (stale or missing or bench.withheld), _verdicts(bench, look)
    if as_json:
        print_json(
            {
                "schema": 1,
                "counts": _by_kind(counts),
                "assets": _by_kind(assets),
                "steps": _by_kind(steps),
                "new": len(bench.marks().new),
                "stale": stale,
                "missing": missing,
                "ok": is_well,
                "held": None if holder is None else asdict(holder),
                "withheld": list(bench.withheld),
                "partitions": _parts_as_json(bench, look),
                "checks": _tallied(verdicts),
                "profile": bench.definitions.profile or None,
                "params": dict(bench.definitions.params),
            }
        )
    else:
        if bench.definitions.profile:
            print_line(f"profile {clean(bench.definitions.profile)}")
        for kind, tally in zip(KINDS, (assets, steps), strict=True):
            words = [f"{mark(s)} {tally[s]} {s.value}" for s in ORDER if tally[s]]
            total = total_of(kind, tally.total())
            print_line("  ".join([f"{total}:", *words]) if words else total)
        for name, parts in _divided(bench, look):
            print_line(_of_parts(name, parts))
        _print_verdicts(verdicts)
        _tell_of(holder, options.quiet)
    if is_well or not check:
        return 0
    return NotTrusted.exit_code if bench.withheld else 3


def _verdicts(bench: Workbench, look: Snapshot) -> Mapping[str, Sequence[Verdict]]:
    """What the checks came to the last time, by asset."""
    if not any(asset.checks for asset in bench.definitions.assets.values()):
        return {}
    from ...core.verdicts import latest

    return latest(bench.store, look)


def _tallied(verdicts: Mapping[str, Sequence[Verdict]]) -> Json:
    if not verdicts:
        return None
    from ...core.verdicts import counted as tally

    return dict(tally(verdicts))


def _print_verdicts(verdicts: Mapping[str, Sequence[Verdict]]) -> None:
    if not verdicts:
        return
    from ...core.verdicts import counted as tally
    from ..projection.verdicts import by_asset
    from .checking import failing_lines

    words = [f"{count} {word}" for word, count in tally(verdicts).items() if count]
    print_line(f"checks: {', '.join(words)}")
    for line in failing_lines(by_asset(verdicts)):
        print_line(f"  {line}")


def _parts_as_json(bench: Workbench, look: Snapshot) -> dict[str, Json]:
    divided = list(_divided(bench, look))
    if not divided:
        return {}
    from .partitions import as_json

    return {name: as_json(parts) for name, parts in divided}


def _divided(bench: Workbench, look: Snapshot) -> Iterable[tuple[str, Parts]]:
    if look.divided is None:
        return ()
    from .partitions import divided_assets

    return divided_assets(bench, look)


def _of_parts(name: str, parts: Parts) -> str:
    from .partitions import in_words

    return f"{clean(name)}: {in_words(parts)}"


def _by_kind(counts: Counter[State]) -> dict[str, Json]:
    tally: Counter[str] = Counter()
    for state, count in counts.items():
        tally[state.kind] += count
    return dict(tally)
