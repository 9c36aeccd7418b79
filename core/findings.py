"""What an examination says."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One thing looked at. `hint` is the next step where it is not well."""

    name: str
    ok: bool
    detail: str
    hint: str = ""
