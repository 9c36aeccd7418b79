"""Projects with known answers and failing disks, for the tests of the laws."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness.bakery import BREAD, Bakery
from harness.faults import Faults, build
from harness.layered import Layered
from harness.program import Program
from harness.witness import Witness

NewWitness = Callable[..., Witness]


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    """The environment of a user with folders of his own, who trusts every project."""
    return environ | {"BAKEHOUSE_TRUST": "1"}


@pytest.fixture
def witness(tmp_path: Path) -> NewWitness:
    """Makes a project of layers with its program, watched: `witness("name", layers=2)`."""

    def make(
        name: str = "project",
        *,
        inside: Path = tmp_path,
        environment: Mapping[str, str] | None = None,
        **shape: Any,
    ) -> Witness:
        project = Layered(inside / name, **shape).write()
        return Witness(project, Program(project.folder, Path(os.environ["BAKEHOUSE_HOME"]), environment))

    return make


@pytest.fixture
def bakery(tmp_path: Path, environ: dict[str, str]) -> Iterator[Bakery]:
    """The project in which `bread` is baked until its oven is opened."""
    made = Bakery(tmp_path / "bread", environ | {"BAKEHOUSE_HOME": os.environ["BAKEHOUSE_HOME"]})
    made.root.mkdir()
    (made.root / "bakehouse.yaml").write_text(BREAD)
    yield made
    made.close()


@pytest.fixture(scope="session")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    """The library of failing calls."""
    return build(tmp_path_factory.mktemp("faults"))


@contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    bind = ["mount", "--bind", str(folder), str(folder)]
    if os.geteuid() != 0 or subprocess.run(bind, capture_output=True).returncode:
        pytest.skip("needs root and mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="session")
def read_only() -> Callable[[Path], AbstractContextManager[None]]:
    """Makes a folder one that nobody can write to, for as long as a `with` lasts."""
    return _read_only
