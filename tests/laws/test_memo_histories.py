"""Random histories of edits, runs and kills: every value is what the oracle computes, and nothing runs for nothing."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).with_name("histories.py")


@pytest.fixture(scope="session")
def histories() -> ModuleType:
    """The module `histories.py`, imported."""
    spec = importlib.util.spec_from_file_location("histories", PROGRAM)
    assert spec is not None and spec.loader is not None
    module = sys.modules["histories"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def live_through(histories: ModuleType, folder: Path, seeds: range, length: int) -> None:
    ran = 0
    for seed in seeds:
        ran += (await histories.live(folder / str(seed), seed, length)).ran
    assert ran > len(seeds)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "home"))


@pytest.mark.case("M9")
@pytest.mark.parametrize("chunk", range(5))
async def test_twenty_short_histories(histories: ModuleType, tmp_path: Path, chunk: int) -> None:
    await live_through(histories, tmp_path, range(chunk * 4, chunk * 4 + 4), 2)


@pytest.mark.case("M9")
@pytest.mark.full
@pytest.mark.parametrize("chunk", range(10))
async def test_a_hundred_histories(histories: ModuleType, tmp_path: Path, chunk: int) -> None:
    await live_through(histories, tmp_path, range(1000 + chunk * 10, 1010 + chunk * 10), 6)


@pytest.mark.case("M9")
@pytest.mark.soak
@pytest.mark.parametrize("chunk", range(50))
async def test_two_thousand_long_histories(histories: ModuleType, tmp_path: Path, chunk: int) -> None:
    await live_through(histories, tmp_path, range(10_000 + chunk * 40, 10_040 + chunk * 40), 8)
