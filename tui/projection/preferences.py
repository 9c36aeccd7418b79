"""What a user has set for the screen: read from YAML, all that is wrong with it told by line. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ...core.load.document import Document
from ...core.load.names import did_you_mean, shown
from ...core.load.reader import read_yaml
from ...core.model import Json
from ...core.problems import Problem, number_of
from ..paint.colours import AUTO, PALETTES
from .caps import cap, key_name
from .keymap import NEEDED, Keymap, clashes, remapped
from .keys import BY_ID, Key

NOTIFY_AFTER = 30.0
"""Seconds that a run takes at least for its end to be told by the terminal."""
MOST_KEYS = 8
_MOST_SECONDS = 7 * 24 * 3600.0
THEMES = (AUTO, *PALETTES)


@dataclass(frozen=True)
class Preferences:
    """`theme` is a name of THEMES; `ascii` None follows the terminal; `notify` is in seconds, None is never.
    `problems` are the mistakes in `file`: what they are about has its default."""

    theme: str = AUTO
    ascii: bool | None = None
    notify: float | None = NOTIFY_AFTER
    keymap: Keymap = field(default_factory=Keymap)
    file: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def complaint(self) -> str:
        """The mistakes in one line; empty where there is none."""
        if not self.problems:
            return ""
        first = str(replace(self.problems[0], line=None))
        more = f" (and {number_of(len(self.problems) - 1, 'more mistake')})" if len(self.problems) > 1 else ""
        return f"{first}{more}; the defaults hold for what is mistaken"


class _Mistaken(ValueError):
    """A value that cannot be used: what is wrong, and what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def _theme(value: Json) -> str:
    if not isinstance(value, str) or value not in THEMES:
        near = did_you_mean(value, THEMES) if isinstance(value, str) else ""
        raise _Mistaken(f"there is no theme {_told(value)}", near or "one of " + ", ".join(THEMES))
    return value


def _ascii(value: Json) -> bool | None:
    if value == AUTO or isinstance(value, bool):
        return None if value == AUTO else bool(value)
    raise _Mistaken(f"ascii is true, false or auto, not {_told(value)}")


def _notify(value: Json) -> float | None:
    if isinstance(value, bool):
        return NOTIFY_AFTER if value else None
    if isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= _MOST_SECONDS:
        return float(value)
    raise _Mistaken(f"notify is a number of seconds, or false, not {_told(value)}")


def _told(value: Json) -> str:
    return (
        shown(value)
        if isinstance(value, str)
        else "a list or a mapping"
        if isinstance(value, list | dict)
        else str(value)
    )


_READERS: dict[str, Callable[[Json], object]] = {"theme": _theme, "ascii": _ascii, "notify": _notify}
SETTINGS = ("theme", "ascii", "notify", "keys")


def read_preferences(data: bytes, file: str) -> Preferences:
    """The settings that `data` holds. Never raises for bad input."""
    document = read_yaml(data, file)
    problems = list(document.problems)
    said = document.data
    if said is not None and not isinstance(said, dict) and not problems:
        problems.append(document.problem("settings are a mapping: theme, ascii, notify, keys"))
    if not isinstance(said, dict) or document.problems:
        return Preferences(file=file, problems=tuple(problems))
    found: dict[str, object] = {}
    for name, value in said.items():
        if name == "keys":
            found["keymap"] = Keymap(_keys(document, value, problems))
        elif (reader := _READERS.get(name)) is None:
            message = f"there is no setting {shown(name)}"
            problems.append(document.problem(message, name, key=True, hint=did_you_mean(name, SETTINGS)))
        else:
            try:
                found[name] = reader(value)
            except _Mistaken as mistake:
                problems.append(document.problem(str(mistake), name, hint=mistake.hint))
    problems.sort(key=lambda problem: problem.place)
    return Preferences(file=file, problems=tuple(problems), **found)  # type: ignore[arg-type]


def _keys(document: Document, said: Json, problems: list[Problem]) -> tuple[Key, ...]:
    """The keys as they are said, or with any mistake among them the default ones: half a keymap is another keymap."""
    if not isinstance(said, dict):
        problems.append(
            document.problem("keys are a mapping: the name of an action, and its key or keys", "keys")
        )
        return remapped({})
    before = len(problems)
    given: dict[str, tuple[str, ...]] = {}
    for id, value in said.items():
        if id not in BY_ID:
            message = f"there is no action {shown(id)}"
            problems.append(document.problem(message, "keys", id, key=True, hint=did_you_mean(id, BY_ID)))
        else:
            given[id] = tuple(_names(document, id, value, problems))
    keys = remapped(given)
    for name, one, other in clashes(keys):
        at, beside = (other, one) if other in given else (one, other)
        why = "" if beside in given else f"; give {beside} another key too, or none: {beside}: []"
        message = f"{cap(name)} is also the key of {beside} ({BY_ID[beside].description}){why}"
        problems.append(document.problem(message, "keys", at))
    return keys if len(problems) == before else remapped({})


def _names(document: Document, id: str, value: Json, problems: list[Problem]) -> list[str]:
    path: tuple[str | int, ...] = ("keys", id)
    many = value if isinstance(value, list) else [value]
    if len(many) > MOST_KEYS:
        problems.append(document.problem(f"an action has at most {MOST_KEYS} keys", *path))
    elif not many and id in NEEDED:
        problems.append(document.problem(f"{id} needs a key: without it no other could be found", *path))
    names: list[str] = []
    for at, one in enumerate(many[:MOST_KEYS]):
        where = (*path, at) if isinstance(value, list) else path
        text = str(one) if isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= 9 else one
        if not isinstance(text, str):
            problems.append(document.problem(f"a key is text, not {_told(one)}", *where, hint="quote it"))
            continue
        try:
            names.append(key_name(text))
        except ValueError as wrong:
            problems.append(
                document.problem(str(wrong), *where, hint="a character, or ctrl+d, f5, space, pageup")
            )
    return list(dict.fromkeys(names))
