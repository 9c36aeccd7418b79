"""Every JSON document has the keys that the reference page tells, no more and no fewer."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOLD = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")

VALUE = {"run", "task", "ts", "seconds", "codec", "type", "size", "version", "digest", "metadata"}
RUN = {
    "run",
    "started",
    "finished",
    "status",
    "counts",
    "selection",
    "jobs",
    "schedule",
    "slot",
    "profile",
    "params",
}
SCHEDULE = {
    "name", "cron", "on_change", "timezone", "select", "catch_up", "jitter", "force", "description", "next", "last",
    "missed", "paused", "trouble",
}  # fmt: skip
STEP = {
    "task", "outcome", "attempts", "started", "seconds", "error", "by", "reasons", "assets", "logs",
}  # fmt: skip
NODE = {
    "key", "kind", "group", "title", "state", "reasons", "new", "changed", "task", "byproduct", "pipeline",
    "description", "tags", "owners", "metadata", "place",
    "partitions", "checks",
}  # fmt: skip
EDGE = {"from", "to", "label", "kind", "from_kind", "to_kind"}
GRAPH = {"pipelines", "view", "nodes", "edges", "withheld"}
PLAN = {"steps", "counts", "estimate", "withheld"}
VERDICT = {"check", "outcome", "message", "failing", "total", "columns", "rows", "ts", "run"}
PLANNED = {"task", "assets", "action", "reasons", "estimate_s", "critical", "auto"}
ESTIMATE = {"wall_s", "work_s", "unknown", "jobs"}

DOCUMENTS: dict[str, tuple[set[str], dict[str, set[str]]]] = {
    "ls": (GRAPH, {"nodes": NODE, "edges": EDGE}),
    "ls --view task": (GRAPH, {"nodes": NODE, "edges": EDGE}),
    "plan": (PLAN, {"steps": PLANNED, "estimate": ESTIMATE}),
    "materialize --plan-only": (PLAN, {"steps": PLANNED, "estimate": ESTIMATE}),
    "why bread": (
        {"key", "kind", "state", "reasons", "causes", "untracked", "changes", "withheld"},
        {"causes": {"path", "reasons"}},
    ),
    "show table": (
        {"asset", "kind", "columns", "rows", "total", "text", "note", "schema_changes"} | VALUE,
        {"columns": {"name", "type"}},
    ),
    "show flour": ({"asset", "kind", "columns", "rows", "total", "text", "note", "schema_changes"}, {}),
    "show table --history": ({"asset", "values"}, {"values": VALUE | {"same", "restored", "restored_at"}}),
    "show bread --diff": (
        {"asset", "kind", "old", "new", "table", "paths", "places", "lines", "note"},
        {"old": VALUE, "new": VALUE, "lines": {"sign", "text"}},
    ),
    "accept bread": ({"run", "accepted"}, {"accepted": {"task", "reasons"}}),
    "undo bread": ({"task", "run", "redo", "assets"}, {"assets": {"asset", "was", "version"}}),
    "logs bread": ({"key", "task", "lines", "run", "attempt", "state", "error", "collected"}, {}),
    "logs idle": ({"key", "task", "lines"}, {}),
    "runs": ({"runs"}, {"runs": RUN}),
    "runs RUN": (RUN | {"steps"}, {"steps": STEP}),
    "status": (
        {
            "counts",
            "assets",
            "steps",
            "new",
            "stale",
            "missing",
            "ok",
            "held",
            "withheld",
            "profile",
            "params",
            "partitions",
            "checks",
        },
        {},
    ),
    "show table --checks": ({"asset", "checks", "history"}, {"checks": VERDICT, "history": VERDICT}),
    "schedule": ({"schedules"}, {"schedules": SCHEDULE}),
    "schedule ls": ({"schedules"}, {"schedules": SCHEDULE}),
    "trust": ({"root", "trusted"}, {}),
}

PIPELINE = """
schedules: {nightly: {cron: "@daily", select: bread}}
assets:
  flour: {file: flour.txt}
  table: {sql: select 1 as n, checks: [{not_null: n}]}
  bread: {deps: [flour], shell: 'echo baked; cat "$flour" > "$OUTPUT"'}
  idle: {deps: [bread], shell: 'true'}
  burnt: {deps: [bread], shell: 'exit 1', retries: 1, backoff: 0.01}
  toast: {deps: [burnt], shell: 'true'}
"""


class Kitchen:
    """A project where much has happened: made, failed, changed since."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.flours = 0
        (folder / "bakehouse.yaml").write_text(PIPELINE)
        (folder / "flour.txt").write_text("rye\n")
        lines = self.call("materialize", "table", "bread", "toast", "--json").stdout.splitlines()
        self.events: list[dict[str, Any]] = [json.loads(line) for line in lines]
        (folder / "flour.txt").write_text("wheat\n")
        self.call("materialize", "bread")
        self.spill()

    def spill(self) -> None:
        """Another flour than any before, so that bread is stale whatever was accepted or undone since."""
        self.flours += 1
        (self.folder / "flour.txt").write_text(f"oats {self.flours}\n")

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bakehouse", "-C", str(self.folder), "--trust", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kitchen]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAKEHOUSE_HOME", str(tmp_path_factory.mktemp("home")))
        yield Kitchen(tmp_path_factory.mktemp("kitchen"))


def items(found: Any) -> list[dict[str, Any]]:
    return found if isinstance(found, list) else [found]


def reasons(found: Any) -> Iterator[dict[str, Any]]:
    for value in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from reasons(value)
    if isinstance(found, dict):
        yield from found.get("reasons", ())


@pytest.mark.parametrize("command", DOCUMENTS)
def test_a_document_has_the_keys_that_are_told(kitchen: Kitchen, command: str) -> None:
    keys, inner = DOCUMENTS[command]
    kitchen.spill()
    words = [kitchen.events[0]["run"] if word == "RUN" else word for word in command.split()]
    done = kitchen.call(*words, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("schema") == 1 and found.keys() == keys
    for name, within in inner.items():
        assert found[name], f"there is an example of {name}"
        assert all(one.keys() == within for one in items(found[name])), name
    assert all(
        {"kind", "detail"} <= one.keys() <= {"kind", "detail", "key", "old", "new"} for one in reasons(found)
    )


@pytest.mark.parametrize(
    "command", ["why nothing", "show nothing", "logs flour", "runs nothing", "ls nothing"]
)
def test_a_mistake_leaves_stdout_empty(kitchen: Kitchen, command: str) -> None:
    done = kitchen.call(*command.split(), "--json")
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith("bakehouse: ")


def words_of(part: str) -> set[str]:
    return set(re.findall(r"`([a-z_]+)`", TOLD.split(f"\n## {part}\n")[1].split("\n## ")[0]))


def test_every_key_is_told_on_the_reference_page() -> None:
    told = words_of("JSON")
    for keys, inner in DOCUMENTS.values():
        for one in (keys, *inner.values()):
            assert one <= told


def test_every_event_carries_what_is_told(kitchen: Kitchen) -> None:
    rows = re.findall(
        r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \| ([^|]*) \|", TOLD.split("\n## Events\n")[1], re.MULTILINE
    )
    carried = {
        name: set(re.findall(r"`([a-z_]+)`", more))
        for names, more in rows
        for name in names.strip("`").split("`, `")
    }
    seen = {event["event"] for event in kitchen.events}
    assert {"run_started", "step_queued", "log", "asset_materialized", "step_failed", "step_blocked"} <= seen
    for event in kitchen.events:
        extra = event.keys() - {"seq", "ts", "run", "event", "task", "asset"}
        assert extra <= carried[event["event"]], event
