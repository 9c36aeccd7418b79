"""What the tests of several rooms stand on: definitions built by hand, and the example data."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from harness.catalogue import cases, standing, told
from hypothesis import HealthCheck, settings

from bakehouse.core.model import Asset, Definitions, Input, Place, PythonAction, Task

# No test is about seconds: on a busy machine an example may take long.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("full", settings.get_profile("house"), max_examples=1000)
settings.load_profile("house")

COMMITTING = Path(__file__).parent / "laws" / "committing.py"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what the run has proved of the catalogue of cases, and what it could not."""
    ends: dict[str, tuple[str, str]] = {}
    for outcome in ("passed", "skipped", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            if isinstance(report, pytest.TestReport) and (report.when == "call" or outcome != "passed"):
                why = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
                how = "failed" if outcome == "error" else outcome
                ends[report.nodeid] = how, why.removeprefix("Skipped: ")
    lines = list(told(standing(cases(), ends)))
    if lines:
        terminalreporter.section("cases")
    for line in lines:
        terminalreporter.write_line(line)


Define = Callable[..., Definitions]
Steps = Mapping[str, Mapping[str, Any]]


def _define(tasks: Steps, assets: Steps | None = None, **more: Any) -> Definitions:
    """Tasks as `{name: {"inputs": [...], "outputs": [...], "after": [...], ...}}`; what they read and
    nothing makes is a source. `assets` adds properties, and comes first in the order of definition."""
    makers = {output: name for name, task in tasks.items() for output in task.get("outputs", ())}
    named = [*(assets or {}), *(one for task in tasks.values() for one in _names(task))]
    found: dict[str, Asset] = {}
    for line, name in enumerate(dict.fromkeys(named), 1):
        properties = dict((assets or {}).get(name, {}))
        found[name] = Asset(name, task=makers.get(name), place=Place("assets.yaml", line), **properties)
    made: dict[str, Task] = {}
    for line, (name, task) in enumerate(tasks.items(), 1):
        properties = {"action": PythonAction("steps", "run"), "place": Place("tasks.yaml", line), **task}
        properties["inputs"] = tuple(Input(one, one) for one in task.get("inputs", ()))
        for key in ("outputs", "after", "tags", "owners"):
            properties[key] = tuple(task.get(key, ()))
        made[name] = Task(name, **properties)
    return Definitions("/project", found, made, **more)


def _names(task: Mapping[str, Iterable[str]]) -> list[str]:
    return [*task.get("inputs", ()), *task.get("outputs", ())]


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test works with the user's own folder, nor with the user's own key."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("BAKEHOUSE_HOME", str(home))
        patch.setenv("BAKEHOUSE_CONFIG", os.devnull)
        yield home


@pytest.fixture(autouse=True)
def _the_log_gives_the_state(request: pytest.FixtureRequest, _own_home: Path) -> Iterator[None]:
    """After every test that made a store: the event log, folded again, gives the state that is stored, and
    its chain is whole. Not for tests that are marked `spoils`."""
    asked = "tmp_path" in request.fixturenames and request.node.get_closest_marker("spoils") is None
    folder: Path | None = request.getfixturevalue("tmp_path") if asked else None
    yield
    if folder is not None:
        for ledger in sorted(folder.rglob("ledger.db")):
            assert wrong_with(ledger, [_own_home, *folder.rglob("home")]) == [], ledger


def wrong_with(ledger: Path, homes: Iterable[Path]) -> list[str]:
    """What a replay of this ledger finds; its chain is followed if one of the `homes` has its key."""
    import sqlite3

    from bakehouse.core.store.replay import verify_chain, verify_inline, verify_replay
    from bakehouse.core.store.seal import read_seal

    connection = sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)
    try:
        if connection.execute("pragma application_id").fetchone()[0] != 0x42414B45:
            return []
        found = verify_replay(connection) + verify_inline(connection)
        row = connection.execute("select value from meta where name = 'id'").fetchone()
        for key in {home.joinpath("key").read_bytes() for home in homes if home.joinpath("key").is_file()}:
            if row is not None and read_seal(ledger.parent, row[0], key) is not None:
                found += verify_chain(connection, row[0], key)
        return found
    finally:
        connection.close()


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with folders of his own, who has trusted nothing."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("BAKEHOUSE_")}
    return kept | {"BAKEHOUSE_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}


@pytest.fixture(scope="session")
def define() -> Define:
    """Builds definitions by hand: `define({"bake": {"inputs": ["dough"], "outputs": ["cookies"]}})`."""
    return _define


@pytest.fixture(scope="session")
def task_cookies() -> Definitions:
    """The task-centric cookie workflow."""
    return _define(
        {
            "gather_ingredients": {
                "inputs": ["wet_ingredients", "dry_ingredients"],
                "outputs": ["ingredients"],
            },
            "combine_ingredients": {"inputs": ["ingredients"], "outputs": ["cookie_dough"]},
            "add_chocolate_chips": {"inputs": ["cookie_dough"], "outputs": ["chocolate_chip_cookie_dough"]},
            "bake_in_oven": {
                "inputs": ["chocolate_chip_cookie_dough"],
                "outputs": ["chocolate_chip_cookies"],
            },
        },
        {"ingredients": {"internal": True}},
    )


COOKIE: Steps = {
    "cookie_dough": {
        "inputs": ["wet_ingredients", "dry_ingredients"],
        "outputs": ["cookie_dough"],
        "verb": "gather and combine ingredients",
    },
    "chocolate_chip_cookie_dough": {
        "inputs": ["chocolate_chips", "cookie_dough"],
        "outputs": ["chocolate_chip_cookie_dough"],
        "verb": "combine with cookie dough",
    },
    "bake_in_oven": {"inputs": ["chocolate_chip_cookie_dough"], "outputs": ["chocolate_chip_cookies"]},
}
PEANUT: Steps = {
    "peanut_cookie_dough": {
        "inputs": ["cookie_dough", "peanuts"],
        "outputs": ["peanut_cookie_dough"],
        "verb": "combine with cookie dough",
    },
    "bake_peanut_cookies": {
        "inputs": ["peanut_cookie_dough"],
        "outputs": ["peanut_cookies"],
        "verb": "bake in oven",
    },
}


@pytest.fixture(scope="session")
def one_cookie() -> Definitions:
    """The asset-centric pipeline with one cookie."""
    return _define(COOKIE)


@pytest.fixture(scope="session")
def two_cookies() -> Definitions:
    """The asset-centric pipeline with two cookies."""
    return _define({**COOKIE, **PEANUT})


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real-world data: BAKEHOUSE_TEST_DATA, else a `shared/data` beside a parent folder."""
    named = os.environ.get("BAKEHOUSE_TEST_DATA")
    here = Path(__file__).resolve()
    places = [Path(named)] if named else [parent / "shared" / "data" for parent in here.parents]
    found = next((one for one in places if one.is_dir()), None)
    if found is None:
        pytest.skip("no real-world data: set BAKEHOUSE_TEST_DATA to a folder that holds it")
    return found


@pytest.fixture(scope="session")
def committing() -> ModuleType:
    """The program that commits (`laws/committing.py`), imported."""
    found = sys.modules.get("committing")
    if found is None:
        spec = importlib.util.spec_from_file_location("committing", COMMITTING)
        assert spec is not None and spec.loader is not None
        found = sys.modules["committing"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
    return found
