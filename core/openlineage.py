"""A run told as OpenLineage (2-0-2): one START for each attempt at a step and for the run, and how each ended. Pure.

What is known of a dataset comes from the definitions and the events; columns are asked of whoever has them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from .. import __version__
from .events import Event, Kind
from .model import Definitions, Json, SqlAction, Task
from .naming import split

SPEC = "https://openlineage.io/spec"
SCHEMA_URL = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
PRODUCER = f"urn:bakehouse:{__version__}"
TOLD = frozenset(
    {
        Kind.RUN_STARTED,
        Kind.STEP_STARTED,
        Kind.ASSET_MATERIALIZED,
        Kind.STEP_SUCCEEDED,
        Kind.STEP_FAILED,
        Kind.STEP_CANCELLED,
        Kind.RUN_FINISHED,
    }
)
"""The kinds of events that something is told of."""
_ENDS = {Kind.STEP_SUCCEEDED: "COMPLETE", Kind.STEP_FAILED: "FAIL", Kind.STEP_CANCELLED: "ABORT"}
_RUN_ENDS = {"succeeded": "COMPLETE", "failed": "FAIL", "cancelled": "ABORT"}
_VERSIONS = {"ParentRunFacet": "1-0-1", "ErrorMessageRunFacet": "1-0-1", "JobTypeJobFacet": "2-0-3"} | {
    "SchemaDatasetFacet": "1-1-1",
    "DatasetVersionDatasetFacet": "1-0-1",
    "OutputStatisticsOutputDatasetFacet": "1-0-2",
    "SQLJobFacet": "1-0-1",
}
Columns = Callable[[str], Iterable[tuple[str, str]]]
"""Names and types of the columns of an asset as it is now; empty where it has none."""


def _facet(name: str, **said: Json) -> dict[str, Json]:
    where = f"{SPEC}/facets/{_VERSIONS[name]}/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": where, **said}


def _when(ts: float) -> str:
    return datetime.fromtimestamp(ts, UTC).isoformat(timespec="milliseconds")


@dataclass(slots=True)
class Narrator:
    """A fold: each event gives the documents that it makes. `name` is the project's, `namespace` that of its jobs."""

    definitions: Definitions
    name: str
    namespace: str
    columns: Columns
    _made: dict[tuple[str, str], Event] = field(default_factory=dict)
    _begun: dict[str, int] = field(default_factory=dict)

    def tell(self, event: Event) -> Iterator[dict[str, Json]]:
        """The documents of one event, in order: none, or one."""
        name = event.task or ""
        task = self.definitions.tasks.get(split(name)[0])
        if event.kind is Kind.RUN_STARTED:
            yield self._document("START", event, self._run_id(event.run), self._job(None))
        elif event.kind is Kind.RUN_FINISHED:
            kind = _RUN_ENDS.get(str(event.data.get("status")), "FAIL")
            facets = _error(event) if kind == "FAIL" else {}
            yield self._document(kind, event, self._run_id(event.run, facets), self._job(None))
        elif task is None:
            return
        elif event.kind is Kind.ASSET_MATERIALIZED and event.asset is not None:
            self._made[name, split(event.asset)[0]] = event
        elif event.kind is Kind.STEP_STARTED:
            self._begun[name] = int(event.data.get("attempt") or 1)
            yield self._of_step("START", event, task)
        elif event.kind in _ENDS and name in self._begun:
            yield self._of_step(_ENDS[event.kind], event, task)
            del self._begun[name]

    def _of_step(self, kind: str, event: Event, task: Task) -> dict[str, Json]:
        parent = _facet("ParentRunFacet", run=self._run_id(event.run), job=self._named(None))
        facets: dict[str, Json] = {"parent": parent, **(_error(event) if kind == "FAIL" else {})}
        name = event.task or task.name
        attempt = f"{event.run}/{name}/{self._begun[name]}"
        run = {"runId": _uuid(attempt), "facets": facets}
        is_done = kind == "COMPLETE"
        inputs = [self._input(given.asset, is_done) for given in task.inputs]
        outputs = [self._output(asset, name, is_done) for asset in task.outputs]
        return self._document(kind, event, run, self._job(task), inputs, outputs)

    def _document(
        self,
        kind: str,
        event: Event,
        run: Json,
        job: Json,
        inputs: Iterable[Json] = (),
        outputs: Iterable[Json] = (),
    ) -> dict[str, Json]:
        return {
            "eventType": kind,
            "eventTime": _when(event.ts),
            "run": run,
            "job": job,
            "inputs": list(inputs),
            "outputs": list(outputs),
            "producer": PRODUCER,
            "schemaURL": SCHEMA_URL,
        }

    @staticmethod
    def _run_id(run: str, facets: Mapping[str, Json] | None = None) -> dict[str, Json]:
        return {"runId": _uuid(run), **({"facets": dict(facets)} if facets else {})}

    def _named(self, task: Task | None) -> dict[str, Json]:
        name = self.name if task is None else f"{task.pipeline or self.name}.{task.name}"
        return {"namespace": self.namespace, "name": name}

    def _job(self, task: Task | None) -> dict[str, Json]:
        kind = "DAG" if task is None else "TASK"
        facets = {
            "jobType": _facet(
                "JobTypeJobFacet", processingType="BATCH", integration="BAKEHOUSE", jobType=kind
            )
        }
        if task is not None and isinstance(task.action, SqlAction):
            facets["sql"] = _facet("SQLJobFacet", query=task.action.query)
        return {**self._named(task), "facets": facets}

    # ---- datasets ----------------------------------------------------------------------------

    def _dataset(self, asset: str, look: bool) -> dict[str, Json]:
        defined = self.definitions.assets.get(asset)
        facets = {}
        if look and (columns := [{"name": name, "type": kind} for name, kind in self.columns(asset)]):
            facets["schema"] = _facet("SchemaDatasetFacet", fields=columns)
        if defined is not None and defined.file:
            path = Path(self.definitions.root, defined.file)
            return {"namespace": "file", "name": str(path), "facets": facets}
        return {"namespace": self.namespace, "name": f"{self.name}.{asset}", "facets": facets}

    def _input(self, asset: str, look: bool) -> Json:
        return self._dataset(asset, look)

    def _output(self, asset: str, task: str, look: bool) -> Json:
        found = self._dataset(asset, look)
        made = self._made.pop((task, asset), None) if look else None
        if made is not None:
            version = str(made.data.get("version") or "")
            found["facets"]["version"] = _facet("DatasetVersionDatasetFacet", datasetVersion=version)
            numbers = {"size": made.data.get("size")}
            if isinstance(rows := (made.data.get("metadata") or {}).get("rows"), int):
                numbers["rowCount"] = rows
            found["outputFacets"] = {
                "outputStatistics": _facet("OutputStatisticsOutputDatasetFacet", **numbers)
            }
        return found


def _uuid(name: str) -> str:
    """Always the same for the same run or attempt, so that what is sent twice is known to be one."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"bakehouse:{name}"))


def _error(event: Event) -> dict[str, Json]:
    said = {"message": str(event.data.get("error") or "a step failed"), "programmingLanguage": "python"}
    if event.data.get("traceback"):
        said["stackTrace"] = str(event.data["traceback"])
    return {"errorMessage": _facet("ErrorMessageRunFacet", **said)}
