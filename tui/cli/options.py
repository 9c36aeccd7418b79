"""What was said before the command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...core.load.definitions import Choice


class WholeNumber(click.IntRange):
    """A number of something, within bounds; what is none is said to be none."""

    name = "whole number"


@dataclass(frozen=True, slots=True)
class Options:
    """`path` is the project, `trust` lets its code run this once, `python` is its interpreter, `quiet` is
    no talk on stderr, `since` is what new and changed are measured against (None: what was last accepted);
    `theme`, `ascii_only` and `plain` are how the screen looks (None: as set, or as the terminal is);
    `profile` and `params` (`NAME=VALUE`) are how the project is set."""

    path: Path | None = None
    trust: bool = False
    python: str | None = None
    quiet: bool = False
    since: str | None = None
    theme: str | None = None
    ascii_only: bool | None = None
    plain: bool = False
    profile: str = ""
    params: tuple[str, ...] = ()

    def choice(self) -> Choice:
        """The profile and the parameters. Raises ProblemError for a word that sets nothing."""
        from ...core.load.definitions import NO_CHOICE

        if not (self.profile or self.params):
            return NO_CHOICE
        from ...core.load.settings import as_choice

        return as_choice(self.profile, self.params)


partition_option = click.option(
    "--partition",
    "partitions",
    multiple=True,
    metavar="KEYS",
    help="Of what is divided only these: a key, a,b or FIRST..LAST. May be said several times.",
)


one_partition = click.option("--partition", metavar="KEY", help="Of what is divided, that partition.")
