"""OpenLineage: what a run tells a server or a file, and that it never waits for it."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., "subprocess.CompletedProcess[str]"]
Document = dict[str, Any]

TRADE = """
pipeline: trade
assets:
  orders: {file: orders.csv}
  totals: {deps: [orders], sql: "select who, sum(amount) as total from orders group by all"}
  broken: {deps: [totals], shell: 'echo "on $totals" >&2; exit 3'}
  after: {deps: [broken], shell: 'true'}
"""


@pytest.fixture
def trade(tmp_path: Path) -> Path:
    folder = tmp_path / "trade"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(TRADE)
    (folder / "orders.csv").write_text("who,amount\nAda,3\nBen,4\n")
    return folder


class Server:
    """A lineage server: keeps what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], Document]] = []
        self.answers: Callable[[], int] = lambda: 201
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((self.path, dict(self.headers), json.loads(body)))
                self.send_response(outer.answers())
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    yield one
    one.server.shutdown()
    one.server.server_close()


# ---- the shape, in our own words ---------------------------------------------------------------

URI = re.compile(r"[a-z][a-z0-9+.-]*:\S+")
FACETS: dict[str, dict[str, Callable[[Any], bool]]] = {
    "parent": {
        "run": lambda it: is_uuid(it["runId"]),
        "job": lambda it: bool(it["namespace"] and it["name"]),
    },
    "errorMessage": {"message": bool, "programmingLanguage": bool},
    "jobType": {
        "processingType": lambda it: it in ("BATCH", "STREAMING"),
        "integration": lambda it: bool(it),
    },
    "sql": {"query": lambda it: isinstance(it, str)},
    "version": {"datasetVersion": lambda it: isinstance(it, str) and bool(it)},
    "outputStatistics": {"size": lambda it: isinstance(it, int)},
    "schema": {"fields": lambda it: all(field["name"] and isinstance(field["type"], str) for field in it)},
}


def is_uuid(text: str) -> bool:
    return str(uuid.UUID(text)) == text


def check(document: Document) -> None:
    """What the 2-0-2 schema of a RunEvent requires, and those of the facets that are used."""
    assert document["eventType"] in ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")
    assert datetime.fromisoformat(document["eventTime"]).tzinfo is not None
    assert URI.fullmatch(document["producer"])
    assert document["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
    assert is_uuid(document["run"]["runId"])
    assert document["job"]["namespace"] and document["job"]["name"]
    holders = [document["run"], document["job"], *document["inputs"], *document["outputs"]]
    for dataset in (*document["inputs"], *document["outputs"]):
        assert dataset["namespace"] and dataset["name"]
    facets = [item for holder in holders for item in holder.get("facets", {}).items()]
    facets += [item for one in document["outputs"] for item in one.get("outputFacets", {}).items()]
    for name, facet in facets:
        assert URI.fullmatch(facet["_producer"]) and URI.fullmatch(facet["_schemaURL"])
        for key, holds in FACETS[name].items():
            assert holds(facet[key]), (name, facet)


def story(documents: list[Document]) -> list[tuple[str, str]]:
    for document in documents:
        check(document)
    return [(document["job"]["name"], document["eventType"]) for document in documents]


EXPECTED = [
    ("trade", "START"),
    ("trade.totals", "START"),
    ("trade.totals", "COMPLETE"),
    ("trade.broken", "START"),
    ("trade.broken", "FAIL"),
    ("trade", "FAIL"),
]


def test_a_file_gets_a_line_for_each_beginning_and_end(call: Call, trade: Path, tmp_path: Path) -> None:
    target = tmp_path / "lineage.jsonl"
    done = call("materialize", "--openlineage", str(target), at=trade)
    assert done.returncode == 1 and "not sent" not in done.stderr
    documents = [json.loads(line) for line in target.read_text().splitlines()]
    assert story(documents) == EXPECTED
    run, _, totals, begun, failed, over = documents
    assert run["run"]["runId"] == over["run"]["runId"]
    assert begun["run"]["runId"] == failed["run"]["runId"] != totals["run"]["runId"]
    for step in documents[1:-1]:
        assert step["run"]["facets"]["parent"]["run"]["runId"] == run["run"]["runId"]
    assert failed["run"]["facets"]["errorMessage"]["message"] == "exit code 3"
    (source,), (made,) = totals["inputs"], totals["outputs"]
    assert (source["namespace"], source["name"]) == ("file", str(trade / "orders.csv"))
    assert [field["name"] for field in source["facets"]["schema"]["fields"]] == ["who", "amount"]
    assert [field["name"] for field in made["facets"]["schema"]["fields"]] == ["who", "total"]
    assert (
        made["facets"]["version"]["datasetVersion"] and made["outputFacets"]["outputStatistics"]["size"] > 0
    )
    assert failed["inputs"][0]["name"] == made["name"]
    assert "sum(amount)" in totals["job"]["facets"]["sql"]["query"]
    again = call("materialize", "totals", "--openlineage", str(target), at=trade)
    assert again.returncode == 0
    more = [json.loads(line) for line in target.read_text().splitlines()][len(documents) :]
    assert story(more) == [("trade", "START"), ("trade", "COMPLETE")]
    assert more[0]["run"]["runId"] != run["run"]["runId"]


def test_a_server_gets_the_same_in_order(call: Call, trade: Path, server: Server) -> None:
    environment = {"OPENLINEAGE_URL": server.url, "OPENLINEAGE_API_KEY": "k", "OPENLINEAGE_NAMESPACE": "shop"}
    assert call("materialize", at=trade, **environment).returncode == 1
    assert server.got == [], "nobody asked for it"
    done = call("materialize", "--force", "--openlineage", "env", at=trade, **environment)
    assert done.returncode == 1 and "not sent" not in done.stderr
    assert story([document for _, _, document in server.got]) == EXPECTED
    assert {path for path, _, _ in server.got} == {"/api/v1/lineage"}
    assert {headers["Authorization"] for _, headers, _ in server.got} == {"Bearer k"}
    assert {document["job"]["namespace"] for _, _, document in server.got} == {"shop"}


def test_each_attempt_at_a_step_is_a_run_of_its_own(call: Call, trade: Path, server: Server) -> None:
    text = (trade / "bakehouse.yaml").read_text().replace("exit 3'", "exit 3', retries: 1, backoff: 0")
    (trade / "bakehouse.yaml").write_text(text)
    call("materialize", "--openlineage", f"{server.url}/own/path", at=trade)
    tries = [document for _, _, document in server.got if document["job"]["name"] == "trade.broken"]
    assert [one["eventType"] for one in tries] == ["START", "FAIL", "START", "FAIL"]
    assert len({one["run"]["runId"] for one in tries}) == 2
    assert {path for path, _, _ in server.got} == {"/own/path"}


@pytest.mark.parametrize("trouble", ["refuses", "is not there", "never answers"])
def test_a_server_in_trouble_is_told_and_changes_nothing(
    call: Call, trade: Path, server: Server, trouble: str
) -> None:
    forever = threading.Event()
    server.answers = (lambda: 500) if trouble == "refuses" else (lambda: forever.wait() and 500)
    target = "http://127.0.0.1:9" if trouble == "is not there" else server.url
    done = call("materialize", "totals", "--openlineage", target, at=trade)
    forever.set()
    assert done.returncode == 0, done.stderr
    assert "1 succeeded" in done.stdout
    assert re.search(r"\d lineage events? not sent: ", done.stderr) and "Traceback" not in done.stderr


def test_what_is_no_target_is_refused_before_anything_runs(call: Call, trade: Path, tmp_path: Path) -> None:
    for target in ("ftp://x/y", str(tmp_path / "no" / "folder"), "env"):
        done = call("materialize", "--openlineage", target, at=trade)
        assert done.returncode == 2 and not done.stdout, done.stderr


def test_each_partition_is_a_run_of_the_job_that_is_divided(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "sales"
    folder.mkdir()
    text = 'assets:\n  orders: {partitions: [[north, south]], shell: \'echo "$PARTITION" > "$OUTPUT"\'}\n'
    (folder / "bakehouse.yaml").write_text(
        text + '  all: {deps: [orders], shell: \'cat "$orders"/* > "$OUTPUT"\'}\n'
    )
    done = call("materialize", "--openlineage", str(tmp_path / "told"), at=folder)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    steps = [one for one in told if one["job"]["name"].endswith(".orders")]
    assert sorted(one["eventType"] for one in steps) == ["COMPLETE"] * 2 + ["START"] * 2
    assert len({one["run"]["runId"] for one in steps}) == 2
    made = [one["outputs"][0] for one in steps if one["eventType"] == "COMPLETE"]
    assert all("version" in one["facets"] for one in made)


def test_a_secret_is_in_no_lineage_event(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "secret"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(
        "secrets: [TOKEN]\nassets:\n  a: {python: 'steps:leak', env: [TOKEN]}\n"
    )
    (folder / "steps.py").write_text("import os\ndef leak(): raise ValueError(os.environ['TOKEN'])\n")
    target = tmp_path / "lineage.jsonl"
    call("materialize", "--openlineage", str(target), at=folder, TOKEN="open-sesame-7")
    assert "FAIL" in target.read_text() and "open-sesame" not in target.read_text()
