"""The screens that show what was made, as text at the two sizes that matter: real runs, whose numbers are veiled.

`BAKEHOUSE_GOLDEN=write` writes them anew.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.workbench import Workbench

GOLDEN = Path(__file__).parent / "golden"
SIZES = [(80, 24), (120, 40)]
MILL = """
pipeline: mill
assets:
  flour:
    shell: |
      for n in $(seq 60); do echo sifted $n; done
      printf "\\033[33mgolden\\033[0m grain\\n"
      echo 1 > "$OUTPUT"
  dough: {deps: [flour], verb: knead, shell: 'test -e ../oven || exit 3; cat "$flour" > "$OUTPUT"'}
  bread: {deps: [dough], shell: 'cat "$dough" > "$OUTPUT"'}
  shelf: {deps: [bread], sql: "select i as place, 'loaf ' || i as loaf, i % 3 = 0 as sold from range(40) t(i)"}
"""
RUN = re.compile(r"\d{8}T\d{6}(?:-[0-9a-f]{0,6})?")
WHEN = re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d|\d\d:[\d:]*(?=…)")
PROCESS = re.compile(r"by process \d+, 2 at once *")
TAKES = re.compile(r" *~?\b\d+(?:\.\d+)?(?: ?(?:ms|s|min|h)\b)(?: ago)?")
DRAWN = re.compile(r"[▁▂▃▄▅▆▇█⠀-⣿]+")


def veiled(text: str) -> str:
    """The screen with each time, duration, run, process and plot replaced by what is as wide."""
    text = RUN.sub(lambda found: "yyyymmddThhmmss-ident0"[: len(found[0])], text)
    text = WHEN.sub(lambda found: "yyyy-mm-dd"[: len(found[0])], text)
    text = PROCESS.sub(lambda found: "by process 1, 2 at once".ljust(len(found[0])), text)
    text = TAKES.sub(lambda found: "t".rjust(len(found[0])), text)
    return DRAWN.sub(lambda found: "▁" * len(found[0]), text)


@pytest.fixture(scope="module")
def milled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a run that failed and one that did not."""
    folder = tmp_path_factory.mktemp("milled") / "mill"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(MILL)
    environment = {**os.environ, "BAKEHOUSE_HOME": str(folder.parent / "home")}
    program = [sys.executable, "-m", "bakehouse", "-C", str(folder), "--trust", "-q", "materialize"]
    for expected in (1, 0):
        done = subprocess.run(program, env=environment, capture_output=True, timeout=120)
        assert done.returncode == expected, done.stderr
        (folder.parent / "oven").touch()
    return folder


@pytest.fixture
def mill(milled: Path, tmp_path: Path, home: Path) -> Path:
    shutil.copytree(milled.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / "mill"


async def in_tab(s: Any, name: str, node: str) -> None:
    await s.go(node)
    s.app.side.go_to_tab(name)
    await s.press("tab", "z")


async def log(s: Any) -> None:
    await in_tab(s, "log", "flour")
    await s.sees("golden grain")


async def search(s: Any) -> None:
    await log(s)
    await s.press("slash", *"ed 1", "enter", "n")
    await s.sees("2/11 lines")


async def value(s: Any) -> None:
    await in_tab(s, "value", "shelf")
    await s.sees("loaf 12")
    await s.press("l", "S", "S")
    await s.sees("loaf 9")


async def history(s: Any) -> None:
    await in_tab(s, "history", "dough")
    await s.sees("Enter opens one", "failed")


async def a_run(s: Any) -> None:
    await history(s)
    await s.press("G", "enter")
    await s.sees("blocked", "exit")


async def a_step(s: Any) -> None:
    await a_run(s)
    await s.press("j", "enter")
    await s.sees("was never made")


async def replay(s: Any) -> None:
    await history(s)
    await s.press("G", "p", *["full_stop"] * 4)
    await s.press("z")
    await s.sees("not live", "event 5/")


async def settings(s: Any) -> None:
    await s.press("O")
    await s.sees("Settings")


async def question(s: Any) -> None:
    await s.go("bread")
    await s.press("M")
    await s.sees("y ")


async def palette(s: Any) -> None:
    await s.press("colon", *"replay")
    await s.sees("Replay: ")


async def filtering(s: Any) -> None:
    await s.press("slash", *"kind:s")
    await s.sees("kind:sql")


async def undo(s: Any) -> None:
    await s.go("bread")
    await s.press("u")
    await s.sees("nothing")


SCREENS: Mapping[str, Callable[[Any], Awaitable[None]]] = {
    f.__name__: f
    for f in (
        log,
        search,
        value,
        history,
        a_run,
        a_step,
        replay,
        settings,
        question,
        palette,
        filtering,
        undo,
    )
}


@pytest.mark.parametrize("size", SIZES, ids=lambda at: f"{at[0]}x{at[1]}")
@pytest.mark.parametrize("name", SCREENS)
async def test_what_was_made_looks_as_it_did(
    name: str, size: tuple[int, int], mill: Path, screen: Callable[..., Any]
) -> None:
    async with screen(mill, size=size, bench=Workbench, clock=time.time) as s:
        s.app.side.go_to_tab("why")
        await SCREENS[name](s)
        s.app.refresh_bars()
        await s.pilot.pause()
        seen = veiled(s.text) + "\n"
    golden = GOLDEN / f"{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("BAKEHOUSE_GOLDEN") == "write":
        golden.write_text(seen)
    assert seen == golden.read_text()
