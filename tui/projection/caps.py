"""What stands on the caps of keys, and the names under which a terminal tells them. Words that name a key name its
action: which key that is, only the user's keymap knows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
"""Around an action's id in words of ours: characters that no text may hold."""
_NAMED = re.compile(f"{_OPEN}([a-z_]+){_CLOSE}")

_RENAMED = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
_SPECIAL = (
    *("enter", "space", "tab", "escape", "backspace", "delete", "insert"),
    *("home", "end", "pageup", "pagedown", "up", "down", "left", "right"),
    *(f"f{number}" for number in range(1, 25)),
)
_ALIASES = {"esc": "escape", "return": "enter", "pgup": "pageup", "pgdn": "pagedown", "del": "delete"}
_SHIFTS = ("ctrl", "alt", "shift")
_CAPS = {"escape": "Esc", "enter": "Enter"}
_ARROWS = {"up": "↑", "down": "↓", "left": "←", "right": "→"}
_SAME = {
    "ctrl+m": "enter",
    "ctrl+j": "enter",
    "ctrl+i": "tab",
    "ctrl+h": "backspace",
    "ctrl+left_square_bracket": "escape",
}
"""What a terminal cannot tell from another key."""


def named(id: str) -> str:
    """Stands in words of ours for the key of an action, until `spell` puts its cap there."""
    return f"{_OPEN}{id}{_CLOSE}"


def spell(words: str, cap: Callable[[str], str]) -> str:
    """`words` with the cap of each key that they name."""
    return _NAMED.sub(lambda found: cap(found[1]), words) if _OPEN in words else words


def key_name(text: str) -> str:
    """The name that a terminal's event has for the key that is written `text`: `?`, `ctrl+d`, `f5`, `pageup`.

    Raises ValueError with what is wrong with it.
    """
    if len(text) == 1:
        return _of_character(text)
    *shifts, last = (
        text.lower().split("+") if not text.endswith("++") else [*text.lower()[:-2].split("+"), "+"]
    )
    last = _ALIASES.get(last, last)
    if any(shift not in _SHIFTS for shift in shifts) or len(set(shifts)) < len(shifts):
        raise ValueError(f"there is no key {text!r}")
    if len(last) == 1 and last.isprintable():
        if not shifts:
            raise ValueError(f"there is no key {text!r}")
        if "shift" in shifts:
            raise ValueError("with a character, shift is the other character: write that")
        last = _of_character(last)
    elif last not in _SPECIAL:
        raise ValueError(f"there is no key {text!r}")
    name = "+".join([*(shift for shift in _SHIFTS if shift in shifts), last])
    if name in _SAME:
        raise ValueError(f"to a terminal {text} is {_SAME[name]}")
    if name == "ctrl+c":
        raise ValueError("ctrl+c is no action's: it says how to quit")
    return name


def _of_character(character: str) -> str:
    if not character.isprintable():
        raise ValueError("this is no character that can be typed")
    if character == " ":
        return "space"
    if character.isalnum():
        return character
    try:
        name = unicodedata.name(character).lower().replace("-", "_").replace(" ", "_")
    except ValueError:
        raise ValueError("this character has no name") from None
    return _RENAMED.get(name, name)


def cap(name: str, ascii_only: bool = False) -> str:
    """What stands on the key that events call `name`."""
    *shifts, last = name.split("+")
    if not ascii_only:
        last = _ARROWS.get(last, last)
    if len(last) > 1 and last not in _SPECIAL:
        last = _character(last)
    return "+".join([*shifts, _CAPS.get(last, last)])


def _character(name: str) -> str:
    back = {short: long for long, short in _RENAMED.items()}
    whole = back.get(name, name).replace("_", " ")
    for wanted in (
        whole,
        whole.replace("hyphen minus", "hyphen-minus"),
        whole.replace("less than", "less-than"),
    ):
        try:
            return unicodedata.lookup(wanted.replace("greater than", "greater-than"))
        except KeyError:
            continue
    return name
