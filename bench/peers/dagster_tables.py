"""dagster: a chain of large tables, each kept as a pickle by its file storage. `dagster_tables.py HOPS`."""

from __future__ import annotations

import logging
import os
import pickle
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.update(DAGSTER_HOME=str(Path().absolute()), DAGSTER_DISABLE_TELEMETRY="yes")

import dagster
from tables import first, following, summary

hops = int(sys.argv[1])


def asset(number: int) -> Any:
    if not number:
        return dagster.asset(name="n0")(first)

    def after(table):  # type: ignore[no-untyped-def]
        return following(table)

    return dagster.asset(name=f"n{number}", ins={"table": dagster.AssetIn(key=f"n{number - 1}")})(after)


Path("dagster.yaml").write_text("telemetry:\n  enabled: false\n")
logging.disable(logging.CRITICAL)
with dagster.DagsterInstance.get() as instance:
    dagster.materialize([asset(number) for number in range(hops)], instance=instance)
last = pickle.loads(Path(f"storage/n{hops - 1}").read_bytes())  # noqa: S301 - written a moment ago
print(f"RESULT {summary(last)} {hops}")
