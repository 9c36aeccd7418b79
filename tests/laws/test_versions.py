"""Two versions of Bakehouse work on one store, as where one environment is upgraded and another is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness.program import bakehouse

import bakehouse as installed
from bakehouse.core.store.ledger import LEDGER
from bakehouse.core.store.tables import FORMAT

YAML = """
assets:
  dough: {shell: 'echo dough > "$OUTPUT"'}
  bread: {deps: [dough], shell: 'cat "$dough" > "$OUTPUT"'}
"""


def newer_version(folder: Path) -> Path:
    """A copy of Bakehouse that knows one format more, and how to bring a ledger there."""
    package = folder / "bakehouse"
    for part in ("core", "tui"):
        shutil.copytree(Path(installed.__path__[0], part).resolve(), package / part)
    shutil.copyfile(Path(installed.__path__[0], "__init__.py"), package / "__init__.py")
    shutil.copyfile(Path(installed.__path__[0], "__main__.py"), package / "__main__.py")
    with (package / "core" / "store" / "tables.py").open("a") as tables:
        tables.write(f"\n\nSCHEMAS = {{**SCHEMAS, {FORMAT + 1}: SCHEMAS[{FORMAT}]}}\nFORMAT = {FORMAT + 1}\n")
    with (package / "core" / "store" / "migrate.py").open("a") as migrate:
        migrate.write(f"\n\n_STEPS = {{**_STEPS, {FORMAT}: lambda connection: None}}\n")
    return package


def contents(store: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file() and path.name != "lock" and not path.name.endswith("-shm")
    }


@pytest.mark.case("K10")
@pytest.mark.soak
def test_the_older_of_two_versions_refuses_politely_what_the_newer_has_made_its_own(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "bakehouse.yaml").write_text(YAML)
    newer_version(tmp_path / "newer")

    def newer(*words: str) -> subprocess.CompletedProcess[str]:
        code = "import sys; from bakehouse.tui.cli.program import main; main()"
        env = environ | {"PYTHONPATH": str(tmp_path / "newer")}
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=project,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
        )

    assert bakehouse("materialize", at=project, env=environ).returncode == 0
    done = newer("materialize", "--json")
    assert done.returncode == 0 and '"reused": 2' in done.stdout, done
    store = project / ".bakehouse"
    assert [path.name for path in (store / "backups").iterdir()] == [f"ledger-format-{FORMAT}.db"]
    before = contents(store)
    assert (store / LEDGER).exists()
    for words in (
        ["ls"],
        ["status"],
        ["runs"],
        ["materialize"],
        ["gc"],
        ["doctor"],
        ["doctor", "--adopt"],
        ["cancel"],
    ):
        refused = bakehouse(*words, at=project, env=environ)
        assert refused.returncode == 1, (words, refused)
        assert "newer Bakehouse" in refused.stdout + refused.stderr and "Traceback" not in refused.stderr
    assert contents(store) == before
    assert '"reused": 2' in newer("materialize", "--json").stdout
