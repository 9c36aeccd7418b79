"""ninja: a shell command for each node. `ninja_nodes.py GRAPH CHANGED` writes `build.ninja` into the state folder.

ninja keeps the commands it ran, so a changed node is a changed command.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from graphs import PRIME, graph

changed = int(sys.argv[2])
lines = ["rule node", "  command = s=$start; $add echo $$((s % " + str(PRIME) + ")) > $out"]
for number, needed in graph(sys.argv[1]):
    add = " ".join(f"read v < {other}.value; s=$$((s + v));" for other in needed)
    lines.append(f"build {number}.value: node " + " ".join(f"{other}.value" for other in needed))
    lines.append(f"  start = {number + 1 + (7 if number == changed else 0)}\n  add = {add}")
Path("build.ninja").write_text("\n".join(lines) + "\n")
