"""The program that commits, for the tests of the store."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parents[1] / "laws" / "committing.py"


@pytest.fixture(scope="session")
def committing() -> ModuleType:
    """The module `committing.py`, imported."""
    found = sys.modules.get("committing")
    if found is None:
        spec = importlib.util.spec_from_file_location("committing", PROGRAM)
        assert spec is not None and spec.loader is not None
        found = sys.modules["committing"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
    return found
