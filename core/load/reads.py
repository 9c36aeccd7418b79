"""What the project's own code reads while it is imported: environment variables, and files that are no modules.

Runs in the loader's process. What a definition computed from them at import is in no key of its own, so the
definitions are read again when one of them changes.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

LARGEST = 16_000_000
"""Bytes. What is larger is never taken as unchanged."""
_NEAR = 6
"""How many frames up the reader is looked for: `os.getenv`, `Mapping.get` and the like stand between."""


def digest_of_variable(value: str | None) -> str:
    """What is remembered of a variable, which may be a secret."""
    return "unset" if value is None else hashlib.sha256(os.fsencode(value)).hexdigest()


class Reads:
    """Notes what code for which `is_ours(its file)` holds looks up, from `watch` on."""

    def __init__(self, root: str, is_ours: Callable[[str], bool]) -> None:
        self._root = root
        self._is_ours = is_ours
        self._variables: dict[str, str] = {}
        self._paths: dict[str, None] = {}
        self._busy = False

    def watch(self) -> None:
        """Begins; there is no end to it but that of the process."""
        usual = type(os.environ)
        noted = self._note_variable

        class Watched(usual):  # type: ignore[misc, valid-type]
            def __getitem__(self, key: str) -> str:
                try:
                    value = str(super().__getitem__(key))
                except KeyError:
                    noted(key, None)
                    raise
                noted(key, value)
                return value

        os.environ.__class__ = Watched
        sys.addaudithook(self._hear)

    def _note_variable(self, key: str, value: str | None) -> None:
        if isinstance(key, str) and key not in self._variables and self._is_asked_for():
            self._variables[key] = digest_of_variable(value)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or self._busy:
            return
        self._busy = True
        try:
            path, mode = arguments[0], arguments[1]
            reads = mode is None or not isinstance(mode, str) or not set("wax+") & set(mode)
            if isinstance(path, str | bytes | os.PathLike) and reads and self._is_asked_for():
                self._paths.setdefault(str(Path(os.fsdecode(path)).absolute()))
        except (TypeError, ValueError):
            return
        finally:
            self._busy = False

    def _is_asked_for(self) -> bool:
        frame: FrameType | None = sys._getframe(2)
        for _ in range(_NEAR):
            if frame is None:
                return False
            if self._is_ours(frame.f_code.co_filename):
                return True
            frame = frame.f_back
        return False

    @property
    def variables(self) -> dict[str, str]:
        """The digest of each variable that was looked up, as it was then."""
        return dict(self._variables)

    def files(self) -> dict[str, str]:
        """The sha256 of each file of the project that was read, by its path from the root, as it is now."""
        found = {}
        for name in self._paths:
            inside, path = os.path.relpath(name, self._root), Path(name)
            if inside.startswith("..") or not self._is_ours(name):
                continue
            with suppress(OSError):
                small = path.is_file() and path.stat().st_size <= LARGEST
                found[inside] = hashlib.sha256(path.read_bytes()).hexdigest() if small else "not remembered"
        return found
