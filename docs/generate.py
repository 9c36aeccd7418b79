"""Writes the parts of the docs that come from the code, between `<!-- begin NAME -->` and `<!-- end NAME -->`.

`generate.py --check` writes nothing and ends with 1 where something is out of date.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from bakehouse.core.load.schema import json_schema
from bakehouse.tui.cli.program import cli
from bakehouse.tui.projection.keymap import DEFAULT
from bakehouse.tui.projection.keys import GROUPS, KEYS

ROOT = Path(__file__).resolve().parents[1]


def code(text: str) -> str:
    return f"`{text}`" if "`" not in text else f"`` {text} ``"


def cell(text: str) -> str:
    """One cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell(text) for text in line) + " |" for line in lines)


def keys() -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for group in GROUPS:
            for key in (key for key in KEYS if key.group == group):
                caps = " ".join(code(cap) for cap in key.shown.split())
                yield caps, key.description + (f": {DEFAULT.spell(key.help)}" if key.help else "")

    return table(("key", "does"), rows())


def properties(name: str) -> Mapping[str, Any]:
    schema = json_schema()
    found: Mapping[str, Any] = (schema["$defs"][name] if name else schema)["properties"]
    return found


def yaml_keys(name: str, *, like: str = "", without: str = "") -> Callable[[], str]:
    """The keys of a model of the schema: those that `like` has too, if it is given, and `without` has not."""

    def rows() -> Iterator[tuple[str, ...]]:
        wanted = properties(like).keys() if like else properties(name).keys()
        left_out = properties(without).keys() if without else set()
        for key, about in properties(name).items():
            if key in wanted and key not in left_out:
                yield code(key), about.get("description", "")

    return lambda: table(("key", "means"), rows())


def flags(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        return parameter.make_metavar(click.Context(cli))
    names = ", ".join(code(name) for name in parameter.opts)
    if getattr(parameter, "is_flag", False):
        return names
    kind = "N" if isinstance(parameter.type, click.IntRange) else parameter.make_metavar(click.Context(cli))
    return f"{names} {kind}"


def options(command: click.Command) -> str:
    kept = [p for p in command.params if isinstance(p, click.Option) and "--help" not in p.opts]
    return table(("option", "means"), [(flags(p), p.help or "") for p in kept])


def described(name: str, command: click.Command) -> str:
    """One command, and those below it."""
    arguments = " ".join(flags(p) for p in command.params if isinstance(p, click.Argument))
    usage = f"{name} {arguments}" if arguments else name
    kept = [p for p in command.params if isinstance(p, click.Option) and "--help" not in p.opts]
    told = f"### `{usage}`\n\n{' '.join((command.help or '').split())}"
    parts = [told + (f"\n\n{options(command)}" if kept else "")]
    below = command.commands if isinstance(command, click.Group) else {}
    return "\n\n".join([*parts, *(described(f"{name} {one}", below[one]) for one in sorted(below))])


def commands() -> str:
    context = click.Context(cli, info_name="bakehouse")
    parts = [options(cli)]
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        parts.append(described(f"bakehouse {name}", command))
    return "\n\n".join(parts)


def actions() -> str:
    rows = ((code(key.id), " ".join(map(code, key.shown.split())), key.description) for key in KEYS)
    return table(("action", "keys", "is called"), rows)


PARTS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "README.md": {"keys": keys},
    "docs/definitions.md": {
        "file": yaml_keys(""),
        "asset": yaml_keys("AssetEntry", without="TaskEntry"),
        "task": yaml_keys("TaskEntry", without="AssetEntry"),
        "step": yaml_keys("AssetEntry", like="TaskEntry", without="Defaults"),
        "defaults": yaml_keys("Defaults"),
        "schedule": yaml_keys("ScheduleEntry"),
    },
    "docs/reference.md": {"commands": commands},
    "docs/settings.md": {"actions": actions},
}


def filled(text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """`text` with every part written anew. Raises ValueError for a part that has no place."""
    for name, make in parts.items():
        place = re.compile(f"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        if not place.search(text):
            raise ValueError(f"there is no place for {name}")
        made = make()
        text = place.sub(lambda found, made=made: f"{found[1]}{made}\n{found[2]}", text)  # type: ignore[misc]
    return text


def main(check: bool) -> int:
    stale = []
    for file, parts in PARTS.items():
        path = ROOT / file
        old = path.read_text(encoding="utf-8")
        new = filled(old, parts)
        if new != old:
            stale.append(file)
            if not check:
                path.write_text(new, encoding="utf-8")
    for file in stale:
        print(f"{file}: {'out of date: make docs' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
