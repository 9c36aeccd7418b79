"""Projects with known answers, for the tests of the laws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from harness.faults import Faults, build
from harness.layered import Layered
from harness.program import Program
from harness.witness import Witness

NewWitness = Callable[..., Witness]


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
        return Witness(project, Program(project.folder, tmp_path / "home", environment))

    return make


@pytest.fixture(scope="session")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    """The library of failing calls."""
    return build(tmp_path_factory.mktemp("faults"))
