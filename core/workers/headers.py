"""The header of a CSV file, which may call two columns alike: DuckDB takes the first, and calls the others `id_1`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

_RENAMED = re.compile(r"(.+)_\d+")


def doubled(connection: Any, columns: Sequence[str], reader: str, path: str) -> tuple[str, ...]:
    """The names that stand twice in the header, as they stand there first. `columns` are those of the table that
    `reader` makes of the file."""
    known = {name.casefold() for name in columns}
    renamed = (found[1].casefold() for name in columns if (found := _RENAMED.fullmatch(name)))
    if not reader.startswith("read_csv") or not any(name in known for name in renamed):
        return ()
    place = _literal(path)
    sniffer = reader.replace("read_csv", "sniff_csv").format(path=place)
    skip, has_header = connection.execute(f"select SkipRows, HasHeader from {sniffer}").fetchone()
    if not has_header:
        return ()
    plain = reader.format(path=f"{place}, header=false, all_varchar=true, skip={int(skip)}")
    header = connection.execute(f"select * from {plain} limit 1").fetchone() or ()
    first: dict[str, str] = {}
    for name in header:
        if name is not None:
            first.setdefault(name.casefold(), name)
    times = Counter(name.casefold() for name in header if name is not None)
    return tuple(name for word, name in first.items() if times[word] > 1)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
