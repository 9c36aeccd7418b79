"""Where the user's settings lie, and what of the screen is remembered beside them."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from ..core.model import Place
from ..core.places import private_folder, read_private, user_settings, user_state, write_private
from ..core.problems import Problem, ProblemError
from .paint.colours import AUTO, PALETTES, theme_for
from .projection.preferences import Preferences, read_preferences

MOST_BYTES = 1 << 18


def load_preferences(environ: Mapping[str, str] = os.environ) -> Preferences:
    """The user's settings. Never raises: what cannot be read is told in them, and has its default."""
    path = user_settings(environ)
    if path is None:
        return Preferences()
    try:
        data = _read(path)
    except FileNotFoundError:
        if environ.get("BAKEHOUSE_CONFIG"):
            missing = Problem("there is no such file", Place(str(path)), "BAKEHOUSE_CONFIG names it")
            return Preferences(file=str(path), problems=(missing,))
        return Preferences(file=str(path))
    except OSError as error:
        why = Problem(f"cannot be read: {error.strerror or error}", Place(str(path)))
        return Preferences(file=str(path), problems=(why,))
    return read_preferences(data, str(path))


def _read(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode) and path != Path(os.devnull):
            raise OSError(0, "it is no file")
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise OSError(0, f"it has more than {MOST_BYTES:,} bytes")
    return data


class Themes:
    """Which theme the screen begins with, and what `L` made of that the last time on such a terminal."""

    def __init__(self, preferences: Preferences, environ: Mapping[str, str] = os.environ) -> None:
        said = preferences.theme
        self.given = theme_for(environ) if said == AUTO or environ.get("NO_COLOR") else said

    def first(self) -> str:
        """What was chosen instead of the theme that settings and terminal give; else that one."""
        return _remembered().get(self.given, self.given)

    def remember(self, name: str) -> None:
        """`name` was chosen. Where there is nowhere to write it, it holds until the end of this screen."""
        chosen = {**_remembered(), self.given: name}
        if name == self.given:
            del chosen[self.given]
        try:
            write_private(private_folder(user_state()) / "themes.json", json.dumps(chosen).encode())
        except (OSError, ProblemError):
            return


def _remembered() -> dict[str, str]:
    try:
        found = json.loads(read_private(user_state() / "themes.json", 4096) or b"{}")
    except (ValueError, ProblemError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {given: name for given, name in found.items() if given in PALETTES and name in PALETTES}
