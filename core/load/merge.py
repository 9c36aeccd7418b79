"""Puts all drafts of a project together: one set of assets and tasks, or all that does not fit. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..model import Asset, Input, Json, PythonAction, ShellAction, Task
from ..problems import Problem
from .drafts import Draft
from .names import did_you_mean, shown
from .parameters import call_problems, name_problems, read_assets, repeated, rest_of
from .python_types import CallKey, LoadFailure, Signature
from .settings import given_params, references

WITHHELD = "defined in Python that is not loaded, because the project is not trusted"
_STEP_KEYS = (
    "verb",
    "task",
    "after",
    "params",
    "env",
    "retries",
    "backoff",
    "timeout",
    "pool",
    "code_version",
    "isolate",
    "on_success",
    "on_failure",
)


@dataclass(slots=True)
class Merged:
    """What came out of it. Where there are problems, assets and tasks are only as whole as they can be."""

    assets: dict[str, Asset] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def merge(
    drafts: Iterable[Draft],
    calls: Mapping[CallKey, Signature | LoadFailure],
    pools: Iterable[str],
    params: Mapping[str, Json],
    *,
    incomplete: bool = False,
    withheld: bool = False,
) -> Merged:
    """Assets and tasks out of drafts.

    `incomplete`: some files could not be read, so what is missing may be in them. `withheld`: the same,
    but because the project is not trusted; what is missing is then taken to be a source.
    """
    merger = _Merger(calls, frozenset(pools), params, incomplete, withheld)
    merger.collect(drafts)
    merger.find_producers()
    merger.make_assets()
    merger.make_tasks()
    merger.check_references()
    merger.add_meant()
    return merger.merged


class _Merger:
    def __init__(
        self,
        calls: Mapping[CallKey, Signature | LoadFailure],
        pools: frozenset[str],
        params: Mapping[str, Json],
        incomplete: bool,
        withheld: bool,
    ) -> None:
        self.calls = calls
        self.pools = pools
        self.params = params
        self.incomplete = incomplete
        self.withheld = withheld
        self.merged = Merged()
        self.assets: dict[str, Draft] = {}
        self.steps: dict[str, Draft] = {}
        self.makers: dict[str, tuple[str, Draft]] = {}

    def complain(self, problem: Problem) -> None:
        self.merged.problems.append(problem)

    def collect(self, drafts: Iterable[Draft]) -> None:
        ordered = sorted(drafts, key=lambda d: d.origin.place)
        for draft in ordered:
            if draft.kind == "asset" and self.only(self.assets, draft.name, draft, "asset"):
                self.assets[draft.name] = draft
        for draft in ordered:
            is_step = draft.kind == "task" or draft.action is not None
            if not is_step or (draft.kind == "asset" and self.assets[draft.name] is not draft):
                continue
            if self.only(self.steps, draft.task_name, draft, "task"):
                self.steps[draft.task_name] = draft

    def only(self, known: Mapping[str, Draft], name: str, draft: Draft, kind: str) -> bool:
        if (first := known.get(name)) is None:
            return True
        path = ("task",) if kind == "task" and draft.asset and draft.asset.task else ()
        hint = "verb: names what stands on the edge" if path else "names are unique over the project"
        message = f"the {kind} {shown(name)} is defined twice: first at {first.origin.place}"
        self.complain(draft.origin.problem(message, *path, hint=hint))
        return False

    # ---- assets ------------------------------------------------------------------------------

    def find_producers(self) -> None:
        for task, draft in self.steps.items():
            for name in repeated(draft.outputs):
                self.complain(draft.problem(f"{shown(name)} stands twice in outputs", "outputs", key=True))
            for name in dict.fromkeys(draft.outputs):
                if (other := self.makers.get(name)) is None:
                    self.makers[name] = (task, draft)
                    continue
                message = (
                    f"{shown(name)} is already made by the task {shown(other[0])} at {other[1].origin.place}"
                )
                path = ("outputs", draft.outputs.index(name)) if draft.task else ()
                self.complain(draft.problem(message, *path, hint="an asset is made by one task"))

    def make_assets(self) -> None:
        for name, draft in self.assets.items():
            maker = self.makers.get(name)
            self.check_asset(draft, maker)
            self.merged.assets[name] = _asset(name, draft, maker)
        for name, maker in self.makers.items():
            if name not in self.merged.assets:
                self.merged.assets[name] = _asset(name, None, maker)

    def check_asset(self, draft: Draft, maker: tuple[str, Draft] | None) -> None:
        entry = draft.entry
        said = entry.model_fields_set
        if maker is not None and "file" in said:
            hint = 'a shell command writes to "$OUTPUT"'
            self.complain(draft.problem("only a source can be a file", "file", key=True, hint=hint))
        if draft.action is not None or draft.broken:
            return
        where = f"the task {shown(maker[0])}, which makes it" if maker else "a step"
        for key in (key for key in _STEP_KEYS if key in said):
            hint = f"{key} belongs to {where}" if maker else "add python:, shell: or sql:, or leave it out"
            self.complain(
                draft.problem(f"{key} says nothing here: there is no action", key, key=True, hint=hint)
            )
        self.check_deps_without_action(draft, maker)

    def check_deps_without_action(self, draft: Draft, maker: tuple[str, Draft] | None) -> None:
        deps = {dep.asset for dep in draft.reads[1]}
        if not deps or self.incomplete:
            return
        if maker is None:
            hint = f"add python:, shell: or sql:, or a task with outputs: [{draft.name}]"
            message = "it has deps, but nothing makes it"
        elif deps <= {dep.asset for dep in maker[1].reads[1]}:
            return
        else:
            message = f"its deps are not what the task {shown(maker[0])} reads"
            hint = f"add them to the inputs of {maker[0]}"
        self.complain(draft.problem(message, "deps", key=True, hint=hint))

    # ---- tasks -------------------------------------------------------------------------------

    def make_tasks(self) -> None:
        for name, draft in self.steps.items():
            action = draft.action
            if action is None:
                continue
            inputs, problems = read_assets(draft, self.merged.assets)
            problems += name_problems(draft, action, inputs, tuple(dict.fromkeys(draft.outputs)))
            signature = self.signature(draft)
            if isinstance(signature, LoadFailure):
                if not signature.file:
                    problems.append(draft.problem(signature.message, "python"))
            elif signature is not None and not draft.broken:
                problems += call_problems(draft, signature, inputs, self.merged.assets)
            self.merged.problems += problems
            known = None if isinstance(signature, LoadFailure) else signature
            self.merged.tasks[name] = _task(name, draft, inputs, known, self.params)

    def signature(self, draft: Draft) -> Signature | LoadFailure | None:
        if draft.signature is not None:
            return draft.signature
        action = draft.action
        if not isinstance(action, PythonAction):
            return None
        return self.calls.get((action.folder, action.module, action.function))

    # ---- references --------------------------------------------------------------------------

    def check_references(self) -> None:
        for name, task in self.merged.tasks.items():
            draft = self.steps[name]
            for given in task.inputs:
                self.check_input(draft, given)
            self.merged.tasks[name] = self.with_known_after(draft, task)
            self.check_params(draft, task)
            pool = draft.settled("pool")
            if pool and pool not in self.pools:
                hint = did_you_mean(pool, self.pools) or f"add it at the top: pools: {{{pool}: 1}}"
                self.complain(draft.problem(f"there is no pool {shown(pool)}", "pool", hint=hint))

    def check_params(self, draft: Draft, task: Task) -> None:
        for own, name in task.takes.items():
            if name not in self.params and not self.incomplete:
                hint = (
                    did_you_mean(name, self.params)
                    or f"add it at the top of a YAML file: params: {{{name}: …}}"
                )
                message = f"the project has no parameter {shown(name)}"
                self.complain(draft.problem(message, "params", own, hint=hint))

    def check_input(self, draft: Draft, given: Input) -> None:
        assets = self.merged.assets
        if given.asset in assets or self.incomplete:
            return
        if self.withheld:
            assets[given.asset] = Asset(
                given.asset, draft.pipeline, description=WITHHELD, place=draft.origin.place
            )
            return
        key, written = draft.reads
        number = next((n for n, dep in enumerate(written) if dep.asset == given.asset), None)
        hint = did_you_mean(given.asset, assets) or "if it is a source, add it under assets:"
        if number is None:
            message = f"the parameter {shown(given.asset)} is no asset that is defined"
            self.complain(draft.problem(message, hint=hint))
        else:
            message = f"{shown(given.asset)} is not defined"
            self.complain(draft.problem(message, key, number, "asset", hint=hint))

    def with_known_after(self, draft: Draft, task: Task) -> Task:
        unknown = [name for name in task.after if name not in self.steps]
        if not unknown or self.incomplete:
            return task
        if self.withheld:
            return replace(task, after=tuple(name for name in task.after if name in self.steps))
        for name in unknown:
            hint = did_you_mean(name, self.steps)
            if not hint and name in self.makers:
                hint = f"{name} is an asset: the task that makes it is {self.makers[name][0]}"
            message = f"there is no task {shown(name)}"
            self.complain(draft.problem(message, "after", task.after.index(name), hint=hint))
        return task

    def add_meant(self) -> None:
        """An asset with deps that nothing makes is a mistake that was told; its arrows may be part of a circle all the
        same, which is to be told too."""
        for name, draft in self.assets.items():
            if draft.reads[1] and name not in self.makers and name not in self.merged.tasks:
                inputs, _ = read_assets(draft, self.merged.assets)
                place = draft.origin.place
                self.merged.tasks[name] = Task(
                    name, ShellAction(""), inputs=tuple(inputs), outputs=(name,), place=place
                )


def _asset(name: str, draft: Draft | None, maker: tuple[str, Draft] | None) -> Asset:
    said = draft or (maker[1] if maker else None)
    if said is None:
        raise ValueError(f"{name} is neither defined nor made")
    entry = draft.asset if draft else None
    shared: dict[str, Any] = {
        "pipeline": said.pipeline,
        "task": maker[0] if maker else None,
        "group": _settled(draft, maker, "group"),
        "tags": tuple(_settled(draft, maker, "tags")),
        "owners": tuple(_settled(draft, maker, "owners")),
        "place": said.origin.place,
    }
    if draft is None or entry is None:
        return Asset(name, **shared)
    return Asset(
        name,
        **shared,
        file=_file(draft, entry.file) if entry.file and maker is None else None,
        internal=entry.internal,
        description=entry.description,
        metadata=entry.metadata,
        max_age=entry.max_age or None,
    )


def _settled(draft: Draft | None, maker: tuple[str, Draft] | None, key: str) -> Any:
    """What an asset says itself, else the task that makes it, else the defaults."""
    own = [d for d in (draft, maker[1] if maker else None) if d is not None]
    said = next((d for d in own if key in d.entry.model_fields_set), own[0])
    return said.settled(key)


def _file(draft: Draft, file: str) -> str:
    """Relative to the root, as the YAML file sees it; Python names it relative to the root already."""
    folder = draft.origin.folder if draft.spec is None else ""
    return posixpath.normpath(posixpath.join(folder, file))


def _task(
    name: str,
    draft: Draft,
    inputs: Sequence[Input],
    signature: Signature | None,
    project_params: Mapping[str, Json],
) -> Task:
    params = draft.settled("params")
    entry, action = draft.entry, draft.action
    code = None if signature is None else signature.code
    if action is None:
        raise ValueError(f"{name} has no action")
    return Task(
        name,
        action,
        pipeline=draft.pipeline,
        inputs=tuple(inputs),
        rest=() if signature is None else rest_of(signature, inputs),
        outputs=tuple(dict.fromkeys(draft.outputs)),
        after=tuple(dict.fromkeys(entry.after)),
        verb=entry.verb,
        group=draft.settled("group"),
        tags=tuple(draft.settled("tags")),
        owners=tuple(draft.settled("owners")),
        description=entry.description,
        metadata=entry.metadata,
        params=given_params(params, project_params),
        takes=references(params),
        env=draft.settled("env"),
        retries=draft.settled("retries"),
        backoff=draft.settled("backoff"),
        timeout=draft.settled("timeout") or None,
        pool=draft.settled("pool") or None,
        code_version=entry.code_version or None,
        isolate=draft.settled("isolate"),
        code=code if code is not None or draft.spec is None else draft.spec.code,
        place=draft.origin.place,
    )
