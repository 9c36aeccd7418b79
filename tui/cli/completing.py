"""What a shell may put in the place of a word: keys, groups and tags, out of the definitions as they were read last.

Nothing is loaded for it and nothing of the project runs. Where nothing was read yet, there is nothing to say.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from ...core.model import Definitions

_MOST = 500


def remembered(ctx: click.Context) -> Definitions | None:
    """The definitions of the project that the words before name; None where they were never read."""
    from ...core.load.cache import DefinitionCache
    from ...core.load.discovery import find_project
    from ...core.load.interpreter import find_interpreter
    from ...core.places import store_folder
    from ...core.problems import ProblemError

    said = ctx.find_root().params
    path = said.get("path")
    try:
        project = find_project(Path(path) if path else None)
        store = store_folder(project.root)
        python = said.get("python") or find_interpreter(project.root)
        for trusted in (True, False):
            memory = DefinitionCache.at(store, project, python, trusted)
            if memory is not None and (known := memory.recall_as_it_was()) is not None:
                return known
    except (ProblemError, OSError, ValueError):
        return None
    return None


def selections(ctx: click.Context, incomplete: str, said: Sequence[str]) -> list[CompletionItem]:
    """Words of the selection language; `said` are the words of the same kind before this one."""
    from ...core.graph.graph import Graph
    from ...core.selection import complete

    known = remembered(ctx)
    if known is None:
        return []
    before = _broken_at_colon(said, incomplete)
    typed = before + ("" if before and incomplete == ":" else incomplete)
    found = complete(typed, Graph(known), _MOST)
    fitting = [word for word in found if word.startswith(typed)]
    return [CompletionItem(word.removeprefix(before)) for word in fitting if word.isprintable()]


def _broken_at_colon(said: Sequence[str], incomplete: str) -> str:
    """bash takes `group:pantry` for three words: what stands before the last one."""
    if not os.environ.get("_BAKEHOUSE_COMPLETE", "").startswith("bash"):
        return ""
    if incomplete == ":" and said:
        return f"{said[-1]}:"
    return f"{said[-2]}:" if len(said) > 1 and said[-1] == ":" else ""


def _named(names: Callable[[Definitions], Sequence[str]]) -> Callable[..., list[CompletionItem]]:
    def completions(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        known = remembered(ctx)
        found = names(known) if known is not None else ()
        return [CompletionItem(name) for name in found if name.startswith(incomplete) and name.isprintable()][
            :_MOST
        ]

    return completions


keys = _named(lambda known: [*dict.fromkeys([*known.assets, *known.tasks])])
profiles = _named(lambda known: list(known.profiles))
parameters = _named(lambda known: [f"{name}=" for name in known.params])
