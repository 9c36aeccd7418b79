"""Files of the project that code names: regular files inside of it, whatever links stand in the way."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_MOST_LINKS = 8


class NamedFiles:
    """Looks below `root` only, and for each name once."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.normpath(root)
        self._known: dict[str, str | None] = {}

    def path(self, text: str, folder: str) -> str | None:
        """Relative to the root, with `/`, where `text` names a regular file inside of it; relative to `folder` or
        absolute. A link that leads out of the project is not followed."""
        full = os.path.normpath(Path(self._root, folder, text))
        if full not in self._known:
            self._known[full] = self._looked_for(full)
        return self._known[full]

    def _looked_for(self, full: str) -> str | None:
        at = full
        for _ in range(_MOST_LINKS):
            following = self._without_a_link(at)
            if following == at:
                return Path(full).relative_to(self._root).as_posix()
            if following is None:
                return None
            at = following
        return None

    def _without_a_link(self, full: str) -> str | None:
        """The path with its first link replaced; itself if there is none and it is a file; None if it is no file or
        leaves the project."""
        if not full.startswith(self._root.rstrip(os.sep) + os.sep):
            return None
        at, mode = Path(self._root), 0
        parts = Path(full).relative_to(self._root).parts
        for number, part in enumerate(parts, 1):
            at /= part
            try:
                mode = at.lstat().st_mode
                if stat.S_ISLNK(mode):
                    return os.path.normpath(at.parent.joinpath(at.readlink(), *parts[number:]))
            except (OSError, ValueError):
                return None
        return full if stat.S_ISREG(mode) else None
