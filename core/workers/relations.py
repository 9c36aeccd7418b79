"""A DuckDB relation as Parquet, with the same numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .codecs import CannotStore

_WIDE = re.compile(r"\bU?HUGEINT\b")
_KINDS = ("BIGINT", "DECIMAL(38,0)")
"""What takes the place of a HUGEINT, of which Parquet has none: the first that has room for all there are."""


def write(relation: Any, path: Path) -> Any:
    """Writes the relation, and returns it as it was written. A HUGEINT (the sum of whole numbers is one) would become
    a DOUBLE, which has no room for all its digits.

    Raises CannotStore where no type of Parquet has.
    """
    from duckdb import ConversionException

    kinds = list(map(str, relation.types))
    wide = [name for name, kind in zip(relation.columns, kinds, strict=True) if _WIDE.search(kind)]
    for kind in _KINDS if wide else ():
        narrowed = relation.project(_columns(relation.columns, kinds, kind))
        try:
            return _written(narrowed, path)
        except ConversionException:
            continue
    written = _written(relation, path)
    if wide:
        raise CannotStore(
            f"{', '.join(wide)} has whole numbers of more than 38 digits: cast them to varchar or double"
        )
    return written


def _written(relation: Any, path: Path) -> Any:
    relation.write_parquet(str(path), compression="zstd")
    return relation


def _columns(names: list[str], kinds: list[str], whole: str) -> str:
    """Every column by its place, as names may stand twice."""
    return ", ".join(
        f"#{place}{'::' + _WIDE.sub(whole, kind) if _WIDE.search(kind) else ''} as {_quoted(name)}"
        for place, (name, kind) in enumerate(zip(names, kinds, strict=True), 1)
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
