"""A folder that the user has not trusted can be looked at with every command, and nothing of it runs."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.program import bakehouse

YAML = """
pipeline: clone
definitions: ["*.yaml", "*.py", "sub/*.py"]
defaults: {env: {X: "$(touch CANARY)"}}
pools: {p: 1}
schedules: {nightly: {cron: "* * * * *", select: "shelled"}}
assets:
  flour: {file: flour.csv}
  table: {file: notebook.ipynb}
  page: {file: page.html}
  shelled: {deps: [flour], shell: "touch CANARY", env: {Y: "`touch CANARY`"}, params: {p: "$(touch CANARY)"}}
  queried: {deps: [flour], sql: "copy (select 1) to 'CANARY'"}
  called: {deps: [flour], python: "recipes:bake"}
  "$(touch CANARY)": {deps: [flour], shell: "true", description: "{{ ''.__class__ }} <% touch CANARY %>"}
"""
RUNS = "import pathlib\npathlib.Path('CANARY').write_text(__file__)\n"
DEFINES = RUNS + "from bakehouse import asset\n@asset\ndef sneaky(): return 1\n"
SHELL = "#!/bin/sh\ntouch CANARY\n"
MODULES = (
    "sitecustomize",
    "usercustomize",
    "yaml",
    "click",
    "rich",
    "textual",
    "watchfiles",
    "duckdb",
    "json",
    "conftest",
)


class Bomb:
    def __init__(self, canary: str) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return (os.system, (f"touch {self.canary}",))


def files_of_every_kind(canary: Path) -> dict[str, bytes]:
    """Whatever somebody's tool would run or obey in a folder, each leaving the canary."""
    text = {
        "bakehouse.yaml": YAML,
        "definitions.py": DEFINES,
        "sub/__init__.py": DEFINES,
        "sub/more.py": DEFINES,
        "recipes.py": RUNS + "def bake(flour): return 1\n",
        **{f"{name}.py": RUNS for name in MODULES},
        "bakehouse/__init__.py": RUNS,
        "setup.py": RUNS,
        "evil.pth": "import os; os.system('touch CANARY')\n",
        ".env": "BAKEHOUSE_TRUST=1\nPYTHONSTARTUP=definitions.py\n",
        ".envrc": "export BAKEHOUSE_TRUST=1; touch CANARY\n",
        "pyproject.toml": "[project.entry-points.bakehouse]\nevil = 'definitions'\n[tool.bakehouse]\ntrust = true\n",
        "bakehouse.toml": "trust = true\n",
        ".git/config": "[core]\n fsmonitor = touch CANARY\n pager = touch CANARY\n",
        ".git/hooks/post-checkout": SHELL,
        ".venv/bin/python": SHELL,
        ".venv/bin/python3": SHELL,
        ".venv/pyvenv.cfg": "home = .\n",
        "Makefile": "$(shell touch CANARY)\n",
        "notebook.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": "!touch CANARY"}]}),
        "page.html": "<script>touch('CANARY')</script>",
        "flour.csv": "kind,kg\n=cmd|'/c touch CANARY'!A1,1\n",
        ".vimrc": ":!touch CANARY\n",
        "templates/page.j2": "{{ cycler.__init__.__globals__.os.system('touch CANARY') }}",
        ".bakehouse/trust.json": "{}",
    }  # fmt: skip
    made = {name: said.replace("CANARY", str(canary)).encode() for name, said in text.items()}
    bomb = pickle.dumps(Bomb(str(canary)))
    return made | {
        "value.pkl": bomb,
        ".bakehouse/values/aa/" + "a" * 64: bomb,
        ".bakehouse/cache/definitions-0.json": bomb,
        ".bakehouse/code/" + "b" * 64: made["definitions.py"],
        "__pycache__/definitions.cpython-311.pyc": bomb,
    }


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    for name, data in files_of_every_kind(tmp_path / "CANARY").items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if data.startswith(b"#!"):
            path.chmod(0o755)
    return folder


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    """He has not trusted anything, and is in no environment of Python's."""
    return {
        k: v for k, v in environ.items() if not k.startswith(("BAKEHOUSE_TRUST", "VIRTUAL_ENV", "PYTHON"))
    }


LOOKS = [
    ["ls"], ["ls", "--view", "task", "--json"], ["plan"], ["plan", "--json"], ["status"], ["status", "--check"],
    ["why", "shelled"], ["why", "called", "--json"], ["show", "flour"], ["show", "table"], ["show", "page"],
    ["show", "shelled"], ["logs", "shelled"], ["logs", "shelled", "--raw"], ["runs"], ["doctor"], ["schema"],
    *(["graph", "--format", format] for format in ("dot", "mermaid", "json", "text")),
    ["completion", "bash"], ["--help"], ["--version"], [], ["ls", "kind:sql+"], ["materialize", "--plan-only"],
    ["-C", "bakehouse.yaml", "ls"], ["-C", "definitions.py", "ls"],
]  # fmt: skip


@pytest.mark.case("X1", "X14", "X17")
def test_no_command_that_looks_runs_anything(clone: Path, tmp_path: Path, environ: dict[str, str]) -> None:
    for words in LOOKS:
        done = bakehouse(*words, at=clone, env=environ)
        assert not (tmp_path / "CANARY").exists(), words
        codes = (5,) if words == ["status", "--check"] else (0, 1, 2)
        assert done.returncode in codes and "Traceback" not in done.stderr, (words, done)
    assert bakehouse("materialize", at=clone, env=environ).returncode == 5
    completing = {"_BAKEHOUSE_COMPLETE": "bash_complete", "COMP_WORDS": "bakehouse ls ", "COMP_CWORD": "2"}
    bakehouse(at=clone, env=environ | completing)
    shutil.rmtree(clone / "bakehouse")  # `python -m` itself would take that one for us
    module = [sys.executable, "-m", "bakehouse", "ls"]
    subprocess.run(module, cwd=clone, env=environ, capture_output=True, timeout=120, check=True)
    assert not (tmp_path / "CANARY").exists()
    assert bakehouse("ls", "--json", at=clone, env=environ).stdout.count('"key": "called"') >= 1


@pytest.mark.case("X1")
def test_the_canary_sings_once_the_folder_is_trusted(
    clone: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    """Else the test above would prove nothing."""
    python = {"BAKEHOUSE_PYTHON": sys.executable}
    bakehouse("--trust", "ls", at=clone, env=environ | python)
    assert (tmp_path / "CANARY").exists()


@pytest.mark.case("X8")
def test_without_a_terminal_nobody_is_asked_and_nothing_runs(
    clone: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    done = bakehouse("materialize", at=clone, env=environ)
    assert done.returncode == 5 and done.stdout == "" and "bakehouse trust" in done.stderr
    assert not (tmp_path / "CANARY").exists()


@pytest.mark.case("X2")
def test_trust_is_for_the_folder_and_what_comes_into_it_later(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    """As documented: pulling into a trusted folder trusts what is pulled."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text("tasks: {a: {shell: 'true'}}")
    assert bakehouse("trust", at=folder, env=environ).returncode == 0
    (folder / "new.py").write_text("from bakehouse import asset\n@asset\ndef pulled(): return 1\n")
    assert "pulled" in bakehouse("ls", at=folder, env=environ).stdout


@pytest.mark.case("X3")
@pytest.mark.skipif(os.geteuid() != 0, reason="X3: needs root to bind a folder")
def test_a_trusted_folder_bound_elsewhere_is_another_one(tmp_path: Path, environ: dict[str, str]) -> None:
    folder, other = tmp_path / "mine", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    (folder / "bakehouse.yaml").write_text("tasks: {a: {shell: 'true'}}")
    assert bakehouse("trust", at=folder, env=environ).returncode == 0
    if subprocess.run(["mount", "--bind", folder, other], capture_output=True).returncode:
        pytest.skip("X3: needs mount")
    try:
        assert bakehouse("materialize", at=other, env=environ).returncode == 5
        assert bakehouse("materialize", at=folder, env=environ).returncode == 0
    finally:
        subprocess.run(["umount", "-l", other], check=True)


@pytest.mark.case("X6")
def test_who_can_write_above_a_trusted_folder_cannot_put_another_in_its_place(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    above = tmp_path / "everyones"
    (above / "mine").mkdir(parents=True)
    above.chmod(0o777)
    (above / "mine" / "bakehouse.yaml").write_text("tasks: {a: {shell: 'true'}}")
    assert bakehouse("trust", at=above / "mine", env=environ).returncode == 0
    assert bakehouse("materialize", at=above / "mine", env=environ).returncode == 0

    (above / "mine").rename(above / "aside")
    (above / "mine").mkdir()
    (above / "mine" / "bakehouse.yaml").write_text(f"tasks: {{a: {{shell: 'touch {tmp_path}/CANARY'}}}}")
    assert bakehouse("materialize", at=above / "mine", env=environ).returncode == 5
    shutil.rmtree(above / "mine")
    (above / "mine").symlink_to(above / "aside")
    assert bakehouse("materialize", at=above / "mine", env=environ).returncode == 5, "it was moved"
    assert not (tmp_path / "CANARY").exists()


@pytest.mark.case("X6")
@pytest.mark.skipif(os.geteuid() != 0, reason="X6: only root can give a folder away")
def test_a_project_that_lies_in_somebody_elses_folder_is_looked_at_only(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    """Found upward from one's own folder, as somebody's `/tmp/bakehouse.yaml` would be."""
    theirs = tmp_path / "theirs"
    (theirs / "mine").mkdir(parents=True)
    (theirs / "bakehouse.yaml").write_text(f"tasks: {{a: {{shell: 'touch {tmp_path}/CANARY'}}}}")
    (theirs / "evil.py").write_text(DEFINES.replace("CANARY", str(tmp_path / "CANARY")))
    os.chown(theirs, 65534, 65534)
    assert bakehouse("ls", at=theirs / "mine", env=environ).returncode == 0
    assert bakehouse("materialize", at=theirs / "mine", env=environ).returncode == 5
    assert not (tmp_path / "CANARY").exists()


@pytest.mark.case("X4")
def test_what_runs_are_the_bytes_that_were_looked_at(
    tmp_path: Path, environ: dict[str, str], swapped: Callable[[Path, bytes, bytes], None]
) -> None:
    """A file that changes all the time: whatever was imported is what the key and the copy are made of."""
    from hashlib import sha256

    folder = tmp_path / "mine"
    folder.mkdir()
    texts = {
        name: f"from bakehouse import asset\n@asset(description='{name}')\ndef it(): return '{name}'\n"
        + "#" * size
        for name, size in (("old", 10), ("new", 40_000))
    }
    digests = {sha256(text.encode()).hexdigest(): name for name, text in texts.items()}
    (folder / "steps.py").write_text(texts["old"])
    swapped(folder / "steps.py", texts["old"].encode(), texts["new"].encode())
    done = subprocess.run(
        [sys.executable, "-c", LOADS, folder], env=environ, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert {digests[digest] == description for digest, description, _ in seen} == {True}
    assert {digests[digest] == value for digest, _, value in seen} == {True}
    assert len(seen) == 25


LOADS = """
import json, sys
from pathlib import Path
from hashlib import sha256
from bakehouse.core.load.definitions import load_definitions
from bakehouse.core.load.discovery import find_project
root = Path(sys.argv[1])
seen = []
for _ in range(25):
    found = load_definitions(find_project(root), trusted=True, store=root / ".bakehouse")
    (module,) = [m for m in found.modules if m.path == "steps.py"]
    copy = (root / ".bakehouse" / "code" / module.digest).read_bytes()
    assert sha256(copy).hexdigest() == module.digest
    value = "new" if b"'new'" in copy else "old"
    seen.append((module.digest, found.assets["it"].description, value))
print(json.dumps(seen))
"""
SWAPS = """
import os, sys
path, one, other = sys.argv[1], *(bytes.fromhex(text) for text in sys.stdin.read().split())
print("swapping", flush=True)
while True:
    for data in (one, other):
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.replace(path + ".new", path)
"""


@pytest.fixture
def swapped() -> Any:
    """Exchanges the content of a file for another and back, as fast as it goes."""
    started: list[subprocess.Popen[str]] = []

    def begin(path: Path, one: bytes, other: bytes) -> None:
        process = subprocess.Popen(
            [sys.executable, "-c", SWAPS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{one.hex()} {other.hex()}")
        process.stdin.close()
        assert process.stdout.readline() == "swapping\n"

    yield begin
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
