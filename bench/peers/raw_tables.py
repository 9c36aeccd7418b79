"""The floor of a large value: a chain of tables in one process, each hop a pickle written and read again.

`raw_tables.py HOPS`, in the state folder.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tables import first, following, summary

hops = int(sys.argv[1])
table = first()
for hop in range(hops):
    file = Path(f"{hop}.pickle")
    with file.open("wb") as sink:
        pickle.dump(table, sink, protocol=5)
    with file.open("rb") as source:
        table = pickle.load(source)  # noqa: S301 - written a moment ago
    if hop + 1 < hops:
        table = following(table)
print(f"RESULT {summary(table)} {hops}")
