"""The hooks that the files name: those of each task, and under no name those of the run. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping

from ..model import Json
from ..problems import Problem
from .drafts import Draft
from .entries import YamlFile
from .format import Hook
from .python_types import Call, CallKey, LoadFailure, Signature

WORDS = ("on_success", "on_failure")
_TOLD = (
    "event",
    "status",
    "project",
    "profile",
    "run",
    "task",
    "partition",
    "error",
    "counts",
    "title",
    "text",
)
"""What a function may have as an argument."""


def _said(hooks: Iterable[Hook], folder: str) -> list[Json]:
    return [
        {**hook.model_dump(exclude_defaults=True), "timeout": hook.timeout, "folder": folder}
        for hook in hooks
    ]


def hooks_of(yaml: Iterable[YamlFile], drafts: Iterable[Draft]) -> dict[str, Json]:
    """All hooks as plain data: `{task: {"on_success": [...], "on_failure": [...]}}`."""
    found: dict[str, dict[str, list[Json]]] = {}
    of_run = (("", each.head, posixpath.dirname(each.file)) for each in yaml)
    of_tasks = ((draft.task_name, draft.entry, draft.origin.folder) for draft in drafts)
    for name, said, folder in (*of_run, *of_tasks):
        for word in WORDS:
            if hooks := getattr(said, word):
                found.setdefault(name, {}).setdefault(word, []).extend(_said(hooks, folder))
    return dict(found)


def hook_calls(hooks: Mapping[str, Json]) -> Iterator[Call]:
    """The functions that hooks call."""
    for of in hooks.values():
        for hook in (hook for said in of.values() for hook in said if hook.get("python")):
            module, _, function = hook["python"].partition(":")
            yield Call(module, function, hook["folder"])


def hook_problems(
    yaml: Iterable[YamlFile], drafts: Iterable[Draft], calls: Mapping[CallKey, Signature | LoadFailure]
) -> Iterator[Problem]:
    """Functions that are not there, and arguments of theirs that nothing is told by."""
    for each in yaml:
        for word, number, hook in _functions(each.head):
            folder = posixpath.dirname(each.file)
            for message in _faults(hook, folder, calls):
                yield each.document.problem(f"{word}: {message}", word, number, "python")
    for draft in drafts:
        for word, number, hook in _functions(draft.entry):
            for message in _faults(hook, draft.origin.folder, calls):
                yield draft.problem(f"{word}: {message}", word, number, "python")


def _functions(said: object) -> Iterator[tuple[str, int, Hook]]:
    for word in WORDS:
        for number, hook in enumerate(getattr(said, word)):
            if hook.python:
                yield word, number, hook


def _faults(hook: Hook, folder: str, calls: Mapping[CallKey, Signature | LoadFailure]) -> Iterator[str]:
    module, _, function = hook.python.partition(":")
    answer = calls.get((folder, module, function))
    if isinstance(answer, LoadFailure):
        if not answer.file:
            yield answer.message
    elif answer is not None:
        for one in answer.parameters:
            if not (one.variadic or one.is_context or one.has_default or one.name in _TOLD):
                yield f"nothing is told by the name {one.name!r}: there are {', '.join(_TOLD)}"
