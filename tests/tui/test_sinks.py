"""Every widget that shows foreign text, fed with what a terminal or a markup parser would obey.

The widgets are found in the code: one that has no case here fails.
"""

from __future__ import annotations

import importlib
import pkgutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.screen import Screen
from textual.widget import Widget

import bakehouse.tui
from bakehouse.core.checks.definition import Check
from bakehouse.core.model import Node
from bakehouse.core.verdicts import Verdict
from bakehouse.tui.app import BakehouseApp
from bakehouse.tui.panes.found import checks_lines
from bakehouse.tui.widgets.side import TABS

OBEYED = {
    "clipboard": "a\x1b]52;c;UFdORUQ=\x07b",
    "link": "\x1b]8;;http://evil.example/\x1b\\here",
    "clear": "a\x1b[2Jb",
    "leave": "a\x1b[?1049lb",
    "reset": "a\x1bcb",
    "eight bits": "a\x9b2Jb\x9d0;x\x9c",
    "controls": "a\x07\x08\x0b\x0e\x7f\x85b",
    "direction": "a\u202eb\u2066c",
    "markup": "x[/foo] [red]b [@click=app.quit]c[/] [link=http://e]d",
    "markup end": "[/",
    "wide": "漢字🎂" * 40,
    "long": "l" * 300,
}
SINKS = {
    "TreeView": "the tree's names and verbs",
    "Sheet": "the pages",
    "Chart": "names in the drawing",
    "GanttView": "names of steps in the timeline",
    "ValueView": "tables and trees",
    "Roll": "what was",
    "LogView": "the log",
    "Bar": "status and footer",
    "Says": "what failed, in its words",
    "SidePane": "holds pages, and what checks found; its titles are ours",
    "FilterInput": "what is pasted",
    "Ask": "questions",
    "Help": "our words",
    "Box": "what Ask and Help are",
    "AgendaPage": "schedules, and what they say of themselves",
}


def widgets() -> set[str]:
    found = set()
    for module in pkgutil.walk_packages(bakehouse.tui.__path__, "bakehouse.tui."):
        if ".cli" in module.name:
            continue
        loaded = importlib.import_module(module.name)
        for name, thing in vars(loaded).items():
            if isinstance(thing, type) and issubclass(thing, Widget) and thing.__module__ == module.name:
                found.add(name)
    return found


def is_harmless(text: str) -> bool:
    return not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in "\u202e\u2066" for c in text)


def project_with(folder: Path, payload: str) -> Path:
    """A project whose every text holds the payload that YAML lets through."""
    folder.mkdir()
    payload = payload[:80]
    told = (c if c.isascii() and c.isprintable() and c not in '\\"' else f"\\U{ord(c):08x}" for c in payload)
    quoted = f'"{"".join(told)}"'
    name = '"n' + "".join(c for c in payload if c.isprintable() and c not in '\\"')[:60] + '"'
    file = folder / "foreign.yaml"
    file.write_text(
        f"pipeline: foreign\nassets:\n  {name}:\n    description: {quoted}\n    group: {quoted}\n    tags: [{quoted}]\n"
        f"    metadata: {{{quoted}: {quoted}}}\n  other:\n    deps: [{{asset: {name}, as: x}}]\n    verb: {quoted}\n"
        f"    shell: {quoted}\n    params: {{{quoted.replace('[', '(')}: {quoted}}}\n"
    )
    return file


@pytest.mark.case("U1")
def test_every_widget_has_a_case() -> None:
    assert widgets() == set(SINKS)


@pytest.mark.case("U1", "U2")
@pytest.mark.parametrize("payload", OBEYED.values(), ids=OBEYED)
async def test_nothing_foreign_is_obeyed_anywhere(
    payload: str, tmp_path: Path, screen: Callable[..., Any], cookies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BakehouseApp, "get_line_filters", App.get_line_filters)  # without the last gate
    file = project_with(tmp_path / "p", payload)
    if "\x1b" in payload or "\x07" in payload or not payload.isprintable():
        file = cookies / "one_cookie.yaml"
    log = tmp_path / "log"
    log.write_bytes(payload.encode("utf-8", "surrogatepass") * 3 + b"\n" + b"\xff\xfe\x1b[31mred\n")

    async with screen(file, size=(90, 30)) as s:

        async def look() -> None:
            await s.pilot.pause()
            strips = s.app.screen._compositor.render_strips()
            for strip in strips:
                for segment in strip:
                    assert is_harmless(segment.text), segment
                    assert segment.style is None or segment.style.link is None
                    meta = segment.style.meta if segment.style is not None else {}
                    assert "@click" not in meta

        await look()
        await s.press("t")
        await look()
        await s.press("a")
        await s.until(lambda: s.bench.told is not None, "the run")
        task = next(iter(s.app.session.graph.tasks))
        s.bench.logs = {task: log}
        s.run.tell("step_started", task)
        s.run.tell("log", task, line=payload)
        s.run.tell("progress", task, fraction=0.5, note=payload)
        await s.until(lambda: s.app.session.live.steps[task].note == payload, "the note")
        await look()
        s.run.tell("step_failed", task, error=payload)
        s.app.tree_view.go_to(Node("task", task))
        for _ in TABS:
            await look()
            await s.press("right_square_bracket")
        s.app.side.go_to_tab("checks")
        found = Verdict("a", payload, "failed", payload, 9, 9, (payload, "n"), ((payload, 1),), 1.0, payload)
        s.app.side.show(checks_lines([Check("a", payload, "python")], [[found]], 2.0, payload), "foreign")
        await look()
        s.app.side.go_to_tab("graph")
        await s.until(lambda: s.app.side.chart.text, "the drawing")
        await look()
        s.app.side.go_to_tab("timeline")
        await s.until(lambda: s.app.side.gantt.gantt, "the timeline")
        await look()
        s.app.side.go_to_tab("log")
        s.app.side_work.show(again=True)
        await s.until(lambda: s.app.side.log_view.count, "the log")
        await look()
        await s.press("w")
        await look()
        s.app.tell(payload, "failed")
        await look()
        s.app.open_filter()
        s.app.filter_input._change(payload)
        await look()
        await s.press("enter", "escape")
        for lines in ([((payload, "text"),)], [((payload, "muted"), (payload, "text"))]):
            from bakehouse.tui.paint.ink import Bit

            page = [tuple(Bit(*bit) for bit in line) for line in lines]
            s.app.side.go_to_tab("overview")
            s.app.side.page.show(page, payload)
            await look()
            s.app.side.go_to_tab("value")
            s.app.side.table.show(page, payload)
            await look()
            s.app.side.go_to_tab("history")
            s.app.side.roll.show_roll(page, {0: payload}, payload)
            await look()
        from bakehouse.tui.paint.ink import Bit
        from bakehouse.tui.widgets.confirm import Ask, Question

        s.app.push_screen(Ask(s.app.ink(), Question("title", ((Bit(payload),),), "yes")))
        await look()
        await s.press("escape")
        s.app.push_screen(schedules_page(s, payload))
        await look()
        await s.press("escape")
        assert s.app._exception is None


def schedules_page(s: Any, payload: str) -> Screen[bool]:
    from bakehouse.core.agenda import Item
    from bakehouse.core.schedules.schedule import Schedule
    from bakehouse.tui.widgets.agenda import AgendaPage

    said = Schedule(payload, "@daily", select=payload, description=payload)
    items = [Item(said, trouble=payload)]

    async def look() -> list[Item]:
        return items

    async def pause(item: Item) -> None:
        raise AssertionError

    return AgendaPage(s.app.ink(), items, s.app.clock, look, pause, lambda item: None)


def test_a_preview_of_anything_becomes_lines() -> None:
    from rich.style import Style

    from bakehouse.core.preview import Preview
    from bakehouse.tui.paint.ink import Ink
    from bakehouse.tui.paint.themes import VARIABLES
    from bakehouse.tui.panes.value import value_lines

    ink = Ink(VARIABLES)
    for payload in OBEYED.values():
        for found in (
            Preview("table", ((payload, payload), ("n", "BIGINT")), ((payload, "1"), ("", payload)), 2),
            Preview("text", text=payload + "\n" + payload, note=payload),
        ):
            for line in value_lines(found):
                assert all(is_harmless(segment.text) for segment in ink.paint(line, 80, Style()))
