"""What could come next while a selection is being typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ..graph.graph import Graph
from ..model import Node, State
from .attributes import ATTRIBUTE_VALUES
from .problem import ATTRIBUTES, quoted
from .syntax import FUNCTIONS

_LAST = re.compile(r"""(?:^|[\s(])((?:[^\s()"']|"(?:\\.|[^"\\])*(?:"|$)|'(?:\\.|[^'\\])*(?:'|$))*)$""", re.S)
_BEFORE = re.compile(r"[0-9]*\+")


def complete(text: str, graph: Graph, limit: int = 100) -> list[str]:
    """Words that can take the place of the last word of the text (the empty one after a space)."""
    last = last_word(text)
    earlier = text[: len(text) - len(last)].split()
    before = _BEFORE.match(last)
    head = before[0] if before else ""
    rest = last[len(head) :]
    attribute, colon, value = rest.partition(":")
    if colon and attribute in ATTRIBUTES:
        values = _fitting(_unquoted(value), _values(attribute, graph), limit)
        return [f"{head}{attribute}:{quoted(one, value=True)}" for one in values]
    return [head + one for one in _terms(rest, _after_term(earlier) and not head, graph, limit)]


def last_word(text: str) -> str:
    """What `complete` gives other words for."""
    found = _LAST.search(text)
    return found[1] if found else ""


def _terms(rest: str, after_term: bool, graph: Graph, limit: int) -> list[str]:
    joints = ["and", "or"] if after_term else ["not"]
    words = [one for one in joints if rest and one.startswith(rest.lower())] if rest else joints
    names = _fitting(_unquoted(rest), dict.fromkeys([*graph.assets, *graph.tasks]), limit)
    others = [*(f"{one}:" for one in ATTRIBUTES), *(f"{one}()" for one in FUNCTIONS)]
    ready = [one for one in others if one.startswith(rest)]
    if rest:
        return [*words, *map(quoted, names), *ready][:limit]
    return [*words, *ready, *map(quoted, names)][:limit]


def _after_term(earlier: list[str]) -> bool:
    return bool(earlier) and earlier[-1].lower() not in ("and", "or", "not") and not earlier[-1].endswith("(")


def _values(attribute: str, graph: Graph) -> Iterable[str]:
    match attribute:
        case "state":
            return [one.value for one in State]
        case "key":
            return dict.fromkeys([*graph.assets, *graph.tasks])
        case "task":
            return graph.tasks
        case _:
            return sorted(set(_attribute_values(attribute, graph)) - {""})


def _attribute_values(attribute: str, graph: Graph) -> Iterator[str]:
    values: Callable[[Graph, Node], tuple[str, ...]] = ATTRIBUTE_VALUES[attribute]
    for name in graph.assets:
        yield from values(graph, Node("asset", name))
    for name, task in graph.tasks.items():
        if not task.outputs:
            yield from values(graph, Node("task", name))


def _fitting(typed: str, names: Iterable[str], limit: int) -> list[str]:
    """Those that begin with what was typed, then those that hold it elsewhere; the case does not count."""
    small = typed.casefold()
    begins: list[str] = []
    holds: list[str] = []
    for name in names:
        where = name.casefold().find(small)
        if where >= 0:
            (holds if where else begins).append(name)
            if len(begins) >= limit:
                break
    return [*begins, *holds][:limit]


def _unquoted(word: str) -> str:
    if word[:1] in ("'", '"'):
        word = re.sub(r"\\(.)", r"\1", word[1:].removesuffix(word[0]), flags=re.S)
    return word
