"""Lets the app take its own picture: bakes the cookie demo, adds the peanuts, and writes docs/screenshot.svg.

`gallery.py --all` writes a picture of every scene to docs/gallery/ as well.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from textual.pilot import Pilot

from bakehouse.core.model import State
from bakehouse.core.workbench import Workbench
from bakehouse.tui.app import BakehouseApp
from bakehouse.tui.cli.project import copy_demo

DOCS = Path(__file__).resolve().parent
SIZE = (110, 30)
PATIENCE = 30.0

# name, keys pressed one after the other before the picture is taken
Scene = tuple[str, Sequence[str]]
SCENES: Sequence[Scene] = (
    ("plan", ("k", "enter")),
    ("tasks", ("escape", "t")),
    ("help", ("t", "question_mark")),
    ("both", ("escape", "T")),
    ("graph", ("left_square_bracket", "tab", "z")),
    ("timeline", ("left_square_bracket",)),
)


async def until(pilot: Pilot[int], what: str, condition: Callable[[], bool]) -> None:
    """Waits for a condition. Raises TimeoutError that names it."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while not condition():
        if loop.time() > end:
            raise TimeoutError(f"waited {PATIENCE:g} s in vain for: {what}")
        await pilot.pause(0.05)
    await pilot.pause(0.4)


def add_peanuts(project: Path) -> None:
    """Takes the leading `# ` off the lines that wait in the demo."""
    file = project / "one_cookie.yaml"
    file.write_text(re.sub(r"^# ", "", file.read_text(), flags=re.MULTILINE))


def is_idle(app: BakehouseApp) -> bool:
    return app.session is not None and not app.session.running


def states(app: BakehouseApp) -> list[State]:
    session = app.session
    return [] if session is None else [session.state_of(node) for node in session.view().nodes]


async def take(project: Path, every: bool) -> None:
    app = BakehouseApp(lambda: Workbench.open(project, trust=True))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, "the tree", lambda: app.session is not None and len(app.tree_view.rows) > 0)
        await pilot.press("a")
        await until(pilot, "the cookies", lambda: is_idle(app) and State.FRESH in states(app))
        add_peanuts(project)
        await until(pilot, "the peanuts", lambda: len(states(app)) == 9)
        await pilot.press("c", "c")
        await pilot.pause(0.5)
        picture(app, DOCS / "screenshot.svg")
        for name, keys in SCENES if every else ():
            await pilot.press(*keys)
            await pilot.pause(0.5)
            picture(app, DOCS / "gallery" / f"{name}.svg")


def picture(app: BakehouseApp, file: Path) -> None:
    """Writes what the screen shows, without the number that makes every picture different."""
    drawn = app.export_screenshot(title="Bakehouse", simplify=True)
    drawn = re.sub(r"terminal-\d+-", "terminal-", drawn)
    file.parent.mkdir(exist_ok=True)
    file.write_text(drawn + "\n")
    print(file.relative_to(DOCS.parent))


def main(arguments: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(BAKEHOUSE_HOME=f"{folder}/home", COOKIES_PACE="5")
        project = Path(folder) / "cookies"
        copy_demo("cookies", project)
        asyncio.run(take(project, "--all" in arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
