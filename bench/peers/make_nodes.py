"""make: a shell command for each node. `make_nodes.py GRAPH CHANGED` writes a Makefile into the state folder.

Only what has changed is written, so that the times on which make relies stay as they are.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from graphs import PRIME, graph

name, changed = sys.argv[1], int(sys.argv[2])
nodes = graph(name)


def write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def recipe(number: int, needed: list[int]) -> str:
    add = "".join(f"read v < {other}.value; s=$$((s + v)); " for other in needed)
    start = number + 1 + (7 if number == changed else 0)
    return f"s={start}; {add}echo $$((s % {PRIME})) > $@"


lines = ["all: " + " ".join(f"{number}.value" for number, _ in nodes)]
for number, needed in nodes:
    before = " ".join(f"{other}.value" for other in needed)
    write(Path(f"{number}.code"), "changed" if number == changed else "as ever")
    lines.append(f"{number}.value: {number}.code {before}\n\t@{recipe(number, needed)}")
write(Path("Makefile"), "\n".join(lines) + "\n")
