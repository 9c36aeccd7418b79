"""What is out of date, and what a run of another process makes of it now."""

from __future__ import annotations

from dataclasses import replace

from ...core.model import Node, State
from ...core.store.lock import Holder
from ...core.watching import run_elsewhere
from ...core.workbench import Snapshot, Workbench
from ..projection.live import Live, shown


def survey_now(bench: Workbench) -> tuple[Snapshot, Holder | None]:
    """The survey, with the states of a run under way laid over it, and who carries that run out. Blocking."""
    found = run_elsewhere(bench.store)
    look = bench.survey()
    if found is None:
        return look, None
    holder, events = found
    live = Live()
    for event in events:
        live.apply(event)

    def state_of(node: Node, base: State) -> State:
        task = node.name if node.kind == "task" else look.defined.graph.producer(node.name)
        return shown(base, live.steps.get(task or ""), live.is_over) or base

    states = {node: state_of(node, base) for node, base in look.states.items()}
    return replace(look, survey=replace(look.survey, states=states)), holder
