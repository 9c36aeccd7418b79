"""Nothing but SQLite opens the ledger: whoever closes it by other means drops the locks that SQLite has on it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from harness.program import bakehouse

from bakehouse.core.store.ledger import LEDGER

YAML = """
pipeline: curious
assets:
  ledger: {file: .bakehouse/ledger.db}
  log: {file: .bakehouse/ledger.db-wal}
  memory: {file: .bakehouse/ledger.db-shm}
  all: {file: .bakehouse}
  here: {file: .}
  link: {file: link.db}
  flour: {file: flour.csv}
  dough: {deps: [flour], python: "steps:knead"}
  bread: {deps: [dough], shell: 'echo bread > "$OUTPUT"'}
  copied: {deps: [ledger, all], shell: 'echo copied > "$OUTPUT"'}
"""
# SQLite opens its files itself: what Python tells of is opened by other means. Drafts are nobody's ledger yet.
WATCH = """
import os, sys
def hear(event, given):
    if event == "open" and isinstance(given[0], (str, bytes)):
        path = os.fsdecode(given[0])
        if os.path.basename(os.path.realpath(path)).startswith("ledger.db") and "/tmp/ledger-" not in path:
            with open(os.environ["OPENED"], "a") as log:
                log.write(" ".join([path, *sys.argv[1:]]) + "\\n")
sys.addaudithook(hear)
"""
COMMANDS = (
    ["materialize"], ["materialize", "--force"], ["ls"], ["ls", "--json"], ["status", "--json"], ["plan"], ["runs"],
    ["show", "dough"], ["show", "ledger"], ["show", "all"], ["show", "link"], ["why", "copied"], ["logs", "bread"],
    ["graph"],
    ["gc", "--dry-run"], ["gc", "--keep", "1"], ["doctor"], ["doctor", "--replay"], ["doctor", "--adopt"], ["cancel"],
)  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, environ: dict[str, str]) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(YAML)
    (folder / "steps.py").write_text("def knead(flour): return flour.read_text()\n")
    (folder / "link.db").symlink_to(".bakehouse/ledger.db")
    (folder / "flour.csv").write_text("kind,kg\nrye,1\n")
    assert bakehouse("materialize", "bread", at=folder, env=environ).returncode == 0
    return folder


@pytest.mark.case("K8")
def test_no_command_opens_the_ledger_beside_sqlite(
    project: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    opened = tmp_path / "opened"
    opened.touch()
    watched = environ | {"PYTHONPATH": str(tmp_path / "watch"), "OPENED": str(opened)}
    probe = [sys.executable, "-c", "open('ledger.db', 'w').close()"]
    subprocess.run(probe, cwd=tmp_path, env=watched, check=True)
    assert opened.read_text() == "ledger.db\n", "what is opened is seen"
    opened.write_text("")
    (tmp_path / "ledger.db").unlink()
    for words in COMMANDS:
        done = bakehouse(*words, at=project, env=watched)
        assert "Traceback" not in done.stderr, (words, done.stderr)
    assert opened.read_text() == ""


LOOKS = """
import sys
from pathlib import Path
from bakehouse.core.checkup import examine_store
from bakehouse.core.store.ledger import LEDGER, LedgerWriter
from bakehouse.core.store.lock import holder
from bakehouse.core.store.store import Store
root = Path(sys.argv[1])
folder = root / ".bakehouse"

def read():
    with Store.open(folder) as store:
        store.recorded(), store.problems(), store.data_version()

def plan():
    from bakehouse.core.workbench import Workbench
    bench = Workbench.open(root)
    bench.survey()
    bench.store.close()

LOOKS = {
    "examined": lambda: list(examine_store(root, replay=True)),
    "read": read,
    "holder": lambda: holder(folder),
    "planned": plan,
}
writer = LedgerWriter(folder / LEDGER)
with writer._writing():
    for name, look in LOOKS.items():
        look()
        print(name, flush=True)
        sys.stdin.readline()
writer.close()
"""


@pytest.mark.case("K8")
def test_whatever_is_looked_at_beside_a_write_nobody_else_can_write_meanwhile(
    project: Path, environ: dict[str, str]
) -> None:
    ledger = project / ".bakehouse" / LEDGER
    looker = subprocess.Popen(
        [sys.executable, "-c", LOOKS, project], env=environ, stdin=-1, stdout=-1, stderr=-1, text=True
    )
    try:
        assert looker.stdin is not None and looker.stdout is not None
        for name in ("examined", "read", "holder", "planned"):
            assert looker.stdout.readline() == f"{name}\n"
            other = sqlite3.connect(ledger, isolation_level=None, timeout=0)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("begin immediate")
            other.close()
            looker.stdin.write("\n")
            looker.stdin.flush()
    finally:
        _, errors = looker.communicate(timeout=60)
    assert looker.returncode == 0, errors
