"""What a selection means on one graph."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate

from ..graph.graph import Graph
from ..model import Node, State
from .attributes import ATTRIBUTE_VALUES, KNOWN
from .problem import ATTRIBUTES, SelectionError, did_you_mean, quoted
from .syntax import Both, Either, Expression, Function, Name, Not, Reach, read

Nodes = frozenset[Node]
Matcher = Callable[[str], bool]
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection that was read from `text`; it can be asked again and again, of any graph."""

    text: str
    expression: Expression

    def nodes(self, graph: Graph, states: Mapping[Node, State]) -> Nodes:
        """The assets that are meant, and the tasks among them that make nothing.

        Raises SelectionError at a name that the graph does not have.
        """
        return _Meaning(self.text, graph, states).of(self.expression)


def parse(text: str) -> Selection:
    """Raises SelectionError, with a caret under the place, where the text cannot be understood."""
    return Selection(text, read(text))


def select(text: str, graph: Graph, states: Mapping[Node, State]) -> Nodes:
    """The nodes that the text means on this graph; see `Selection.nodes`."""
    return parse(text).nodes(graph, states)


_ARGUMENT = re.compile(r"((?:[0-9]*\+)?(?:(?:" + "|".join(ATTRIBUTES) + r"):)?)([^\"'()]*?)((?:\+[0-9]*)?)")


def join(words: Sequence[str]) -> str:
    """The words of a command line as one selection.

    A word with a space in it that holds no `and`, `or`, `not`, quote or bracket was one name to the
    shell: it stays one name.
    """
    return " ".join(_kept(word) for word in words)


def _kept(word: str) -> str:
    parts = word.split()
    operators = {"and", "or", "not"}.intersection(one.lower() for one in parts)
    found = _ARGUMENT.fullmatch(word)
    if len(parts) < 2 or operators or found is None:
        return word
    return found[1] + quoted(found[2]) + found[3]


class _Meaning:
    def __init__(self, text: str, graph: Graph, states: Mapping[Node, State]) -> None:
        self._text = text
        self._graph = graph
        self._states = states
        self._everything: Nodes | None = None

    def of(self, expression: Expression) -> Nodes:
        """From the leaves upward, on a stack of its own."""
        results: list[Nodes] = []
        stack: list[tuple[Expression, bool]] = [(expression, False)]
        while stack:
            one, ready = stack.pop()
            inner = _inner(one)
            if ready:
                values = results[len(results) - len(inner) :]
                del results[len(results) - len(inner) :]
                results.append(self._joined(one, values))
            elif isinstance(one, Reach) and isinstance(one.inner, Name):
                results.append(self._reached_name(one, one.inner))
            elif inner:
                stack.append((one, True))
                stack += [(part, False) for part in reversed(inner)]
            else:
                results.append(self._leaf(one))
        return results[0]

    def _joined(self, one: Expression, values: list[Nodes]) -> Nodes:
        match one:
            case Not():
                return self._all() - values[0]
            case Both():
                return values[0].intersection(*values[1:])
            case Either():
                return values[0].union(*values[1:])
            case Reach(_, up, down):
                return self._reach(values[0], up, down)
            case _:
                raise AssertionError(one)

    def _leaf(self, one: Expression) -> Nodes:
        if isinstance(one, Function):
            if one.name == "sinks":
                return self._shown(self._graph.sinks())
            return frozenset(self._graph.sources())
        assert isinstance(one, Name)
        return self._named(one)

    # ---- names -------------------------------------------------------------------------------

    def _reached_name(self, reach: Reach, name: Name) -> Nodes:
        """A plain word whose `+` belongs to a name that exists is that name."""
        written = reach.written
        if written is not None and name.attribute is None:
            up, down = _plus(reach.up, before=True), _plus(reach.down, before=False)
            for text, ups, downs in (
                (written, 0, 0),
                (written[len(up) :], reach.up, 0),
                (written[: len(written) - len(down)], 0, reach.down),
            ):
                if self._known(text):
                    return self._reach(self._exact(text), ups, downs)
        return self._reach(self._named(name), reach.up, reach.down)

    def _known(self, name: str) -> bool:
        return name in self._graph.assets or name in self._graph.tasks

    def _exact(self, name: str) -> Nodes:
        if name in self._graph.assets:
            return frozenset([Node("asset", name)])
        return self._made_by(name)

    def _made_by(self, task: str) -> Nodes:
        outputs = self._graph.tasks[task].outputs
        return frozenset(Node("asset", one) for one in outputs) or frozenset([Node("task", task)])

    def _named(self, name: Name) -> Nodes:
        match name.attribute:
            case None | "key":
                return self._key(name)
            case "task":
                return self._task(name)
            case "state":
                return self._state(name)
            case _:
                return self._attribute(name)

    def _key(self, name: Name) -> Nodes:
        if self._known(name.text):
            return self._exact(name.text)
        if not _is_pattern(name.text):
            raise self._unknown(name)
        fits = _matcher(name.text)
        assets = [Node("asset", one) for one in self._graph.assets if fits(one)]
        tasks = [
            one for one in self._graph.tasks if fits(one) and not (assets and self._graph.tasks[one].outputs)
        ]
        if ":" in name.text and not assets and not tasks and _meant(name.text):
            raise self._unknown(name)
        return frozenset(assets).union(*(self._made_by(one) for one in tasks))

    def _task(self, name: Name) -> Nodes:
        if name.text in self._graph.tasks:
            return self._made_by(name.text)
        if not _is_pattern(name.text):
            hint = did_you_mean(name.text, self._graph.tasks)
            raise SelectionError(f"no task is called `{name.text}`", self._text, name.column, hint)
        fits = _matcher(name.text)
        empty: Nodes = frozenset()
        return empty.union(*(self._made_by(one) for one in self._graph.tasks if fits(one)))

    def _unknown(self, name: Name) -> SelectionError:
        attribute, _, value = name.text.partition(":")
        if meant := _meant(name.text):
            hint = f"did you mean {meant}:{quoted(value, value=True) if value else ''}?"
            return SelectionError(f"there is no attribute `{attribute}:`", self._text, name.column, hint)
        names = dict.fromkeys([*self._graph.assets, *self._graph.tasks])
        hint = did_you_mean(name.text, names, "`*` selects everything, `ab*` what begins with ab")
        return SelectionError(f"nothing is called `{name.text}`", self._text, name.column, hint)

    # ---- attributes --------------------------------------------------------------------------

    def _state(self, name: Name) -> Nodes:
        words = [one.value for one in State]
        if name.text not in words:
            hint = did_you_mean(name.text, words, f"the states are {', '.join(words)}")
            raise SelectionError(f"there is no state `{name.text}`", self._text, name.column, hint)
        states = ((one, self._states.get(one)) for one in self._all())
        return frozenset(one for one, state in states if state and name.text in (state.value, state.kind))

    def _attribute(self, name: Name) -> Nodes:
        assert name.attribute is not None
        values = ATTRIBUTE_VALUES[name.attribute]
        fits = _matcher(name.text)
        found = frozenset(
            one for one in self._all() if any(fits(value) for value in values(self._graph, one))
        )
        if found or not name.text or _is_pattern(name.text) or name.text in KNOWN.get(name.attribute, ()):
            return found
        raise self._unknown_value(name.attribute, name)

    def _unknown_value(self, attribute: str, name: Name) -> SelectionError:
        """No node has that group, tag, …"""
        values = ATTRIBUTE_VALUES[attribute]
        here = {value for one in self._all() for value in values(self._graph, one) if value}
        known = KNOWN.get(attribute) or tuple(sorted(here))
        some = ", ".join(known[:_MOST_NAMED]) + (", …" if len(known) > _MOST_NAMED else "")
        otherwise = f"there are {some}" if known else f"nothing here has a {attribute}"
        hint = did_you_mean(name.text, known, otherwise, value=True)
        if self._known(written := f"{attribute}:{name.text}"):
            hint = f"did you mean {quoted(written)}?"
        return SelectionError(f"no {attribute} is called `{name.text}`", self._text, name.column, hint)

    # ---- the graph ---------------------------------------------------------------------------

    def _all(self) -> Nodes:
        if self._everything is None:
            assets = frozenset(Node("asset", one) for one in self._graph.assets)
            tasks = self._graph.tasks.values()
            self._everything = assets.union(Node("task", one.name) for one in tasks if not one.outputs)
        return self._everything

    def _reach(self, nodes: Nodes, up: int | None, down: int | None) -> Nodes:
        found: set[Node] = set(nodes)
        if up != 0:
            found |= self._graph.upstream(nodes, up)
        if down != 0:
            found |= self._graph.downstream(nodes, down)
        return self._shown(found)

    def _shown(self, nodes: Iterable[Node]) -> Nodes:
        """Assets stand for the tasks that make them; a task of which no asset is there brings all its own."""
        found = set(nodes)
        shown = {one for one in found if one.kind == "asset"}
        for task in found - shown:
            made = self._made_by(task.name)
            if shown.isdisjoint(made):
                shown |= made
        return frozenset(shown)


def _meant(text: str) -> str | None:
    """The attribute that was probably meant by what stands before the colon."""
    attribute, colon, _ = text.partition(":")
    close = difflib.get_close_matches(attribute, [*ATTRIBUTES, "status"], n=1) if colon else []
    return {"status": "state"}.get(close[0], close[0]) if close else None


def _inner(one: Expression) -> tuple[Expression, ...]:
    match one:
        case Not(inner) | Reach(inner):
            return (inner,)
        case Both(parts) | Either(parts):
            return parts
        case _:
            return ()


def _plus(hops: int | None, *, before: bool) -> str:
    if hops == 0:
        return ""
    digits = "" if hops is None else str(hops)
    return f"{digits}+" if before else f"+{digits}"


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


def _matcher(text: str) -> Matcher:
    """`*` stands for any characters, `?` for one; everything else, brackets too, for itself."""
    if not _is_pattern(text):
        return text.__eq__
    found = re.compile(translate(text.replace("[", "[[]")))
    return lambda name: found.match(name) is not None
