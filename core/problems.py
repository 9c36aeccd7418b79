"""What a user can be told is wrong: the thing, the place and the next step. Never a traceback."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import category, east_asian_width

from .model import NOWHERE, Place


def number_of(count: int, one: str, many: str = "") -> str:
    """`1 step`, `2 steps`, `1,000 rows`; `many` where the plural is not `one` and an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def cells(text: str) -> int:
    """How many columns of a terminal `text` takes: a wide character two, a mark upon another none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if category(one) in ("Mn", "Me", "Cf") else 2 if east_asian_width(one) in "WF" else 1
        for one in text
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` is the text of the offending line, for the caret under it."""

    message: str
    place: Place = NOWHERE
    hint: str = ""
    line: str | None = None

    def __str__(self) -> str:
        head = f"{self.place}: {self.message}" if self.place.file else self.message
        if self.hint:
            head += f" ({self.hint})"
        if self.line is None:
            return head
        number = f"{self.place.line:>5} | "
        before = self.line[: self.place.column - 1].ljust(self.place.column - 1)
        return f"{head}\n{number}{self.line}\n{' ' * (len(number) + cells(before))}^"


class ProblemError(Exception):
    """A user's mistake or the world's: shown alike by the screen and the command line.

    `exit_code` is what the command line ends with (2 unless a subclass says otherwise).
    """

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class DefinitionError(ProblemError):
    """The definitions are broken: all problems at once, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.place, p.message)))
        super().__init__("\n".join(str(p) for p in self.problems))


def first_of(error: ProblemError) -> str:
    """On one line what is wrong, of several problems the first and how many more there are."""
    problems = error.problems if isinstance(error, DefinitionError) else (Problem(error.message),)
    first = problems[0]
    told = " ".join(f"{first.place}: {first.message}".split() if first.place.file else first.message.split())
    more = number_of(len(problems) - 1, "more problem")
    return f"{told} (and {more})" if len(problems) > 1 else told


class NothingDefined(ProblemError):
    """A project defines nothing at all."""


class NotTrusted(ProblemError):
    """Code of this project was asked to run before the user trusted it."""

    exit_code = 5


class ProjectHeld(ProblemError):
    """Another run holds the project."""

    exit_code = 4


class SlotTaken(ProblemError):
    """The slot of a schedule has its run already, or was noted as missed."""


class StoreError(ProblemError):
    """The store cannot be read or written; what it said before still stands."""

    exit_code = 1
