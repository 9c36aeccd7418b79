"""The floor of floors: the graph in one process, nothing kept. `floor_memory.py GRAPH CHANGED`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from graphs import expected, graph

nodes = graph(sys.argv[1])
print(f"RESULT {expected(nodes, int(sys.argv[2]))} {len(nodes)}")
