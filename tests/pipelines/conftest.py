"""The shipped pipelines, each copied out first, driven through the real command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PIPELINES = Path(__file__).resolve().parents[2] / "pipelines"
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", ".bakehouse", "outbox", "public", "*.duckdb")
PATIENCE = 120

Json = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """What `materialize --json` told."""

    events: list[Json]

    def tasks(self, event: str) -> list[str]:
        return sorted(told["task"] for told in self.events if told["event"] == event)

    @property
    def ran(self) -> list[str]:
        return self.tasks("step_succeeded")

    @property
    def idle(self) -> bool:
        """Whether no step was even begun."""
        return not self.tasks("step_started")

    @property
    def finished(self) -> Json:
        return self.events[-1]

    def lines(self, task: str) -> list[str]:
        return [told["line"] for told in self.events if told["event"] == "log" and told["task"] == task]

    def metadata(self, task: str) -> Json:
        """All that a step told about itself and what it made."""
        found: Json = {}
        for told in self.events:
            if told["event"] == "metadata" and told["task"] == task:
                found |= told["metadata"]
        return found


@dataclass(frozen=True)
class Project:
    """A pipeline in a folder of its own, trusted by the environment of its commands."""

    root: Path
    environment: Mapping[str, str]

    def command(
        self, *arguments: str, file: str = "", env: Mapping[str, str] | None = None, code: int = 0
    ) -> str:
        """Run `bakehouse -C … ARGUMENTS`; its stdout, once it ended with `code`."""
        done = subprocess.run(
            [sys.executable, "-m", "bakehouse", "-C", str(self.root / file), *arguments],
            env={**self.environment, **(env or {})},
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == code, (
            f"{done.returncode}, not {code}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
        return done.stdout

    def ls(self, view: str = "asset", file: str = "") -> Json:
        listing: Json = json.loads(self.command("ls", "--view", view, "--json", file=file))
        return listing

    def states(self, file: str = "") -> dict[str, str]:
        return {node["key"]: node["state"] for node in self.ls(file=file)["nodes"]}

    def materialize(
        self, *arguments: str, file: str = "", env: Mapping[str, str] | None = None, code: int = 0
    ) -> Run:
        out = self.command("materialize", "--json", *arguments, file=file, env=env, code=code)
        run = Run([json.loads(line) for line in out.splitlines()])
        assert [told["seq"] for told in run.events] == sorted({told["seq"] for told in run.events})
        assert run.finished["event"] == "run_finished" and run.finished["ok"] is (code == 0)
        return run

    def ls_of(self, *keys: str) -> list[Json]:
        return [node for node in self.ls()["nodes"] if node["key"] in keys]

    def show(self, asset: str) -> Json:
        seen: Json = json.loads(self.command("show", asset, "--limit", "10000", "--json"))
        return seen

    def json(self, asset: str) -> Json:
        """A value that is a JSON object."""
        value: Json = json.loads(self.show(asset)["text"])
        return value

    def rows(self, asset: str) -> list[dict[str, Json]]:
        """A table as `show --json` tells it: every cell as the JSON value that fits it."""
        seen = self.show(asset)
        names = [column["name"] for column in seen["columns"]]
        return [dict(zip(names, row, strict=True)) for row in seen["rows"]]

    def edit(self, file: str, change: Callable[[str], str]) -> None:
        path = self.root / file
        before = path.read_text(encoding="utf-8")
        after = change(before)
        assert after != before, f"nothing changed in {file}"
        path.write_text(after, encoding="utf-8")


@pytest.fixture(scope="session")
def copied_to() -> Callable[[str, Path], Project]:
    """Copies a shipped pipeline into a folder, as `bakehouse demo` does."""

    def copy(name: str, folder: Path) -> Project:
        root = folder / name
        shutil.copytree(PIPELINES / name, root, ignore=LEFT_BEHIND)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("BAKEHOUSE_")}
        own = {
            "BAKEHOUSE_TRUST": "1",
            "BAKEHOUSE_HOME": str(folder / "home"),
            "COOKIES_PACE": "0",
            "NO_COLOR": "1",
        }
        return Project(root, {**inherited, **own})

    return copy


@pytest.fixture
def copied(copied_to: Callable[[str, Path], Project], tmp_path: Path) -> Callable[[str], Project]:
    """The same, into the test's own folder."""
    return lambda name: copied_to(name, tmp_path)
