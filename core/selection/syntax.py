"""Reads a selection into a tree. The tree is at most 100 levels deep, however the text is nested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from .problem import ATTRIBUTES, SelectionError, did_you_mean

DEEPEST = 100
FUNCTIONS = ("sources", "roots", "sinks")

Hops = int | None
"""How many assets up or down: 0 is none, None is all the way."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name or pattern, and the attribute that it is a value of, if any."""

    text: str
    column: int
    attribute: str | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """`sources()`, `roots()` or `sinks()`."""

    name: str
    column: int


@dataclass(frozen=True, slots=True)
class Reach:
    """What is selected inside, with what stands up to `up` assets before and `down` assets behind it.

    `written` is the whole word if it had no quotes: `a+` may be the name of something.
    """

    inner: Expression
    up: Hops
    down: Hops
    written: str | None = None


@dataclass(frozen=True, slots=True)
class Not:
    inner: Expression


@dataclass(frozen=True, slots=True)
class Both:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple[Expression, ...]


Expression = Name | Function | Reach | Not | Both | Either


# ---- words -----------------------------------------------------------------------------------

_QUOTES = r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
_QUOTED = re.compile(_QUOTES, re.S)
_PIECE = re.compile(rf"""(?P<space>\s+)|(?P<bracket>[()])|(?P<word>(?:[^\s()"']|{_QUOTES})+)""", re.S)
_BEFORE = re.compile(r"([0-9]*)\+")
_BEHIND = re.compile(r"\+([0-9]*)$")


@dataclass(frozen=True, slots=True)
class Token:
    """A bracket, or a word with its quotes still on; `tight` if no space stands before it."""

    kind: Literal["(", ")", "word", "end"]
    text: str
    column: int
    tight: bool


def tokens(text: str) -> Iterator[Token]:
    """Raises SelectionError at a quote that is not closed."""
    at, tight = 0, False
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None:
            raise SelectionError("this quote is not closed", text, at + 1, "close it, or write \\ before it")
        if found["bracket"]:
            yield Token("(" if found["bracket"] == "(" else ")", found["bracket"], at + 1, tight)
        elif found["word"]:
            yield Token("word", found["word"], at + 1, tight)
        tight = not found["space"]
        at = found.end()
    yield Token("end", "", len(text) + 1, False)


def unquoted(word: str) -> str:
    return _QUOTED.sub(lambda found: re.sub(r"\\(.)", r"\1", found[0][1:-1], flags=re.S), word)


# ---- the tree --------------------------------------------------------------------------------


def read(text: str) -> Expression:
    """The tree of the text. Raises SelectionError."""
    return _Reader(text).whole()


@dataclass(slots=True)
class _Level:
    """An open bracket (or the whole), and what was read in it: parts of `and` in parts of `or`."""

    bracket: Token | None = None
    up: Hops = 0
    either: list[Expression] = field(default_factory=list)
    both: list[Expression] = field(default_factory=list)
    turned: bool = False
    wants: bool = True

    def add(self, found: Expression) -> None:
        self.both.append(Not(found) if self.turned else found)
        self.turned = self.wants = False

    def begin(self) -> None:
        self.either.append(_one(Both, self.both))
        self.both = []
        self.wants = True

    def done(self) -> Expression:
        return _one(Either, [*self.either, _one(Both, self.both)])


class _Reader:
    """Keeps its own stack of open brackets; terms side by side are joined by `or`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(tokens(text))
        self._at = 0
        self._levels = [_Level()]

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _wrong(self, message: str, column: int | None = None, hint: str = "") -> SelectionError:
        return SelectionError(message, self._text, self._next.column if column is None else column, hint)

    def whole(self) -> Expression:
        if len(self._tokens) == 1:
            raise self._wrong("the selection is empty", hint="`*` selects everything")
        while True:
            level, comes = self._levels[-1], self._next.kind
            if level.wants:
                self._term(level)
            elif comes == ")":
                self._close(level)
            elif comes == "end":
                if level.bracket is not None:
                    raise self._wrong("this bracket is not closed", level.bracket.column)
                return level.done()
            else:
                self._joint(level)

    def _operator(self) -> str | None:
        word = self._next.text
        small = word.lower()
        known = self._next.kind == "word" and small in ("and", "or", "not") and word in (small, small.upper())
        return small if known else None

    def _joint(self, level: _Level) -> None:
        joint = self._operator()
        if joint == "and":
            level.wants = True
        else:
            level.begin()
        if joint in ("and", "or"):
            self._take()

    def _term(self, level: _Level) -> None:
        operator = self._operator()
        if operator == "not":
            self._take()
            level.turned = not level.turned
        elif operator is not None:
            word = self._next.text
            raise self._wrong(
                f"a name is missing before `{word}`", hint=f'for one called {word} write "{word}"'
            )
        elif self._next.kind in (")", "end"):
            raise self._wrong("a name is missing here")
        elif not self._open():
            level.add(self._word())

    def _open(self) -> bool:
        """Takes `(`, `+(` or `2+(` if that is what comes."""
        word = self._next
        up: Hops = 0
        if word.kind == "word":
            before = _BEFORE.fullmatch(word.text)
            following = self._tokens[self._at + 1]
            if before is None or following.kind != "(" or not following.tight:
                return False
            up = _hops(before[1])
            self._take()
        bracket = self._take()
        if len(self._levels) > DEEPEST:
            raise self._wrong(f"brackets are nested more than {DEEPEST} deep", bracket.column)
        self._levels.append(_Level(bracket, up))
        return True

    def _close(self, level: _Level) -> None:
        if level.bracket is None:
            raise self._wrong("this bracket was never opened")
        self._take()
        self._levels.pop()
        self._levels[-1].add(_reached(level.done(), level.up, self._behind()))

    def _behind(self) -> Hops:
        """The `+` or `+2` that stands directly behind a bracket."""
        if self._next.kind != "word" or not self._next.tight or self._operator():
            return 0
        behind = _BEHIND.fullmatch(self._next.text)
        if behind is None:
            raise self._wrong("a space is missing here")
        self._take()
        return _hops(behind[1])

    def _word(self) -> Expression:
        token, following = self._take(), self._next
        word, column = token.text, token.column
        before = _BEFORE.match(word)
        rest = word[before.end() :] if before else word
        up = _hops(before[1]) if before else 0
        column += len(word) - len(rest)
        if following.kind == "(" and following.tight:
            return _reached(self._function(rest, column), up, self._behind())
        behind = _BEHIND.search(rest)
        core = rest[: behind.start()] if behind else rest
        if not core:
            raise self._wrong("a name is missing beside this `+`", token.column, "write +name or name+")
        plain = word if _QUOTED.search(word) is None else None
        name = self._name(core, column)
        return Reach(name, up, _hops(behind[1]) if behind else 0, plain) if before or behind else name

    def _function(self, name: str, column: int) -> Function:
        bracket = self._take()
        if name not in FUNCTIONS:
            hint = did_you_mean(name, FUNCTIONS, 'for a name with brackets write "name"').replace("?", "()?")
            raise self._wrong(f"there is no function `{name}()`", column, hint)
        if self._next.kind != ")":
            raise self._wrong(f"`{name}()` takes nothing between its brackets", bracket.column)
        self._take()
        return Function(name, column)

    def _name(self, core: str, column: int) -> Name:
        attribute, colon, value = core.partition(":")
        if colon and attribute in ATTRIBUTES:
            if not value:
                raise self._wrong(f"a value is missing after `{attribute}:`", column + len(attribute) + 1)
            return Name(unquoted(value), column, attribute)
        return Name(unquoted(core), column)


def _hops(digits: str) -> Hops:
    return int(digits[:9]) if digits else None


def _reached(inner: Expression, up: Hops, down: Hops) -> Expression:
    return inner if up == 0 and down == 0 else Reach(inner, up, down)


def _one(kind: type[Both] | type[Either], parts: list[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else kind(tuple(parts))
