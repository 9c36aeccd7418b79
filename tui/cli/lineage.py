"""`--openlineage`: what a run tells a lineage server, or a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ...core.events import Event
from ...core.openlineage import TOLD, Narrator
from ...core.outlet import Outlet, to_target
from ...core.plan import Plan
from ...core.problems import ProblemError
from ...core.workbench import Workbench

_TABLES = (".csv", ".tsv", ".parquet")
_ENDPOINT = "api/v1/lineage"


class Lineage:
    """Hears a run. `close` returns what is to be told of what got lost."""

    counts = False

    def __init__(self, bench: Workbench, plan: Plan, target: str) -> None:
        """`target` is a file, an http(s) address, or `env`: what OPENLINEAGE_URL says. Raises ProblemError."""
        environ = os.environ
        if target == "env" and not (target := environ.get("OPENLINEAGE_URL", "")):
            raise ProblemError(
                "--openlineage env: OPENLINEAGE_URL is not set", "set it, or name a file or an address"
            )
        endpoint = environ.get("OPENLINEAGE_ENDPOINT") or _ENDPOINT
        send = to_target(target, endpoint, environ.get("OPENLINEAGE_API_KEY", ""))
        namespace = environ.get("OPENLINEAGE_NAMESPACE") or "bakehouse"
        definitions = bench.definitions if bench.defined.is_divided else plan.definitions or bench.definitions
        narrator = Narrator(definitions, bench.project.name, namespace, _columns(bench))
        self._outlet: Outlet[Event] = Outlet(narrator.tell, send)

    def __call__(self, event: Event) -> None:
        if event.kind in TOLD:
            self._outlet(event)

    def close(self) -> str:
        return self._outlet.close()


def _columns(bench: Workbench) -> Callable[[str], Iterator[tuple[str, str]]]:
    def columns(asset: str) -> Iterator[tuple[str, str]]:
        file = bench.source_file(asset)
        made = bench.materialization(asset) if file is None else None
        suffix = (
            file.suffix.lower() if file is not None else Path(made.value.type).suffix.lower() if made else ""
        )
        if suffix in _TABLES or (made is not None and made.value.codec == "parquet"):
            yield from bench.preview(asset, 1).columns

    return columns
