"""Since when the slots of each schedule count, and which schedules are paused: one file beside the ledger.

It is no history (what ran and what was missed is in the ledger), and it can be written while a run holds the project.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ..problems import StoreError
from .disk import FILE_MODE, private_folder, write_whole

_SCHEMA = 1
_MOST_BYTES = 16 << 20
_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of one schedule: `cron` and `timezone` as they were known last, and since when (Unix time) their
    slots count. Those of a paused one do not. `content` is what the files it watches held then; empty: not seen yet."""

    cron: str
    timezone: str
    since: float
    paused: bool = False
    content: str = ""


Stamp = tuple[int, int, int]


class Timetable:
    """The file of the store at `folder`. Methods block; they raise StoreError where it cannot be written."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "schedules.json"
        self._lock = folder / "schedules.lock"

    def stamp(self) -> Stamp | None:
        """Another value whenever anyone changed it; None where there is none."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def entries(self) -> dict[str, Entry]:
        """What is kept, by the names of schedules; nothing of a file that cannot be understood."""
        try:
            if self._path.stat().st_size > _MOST_BYTES:
                return {}
            raw = json.loads(self._path.read_bytes())
            if raw["schema"] != _SCHEMA:
                return {}
            return {str(name): _entry(said) for name, said in raw["schedules"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return {}

    def change(self, changes: Mapping[str, Entry], *, new_only: bool = False) -> dict[str, Entry]:
        """Keeps these entries in place of earlier ones (with `new_only` beside them); returns all there are then."""
        try:
            with self._alone():
                known = self.entries()
                wanted = {name: one for name, one in changes.items() if not (new_only and name in known)}
                if any(known.get(name) != one for name, one in wanted.items()):
                    known = _few_enough(known, changes) | wanted
                    body = {
                        "schema": _SCHEMA,
                        "schedules": {name: asdict(one) for name, one in known.items()},
                    }
                    write_whole(self._path, json.dumps(body, indent=1).encode(), self._path.parent)
                return known
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {error.strerror or error}") from error

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        private_folder(self._path.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._lock, flags, FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _few_enough(known: dict[str, Entry], wanted: Mapping[str, Entry]) -> dict[str, Entry]:
    """Without schedules that are not defined any more, once there are very many; what is paused stays so."""
    if len(known) <= _MANY:
        return known
    return {name: one for name, one in known.items() if one.paused or name in wanted}


def _entry(said: Mapping[str, object]) -> Entry:
    cron, timezone, since, paused = (said[key] for key in ("cron", "timezone", "since", "paused"))
    content = said.get("content", "")
    if not all(isinstance(text, str) for text in (cron, timezone, content)) or not isinstance(paused, bool):
        raise TypeError("no entry of a timetable")
    if not isinstance(since, int | float) or not abs(since) < 1e12:
        raise TypeError("no time")
    return Entry(str(cron), str(timezone), float(since), paused, str(content))
