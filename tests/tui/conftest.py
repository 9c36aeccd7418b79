"""A project to look at, a screen to look with, and a run that the test tells step by step."""

from __future__ import annotations

import os

os.environ["TEXTUAL_ANIMATIONS"] = "none"  # read when Textual is imported

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.engine.engine import RunResult
from bakehouse.core.events import Event, Kind
from bakehouse.core.model import Node
from bakehouse.core.plan import Plan
from bakehouse.core.workbench import Workbench
from bakehouse.tui.app import BakehouseApp
from bakehouse.tui.projection.rows import Row

PIPELINES = Path(__file__).parents[2] / "pipelines"
PATIENCE = 30.0


class ToldRun:
    """A run under way whose events the test tells. Ends when `run_finished` is told."""

    def __init__(self, plan: Plan, listeners: Iterable[Callable[[Event], None]]) -> None:
        self.run = "told"
        self.plan = plan
        self.added: list[Plan] = []
        self.cancelled: list[str | None] = []
        self.jobs = 2
        self.warnings: list[str] = []
        self._listeners = tuple(listeners)
        self._seq = 0
        self._over: asyncio.Future[RunResult] = asyncio.get_running_loop().create_future()

    @property
    def active(self) -> bool:
        return not self._over.done()

    def tell(self, kind: Kind | str, task: str | None = None, **data: Any) -> None:
        self.tell_of(kind, task, None, **data)

    def tell_of(self, kind: Kind | str, task: str | None, asset: str | None, **data: Any) -> None:
        self._seq += 1
        event = Event(self._seq, 1000.0 + self._seq, self.run, Kind(kind), task, asset, data)
        for listener in self._listeners:
            listener(event)
        if event.kind is Kind.RUN_FINISHED:
            self._over.set_result(RunResult(self.run, bool(data.get("ok")), data.get("counts", {})))

    def check(self, plan: Plan) -> None:
        """All that is defined may join."""

    def cancel(self, task: str | None = None) -> None:
        self.cancelled.append(task)

    def resize(self, jobs: int) -> str:
        self.jobs = max(1, jobs)
        return ""

    def add(self, plan: Plan) -> None:
        self.added.append(plan)

    def log_file(self, task: str) -> Path | None:
        return None

    async def wait(self) -> RunResult:
        return await asyncio.shield(self._over)


class ToldBench(Workbench):
    """The real workbench, but for its runs."""

    told: ToldRun | None = None
    logs: dict[str, Path]

    def start(  # type: ignore[override]
        self,
        plan: Plan,
        *,
        jobs: int | None = None,
        listeners: Iterable[Callable[[Event], None]] = (),
        **more: Any,
    ) -> ToldRun:
        self.told = ToldRun(plan, listeners)
        self.told.tell(Kind.RUN_STARTED, jobs=2)
        return self.told

    def knows_run(self, run: str) -> bool:
        return (self.told is not None and run == self.told.run) or super().knows_run(run)

    def log_file(self, task: str) -> Path | None:
        return getattr(self, "logs", {}).get(task)

    async def aclose(self) -> None:
        self.store.close()


class Screen:
    """The app under a pilot. Waits for conditions, never for time."""

    def __init__(self, app: BakehouseApp, pilot: Any) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def bench(self) -> ToldBench:
        return self.app.bench  # type: ignore[return-value]

    @property
    def run(self) -> ToldRun:
        assert self.bench.told is not None
        return self.bench.told

    @property
    def text(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    @property
    def rows(self) -> Sequence[Row]:
        return self.app.tree_view.rows.rows

    @property
    def names(self) -> list[str]:
        return [row.label for row in self.rows]

    @property
    def node(self) -> Node | None:
        return self.app.tree_view.node

    async def until(self, is_so: Callable[[], object], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < end, f"waited for: {what}\n{self.text}"
            await asyncio.sleep(0.01)
            await self.pilot.pause()

    async def sees(self, *words: str) -> None:
        for one in words:
            await self.until(partial(self._has, one), one)

    def _has(self, words: str) -> bool:
        return words in self.text

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        names = {
            " ": "space",
            "+": "plus",
            ":": "colon",
            '"': "quotation_mark",
            "/": "slash",
            "!": "exclamation_mark",
        }
        await self.press(*(names.get(c, c) for c in text))

    async def go(self, name: str) -> None:
        at = next(n for n, row in enumerate(self.rows) if row.label == name and row.kind == "node")
        self.app.tree_view.go(at)
        await self.pilot.pause()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's own folder, and no colours or editor from outside."""
    folder = tmp_path / "home"
    monkeypatch.setenv("BAKEHOUSE_HOME", str(folder))
    for name in ("NO_COLOR", "BAKEHOUSE_TRUST", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    yield folder


@pytest.fixture
def cookies(tmp_path: Path) -> Path:
    """A copy of the cookie project."""
    folder = tmp_path / "cookies"
    shutil.copytree(PIPELINES / "cookies", folder, ignore=shutil.ignore_patterns(".bakehouse", "__pycache__"))
    return folder


Opener = Callable[..., AbstractAsyncContextManager[Screen]]


@pytest.fixture
def screen() -> Opener:
    """Opens the screen on a project: `async with screen(path) as s`."""

    @asynccontextmanager
    async def open_screen(
        path: Path,
        *,
        trust: bool = True,
        size: tuple[int, int] = (120, 40),
        bench: type[Workbench] = ToldBench,
        **options: Any,
    ) -> AsyncIterator[Screen]:
        options.setdefault("watching", False)
        options.setdefault("clock", lambda: 1010.0)
        app = BakehouseApp(lambda: bench.open(path, trust=trust), **options)
        async with app.run_test(size=size) as pilot:
            one = Screen(app, pilot)
            await one.until(lambda: app.session is not None or app.failure, "the project to be open")
            assert app.failure is None
            await pilot.pause()
            yield one

    return open_screen
