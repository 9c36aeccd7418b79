"""Names: which are allowed, which can be identifiers, and which known one was probably meant."""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice

from ..model import identifier

LONGEST_NAME = 255
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MANY = 2000


def name_fault(name: str) -> str:
    """What is wrong with `name` as the name of an asset, a task, a pool…; empty if nothing is."""
    if not name:
        return "a name must not be empty"
    if len(name) > LONGEST_NAME:
        return f"the name {shown(name)} has {len(name)} characters: at most {LONGEST_NAME} are allowed"
    if not name.isprintable():
        return f"the name {shown(name)} has characters that cannot be printed"
    if name != name.strip():
        return f"the name {shown(name)} begins or ends with a space"
    return ""


def shown(text: str, longest: int = 60) -> str:
    """`text` quoted and escaped, so that no character of it can act on a terminal or hide."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return f"'{cut}'" if cut.isprintable() else "'" + "".join(map(_escaped, cut)) + "'"


def _escaped(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode("ascii")


def is_identifier(text: str) -> bool:
    return _IDENTIFIER.fullmatch(text) is not None and not keyword.iskeyword(text)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean 'flour'?`, or empty where nothing known is near."""
    from difflib import get_close_matches

    names = [other for other in known if other != name]
    folded = name.casefold()
    near = [other for other in names if other.casefold() == folded or identifier(other) == name][:1]
    if not near:
        if len(names) > _MANY:
            names = [other for other in names if other[:2].casefold() == folded[:2]][:_MANY]
        near = get_close_matches(name, names, 1, 0.6)
    return f"did you mean {shown(near[0])}?" if near else ""


def modules_beside(name: str, roots: Iterable[str]) -> list[str]:
    """The Python modules that lie below `roots` where one called `name` would, by their dotted names; of each folder
    only the first thousands."""
    parent = name.rpartition(".")[0]
    found: dict[str, None] = {}
    for root in roots:
        with suppress(OSError, ValueError), os.scandir(os.path.join(root, *parent.split("."))) as entries:  # noqa: PTH118
            for entry in islice(entries, _MANY):
                module, suffix = os.path.splitext(entry.name)  # noqa: PTH122
                if suffix == ".py" or (not suffix and entry.is_dir()):
                    found[f"{parent}.{module}".lstrip(".")] = None
    return [module for module in found if all(map(is_identifier, module.split(".")))]
