"""Makes the store of a small project with the Bakehouse that is installed for the interpreter: one for each
format of the ledger, kept as `format-N.tar.gz`, so that every later version can be seen to read it.

    python tests/laws/golden/make.py tests/laws/golden/format-1.tar.gz

In the archive: `project/` with its `.bakehouse/`, `home/` with the user's key, and `tables.json`, the state as
SQLite alone gives it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

DEFINITIONS = """\
pipeline: bread
assets:
  flour: {file: flour.txt}
  dough: {deps: [flour], shell: 'cat "$flour" > "$OUTPUT"; echo kneaded'}
  loaves: {deps: [dough], shell: 'head -c 20000 /dev/zero | tr "\\\\0" b > "$OUTPUT"; test ! -e burn'}
tasks:
  eat: {inputs: [loaves], shell: "true"}
"""
TABLES = ("runs", "assets", "steps", "attempts", "stamps", "events", "materializations")
KEY = b"the key of the golden stores 123"
LEFT_OUT = {"ballast", "lock", "tmp", "ledger.db-shm", "ledger.db-wal"}


def bakehouse(project: Path, home: Path) -> int:
    environ = {**os.environ, "BAKEHOUSE_HOME": str(home), "BAKEHOUSE_TRUST": "1"}
    command = [sys.executable, "-m", "bakehouse", "-C", str(project), "-q", "materialize"]
    return subprocess.run(command, env=environ, stdout=subprocess.DEVNULL).returncode


def tables(ledger: Path) -> dict[str, list[list[object]]]:
    """All rows of the state, bytes as hexadecimal text."""
    connection = sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)
    try:
        return {
            name: sorted(
                ([cell.hex() if isinstance(cell, bytes) else cell for cell in row] for row in rows), key=repr
            )
            for name in TABLES
            for rows in [connection.execute(f"select * from {name}")]
        }
    finally:
        connection.close()


def make(target: Path, folder: Path) -> None:
    project, home = folder / "project", folder / "home"
    project.mkdir()
    home.mkdir(mode=0o700)
    (home / "key").write_bytes(KEY)
    (home / "key").chmod(0o600)
    (project / "bakehouse.yaml").write_text(DEFINITIONS)
    (project / "flour.txt").write_text("rye\n")
    assert bakehouse(project, home) == 0
    (project / "burn").touch()
    (project / "flour.txt").write_text("wheat\n")
    assert bakehouse(project, home) == 1
    for record in (project / ".bakehouse" / "cache").glob("definitions-*.json"):
        sealed = b"{}\n"  # the whole one names the folders of the machine that this is made on
        record.write_bytes(
            hashlib.blake2b(sealed, key=KEY, digest_size=32).hexdigest().encode() + b"\n" + sealed
        )
    (folder / "tables.json").write_text(json.dumps(tables(project / ".bakehouse" / "ledger.db")))
    with tarfile.open(target, "w:gz") as archive:
        for name in ("project", "home", "tables.json"):
            archive.add(folder / name, name, filter=plain)


def plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return None if Path(member.name).name in LEFT_OUT else member


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        make(Path(sys.argv[1]).absolute(), Path(scratch))
