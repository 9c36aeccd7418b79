"""What the ledger has of values beside themselves: results of checks, and changed columns."""

from __future__ import annotations

from dataclasses import dataclass

from ..events import Event
from .ledger import LedgerReader
from .tables import CHECKS_OF, LAST_SCHEMAS, SCHEMAS_OF


@dataclass(frozen=True, slots=True)
class Findings:
    """Methods block; they raise StoreError."""

    reader: LedgerReader

    def checks(self, asset: str, limit: int) -> list[Event]:
        """What came of the last checks of an asset, newest first."""
        return self.reader.told(CHECKS_OF, asset, limit)

    def schema_changes(self, asset: str, limit: int = 20) -> list[Event]:
        """When the columns of an asset changed, newest first."""
        return self.reader.told(SCHEMAS_OF, asset, limit)

    def last_schema_changes(self) -> list[Event]:
        """When the columns of each asset changed last."""
        return self.reader.told(LAST_SCHEMAS)
