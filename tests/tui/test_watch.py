"""Only what can be a definition or a source is watched, and a change is told when it has come to rest."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from bakehouse.core.load.files import is_as_read
from bakehouse.tui.background.watch import is_watched, settle, watch


@pytest.mark.parametrize("name", ["a.yaml", "sub/b.yml", "recipes.py", "data/flour.csv", "q.sql"])
def test_definitions_and_sources_are_watched(name: str) -> None:
    assert is_watched(Path("/p") / name, Path("/p"))


@pytest.mark.parametrize(
    "name",
    [
        ".bakehouse/ledger.yaml",
        ".git/x.py",
        "sub/__pycache__/a.py",
        ".#a.yaml",
        ".a.yaml.swp",
        "a.yaml~",
        "4913",
    ],
)
def test_the_store_caches_and_an_editors_own_files_are_not(name: str) -> None:
    assert not is_watched(Path("/p") / name, Path("/p"))


async def test_a_change_is_told_once_it_is_at_rest(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("old")
    told = asyncio.Event()

    async def changed() -> None:
        assert file.read_text() == "new"
        told.set()

    task = asyncio.create_task(watch(tmp_path, [tmp_path], {}, changed))
    try:
        async with asyncio.timeout(30):
            while not told.is_set():
                file.write_text("new")
                (tmp_path / "other.tmp").write_text("x")
                await asyncio.sleep(1)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_changed_between_reading_and_watching_is_told_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("new")
    told = asyncio.Event()

    async def changed() -> None:
        told.set()

    read = {"a.yaml": hashlib.sha256(b"old").hexdigest()}
    assert not is_as_read(tmp_path, read)
    task = asyncio.create_task(watch(tmp_path, [tmp_path], read, changed))
    try:
        async with asyncio.timeout(30):
            await told.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.case("D11")
async def test_a_pipe_named_like_a_definition_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    async with asyncio.timeout(30):
        await settle([tmp_path / "a.yaml"])
