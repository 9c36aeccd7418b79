"""Lets the app take its own pictures: bakes the cookie demo, adds the peanuts, and writes docs/screenshot.svg.

`gallery.py --all` writes a picture of every scene to docs/gallery/ as well, and docs/gallery.md which shows them.
`gallery.py --look FOLDER` writes every scene at three sizes, dark and light, to be looked at.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from bakehouse.core.model import State
from bakehouse.core.workbench import Workbench
from bakehouse.tui.app import BakehouseApp
from bakehouse.tui.cli.project import copy_demo

DOCS = Path(__file__).resolve().parent
SIZE = (110, 30)
LOOKED_AT = ((80, 24), (120, 36), (200, 60))
PATIENCE = 90.0


@dataclass(frozen=True)
class Scene:
    """What is pressed after the scene before, and the words that the screen shows then."""

    name: str
    told: str
    keys: Sequence[str]
    shows: str = ""


BAKING = (
    Scene("running", "A run, live: what runs, what waits for what, what it printed last.", ("a",), "running"),
)
BAKED = (
    Scene("new", "Three things are new since the project was last accepted.", ("c", "c"), "3 new"),
    Scene("plan", "What would run, why, and how long it would take: before anything does.", ("k", "enter"), "plan:"),
    Scene("tasks", "The same pipeline as tasks: `t`, also in the middle of a run.", ("escape", "t"), "Tasks"),
    Scene("both", "Both views side by side, moving together.", ("t", "T"), "Both"),
    Scene("help", "Every key, those of the pane one is in first; what does not work now says why.",
          ("T", "question_mark"), "Here:"),
    Scene("palette", "Every command by name.", ("escape", "colon", *"mat"), "Materialize"),
    Scene("filter", "A filter by name or by the selection language, with completion.",
          ("escape", "slash", *"state:", "tab"), "state:"),
    Scene("timeline", "Where each step of a run stood in time, and the critical path.",
          ("escape", "left_square_bracket", "left_square_bracket", "left_square_bracket"), "Timeline"),
    Scene("graph", "The graph around the cursor, its lineage lit.", ("right_square_bracket", "tab", "z"), "Graph"),
)  # fmt: skip
STALE = (
    Scene("why", "Why something is out of date, to where it began; Enter goes there.",
          ("z", "tab", "g", "tab", *["left_square_bracket"] * 4), "where it began"),
)  # fmt: skip
FLOWN = (
    Scene("overview", "What a thing is, where it is defined, what it was made of.", ("slash", *"delays_by_w", "enter"),
          "delays_by_weather"),
    Scene("value", "A value as a table of any size, sorted, with a word on its columns.",
          ("tab", "right_square_bracket", "right_square_bracket", "z"), "distinct"),
    Scene("sorted", "A column picked and sorted.", ("l", "S"), "▲"),
    Scene("log", "What a step printed; it can be searched, followed, merged over the run.",
          ("escape", "escape", "slash", *"delay_model", "enter", "tab", "left_square_bracket"), "log loss"),
    Scene("history", "All that was made of it, and the runs of the project.",
          ("right_square_bracket",) * 4, "runs of the project"),
    Scene("replay", "A run of the past on the tree, event by event.",
          ("escape", "escape", "tab", "G", "p", *["full_stop"] * 40), "not live"),
    Scene("partitions", "Every month of what is divided has a row, a state and a log of its own.",
          ("escape", "tab", "slash", *"delays_of_m", "enter", "V"), "2013-03"),
    Scene("checks", "What must hold of a value, and what came of it the last times.",
          ("escape", "escape", "slash", *"weather_hours", "enter", "left_square_bracket"), "unique("),
)  # fmt: skip


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


def refill_pantry(project: Path) -> None:
    """Other wet ingredients than those of which the dough was made."""
    shelf = project / "pantry" / "wet_ingredients.csv"
    shelf.write_text(shelf.read_text().replace("100", "120"))


def is_idle(app: BakehouseApp) -> bool:
    return app.session is not None and not app.session.running


def states(app: BakehouseApp) -> list[State]:
    session = app.session
    return [] if session is None else [session.state_of(node) for node in session.view().nodes]


def words(app: BakehouseApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


Camera = Callable[[BakehouseApp, Scene], None]


async def play(pilot: Pilot[int], app: BakehouseApp, scenes: Sequence[Scene], camera: Camera) -> None:
    for scene in scenes:
        await pilot.press(*scene.keys)
        await until(pilot, f"{scene.shows} in {scene.name}", lambda shows=scene.shows: shows in words(app))  # type: ignore[misc]
        camera(app, scene)


async def bake(project: Path, size: tuple[int, int], theme: str, camera: Camera) -> None:
    app = BakehouseApp(lambda: Workbench.open(project, trust=True), theme=theme)
    async with app.run_test(size=size) as pilot:
        await until(pilot, "the tree", lambda: app.session is not None and len(app.tree_view.rows) > 0)
        await play(pilot, app, BAKING, camera)
        await until(pilot, "the cookies", lambda: is_idle(app) and State.FRESH in states(app))
        add_peanuts(project)
        await until(pilot, "the peanuts", lambda: len(states(app)) == 9)
        await play(pilot, app, BAKED, camera)
        refill_pantry(project)
        await until(pilot, "stale cookies", lambda: State.STALE in states(app))
        await play(pilot, app, STALE, camera)


async def fly(project: Path, size: tuple[int, int], theme: str, camera: Camera) -> None:
    app = BakehouseApp(lambda: Workbench.open(project, trust=True), theme=theme)
    async with app.run_test(size=size) as pilot:
        await until(pilot, "the tree", lambda: app.session is not None and len(app.tree_view.rows) > 0)
        await pilot.press("a")
        await until(pilot, "the report", lambda: is_idle(app) and State.NEVER not in states(app))
        await play(pilot, app, FLOWN, camera)


Act = Callable[[Path, tuple[int, int], str, Camera], Awaitable[None]]
ACTS: Sequence[tuple[str, Act]] = (("cookies", bake), ("flights", fly))


def picture(app: BakehouseApp, file: Path) -> None:
    """Writes what the screen shows, without the number that makes every picture different."""
    drawn = app.export_screenshot(title="Bakehouse", simplify=True)
    drawn = re.sub(r"terminal-\d+-", "terminal-", drawn)
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text(drawn + "\n")
    print(file)


def for_docs(app: BakehouseApp, scene: Scene) -> None:
    picture(app, DOCS / "gallery" / f"{scene.name}.svg")
    if scene.name == "new":
        picture(app, DOCS / "screenshot.svg")


def only_screenshot(app: BakehouseApp, scene: Scene) -> None:
    if scene.name == "new":
        picture(app, DOCS / "screenshot.svg")


def to_look_at(folder: Path, size: tuple[int, int], theme: str) -> Camera:
    tag = f"{size[0]}x{size[1]}-{theme}"
    return lambda app, scene: picture(app, folder / f"{scene.name}-{tag}.svg")


def page() -> str:
    """docs/gallery.md."""
    parts = ["# Gallery", "", "Pictures that the app took of itself (`make gallery`)."]
    for scene in (*BAKED[:1], *BAKING, *BAKED[1:], *STALE, *FLOWN):
        parts += [
            "",
            f"## {scene.name.capitalize()}",
            "",
            scene.told,
            "",
            f"![{scene.told}](gallery/{scene.name}.svg)",
        ]
    return "\n".join(parts) + "\n"


def perform(act: Act, demo: str, size: tuple[int, int], theme: str, camera: Camera) -> None:
    """One act on a fresh copy of a demo, which is trusted in a home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(BAKEHOUSE_HOME=f"{folder}/home", COOKIES_PACE="5")
        project = Path(folder) / demo
        copy_demo(demo, project)
        asyncio.run(act(project, size, theme, camera))  # type: ignore[arg-type]


def main(arguments: Sequence[str]) -> int:
    if "--look" in arguments:
        folder = Path(arguments[arguments.index("--look") + 1])
        for size in LOOKED_AT:
            for theme in ("dark", "light"):
                for demo, act in ACTS:
                    perform(act, demo, size, theme, to_look_at(folder, size, theme))
    elif "--all" in arguments:
        for demo, act in ACTS:
            perform(act, demo, SIZE, "dark", for_docs)
        (DOCS / "gallery.md").write_text(page())
    else:
        perform(bake, "cookies", SIZE, "dark", only_screenshot)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
