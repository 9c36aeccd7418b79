"""One check as it is defined, and what came of it: frozen data that travels between processes as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..model import Json, PythonAction
from ..naming import split

Severity = Literal["error", "warn"]

PYTHON = "python"
MOST_ROWS = 10
"""Rows that are kept of those that fail a check."""


@dataclass(frozen=True, slots=True)
class Check:
    """What must hold of the value of `asset`. `said` is what its kind takes, by the keys of the definition.

    `identifier` is the name by which a query knows the asset. An `error` keeps the value from becoming current; a
    `warn` is told. A check in Python has an `action` and the digest of its `code`.
    """

    asset: str
    name: str
    kind: str
    severity: Severity = "error"
    where: str = ""
    said: Mapping[str, Json] = field(default_factory=dict)
    identifier: str = ""
    action: PythonAction | None = None
    code: str = ""

    @property
    def text(self) -> str:
        """What decides its result, as one line: it is part of the step's key."""
        parts = {"severity": self.severity, "where": self.where, **self.said, "code": self.code}
        said = {name: value for name, value in parts.items() if value not in ("", None)}
        return f"{self.kind} {json.dumps(said, sort_keys=True, ensure_ascii=False)}"

    @property
    def reads(self) -> str | None:
        """The other asset that it looks something up in."""
        to = self.said.get("to") if self.kind == "relationships" else None
        return to if to != split(self.asset)[0] else None

    def as_json(self) -> list[Json]:
        action = self.action
        call = None if action is None else [action.module, action.function, action.folder]
        head = [self.asset, self.name, self.kind, self.severity, self.where]
        return [*head, dict(self.said), self.identifier, call, self.code]

    @classmethod
    def from_json(cls, fields: list[Json]) -> Check:
        """Raises TypeError or ValueError for what `as_json` did not make."""
        asset, name, kind, severity, where, said, identifier, call, code = fields
        action = None if call is None else PythonAction(*call)
        return cls(asset, name, kind, severity, where, said, identifier, action, code)


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check. `failing` of `total` rows failed it, where rows were counted; `rows` are the first few
    of them, by `columns`. `message` says in a sentence what was found."""

    asset: str
    name: str
    kind: str
    severity: Severity
    passed: bool
    message: str = ""
    failing: int | None = None
    total: int | None = None
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Json, ...], ...] = ()
    metadata: Mapping[str, Json] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def is_blocking(self) -> bool:
        """Whether it keeps the value from becoming current."""
        return not self.passed and self.severity == "error"

    def told(self) -> dict[str, Json]:
        """What is told of it."""
        data: dict[str, Json] = {
            "check": self.name,
            "kind": self.kind,
            "severity": self.severity,
            "seconds": self.seconds,
        }
        optional = {
            "message": self.message,
            "failing": self.failing,
            "total": self.total,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "metadata": dict(self.metadata),
        }
        empty: tuple[Json, ...] = ("", None, [], {})
        return data | {name: value for name, value in optional.items() if value not in empty}

    def as_json(self) -> list[Json]:
        head = [self.asset, self.name, self.kind, self.severity, self.passed, self.message, self.failing]
        rows = [list(row) for row in self.rows]
        return [*head, self.total, list(self.columns), rows, dict(self.metadata), self.seconds]

    @classmethod
    def from_json(cls, fields: list[Json]) -> Checked:
        asset, name, kind, severity, passed, message, failing, total, columns, rows, metadata, seconds = (
            fields
        )
        shown = tuple(columns), tuple(map(tuple, rows))
        return cls(
            asset,
            name,
            kind,
            severity,
            passed,
            message,
            failing,
            total,
            *shown,
            metadata=metadata,
            seconds=seconds,
        )


def result_of(
    check: Check,
    passed: bool,
    message: str = "",
    *,
    failing: int | None = None,
    total: int | None = None,
    seconds: float = 0.0,
) -> Checked:
    """The result of `check`, without rows."""
    head = check.asset, check.name, check.kind, check.severity
    return Checked(*head, passed, message, failing, total, seconds=seconds)
