"""hamilton: a generated module with a function for each node, its caching on (SQLite and pickles).
`hamilton_nodes.py GRAPH CHANGED`, in the state folder.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, "")
os.environ["HAMILTON_TELEMETRY_ENABLED"] = "false"

from graphs import PRIME, graph
from hamilton import driver

nodes = graph(sys.argv[1])
changed = int(sys.argv[2])


def source() -> str:
    text = ["from graphs import compute\n\nran = []\n"]
    for number, needed in nodes:
        names = [f"n{other}" for other in needed]
        extra = ", 7" if number == changed else ""
        text.append(
            f"\n\ndef n{number}({', '.join(f'{name}: int' for name in names)}) -> int:\n"
            f"    ran.append({number})\n    return compute({number}, [{', '.join(names)}]{extra})\n"
        )
    return "".join(text)


Path("hamilton_pipeline.py").write_text(source())
pipeline = importlib.import_module("hamilton_pipeline")
built = driver.Builder().with_modules(pipeline).with_cache(path="cache").build()
values = built.execute([f"n{number}" for number, _ in nodes])
print(f"RESULT {sum(int(value) for value in values.values()) % PRIME} {len(pipeline.ran)}")
