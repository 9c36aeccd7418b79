"""snakemake: a rule with a shell command for each node. `snakemake_nodes.py GRAPH CHANGED` writes the Snakefile.

snakemake keeps the commands it ran, so a changed node is a changed command.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from graphs import PRIME, graph

nodes = graph(sys.argv[1])
changed = int(sys.argv[2])
lines = ["rule all:", "    input: " + ", ".join(f'"{number}.value"' for number, _ in nodes)]
for number, needed in nodes:
    add = "".join(f"read v < {other}.value; s=$((s + v)); " for other in needed)
    start = number + 1 + (7 if number == changed else 0)
    inputs = ", ".join(f'"{other}.value"' for other in needed)
    lines += [
        f"rule n{number}:",
        *([f"    input: {inputs}"] if needed else []),
        f'    output: "{number}.value"',
        f'    shell: "s={start}; {add}echo $((s % {PRIME})) > {number}.value"',
    ]
text = "\n".join(lines) + "\n"
file = Path("Snakefile")
if not file.exists() or file.read_text() != text:
    file.write_text(text)
